"""Cut bars out of an MEI score, such that what is cut out is a score of its own.

The first definition of the score (`scoreDef`) gets what later definitions and clefs have changed up to there.
Slurs and other signs that a bar holds stay with it, also where their other end is cut off.
"""

import copy
import xml.etree.ElementTree as ET
from collections.abc import Callable

from msmdtools.mei.tree import tag

_MEI = "http://www.music-encoding.org/ns/mei"
# A clef inside the music, as attributes of the definition of a staff.
_OF_CLEF = {
    "shape": "clef.shape",
    "line": "clef.line",
    "dis": "clef.dis",
    "dis.place": "clef.dis.place",
}
_OF_PAGES = frozenset((tag("pb"), tag("sb"), tag("expansion")))
_MUSIC = ("clef.", "key.", "keysig", "meter.")


def cutter(text: str, bars: int) -> Callable[[int, int], str] | None:
    """Read a score of which bars are to be cut out.

    Args:
        text: the score.
        bars: how many bars it must have for the bars to be counted alike.

    Returns:
        A function that takes the first and the last bar, from 0, and gives them as a score; None if it has no
        single score with that many.
    """
    root = ET.fromstring(text.encode())
    scores = list(root.iter(tag("score")))
    if len(scores) != 1 or next(scores[0].iter(tag("scoreDef")), None) is None:
        return None
    score = _Score(root, scores[0])
    if len(score.before) != bars:
        return None

    def cut(first: int, last: int) -> str:
        ET.register_namespace("", _MEI)
        found = score.cut(root, first, last)
        assert found is not None
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(found, encoding="unicode")}\n'

    return cut


class _Score:
    """A document with one score.

    Attributes:
        before: the definition of the score in force at each bar.
    """

    def __init__(self, root: ET.Element, score: ET.Element) -> None:
        self._first = next(score.iter(tag("scoreDef")))
        self._bars_before: dict[ET.Element, int] = {}
        self.before: list[ET.Element] = []
        current = copy.deepcopy(self._first)
        for element in score.iter():
            if element.tag == tag("scoreDef") and element is not self._first:
                self._bars_before[element] = len(self.before)
                _follow(current, element)
            elif element.tag == tag("measure"):
                self._bars_before[element] = len(self.before)
                self.before.append(copy.deepcopy(current))
                _follow_clefs(current, element)
        parents = {child: parent for parent in root.iter() for child in parent}
        self._around: set[ET.Element] = set()
        for element in (*self._bars_before, self._first):
            above = parents.get(element)
            while above is not None:
                self._around.add(above)
                above = parents.get(above)

    def cut(self, element: ET.Element, first: int, last: int) -> ET.Element | None:
        """A copy of an element with the bars that are wanted; None if it is not wanted at all."""
        if element is self._first:
            return self.before[first]
        if element.tag in _OF_PAGES:
            return None
        if element in self._bars_before:
            number = self._bars_before[element]
            # A definition between two bars is in force from the second on; the first bar has it already.
            wanted = (
                first <= number <= last if element.tag == tag("measure") else first < number <= last
            )
            return element if wanted else None
        if element not in self._around:
            return element
        found = ET.Element(element.tag, element.attrib)
        found.text, found.tail = element.text, element.tail
        found.extend(c for child in element if (c := self.cut(child, first, last)) is not None)
        return found


def _staves(definition: ET.Element) -> dict[str, ET.Element]:
    return {staff.get("n", ""): staff for staff in definition.iter(tag("staffDef"))}


def _follow(definition: ET.Element, later: ET.Element) -> None:
    """Take over what a later definition changes."""
    staves = _staves(definition)
    said = [name for name in later.attrib if name.startswith(_MUSIC)]
    for staff in staves.values():  # what is said of the whole score no longer differs in a staff
        for name in said:
            staff.attrib.pop(name, None)
    _take_over(definition, later)
    for number, staff in _staves(later).items():
        if number in staves:
            _take_over(staves[number], staff)


def _take_over(target: ET.Element, source: ET.Element) -> None:
    for name, value in source.attrib.items():
        if name.startswith(_MUSIC):
            target.set(name, value)
    for child in source:
        if child.tag.rpartition("}")[2] in {"clef", "keySig", "meterSig"}:
            for old in target.findall(child.tag):
                target.remove(old)
            target.append(child)


def _follow_clefs(definition: ET.Element, measure: ET.Element) -> None:
    """Take over the last clef that stands in each staff of a bar."""
    staves = _staves(definition)
    for staff in measure.findall(tag("staff")):
        clefs = list(staff.iter(tag("clef")))
        target = staves.get(staff.get("n", ""))
        if clefs and target is not None:
            for old in target.findall(tag("clef")):
                target.remove(old)
            for name, attribute in _OF_CLEF.items():
                target.attrib.pop(attribute, None)
                if name in clefs[-1].attrib:
                    target.set(attribute, clefs[-1].attrib[name])
