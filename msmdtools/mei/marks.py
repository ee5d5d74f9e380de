"""Read what the bars of a score say about the order in which they are played (`msmdtools.mei.order`)."""

import re
from collections.abc import Mapping, Sequence
from itertools import groupby

from lxml import etree

from msmdtools.mei.notes import Bar
from msmdtools.mei.order import Ending, Marks, ending_times
from msmdtools.mei.places import after_start
from msmdtools.mei.tree import Item, plain_text, tag

_SIGN, _WORDS, _EXPANSION = tag("repeatMark"), tag("dir"), tag("expansion")
_MEANINGS = (
    ("dacapo", re.compile(r"(d\.\s*c\.?|dc\b|da\s+capo)", re.IGNORECASE)),
    ("dalsegno", re.compile(r"(d\.\s*s\.?|ds\b|dal\s+segno)", re.IGNORECASE)),
    ("tocoda", re.compile(r"(to|alla|al)\s+coda\b", re.IGNORECASE)),
    ("fine", re.compile(r"fine\s*\.?$", re.IGNORECASE)),
)


def read_marks(
    items: Sequence[Item], bars: Sequence[Bar], played: Mapping[str, int]
) -> list[Marks]:
    """What each bar says.

    Args:
        items: the bars as elements, with the endings around them.
        bars: the same bars.
        played: for sections, by their ids, how often each is played on end (`times_of_sections`).

    Returns:
        One for each bar.
    """
    endings = _endings(items)
    marks = [
        Marks(i.element.get("left", ""), i.element.get("right", ""), ending=endings[k])
        for k, i in enumerate(items)
    ]
    last_of = {item.section: k for k, item in enumerate(items)}
    for section, times in played.items():
        if times > 2 and section in last_of:
            marks[last_of[section]].times = times
    for k, (item, bar) in enumerate(zip(items, bars, strict=True)):
        codas = set()
        for element in item.element.iterchildren(_SIGN, _WORDS):
            meaning, words = _meaning(element)
            if meaning == "fine":
                marks[k].fine = True
            elif meaning == "tocoda":
                marks[k].to_coda = True
            elif meaning in ("dacapo", "dalsegno"):
                marks[k].jump = f"{meaning} {words}".strip()
            elif meaning in ("segno", "coda"):
                late = k + 1 < len(bars) and after_start(element, bar) >= bar.length
                at = marks[k + 1] if late else marks[k]
                if meaning == "segno":
                    at.segno = True
                else:
                    codas.add(element.get("tstamp"))
                    at.codas = len(codas)
    return marks


def times_of_sections(score: etree._Element) -> dict[str, int]:
    """How often each section is played on end, as Verovio says for `times` of MusicXML's repeats."""
    times: dict[str, int] = {}
    for expansion in score.iter(_EXPANSION):
        for name, run in groupby((expansion.get("plist") or "").split()):
            times.setdefault(name.removeprefix("#"), len(list(run)))
    return times


def _endings(items: Sequence[Item]) -> list[Ending | None]:
    endings: list[Ending | None] = []
    place = 0
    before = None
    for item in items:
        element = item.ending
        if element is None:
            endings.append(None)
            place = 0
        elif element is before:
            endings.append(endings[-1])
        else:
            place += 1
            endings.append(Ending(ending_times(element.get("n"), place)))
        before = element
    return endings


def _meaning(element: etree._Element) -> tuple[str, str]:
    words = plain_text(element)
    if element.tag == _SIGN:
        return (element.get("func") or "").lower(), words
    kind = (element.get("type") or "").lower()
    if kind in ("dacapo", "dalsegno", "tocoda", "fine", "segno", "coda"):
        return kind, words
    for meaning, pattern in _MEANINGS:
        if pattern.match(words):
            return meaning, words
    return "", words
