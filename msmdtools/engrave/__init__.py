"""From a LilyPond source to engraved pages, note heads with exact places, and performed notes."""

from msmdtools.engrave.engine import Engine, convert, find_engines
from msmdtools.engrave.lilypond import Engraving, engrave
from msmdtools.engrave.sandbox import Limits, sandbox_available

__all__ = [
    "Engine",
    "Engraving",
    "Limits",
    "convert",
    "engrave",
    "find_engines",
    "sandbox_available",
]
