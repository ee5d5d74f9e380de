"""Cut bars out of a MusicXML score, such that what is cut out is a score of its own.

The first bar gets the attributes that are in force there: divisions, key, time, number of staves, clefs,
transposition. What belongs to the whole print (page formats, credits, page breaks) is left out. Ties and slurs are
left as they are written, also where their other end is cut off.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterable

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
_OF_PRINT = ("defaults", "credit")

_State = dict[tuple[str, str], ET.Element]


def excerpt(text: str, first: int, last: int, bars: int) -> str | None:
    """Cut bars out of a score.

    Args:
        text: the score.
        first: the first bar, from 0.
        last: the last bar.
        bars: how many bars each part must have for the bars to be counted alike.

    Returns:
        The bars as a score; None if it is not a score of parts with that many bars each.
    """
    root = ET.fromstring(text.encode())
    parts = root.findall("part")
    if root.tag != "score-partwise" or any(len(p.findall("measure")) != bars for p in parts):
        return None
    for tag in _OF_PRINT:
        for element in root.findall(tag):
            root.remove(element)
    for part in parts:
        measures = part.findall("measure")
        state: _State = {}
        for measure in measures[:first]:
            _follow(state, measure.iter("attributes"))
        for measure in (*measures[:first], *measures[last + 1 :]):
            part.remove(measure)
        for measure in measures[first : last + 1]:
            for element in measure.findall("print"):
                measure.remove(element)
        _begin(measures[first], state)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _begin(measure: ET.Element, state: _State) -> None:
    """Write down all attributes in force at the start of a bar, those that it begins with included."""
    leading = []
    for element in measure:
        if element.tag in _MUSIC:
            break
        if element.tag == "attributes":
            leading.append(element)
    _follow(state, leading)
    for element in leading:
        measure.remove(element)
    attributes = ET.Element("attributes")
    attributes.extend(
        sorted(state.values(), key=lambda e: (_ORDER.index(e.tag), e.get("number", "")))
    )
    measure.insert(0, attributes)


def _follow(state: _State, changes: Iterable[ET.Element]) -> None:
    """Bring the attributes in force up to date."""
    for element in (element for change in changes for element in change):
        if element.tag in _ORDER:
            number = element.get("number", "")
            if not number:  # it holds for all staves
                for key in [key for key in state if key[0] == element.tag]:
                    del state[key]
            state[element.tag, number] = element
