"""Engrave a source: pages, note heads with exact places, bars, and what is performed. Each engraver has a room.

In: the source of one piece, untrusted. Out: an `Engraving`: pages and what LilyPond recorded, or Verovio drew.
Keep: LilyPond runs in a sandbox, and files that a source has written are untrusted, whatever their names; only
`outputs` opens them. `Engraving` and `engrave` here are LilyPond's.
"""

from msmdtools.engrave.lilypond.count import Count, count_notes
from msmdtools.engrave.lilypond.engine import Engine, convert, find_engines, to_utf8
from msmdtools.engrave.lilypond.engraving import Engraving, engrave
from msmdtools.engrave.lilypond.fonts import cache_folder
from msmdtools.engrave.musescore import convert_musescore, find_musescore
from msmdtools.engrave.sandbox import Limits, sandbox_available

__all__ = [
    "Count",
    "Engine",
    "Engraving",
    "Limits",
    "cache_folder",
    "convert",
    "convert_musescore",
    "count_notes",
    "engrave",
    "find_engines",
    "find_musescore",
    "sandbox_available",
    "to_utf8",
]
