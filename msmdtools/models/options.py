"""Declare the options of a model's configuration: one dataclass per table, with meaning and range of each.

The docstrings and meanings are also the text of docs/models.md. A table with a `kind` has one class per
kind. Nothing here needs PyTorch.
"""

from dataclasses import dataclass

from msmdtools.base.options import option
from msmdtools.errors import MsmdError


@dataclass(frozen=True, slots=True)
class Sheet:
    """The sheet window, in pixels of pages that are resized to the staff height of `msmd snippets`."""

    rows: int = option("height of the window in pixels", 160, 1, 10_000)
    columns: int = option("width of the window in pixels", 200, 1, 10_000)
    scale: float = option(
        "1, or a fraction 1/k of the size: the network gets means of k x k pixels", 0.5, 0.05, 1
    )

    def __post_init__(self) -> None:
        if abs(1 / self.scale - self.reduction) > 1e-3:
            raise MsmdError(f"sheet.scale is {self.scale:g}; it must be 1, 1/2, 1/3, 1/4 and so on")

    @property
    def reduction(self) -> int:
        """k: the network gets means of k x k pixels."""
        return round(1 / self.scale)


@dataclass(frozen=True, slots=True)
class Vgg:
    """The tower of Dorfer et al. (2018): four times two convolutions of 3 x 3 and a maximum of 2 x 2."""

    width: int = option(
        "channels of the first stage; the others have 2, 4 and 4 times as many", 24, 1
    )
    latent: int = option("channels of the convolution of 1 x 1 at the end", 32, 1)
    latent_norm: bool = option("batch normalisation after that convolution", True)
    head: str = option(
        "mean over the last map, or a linear layer on all of it",
        "pool",
        choices=("pool", "dense"),
    )
    dense: int = option("features of the linear layer of the dense head", 32, 1)
    dropout: float = option("probability of dropping a feature of the last map", 0.0, 0, 0.95)


@dataclass(frozen=True, slots=True)
class Residual:
    """A strided residual tower that keeps the positions in its last map."""

    unshuffle: int = option(
        "side of the squares of pixels that become channels at the input", 1, 1, 16
    )
    input_norm: bool = option("batch normalisation of the input", True)
    stem: int = option("channels of the first convolution", 32, 1)
    stem_kernel: int = option("its size, odd", 3, 1, 15)
    stem_stride: int = option("its stride", 2, 1, 8)
    widths: tuple[int, ...] = option(
        "channels of each stage; all but the first halve the map", (32, 64, 128), 1
    )
    first_stride: int = option("stride of the first stage: 2 for one that halves it too", 1, 1, 2)
    blocks: tuple[int, ...] = option("residual blocks in each stage", (1, 1, 1), 1)
    head: int = option("channels of a convolution of 1 x 1 at the end; 0 for none", 32, 0)
    pool: str = option(
        "pooling of the last map: none, its mean over rows, or over both directions",
        "none",
        choices=("none", "rows", "all"),
    )
    dropout: float = option("probability of dropping a feature of the last map", 0.0, 0, 0.95)

    def __post_init__(self) -> None:
        if len(self.widths) != len(self.blocks) or not self.widths:
            raise MsmdError(
                f"a residual tower has {len(self.widths)} widths and {len(self.blocks)} blocks; "
                "give one of each per stage"
            )
        if self.stem_kernel % 2 == 0:
            raise MsmdError(f"stem_kernel is {self.stem_kernel}; it must be odd")


@dataclass(frozen=True, slots=True)
class Soft:
    """The attention of Balke et al. (2019): a distribution over the frames, from the audio alone."""

    width: int = option("channels of the first stage of the attention network (a vgg tower)", 24, 1)


@dataclass(frozen=True, slots=True)
class Linear:
    """A learned linear projection of each side."""

    dim: int = option("dimensions of the embedding", 64, 1, 4096)


@dataclass(frozen=True, slots=True)
class Cca:
    """Projections by canonical correlation analysis; see `msmdtools.models.cca`."""

    dim: int = option("dimensions of the embedding: the most correlated ones", 32, 1, 512)
    latent: int = option(
        "features of a linear layer before it; 0 for none: the towers' features", 0, 0, 512
    )
    regularise: float = option(
        "constant added to the diagonal of each side's covariance", 1e-3, 1e-9, 1
    )
    momentum: float = option(
        "weight of a new batch in the running statistics that inference uses", 0.05, 1e-6, 1
    )


