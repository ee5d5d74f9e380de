"""What Verovio has drawn: note heads, staves and bars with their boxes, and the strokes of each page.

Boxes are (x0, y0, x1, y1) in SVG units of the page, origin top left.
"""

from dataclasses import dataclass, field

Box = tuple[float, float, float, float]


def union(a: Box, b: Box) -> Box:
    """The smallest box around two."""
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


@dataclass(frozen=True, slots=True)
class DrawnHead:
    """One note head on a page.

    Attributes:
        id: id of its note in the encoding.
        page: page, from 0.
        system: system in the piece, from 0.
        box: exact box of its glyph.
    """

    id: str
    page: int
    system: int
    box: Box


@dataclass(frozen=True, slots=True)
class DrawnStaff:
    """The lines of one staff in one bar.

    Attributes:
        id: id of the bar's staff in the encoding.
        measure: id of the bar.
        page: page, from 0.
        system: system in the piece, from 0.
        box: box of its lines, with their thickness.
    """

    id: str
    measure: str
    page: int
    system: int
    box: Box


@dataclass(slots=True)
class Pages:
    """The pages of a piece.

    Attributes:
        sizes: (width, height) of each page in SVG units.
        contents: PDF operators that draw each page, in SVG units.
        heads: all note heads, as drawn.
        staves: the lines of all staves, bar by bar.
        systems: number of systems so far.
    """

    sizes: list[tuple[float, float]] = field(default_factory=list)
    contents: list[str] = field(default_factory=list)
    heads: list[DrawnHead] = field(default_factory=list)
    staves: list[DrawnStaff] = field(default_factory=list)
    systems: int = 0
