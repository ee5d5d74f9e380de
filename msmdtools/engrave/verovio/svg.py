"""Read the pages that Verovio has drawn as SVG: what is on them, and how to draw them as PDF.

Verovio's SVG knows few things: groups with a class and an id, symbols of the music font (`use`), lines, curves,
polygons, ellipses, rectangles, and text. The font's symbols are defined once a page.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from lxml import etree

from msmdtools.engrave.verovio.drawn import Box, DrawnHead, DrawnStaff, Pages, union
from msmdtools.engrave.verovio.outlines import Outline, outline
from msmdtools.engrave.verovio.text import text_operators

_SVG = "{http://www.w3.org/2000/svg}"
_HREF = "{http://www.w3.org/1999/xlink}href"
_ROTATE = re.compile(r"rotate\((\S+) (\S+), ?(\S+)\)")
_TRANSLATE = re.compile(r"translate\((\S+), ?(\S+)\)")
_TOKEN = re.compile(r"[A-Za-z]|-?[\d.]+")
_NUMBER = re.compile(r"-?[\d.]+(?:e-?\d+)?")
_OPERATOR = {"M": (2, "m"), "L": (2, "l"), "C": (6, "c"), "Z": (0, "h")}
_CAPS = {"butt": "0 J", "round": "1 J", "square": "2 J"}
_JOINS = {"miter": "0 j", "round": "1 j", "bevel": "2 j"}
# Parentheses and brackets around a head are not the head.
_ENCLOSURES = {"E0F5", "E0F6", "E0F7", "E0F8"}
# Control points of a quarter of a circle.
_ROUND = 0.5522847498


@dataclass(frozen=True, slots=True)
class _Context:
    """Where in the page a group stands.

    Attributes:
        measure: id of the bar.
        note: id of the note; "" outside of any.
    """

    measure: str = ""
    note: str = ""


def read_page(svg: str, pages: Pages, music_font: str) -> None:
    """Add one page to the pages.

    Args:
        svg: the page, as `verovio.toolkit.renderToSVG` gives it.
        pages: what it is added to.
        music_font: the font of music symbols within text.

    Raises:
        ValueError: it is not a page of Verovio's.
    """
    root = etree.fromstring(svg.encode(), etree.XMLParser(huge_tree=True, resolve_entities=False))
    inner = root.find(f"{_SVG}svg")
    if inner is None:
        raise ValueError("Verovio has drawn a page without music")
    _, _, width, height = map(float, inner.get("viewBox", "").split())
    _Page(root, pages, music_font).read(inner)
    pages.sizes.append((width, height))


class _Page:
    """Walks through one page, group by group."""

    def __init__(self, root: etree._Element, pages: Pages, music_font: str) -> None:
        self.pages = pages
        self.number = len(pages.sizes)
        self.music_font = music_font
        self.out: list[str] = []
        self.shift = (0.0, 0.0)
        self.symbols = {
            "#" + group.get("id", ""): (group.get("id", "").partition("-")[0], _symbol(group))
            for group in root.iterfind(f"{_SVG}defs/{_SVG}g")
        }
        draw: dict[str, Callable[[etree._Element], None]] = {
            "path": self._path,
            "polygon": self._polygon,
            "polyline": self._polyline,
            "rect": self._rect,
            "ellipse": self._ellipse,
            "text": self._text,
        }
        self.draw = {_SVG + name: function for name, function in draw.items()}

    def read(self, inner: etree._Element) -> None:
        """Read all groups, and leave the page's operators in `pages.contents`."""
        for group in inner:
            self._group(group, _Context())
        self.pages.contents.append("\n".join(self.out))

    def _group(self, group: etree._Element, context: _Context) -> None:
        kind, _, more = (group.get("class") or "").partition(" ")
        if group.get("visibility") == "hidden" or "placeholder" in more:
            return
        context = self._entered(group, kind, context)
        moved = self._moved(group)
        for child in group:
            tag = child.tag
            if tag == _G:
                self._group(child, context)
            elif tag == _USE:
                self._use(child, context.note if kind == "notehead" else "")
            elif tag in self.draw:
                self.draw[tag](child)
        if kind == "staff":
            self._lines(group, context)
        if moved:
            self.out.append("Q")

    def _entered(self, group: etree._Element, kind: str, context: _Context) -> _Context:
        if kind == "system":
            self.pages.systems += 1
        elif kind == "measure":
            return _Context(group.get("id", ""))
        elif kind == "note":
            return _Context(context.measure, group.get("id", ""))
        return context

    def _moved(self, group: etree._Element) -> bool:
        """Whether the group has a transformation of its own, which is then begun."""
        transform = group.get("transform")
        if transform is None:
            return False
        if found := _TRANSLATE.fullmatch(transform):
            x, y = float(found[1]), float(found[2])
            self.shift = (self.shift[0] + x, self.shift[1] + y)
            self.out.append(f"q 1 0 0 1 {x:g} {y:g} cm")
        elif found := _ROTATE.fullmatch(transform):
            self.out.append(f"q {_rotation(*map(float, found.groups()))} cm")
        else:
            raise ValueError(f"Verovio has drawn a group with the transformation {transform}")
        return True

    def _use(self, use: etree._Element, note: str) -> None:
        """Draw a symbol; with the id of a note, as its head."""
        code, symbol = self.symbols[use.get(_HREF, "")]
        transform = use.get("transform", "")
        try:
            place, scale = transform[len("translate(") : -1].split(") scale(")
            x, y = map(float, place.split(", "))
            sx, sy, scaling = _scaling(scale)
        except ValueError as error:
            raise ValueError(f"Verovio has drawn a symbol at {transform!r}") from error
        self.out.append(f"q {scaling} {x:g} {y:g} cm {symbol.operators} f Q")
        if note and code not in _ENCLOSURES:
            x0, y0, x1, y1 = symbol.box
            dx, dy = self.shift
            box = (dx + x + sx * x0, dy + y - sy * y1, dx + x + sx * x1, dy + y - sy * y0)
            self._head(note, box)

    def _head(self, note: str, box: Box) -> None:
        heads = self.pages.heads
        if heads and heads[-1].id == note:  # a head of several symbols
            box = union(heads.pop().box, box)
        system = self.pages.systems - 1
        heads.append(DrawnHead(note, self.number, system, box))

    def _lines(self, staff: etree._Element, context: _Context) -> None:
        """The box of the lines of a staff, which are the lines that stand in no group of their own."""
        numbers = [
            (*map(float, _NUMBER.findall(line.get("d", ""))), float(line.get("stroke-width", 0)))
            for line in staff.iterfind(_SVG + "path")
        ]
        if not numbers:
            return
        half = numbers[0][4] / 2
        dx, dy = self.shift
        self.pages.staves.append(
            DrawnStaff(
                staff.get("id", ""),
                context.measure,
                self.number,
                self.pages.systems - 1,
                (
                    dx + min(n[0] for n in numbers),
                    dy + min(n[1] for n in numbers) - half,
                    dx + max(n[2] for n in numbers),
                    dy + max(n[3] for n in numbers) + half,
                ),
            )
        )

    def _path(self, path: etree._Element) -> None:
        operators = _path_operators(path.get("d", ""))
        line = " c" not in operators or path.get("fill") == "none"
        self._stroked(path, operators, "S" if line else "B")

    def _polyline(self, line: etree._Element) -> None:
        self._stroked(line, _corners(line), "S")

    def _stroked(self, element: etree._Element, operators: str, paint: str) -> None:
        get = element.get
        pen = [f"{get('stroke-width', '1')} w"]
        if cap := get("stroke-linecap"):
            pen.append(_CAPS[cap])
        if join := get("stroke-linejoin"):
            pen.append(_JOINS[join])
        if dashes := get("stroke-dasharray"):
            pen.append(f"[{dashes.replace(',', ' ')}] 0 d")
        if len(pen) == 1:  # the other settings of the pen are as at the start
            self.out.append(f"{pen[0]} {operators} {paint}")
        else:
            self.out.append(f"q {' '.join(pen)} {operators} {paint} Q")

    def _polygon(self, polygon: etree._Element) -> None:
        self.out.append(f"{_corners(polygon)} h f")

    def _rect(self, rect: etree._Element) -> None:
        x, y, width, height = (rect.get(key, "0") for key in ("x", "y", "width", "height"))
        self.out.append(f"{x} {y} {width} {height} re f")

    def _ellipse(self, ellipse: etree._Element) -> None:
        x, y, a, b = (float(ellipse.get(key, "0")) for key in ("cx", "cy", "rx", "ry"))
        u, v = a * _ROUND, b * _ROUND
        self.out.append(
            f"{x + a:g} {y:g} m {x + a:g} {y + v:g} {x + u:g} {y + b:g} {x:g} {y + b:g} c "
            f"{x - u:g} {y + b:g} {x - a:g} {y + v:g} {x - a:g} {y:g} c "
            f"{x - a:g} {y - v:g} {x - u:g} {y - b:g} {x:g} {y - b:g} c "
            f"{x + u:g} {y - b:g} {x + a:g} {y - v:g} {x + a:g} {y:g} c f"
        )

    def _text(self, text: etree._Element) -> None:
        self.out += text_operators(text, self.music_font)


