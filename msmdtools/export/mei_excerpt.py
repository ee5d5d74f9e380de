"""Cut bars out of an MEI score, such that what is cut out is a score of its own.

The first definition of the score (`scoreDef`) gets what later definitions and clefs have changed up to there.
Slurs and other signs that a bar holds stay with it, also where their other end is cut off.
"""

import xml.etree.ElementTree as ET

from msmdtools.mei.tree import tag

_MEI = "http://www.music-encoding.org/ns/mei"
# A clef inside the music, as attributes of the definition of a staff.
_OF_CLEF = {
    "shape": "clef.shape",
    "line": "clef.line",
    "dis": "clef.dis",
    "dis.place": "clef.dis.place",
}
_MUSIC = ("clef.", "key.", "keysig", "meter.")


def excerpt(text: str, first: int, last: int, bars: int) -> str | None:
    """Cut bars out of a score.

    Args:
        text: the score.
        first: the first bar, from 0.
        last: the last bar.
        bars: how many bars it must have for the bars to be counted alike.

    Returns:
        The bars as a score; None if it has no single score with that many.
    """
    root = ET.fromstring(text.encode())
    scores = list(root.iter(tag("score")))
    definition = next(root.iter(tag("scoreDef")), None)
    if len(scores) != 1 or definition is None:
        return None
    if sum(1 for _ in scores[0].iter(tag("measure"))) != bars:
        return None
    count = 0
    parents = {child: parent for parent in scores[0].iter() for child in parent}
    for element in list(scores[0].iter()):
        kind = element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
        if kind == "measure":
            if count < first:
                _follow_clefs(definition, element)
            if not first <= count <= last:
                parents[element].remove(element)
            count += 1
        elif kind == "scoreDef" and element is not definition:
            if count <= first:
                _follow(definition, element)
            if count <= first or count > last:
                parents[element].remove(element)
        elif kind in {"pb", "sb", "expansion"}:
            parents[element].remove(element)
    ET.register_namespace("", _MEI)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


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
