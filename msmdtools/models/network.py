"""The two-tower network, which embeds windows of sheet and of audio as unit vectors in one space.

It takes windows as the readers of snippets return them and does all preprocessing itself:

- sheets: uint8 (n, rows, columns), 255 for white -> ink, from 0 (white) to 1 (black), as means of
  1 / scale x 1 / scale pixels;
- spectrograms: float16 or float32 (n, 92, frames), log10(1 + magnitude), as they are; weighted by the
  attention if there is one.

Towers, projection (linear, CCA, none) and attention are those of the configuration.
"""

from collections.abc import Iterable
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msmdtools.errors import MsmdError
from msmdtools.models import towers
from msmdtools.models.attention import SoftAttention, attend
from msmdtools.models.cca import CcaLayer
from msmdtools.models.config import Config
from msmdtools.models.options import Cca, Linear
from msmdtools.models.towers import channels_last

# The CCA layer has matrices of features x features.
_MOST_CCA = 512


class TwoTower(nn.Module):
    """Embeds windows of sheet and of audio; see the module.

    Raises:
        MsmdError: towers and projection of the configuration do not fit each other.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self._reduction = config.sheet.reduction
        seen = tuple(side // self._reduction for side in config.sheet_shape)
        self.sheet_tower = towers.build(config.sheet_tower, (seen[0], seen[1]))
        self.audio_tower = towers.build(config.audio_tower, config.audio_shape)
        self.soft_attention = (
            SoftAttention(config.attention, config.frames) if config.attention else None
        )
        self.sheet_linear: nn.Module = nn.Identity()
        self.audio_linear: nn.Module = nn.Identity()
        self.cca: CcaLayer | None = None
        self.dim = self._project()
        self._frozen: list[nn.Module] = []
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in its types

    def _project(self) -> int:
        """Make the projection, and return the number of dimensions of the embedding."""
        options = self.config.projection
        sheet, audio = self.sheet_tower.features, self.audio_tower.features
        latent = options.latent if isinstance(options, Cca) else 0
        if isinstance(options, Linear) or latent:
            after = options.dim if isinstance(options, Linear) else latent
            self.sheet_linear, self.audio_linear = nn.Linear(sheet, after), nn.Linear(audio, after)
            sheet = audio = after
        kind = "cca (with latent = 0)" if isinstance(options, Cca) else "none"
        if sheet != audio:
            raise MsmdError(
                f"projection {kind}: the towers give {sheet} and {audio} features, and the numbers "
                "must be equal; change the towers, or use a linear projection or cca with a latent"
            )
        if not isinstance(options, Cca):
            return sheet
        if sheet > _MOST_CCA:
            raise MsmdError(
                f"projection {kind}: the towers give {sheet} features, more than {_MOST_CCA}; "
                "set projection.latent"
            )
        if options.dim > sheet:
            raise MsmdError(
                f"projection.dim is {options.dim}, more than the {sheet} features before it"
            )
        self.cca = CcaLayer(sheet, options.dim, options.regularise, options.momentum)
        return options.dim

    def freeze_towers(self) -> None:
        """Train only the projection: towers and attention keep their weights and statistics.

        Raises:
            MsmdError: the projection has no weights to learn.
        """
        if isinstance(self.sheet_linear, nn.Identity):
            raise MsmdError(
                f"{self.config.name}: training.freeze_towers leaves nothing to learn, because the projection "
                "has no weights; leave it out, or use a linear projection or cca with a latent"
            )
        parts = (self.sheet_tower, self.audio_tower, self.soft_attention)
        self._frozen = [part for part in parts if part is not None]
        for part in self._frozen:
            part.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> "TwoTower":
        """Switch training mode on or off; frozen parts stay in evaluation mode."""
        super().train(mode)
        for part in self._frozen:
            part.eval()
        return self

    def forward(self, sheets: Tensor, spectrograms: Tensor) -> tuple[Tensor, Tensor]:
        """Embed pairs of windows as unit vectors (n, dim), for the loss.

        In training mode a CCA projection uses the batch's statistics.
        """
        u, v = self.sheet_features(sheets), self.audio_features(spectrograms)
        if self.cca is not None:
            u, v = self.cca(u, v)
        return _unit(u), _unit(v)

    def embed_sheet(self, sheets: Tensor) -> Tensor:
        """Embed sheet windows as unit vectors (n, dim), with stored statistics."""
        h = self.sheet_features(sheets)
        return _unit(h if self.cca is None else self.cca.project(h, 0))

    def embed_audio(self, spectrograms: Tensor) -> Tensor:
        """Embed audio windows as unit vectors (n, dim), with stored statistics."""
        h = self.audio_features(spectrograms)
        return _unit(h if self.cca is None else self.cca.project(h, 1))

    def attention(self, spectrograms: Tensor) -> Tensor:
        """Compute the attention's weights (n, frames), each row summing to 1.

        Raises:
            MsmdError: the model has no attention.
        """
        if self.soft_attention is None:
            raise MsmdError(
                f"{self.config.name} has no attention; cnn-2s-at is a model that has one"
            )
        weights: Tensor = self.soft_attention(self._spectrograms(spectrograms))
        return weights

    def sheet_features(self, sheets: Tensor) -> Tensor:
        """Features of sheet windows before the projection: (n, features)."""
        features: Tensor = self.sheet_linear(self.sheet_tower(self._ink(sheets)))
        return features

    def audio_features(self, spectrograms: Tensor) -> Tensor:
        """Features of audio windows before the projection: (n, features)."""
        x = self._spectrograms(spectrograms)
        if self.soft_attention is not None:
            x = attend(x, self.soft_attention(x))
        features: Tensor = self.audio_linear(self.audio_tower(x))
        return features

    def refit_cca(self, batches: Iterable[tuple[Tensor, Tensor]]) -> int:
        """Fit the CCA projections to pairs of windows, and return the number of pairs.

        Dorfer et al. do this with 25,000 pairs at the end of training. The network is in evaluation mode
        meanwhile.

        Raises:
            MsmdError: the model has no CCA projection.
        """
        if self.cca is None:
            raise MsmdError(f"{self.config.name} has no CCA projection to refit")
        training = self.training
        self.eval()
        try:
            with torch.no_grad():
                return self.cca.refit(
                    (self.sheet_features(sheets), self.audio_features(spectrograms))
                    for sheets, spectrograms in batches
                )
        finally:
            self.train(training)

    def _ink(self, sheets: Tensor) -> Tensor:
        _check(sheets, "sheet windows", self.config.sheet_shape)
        k = self._reduction
        # Ink is 1 - mean / 255. Not in place: floats are the caller's own.
        return channels_last(_sums(sheets, k) * (-1 / (255 * k * k)) + 1)

    def _spectrograms(self, spectrograms: Tensor) -> Tensor:
        _check(spectrograms, "spectrograms", self.config.audio_shape)
        return channels_last(spectrograms.float())


def _sums(x: Tensor, side: int) -> Tensor:
    """Sum squares of side x side pixels of (n, rows, columns), as 32-bit floats.

    Additions of slices: a pooling layer is fifty times slower with one channel.
    """
    n, rows, columns = x.shape
    x = x.reshape(n, rows // side, side, columns)
    x = reduce(torch.add, (x[:, :, row].float() for row in range(side)))
    x = x.reshape(n, rows // side, columns // side, side)
    return reduce(torch.add, (x[..., column] for column in range(side)))


def _check(windows: Tensor, what: str, shape: tuple[int, int]) -> None:
    if windows.ndim != 3 or tuple(windows.shape[1:]) != shape:
        expected = f"(n, {shape[0]}, {shape[1]})"
        raise MsmdError(f"{what} have shape {tuple(windows.shape)}; the model takes {expected}")


def _unit(x: Tensor) -> Tensor:
    return F.normalize(x.float(), dim=1)
