"""Draw text of an SVG page as filled outlines."""

from dataclasses import dataclass
from typing import NamedTuple

from lxml import etree

from msmdtools.engrave.verovio.outlines import Letter, letter

_SVG = "{http://www.w3.org/2000/svg}"
_SHIFTS = {"start": 0.0, "middle": 0.5, "end": 1.0}
# Groups whose text is bold or italic by the page's style sheet.
_BOLD = {"ending", "fing", "reh", "tempo"}
_ITALIC = {"dir", "dynam", "mNum"}


class _Style(NamedTuple):
    size: float = 0.0
    bold: bool = False
    italic: bool = False
    white: bool = False
    spacing: float = 0.0
    anchor: str = "start"


@dataclass(slots=True)
class _Chunk:
    """Text that is placed as one: at a point, or behind the text before it (`follows`)."""

    x: float
    y: float
    anchor: str
    letters: list[tuple[Letter, _Style]]
    follows: bool = False

    @property
    def width(self) -> float:
        return sum(letter.advance * style.size + style.spacing for letter, style in self.letters)


def text_operators(text: etree._Element, music_font: str) -> list[str]:
    """PDF operators that draw a `text` element, in the units of the page.

    Args:
        text: the element, with its spans.
        music_font: font of music symbols.
    """
    style = _Style()
    for group in text.iterancestors(_SVG + "g"):
        if kind := (group.get("class") or "").partition(" ")[0]:
            style = style._replace(bold=kind in _BOLD, italic=kind in _ITALIC)
            break
    start = _Chunk(float(text.get("x", "0")), float(text.get("y", "0")), "start", [])
    chunks = [start]
    _collect(text, style, chunks, music_font)
    out: list[str] = []
    x = 0.0
    for chunk in chunks:
        if not chunk.follows:
            x = chunk.x - _SHIFTS[chunk.anchor] * chunk.width
        for character, look in chunk.letters:
            if character.operators:
                scale = look.size / character.units
                out.append(
                    f"q {'1 g ' if look.white else ''}{scale * character.narrowing:.5g} 0 0 {-scale:.5g} "
                    f"{x:.1f} {chunk.y:g} cm {character.operators} f Q"
                )
            x += character.advance * look.size + look.spacing
    return out


def _collect(span: etree._Element, style: _Style, chunks: list[_Chunk], music_font: str) -> None:
    style = _styled(span, style)
    chunk = chunks[-1]
    x, y = span.get("x"), span.get("y")
    if chunk.letters and (x or y):
        chunk = _Chunk(chunk.x, chunk.y, style.anchor, [], follows=not x)
        chunks.append(chunk)
    chunk.x = float(x) if x else chunk.x
    chunk.y = float(y) if y else chunk.y
    chunk.anchor = style.anchor if not chunk.letters else chunk.anchor
    _write(span.text, style, chunks, music_font)
    for child in span:
        _collect(child, style, chunks, music_font)
        _write(child.tail, style, chunks, music_font)


def _write(text: str | None, style: _Style, chunks: list[_Chunk], music_font: str) -> None:
    if text and style.size and (text.strip("\n ") or "\n" not in text):
        for character in text:
            chunks[-1].letters.append(
                (letter(character, style.bold, style.italic, music_font), style)
            )


def _styled(span: etree._Element, style: _Style) -> _Style:
    get = span.get
    if anchor := get("text-anchor"):
        style = style._replace(anchor=anchor)
    if size := get("font-size"):
        style = style._replace(size=float(size.removesuffix("px")))
    if weight := get("font-weight"):
        style = style._replace(bold=weight == "bold")
    if slant := get("font-style"):
        style = style._replace(italic=slant in {"italic", "oblique"})
    if fill := get("fill"):
        style = style._replace(white=fill.lower() in {"#ffffff", "white"})
    if spacing := get("letter-spacing"):
        style = style._replace(spacing=float(spacing.removesuffix("px")))
    return style