@dataclass(frozen=True, slots=True)
class NoProjection:
    """The towers' features are the embedding; both must have equally many."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """Pairwise ranking: a hinge on the cosine of each pair and of each of its negatives."""

    margin: float = option(
        "margin by which the cosine of a pair should exceed that of a negative", 0.7, 0, 2
    )
    directions: str = option(
        "queries: sheet windows, audio windows, or both", "both", choices=("both", "sheet", "audio")
    )


@dataclass(frozen=True, slots=True)
class Triplet:
    """Hinge on the cosine of each pair and of one negative, in both directions."""

    margin: float = option(
        "margin by which the cosine of a pair should exceed that of a negative", 0.2, 0, 2
    )
    mining: str = option(
        "choice of the negative: the most similar one that is less similar than the pair, or the most "
        "similar of all",
        "semi-hard",
        choices=("semi-hard", "hardest"),
    )


@dataclass(frozen=True, slots=True)
class InfoNce:
    """Symmetric cross entropy over the batch, with a learned temperature."""

    temperature: float = option("initial temperature", 0.07, 1e-3, 10)
    lowest: float = option("lower bound of the temperature", 0.01, 1e-3, 10)
    highest: float = option("upper bound of the temperature", 1.0, 1e-3, 10)
    learned: bool = option("learn the temperature", True)
    smoothing: float = option(
        "share of each target that is spread over all candidates (label smoothing)", 0.0, 0, 0.9
    )

    def __post_init__(self) -> None:
        if not self.lowest <= self.temperature <= self.highest:
            raise MsmdError(
                f"temperature is {self.temperature:g}; "
                f"it must be from {self.lowest:g} (lowest) to {self.highest:g} (highest)"
            )


@dataclass(frozen=True, slots=True)
class Training:
    """How the model is trained, unless options of `msmd train` replace these."""

    batch_size: int = option("pairs in a batch", 256, 2)
    growth: int = option(
        "batches per step at the end of training; the number starts at 1 and doubles at equal "
        "intervals",
        1,
        1,
        4096,
    )
    onsets_per_piece: int = option("onsets of each piece in a batch; 0 for random batches", 32, 0)
    optimiser: str = option(
        "Adam, AdamW, or Muon for kernels and matrices and AdamW for the rest",
        "adamw",
        choices=("adam", "adamw", "muon"),
    )
    lr: float = option("highest learning rate", 2e-3, 1e-9, 10)
    muon_lr: float = option("highest learning rate of Muon", 0.03, 1e-9, 10)
    weight_decay: float = option("weight decay (of AdamW) or L2 penalty (of Adam)", 0.0, 0, 10)
    schedule: str = option(
        "learning rate after the warm-up", "cosine", choices=("constant", "cosine", "linear")
    )
    warmup_pairs: int = option("pairs over which the learning rate rises from 0", 0, 0)
    pairs: int = option("pairs to train on", 1_000_000, 1)
    precision: str = option(
        "32 bits, bfloat16 in the convolutions, or bfloat16 if the hardware has it",
        "auto",
        choices=("32", "bf16", "auto"),
    )
    clip: float = option("largest norm of the gradient; 0 for no limit", 0.0, 0)
    refit_cca: int = option(
        "pairs on which the CCA projections are fitted at the end; 0 for none", 0, 0
    )
    ema: float = option("decay per step of averaged weights; 0 for none", 0.0, 0, 0.99999)
    mask_same: bool = option("do not use pairs of the same music as negatives of each other", True)
    freeze_towers: bool = option(
        "train only the projection; the towers of `--init` stay as they are", False
    )


Tower = Vgg | Residual
Projection = Linear | Cca | NoProjection
Loss = Ranking | Triplet | InfoNce

# The kinds of the tables that have a kind.
KINDS: dict[str, dict[str, type]] = {
    "sheet_tower": {"vgg": Vgg, "residual": Residual},
    "audio_tower": {"vgg": Vgg, "residual": Residual},
    "attention": {"soft": Soft},
    "projection": {"linear": Linear, "cca": Cca, "none": NoProjection},
    "loss": {"ranking": Ranking, "triplet": Triplet, "infonce": InfoNce},
}
