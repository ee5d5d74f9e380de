"""How an index is made: its model, and how far its windows are apart."""

from dataclasses import dataclass

from msmdtools.base import options
from msmdtools.base.options import option

# Of a new index.
MODEL = "compact-4s"
SHEET_STRIDE, AUDIO_STRIDE = 50, 0.5


@dataclass(frozen=True, slots=True)
class IndexOptions:
    """How an index is made. What is None is as it is in the index, or as above for a new one.

    Raises:
        MsmdError: a stride is too small; the message names the option.
    """

    model: str | None = option(
        "a bundled model, a .safetensors file, or a run",
        None,
        shown=f"the index's; of a new one {MODEL}",
        form="MODEL",
    )
    sheet_stride: int | None = option(
        "distance between sheet windows in px",
        None,
        1,
        shown=f"the index's; of a new one {SHEET_STRIDE}",
        form="PX",
    )
    audio_stride: float | None = option(
        "distance between audio windows in s",
        None,
        0.05,
        shown=f"the index's; of a new one {AUDIO_STRIDE:g}",
        form="SECONDS",
    )

    def __post_init__(self) -> None:
        options.check(self)
