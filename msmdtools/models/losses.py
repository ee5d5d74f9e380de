"""Losses of a batch of pairs of embeddings: pairwise ranking, triplet, InfoNCE.

All take unit vectors u (n, dim) of sheets and v (n, dim) of audio, row i of both being a pair, and
`same`, bool (n, n): True if sheet i and audio j are no pair but have the same music, and so are not
negatives of each other. The cosines are s = u vᵀ, calculated in 32 bits.

- `RankingLoss`: mean over all negatives of max(0, margin - s_ii + s_ij) (Kiros et al. 2014, as used
  by Dorfer et al., TISMIR 2018). With both directions the mean of both.
- `TripletLoss`: the same with one negative for each query, chosen by `mining`. "hardest": the most
  similar one (Faghri et al., BMVC 2018). "semi-hard": the most similar one that is less similar than
  the pair; if there is none, the least similar one (Schroff et al., CVPR 2015). Queries without any
  negative count as 0.
- `InfoNceLoss`: cross entropy of softmax(s / t) against the pair, mean of both directions (Radford et
  al., ICML 2021). The temperature t is learned as log(1 / t) and kept between two limits.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msmdtools.models.options import InfoNce, Loss, Ranking, Triplet


def make(options: Loss) -> nn.Module:
    """Make the loss that options describe: a module, `loss(u, v, same=None)` -> scalar float32."""
    if isinstance(options, Ranking):
        return RankingLoss(options.margin, options.directions)
    if isinstance(options, Triplet):
        return TripletLoss(options.margin, options.mining)
    assert isinstance(options, InfoNce)
    return InfoNceLoss(options)


def cosines(u: Tensor, v: Tensor) -> Tensor:
    """Cosines of unit vectors (n, dim): (n, n), in 32 bits even under autocast."""
    with torch.autocast(u.device.type, enabled=False):
        return u.float() @ v.float().T


def negatives(count: int, same: Tensor | None, device: torch.device | None = None) -> Tensor:
    """Mark which sheets and audio are negatives of each other.

    Args:
        count: n, the number of pairs.
        same: bool (n, n), True if sheet i and audio j have the same music; None if none have.
        device: where the result is made; None for the default device.

    Returns:
        bool (n, n), False on the diagonal.
    """
    others = ~torch.eye(count, dtype=torch.bool, device=device)
    return others if same is None else others & ~same.to(others.device)


class RankingLoss(nn.Module):
    """Pairwise ranking with all negatives of the batch; see the module.

    Args:
        margin: margin by which the cosine of a pair should exceed that of a negative.
        directions: queries: "sheet" windows, "audio" windows, or "both".
    """

    def __init__(self, margin: float, directions: str = "both") -> None:
        super().__init__()
        self.margin, self.directions = margin, directions

    def forward(self, u: Tensor, v: Tensor, same: Tensor | None = None) -> Tensor:
        """Compute the loss of pairs.

        Args:
            u, v: unit vectors of sheets and audio, (n, dim).
            same: bool (n, n), True for pairs of the same music; None if there are none.

        Returns:
            A scalar.
        """
        s = cosines(u, v)
        valid = negatives(len(s), same, s.device)
        pair = s.diagonal()
        count = valid.sum().clamp(min=1)
        hinges = []
        # Rows: a sheet and the audio it could be confused with. Columns: the opposite direction.
        for direction, positive in (("sheet", pair[:, None]), ("audio", pair[None, :])):
            if self.directions in ("both", direction):
                hinge = (self.margin - positive + s).clamp(min=0)
                hinges.append(torch.where(valid, hinge, 0.0).sum() / count)
        return torch.stack(hinges).mean()


class TripletLoss(nn.Module):
    """One mined negative for each query, in both directions; see the module.

    Args:
        margin: margin by which the cosine of a pair should exceed that of a negative.
        mining: choice of the negative, "semi-hard" or "hardest".
    """

    def __init__(self, margin: float, mining: str = "semi-hard") -> None:
        super().__init__()
        self.margin, self.mining = margin, mining

    def forward(self, u: Tensor, v: Tensor, same: Tensor | None = None) -> Tensor:
        """Compute the loss of pairs.

        Args:
            u, v: unit vectors of sheets and audio, (n, dim).
            same: bool (n, n), True for pairs of the same music; None if there are none.

        Returns:
            A scalar.
        """
        s = cosines(u, v)
        valid = negatives(len(s), same, s.device)
        return (self._rows(s, valid) + self._rows(s.T, valid.T)) / 2

    def _rows(self, s: Tensor, valid: Tensor) -> Tensor:
        positive = s.diagonal()
        allowed = valid
        if self.mining == "semi-hard":
            allowed = valid & (s.detach() < positive.detach()[:, None])
        chosen = torch.where(allowed, s, -math.inf).amax(1)
        if self.mining == "semi-hard":
            easiest = torch.where(valid, s, math.inf).amin(1)
            chosen = torch.where(allowed.any(1), chosen, easiest)
        has = valid.any(1)
        hinge = (self.margin - positive + torch.where(has, chosen, -math.inf)).clamp(min=0)
        return hinge.mean()


class InfoNceLoss(nn.Module):
    """Symmetric cross entropy with a learned temperature; see the module."""

    def __init__(self, options: InfoNce) -> None:
        super().__init__()
        self.limits = -math.log(options.highest), -math.log(options.lowest)
        self.smoothing = options.smoothing
        scale = torch.tensor(-math.log(options.temperature))
        self.log_scale = nn.Parameter(scale, requires_grad=options.learned)

    @property
    def temperature(self) -> float:
        """The present temperature."""
        return math.exp(-min(max(self.log_scale.item(), self.limits[0]), self.limits[1]))

    def forward(self, u: Tensor, v: Tensor, same: Tensor | None = None) -> Tensor:
        """Compute the loss of pairs.

        Args:
            u, v: unit vectors of sheets and audio, (n, dim).
            same: bool (n, n), True for pairs of the same music; None if there are none.

        Returns:
            A scalar.
        """
        # In place: a clamp in the graph would have no gradient outside and never come back.
        with torch.no_grad():
            self.log_scale.clamp_(*self.limits)
        logits = cosines(u, v) * self.log_scale.exp()
        if same is not None:
            eye = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
            logits = logits.masked_fill(same.to(logits.device) & ~eye, -math.inf)
        targets = torch.arange(len(logits), device=logits.device)
        return (self._entropy(logits, targets) + self._entropy(logits.T, targets)) / 2

    def _entropy(self, logits: Tensor, targets: Tensor) -> Tensor:
        if not self.smoothing:
            return F.cross_entropy(logits, targets)
        # PyTorch's own smoothing gives masked candidates a share too, which is infinite.
        log_p = logits.log_softmax(1)
        rest = torch.where(torch.isfinite(logits), log_p, 0.0).sum(1)
        rest = rest / torch.isfinite(logits).sum(1)
        return -((1 - self.smoothing) * log_p.diagonal() + self.smoothing * rest).mean()
