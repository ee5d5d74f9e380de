"""Outlines of music glyphs and of text, as PDF path operators.

A glyph's outline is in its font's units, with the y axis upwards, and is cached for the life of the process.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

from fontTools.pens.boundsPen import BoundsPen
from fontTools.pens.recordingPen import RecordingPen
from fontTools.svgLib.path import parse_path
from fontTools.ttLib import TTFont

Box = tuple[float, float, float, float]

# Verovio sets text by the widths of Times; the outlines are narrowed to these widths.
METRICS = {(False, False): "Times", (True, False): "Times-bold"}
METRICS |= {(False, True): "Times-italic", (True, True): "Times-bold-italic"}
FONTS = {(False, False): ("C059-Roman", "texgyreschola-regular")}
FONTS |= {(True, False): ("C059-Bold", "texgyreschola-bold")}
FONTS |= {(False, True): ("C059-Italic", "texgyreschola-italic")}
FONTS |= {(True, True): ("C059-BdIta", "texgyreschola-bolditalic")}
# For characters whose width in Times is not known.
_USUAL_NARROWING = 0.9
_PAINT = {
    "moveTo": "m",
    "lineTo": "l",
    "curveTo": "c",
    "qCurveTo": "c",
    "closePath": "h",
    "endPath": "",
}
_PRIVATE_USE = range(0xE000, 0xF900)


@dataclass(frozen=True, slots=True)
class Outline:
    """A closed shape.

    Attributes:
        operators: PDF path operators, without the one that fills it.
        box: its exact bounding box (x0, y0, x1, y1) in font units, y upwards; zeros when it is empty.
    """

    operators: str
    box: Box


@dataclass(frozen=True, slots=True)
class Letter:
    """A character of text.

    Attributes:
        operators: PDF path operators of its outline, in units of 1 / `units` em.
        units: font units per em.
        advance: width that the layout gives it, in em.
        narrowing: factor in x that makes the font's own width that width.
    """

    operators: str
    units: float
    advance: float
    narrowing: float


def _operators(record: RecordingPen) -> str:
    """The path that a pen has recorded, as PDF operators."""
    parts: list[str] = []
    x = y = 0.0
    for kind, given in record.value:
        points = given
        if kind == "qCurveTo":  # PDF has cubic curves only
            (a, b), (c, d) = points
            third = ((x + 2 * a) / 3, (y + 2 * b) / 3), ((c + 2 * a) / 3, (d + 2 * b) / 3)
            points = (*third, (c, d))
        parts += [f"{px:g} {py:g}" for px, py in points]
        parts.append(_PAINT[kind])
        if points:
            x, y = points[-1]
    return " ".join(parts)


@cache
def outline(path: str) -> Outline:
    """The outline of an SVG path (the text of its `d`), whose axes are those of the result."""
    record = RecordingPen()
    parse_path(path, record)
    bounds = BoundsPen(None)
    record.replay(bounds)
    return Outline(_operators(record), bounds.bounds or (0.0, 0.0, 0.0, 0.0))


@cache
def letter(character: str, bold: bool, italic: bool, music_font: str) -> Letter:
    """The outline of a character.

    Args:
        character: the character; a music symbol if its code point is for private use.
        bold: whether the text is bold.
        italic: whether the text is italic.
        music_font: the font of music symbols.

    Returns:
        Its outline in the text font or music font; blank if no font has it.
    """
    code = ord(character)
    if code in _PRIVATE_USE:
        return _symbol(code, music_font)
    advance = _widths(METRICS[bold, italic]).get(code)
    for name in FONTS[bold, italic]:
        font = _font(name)
        glyph = font.getBestCmap().get(code)
        if glyph is None:
            continue
        glyphs = font.getGlyphSet()
        glyphs[glyph].draw(pen := RecordingPen())
        units = float(font["head"].unitsPerEm)
        own = glyphs[glyph].width / units
        advance = _USUAL_NARROWING * own if advance is None else advance
        return Letter(_operators(pen), units, advance, advance / own if own else 1.0)
    return Letter("", 1.0, 0.5 if advance is None else advance, 1.0)


def _symbol(code: int, music_font: str) -> Letter:
    import verovio

    data = Path(verovio.__file__).parent / "data"
    glyph = data / music_font / f"{code:04X}.xml"
    if not glyph.is_file():
        return Letter("", 1.0, 0.5, 1.0)
    found = ElementTree.parse(glyph).find("path")
    operators = "" if found is None else outline(found.get("d", "")).operators
    advances = _widths(music_font)
    return Letter(operators, 1000.0, advances.get(code, 0.5), 1.0)


@cache
def _widths(name: str) -> dict[int, float]:
    """The advance of each character in em, from a table of Verovio's."""
    import verovio

    data = Path(verovio.__file__).parent / "data"
    path = (
        data / f"{name}.xml" if (data / f"{name}.xml").is_file() else data / "text" / f"{name}.xml"
    )
    root = ElementTree.parse(path).getroot()
    units = float(root.get("units-per-em", "1000"))
    return {
        int(glyph.get("c", "0"), 16): float(advance) / units
        for glyph in root.iter("g")
        if float(advance := glyph.get("h-a-x", "0"))
    }


@cache
def _font(name: str) -> TTFont:
    import lilypond

    binary = Path(lilypond.executable())
    (path,) = binary.parent.parent.glob(f"share/lilypond/*/fonts/otf/{name}.otf")
    return TTFont(path, lazy=True)
