"""msmdtools: from scores to exactly aligned pairs of sheet music image and audio.

    import msmdtools as msmd
    dataset = msmd.open("DATASET")

Importing the package is instant: numpy, pyarrow and FluidSynth are loaded when first needed.
"""

from typing import TYPE_CHECKING, Any

from msmdtools.errors import MsmdError
from msmdtools.version import __version__

if TYPE_CHECKING:
    from msmdtools.dataset.reader import open as open
    from msmdtools.models.model import load_model as load_model

__all__ = ["MsmdError", "__version__", "load_model", "open"]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    if name == "open":
        from msmdtools.dataset import reader

        return reader.open
    if name == "load_model":
        from msmdtools.models import model

        return model.load_model
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
