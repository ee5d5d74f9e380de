"""Further prints of a piece: scans that are linked to its engraving, bar by bar and head by head.

The engraving is the print that a piece is built with; its places are known exactly and stand in the tables
`systems`, `measures` and `noteheads`. The places of a scan are estimated, and have tables of their own.
"""

from msmdtools.base.table import Column, Table
from msmdtools.score import PIECE

SCANNED = "scanned"
KINDS = (SCANNED,)
ESTIMATED = "estimated"
"""How the places of a scan are known."""

PRINT = Column("print", "string", "", "name of the print")
_CONFIDENCE = "probability that it is right, from 0 to 1"


def _box(left: str, top: str, right: str, bottom: str) -> tuple[Column, ...]:
    meanings = {"x0": left, "y0": top, "x1": right, "y1": bottom}
    return tuple(Column(name, "float64", "px", meaning) for name, meaning in meanings.items())


PRINTS = Table(
    "prints",
    "One row per further print of a piece: a scan that is linked to its engraving. "
    "The file is there where there are any, and so are the other files of prints.",
    ("piece", "print"),
    (
        PIECE,
        PRINT,
        Column("kind", "string", "", "scanned"),
        Column("source", "string", "", "name of the file or folder that it was read from"),
        Column("sha256", "string", "", "sha256 of the file; of a folder, of the files in it"),
        Column("licence", "string", "", "licence of the print, as given; empty if none was"),
        Column("alignment", "string", "", "how its places are known: estimated"),
        Column("pages", "int32", "", "pages"),
        Column("systems", "int32", "", "systems"),
        Column("measures", "int32", "", "rows of its bars in the print_measures table"),
        Column("noteheads", "int32", "", "rows of its heads in the print_noteheads table"),
        Column("missing", "list<int32>", "", "bars of the engraving that are not on it"),
        Column("turned", "bool", "", "whether the file is upside down, and was turned"),
        Column(
            "quality",
            "float64",
            "",
            "of the note heads of the bars that are on it, the part that was found",
        ),
        Column("notes", "string", "", "what was probably missed on its pages; empty if nothing"),
        Column("msmdtools", "string", "", "version that linked it"),
    ),
    added=True,
)

PRINT_SYSTEMS = Table(
    "print_systems",
    "One row per staff of each system of a print: the box of its staff lines.",
    ("piece", "print", "page", "system", "staff"),
    (
        PIECE,
        PRINT,
        Column("page", "int32", "", "page of the print, from 1"),
        Column("system", "int32", "", "system of the print, from 1"),
        Column("staff", "int32", "", "staff in the system, from 1 at the top"),
        *_box("left", "top", "right", "bottom"),
    ),
    added=True,
)

PRINT_MEASURES = Table(
    "print_measures",
    "One row per bar of a print, in the order in which they stand there; two for one that is written out twice.",
    ("piece", "print", "place"),
    (
        PIECE,
        PRINT,
        Column("place", "int32", "", "place among the bars of the print, from 0"),
        Column("measure", "int32", "", "the bar: its number in the measures table"),
        Column("page", "int32", "", "page of the print, from 1"),
        Column("system", "int32", "", "system of the print, from 1"),
        *_box(
            "left: the bar line before it, or the start of the system",
            "top line of the highest staff of the system",
            "right: the bar line after it, or the end of the system",
            "bottom line of the lowest staff of the system",
        ),
        Column("confidence", "float64", "", _CONFIDENCE),
    ),
    added=True,
)

PRINT_NOTEHEADS = Table(
    "print_noteheads",
    "One row per note head of a print that was found.",
    ("piece", "print", "head"),
    (
        PIECE,
        PRINT,
        Column("head", "int32", "", "note head of the print, from 0, in the order of its bars"),
        Column("notehead", "int32", "", "the same head of the engraving: its number there"),
        Column("place", "int32", "", "the bar of the print that it stands in"),
        Column("page", "int32", "", "page of the print, from 1"),
        Column("system", "int32", "", "system of the print, from 1"),
        Column("staff", "int32", "", "staff in the system, from 1 at the top"),
        *_box("left", "top", "right", "bottom"),
        Column("confidence", "float64", "", _CONFIDENCE),
    ),
    added=True,
)

PRINT_TABLES = (PRINTS, PRINT_SYSTEMS, PRINT_MEASURES, PRINT_NOTEHEADS)
