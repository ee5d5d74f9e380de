"""Cut bars out of a MusicXML score, such that what is cut out is a score of its own.

The first bar gets the attributes that are in force there: divisions, key, time, number of staves, clefs,
transposition. What belongs to the whole print (page formats, credits, page breaks) is left out. Ties and slurs are
left as they are written, also where their other end is cut off.
"""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable

from lxml import etree

from msmdtools.mei.musicxml import mend

# The order that the format wants of what an element `attributes` holds.
_ORDER = (
    "divisions",
    "key",
    "time",
    "staves",
    "part-symbol",
    "instruments",
    "clef",
    "staff-details",
    "transpose",
)
_MUSIC = frozenset({"note", "backup", "forward", "harmony", "figured-bass"})
_LEFT_OUT = frozenset({"defaults", "credit", "part"})

_State = dict[tuple[str, str], ET.Element]


def cutter(text: str, bars: int) -> Callable[[int, int], str] | None:
    """Read a score of which bars are to be cut out.

    Args:
        text: the score.
        bars: how many bars each part must have for the bars to be counted alike.

    Returns:
        A function that takes the first and the last bar, from 0, and gives them as a score; None if it is not a
        score of parts with that many bars each.
    """
    root = ET.fromstring(text.encode())
    parts = [_Part(part) for part in root.findall("part")]
    if root.tag != "score-partwise":
        return None
    printed = _printed(text, root)
    if len(printed) != bars or any(len(part.measures) != printed[-1][1] for part in parts):
        return None
    head = [child for child in root if child.tag not in _LEFT_OUT]

    def cut(first: int, last: int) -> str:
        score = ET.Element(root.tag, root.attrib)
        begin, end = printed[first][0], printed[last][1] - 1
        score.extend([*head, *(part.cut(begin, end) for part in parts)])
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(score, encoding="unicode")}\n'

    return cut


def _printed(text: str, root: ET.Element) -> list[tuple[int, int]]:
    """The bars as they are printed: the first of each, and the one after its last; a multi-bar rest is one."""
    measures = [part.findall("measure") for part in root.findall("part")]
    count = max(map(len, measures), default=0)
    rests: dict[int, int] = {}
    if "<multiple-rest" in text:
        mended = etree.fromstring(text.encode())
        mend(mended)  # it takes away those in whose bars there is something
        for part in mended.iterchildren("part"):
            for number, measure in enumerate(part.iterchildren("measure")):
                for rest in measure.iter("multiple-rest"):
                    length = (rest.text or "").strip()
                    rests[number] = max(int(length) if length.isdecimal() else 1, 1)
    printed: list[tuple[int, int]] = []
    at = 0
    while at < count:
        end = min(at + rests.get(at, 1), count)
        printed.append((at, end))
        at = end
    return printed


class _Part:
    """A part: its bars, and the attributes in force before each of them."""

    def __init__(self, part: ET.Element) -> None:
        self.measures = part.findall("measure")
        self._attributes = part.attrib
        self._before: list[_State] = []
        state: _State = {}
        for measure in self.measures:
            self._before.append(dict(state))
            _follow(state, measure.iter("attributes"))

    def cut(self, first: int, last: int) -> ET.Element:
        part = ET.Element("part", self._attributes)
        for number in range(first, last + 1):
            measure = self.measures[number]
            children = [child for child in measure if child.tag != "print"]
            if number == first:
                leading = _leading(children)
                state = dict(self._before[number])
                _follow(state, leading)
                children = [_attributes(state), *(c for c in children if c not in leading)]
            ET.SubElement(part, "measure", measure.attrib).extend(children)
        return part


def _leading(children: list[ET.Element]) -> list[ET.Element]:
    """The attributes with which a bar begins."""
    music = next((n for n, child in enumerate(children) if child.tag in _MUSIC), len(children))
    return [child for child in children[:music] if child.tag == "attributes"]


def _attributes(state: _State) -> ET.Element:
    attributes = ET.Element("attributes")
    ordered = sorted(state.values(), key=lambda e: (_ORDER.index(e.tag), e.get("number", "")))
    attributes.extend(ordered)
    return attributes


def _follow(state: _State, changes: Iterable[ET.Element]) -> None:
    """Bring the attributes in force up to date."""
    for element in (element for change in changes for element in change):
        if element.tag in _ORDER:
            number = element.get("number", "")
            if not number:  # it holds for all staves
                for key in [key for key in state if key[0] == element.tag]:
                    del state[key]
            state[element.tag, number] = element
