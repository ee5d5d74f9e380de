"""Options of an index: its model, and the distances between its windows."""

from dataclasses import dataclass

from msmdtools.base import options
from msmdtools.base.options import option

# The model and the strides (px and s) of a new index.
MODEL = "compact-4s"
SHEET_STRIDE, AUDIO_STRIDE = 50, 0.5


@dataclass(frozen=True, slots=True)
class IndexOptions:
    """Options for making an index; None keeps what the index has, or takes the default for a new one.

    Raises:
        MsmdError: a stride is too small; the message names the option.
    """

    model: str | None = option(
        "the model to embed with: the name of a bundled one, a .safetensors file, or a run of msmd train",
        None,
        shown=f"as in the index; {MODEL} in a new one",
        form="MODEL",
    )
    sheet_stride: int | None = option(
        "distance between sheet windows, in pixels of pages whose staves are 28.65 pixels high",
        None,
        1,
        shown=f"as in the index; {SHEET_STRIDE} in a new one",
        form="PX",
    )
    audio_stride: float | None = option(
        "distance between audio windows",
        None,
        0.05,
        shown=f"as in the index; {AUDIO_STRIDE:g} in a new one",
        form="SECONDS",
    )

    def __post_init__(self) -> None:
        options.check(self)