_G, _USE = _SVG + "g", _SVG + "use"


def _symbol(group: etree._Element) -> Outline:
    path = group.find(_SVG + "path")
    return outline("" if path is None else path.get("d", ""))


@cache
def _scaling(scale: str) -> tuple[float, float, str]:
    """The factors of a scale such as "0.72, 0.72", and the PDF matrix of it with the y axis flipped."""
    sx, sy = map(float, scale.split(", "))
    return sx, sy, f"{sx:g} 0 0 {-sy:g}"


def _corners(element: etree._Element) -> str:
    numbers = _NUMBER.findall(element.get("points", ""))
    points = [f"{x} {y}" for x, y in zip(numbers[::2], numbers[1::2], strict=True)]
    return f"{points[0]} m " + " ".join(f"{point} l" for point in points[1:])


def _path_operators(path: str) -> str:
    """PDF operators of an SVG path of absolute moves, lines and curves; of another one by its outline."""
    start, line, end = path.partition(" L")
    if line and "L" not in end and "C" not in path:  # a line, as most paths are
        return f"{start[1:]} m {end} l"
    tokens = _TOKEN.findall(path)
    parts: list[str] = []
    i, command = 0, "M"
    while i < len(tokens):
        if tokens[i].isalpha():
            command = tokens[i]
            i += 1
        if command not in _OPERATOR:
            return outline(path).operators
        count, operator = _OPERATOR[command]
        parts += tokens[i : i + count]
        parts.append(operator)
        i += count
        command = "L" if command == "M" else command
    return " ".join(parts)


def _rotation(degrees: float, x: float, y: float) -> str:
    from math import cos, radians, sin

    c, s = cos(radians(degrees)), sin(radians(degrees))
    return f"{c:.6f} {s:.6f} {-s:.6f} {c:.6f} {x - c * x + s * y:.3f} {y - s * x - c * y:.3f}"
