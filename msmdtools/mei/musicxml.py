"""Rewrite what Verovio would lose or misread of MusicXML, so that its MEI says what the source says.

Seen with Verovio 6.4.1:

- Notes on a staff that the part does not name (staves) are set on the first one: the number is written down.
- It puts the notes of a voice one after the other, also those that a backup lets begin while the voice still
  sounds: these get a voice of their own.
- It counts a whole bar in the divisions that hold at its end: parts in which they change inside a bar are
  counted in one number of divisions.
- It loses its way among three moves in time or more (backup, forward) that follow each other: these become one.
- A multi-bar rest takes away the notes that other parts have in its bars, and the repeats and words in them:
  the bars are written one by one where there are any.
- A repeat bar line inside a bar is seen only if its bar style is named.
- The sign for two bars or more (measure-repeat) is read as one for each bar: what it stands for is written out.
- The second note of a tremolo on which a tuplet begins is dropped: it needs no tuplet.
- A transposition that changes inside a part is not followed: `Mended.shifts` says how far notes move.
- Small notes (type size="cue") look like cues (cue), which make no sound: `Mended.audible` tells them apart.
- Some ties lose their end, or are crossed: `Mended.ties` says where they lead (`msmdtools.mei.musicxml_ties`).
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from lxml import etree

from msmdtools.mei.musicxml_ties import UNSAID, SourceTies, source_ties

_STYLES = {"backward": "light-heavy", "forward": "heavy-light"}
_BEFORE_STAVES = {"footnote", "level", "divisions", "key", "time"}
_SAYS = ("direction", "barline", "harmony", "sound")

Number = int | Fraction
"""A time in divisions: nearly always a whole number, and much faster then."""


@dataclass(frozen=True, slots=True)
class Mended:
    """What was found in a document.

    Attributes:
        audible: ids of notes that are printed small, and sound.
        changed: whether the document was changed.
        shifts: by the ids of notes, how many semitones higher they sound than Verovio says, since the
            transposition of their part has changed before them.
        ties: where ties lead that Verovio loses or takes for others.
    """

    audible: frozenset[str] = frozenset()
    changed: bool = False
    shifts: Mapping[str, int] = field(default_factory=dict)
    ties: SourceTies = UNSAID


def mend(root: etree._Element) -> Mended:
    """Rewrite a MusicXML document (score-partwise) in place.

    Args:
        root: its root. Notes without an id cannot be named in the result.

    Returns:
        What Verovio does not say by itself.
    """
    parts = list(root.iterchildren("part"))
    changed = False
    for part in parts:
        changed |= _on_all_staves(part)
        changed |= _evenly(part)
        changed |= _at_once(part)
        changed |= _apart(part)
        changed |= _styled(part)
        changed |= _written_out(part)
        changed |= _without_tuplets(part)
    changed |= _one_by_one(parts)
    shifts = {identity: shift for part in parts for identity, shift in _shifts(part)}
    return Mended(
        frozenset(identity for part in parts for identity in _audible(part)),
        changed,
        shifts,
        source_ties(parts),
    )


def _on_all_staves(part: etree._Element) -> bool:
    """Say how many staves a part has if its notes stand on more than it says."""
    numbers = [(staff.text or "").strip() for staff in part.iter("staff")]
    most = max((int(n) for n in numbers if n.isdecimal()), default=1)
    attributes = next(part.iter("attributes"), None)
    if most < 2 or attributes is None or next(part.iter("staves"), None) is not None:
        return False
    staves = etree.Element("staves")
    staves.text = str(most)
    before = [e for e in attributes if e.tag in _BEFORE_STAVES]
    attributes.insert(attributes.index(before[-1]) + 1 if before else 0, staves)
    return True


def _evenly(part: etree._Element) -> bool:
    """Count a part in one number of divisions if they change inside a bar."""
    values = [(element.text or "").strip() for element in part.iter("divisions")]
    if len(set(values)) < 2 or not all(value.isdecimal() for value in values):
        return False
    if not _changes_inside(part):
        return False
    common = math.lcm(*map(int, values))
    factor = 1
    for element in part.iter("divisions", "duration", "offset"):
        if element.tag == "divisions":
            factor = common // int(element.text or "1")
            element.text = str(common)
        else:
            number = _number(element) * factor
            element.text = str(number if number.denominator == 1 else float(number))
    return True


def _changes_inside(part: etree._Element) -> bool:
    """Whether another number of divisions begins after notes of a bar."""
    value = ""
    for measure in part.iterchildren("measure"):
        begun = False
        for element in measure:
            begun |= element.tag in ("note", "backup", "forward")
            for divisions in element.iterchildren("divisions"):
                before, value = value, (divisions.text or "").strip()
                if begun and value != before:
                    return True
    return False


def _at_once(part: etree._Element) -> bool:
    """Join three moves in time or more, with nothing between them, to one."""
    changed = False
    for measure in part.iterchildren("measure"):
        moves: list[etree._Element] = []
        for element in [*measure, None]:
            if element is not None and element.tag in ("backup", "forward"):
                moves.append(element)
                continue
            if len(moves) > 2:
                _join(measure, moves)
                changed = True
            moves = []
    return changed


def _join(measure: etree._Element, moves: list[etree._Element]) -> None:
    far = sum(_duration(m) * (1 if m.tag == "forward" else -1) for m in moves)
    first, *others = moves
    for other in others if far else moves:
        measure.remove(other)
    if far:
        first.tag = "forward" if far > 0 else "backup"
        duration = first.find("duration")
        if duration is not None:
            duration.text = str(abs(far))


def _apart(part: etree._Element) -> bool:
    """Give notes that begin while their voice still sounds a voice of their own."""
    changed = False
    taken = {voice.text or "" for voice in part.iter("voice")}
    for measure in part.iterchildren("measure"):
        at: Number = 0
        ends: dict[str, Number] = defaultdict(int)
        others: dict[str, list[str]] = {}
        name = ""
        for element in measure:
            if element.tag == "backup":
                at -= _duration(element)
            elif element.tag == "forward":
                at += _duration(element)
            elif element.tag == "note" and element.find("grace") is None:
                length = _duration(element)
                voice = element.find("voice")
                if element.find("chord") is None:
                    own = (voice.text or "") if voice is not None else ""
                    name = own
                    if voice is not None and at < ends[own]:
                        name = _free(others.setdefault(own, []), ends, at, taken)
                    ends[name] = at + length
                    at += length
                if voice is not None and name != voice.text:
                    voice.text = name
                    for beam in element.findall("beam"):
                        element.remove(beam)
                    changed = True
    return changed


def _free(others: list[str], ends: dict[str, Number], at: Number, taken: set[str]) -> str:
    """A further voice that is silent at a time; a new one if there is none."""
    for name in others:
        if ends[name] <= at:
            return name
    number = 1 + max((int(name) for name in taken if name.isdecimal()), default=0)
    others.append(str(number))
    taken.add(str(number))
    return str(number)


def _duration(element: etree._Element) -> Number:
    duration = element.find("duration")
    return 0 if duration is None else _number(duration)


def _number(element: etree._Element) -> Number:
    text = (element.text or "0").strip()
    if text.isdecimal():
        return int(text)
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        return 0


def _styled(part: etree._Element) -> bool:
    """Name the bar style of repeats inside a bar."""
    changed = False
    for line in part.iter("barline"):
        repeat = line.find("repeat")
        if (
            repeat is not None
            and line.get("location") == "middle"
            and line.find("bar-style") is None
        ):
            style = etree.Element("bar-style")
            style.text = _STYLES.get(repeat.get("direction", ""), "light-heavy")
            line.insert(0, style)
            changed = True
    return changed


def _written_out(part: etree._Element) -> bool:
    """Leave out signs for several bars; their notes stand in the bars."""
    changed = False
    many = False
    for sign in list(part.iter("measure-repeat")):
        if sign.get("type") == "start":
            many = (sign.text or "1").strip() not in ("", "1")
        if many:
            _remove(sign)
            changed = True
        if sign.get("type") == "stop":
            many = False
    return changed


def _without_tuplets(part: etree._Element) -> bool:
    """Take the tuplets from tremolos on whose second note one begins."""
    first: list[etree._Element] = []
    changed = False
    for note in part.iter("note"):
        tremolo = note.find("notations/ornaments/tremolo")
        kind = tremolo.get("type") if tremolo is not None else None
        if kind == "start":
            first = []
        if kind in ("start", "stop"):
            first += note.findall("notations/tuplet")
        if kind == "stop" and any(
            tuplet.get("type") == "start" for tuplet in note.findall("notations/tuplet")
        ):
            for tuplet in first:
                _remove(tuplet)
            changed = True
    return changed


def _one_by_one(parts: list[etree._Element]) -> bool:
    """Leave out multi-bar rests in whose bars there is something."""
    bars = [list(part.iterchildren("measure")) for part in parts]
    changed = False
    for of_part in bars:
        for i, measure in enumerate(of_part):
            for rest in list(measure.iter("multiple-rest")):
                text = (rest.text or "").strip()
                count = int(text) if text.isdecimal() else 1
                covered = [m for other in bars for m in other[i : i + count]]
                later = [m for other in bars for m in other[i + 1 : i + count]]
                if any(_has_notes(m) for m in covered) or any(
                    m.find(s) is not None for m in later for s in _SAYS
                ):
                    _remove(rest)
                    changed = True
    return changed


def _has_notes(measure: etree._Element) -> bool:
    return any(note.find("rest") is None for note in measure.iterchildren("note"))


def _audible(part: etree._Element) -> Iterator[str]:
    for note in part.iter("note"):
        kind = note.find("type")
        if kind is not None and kind.get("size") == "cue" and note.find("cue") is None:
            yield note.get("id", "")


def _shifts(part: etree._Element) -> Iterator[tuple[str, int]]:
    """The notes after a change of transposition, and how much further than the first one it goes.

    All transpositions but those before the first note are taken away: Verovio would lose or misread them.
    """
    first: dict[str, int] = {}
    now: dict[str, int] = {}
    begun = False
    for measure in part.iterchildren("measure"):
        for element in measure:
            if element.tag == "attributes":
                for transpose in element.findall("transpose"):
                    now[transpose.get("number", "")] = _semitones(transpose)
                    if begun:
                        _remove(transpose)
            elif element.tag == "note":
                if not begun:
                    begun, first = True, dict(now)
                staff = (element.findtext("staff") or "1").strip()
                shift, before = (t.get(staff, t.get("", 0)) for t in (now, first))
                if shift != before:
                    yield element.get("id", ""), shift - before


def _semitones(transpose: etree._Element) -> int:
    chromatic, octaves = (transpose.find(name) for name in ("chromatic", "octave-change"))
    whole = _number(chromatic) if chromatic is not None else Fraction(0)
    return int(whole) + 12 * int(_number(octaves) if octaves is not None else 0)


def _remove(element: etree._Element) -> None:
    """Remove an element, and what is around it if that is empty then."""
    parent = element.getparent()
    if parent is None:
        return
    parent.remove(element)
    if not len(parent) and parent.tag in ("measure-style", "attributes", "notations"):
        _remove(parent)
