"""Leave parts out of a MusicXML score."""

from collections.abc import Collection, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from msmdtools.sources.markup import local_name

if TYPE_CHECKING:
    from lxml import etree

# What a direction or a sound says that holds for all parts.
_TYPES = ("metronome", "rehearsal", "segno", "coda")
_REPEATS = ("repeat", "ending")
_SOUNDS = ("tempo", "dacapo", "dalsegno", "segno", "coda", "tocoda", "fine", "forward-repeat")


def keep(root: "etree._Element", kept: Collection[int]) -> None:
    """Leave out all parts but some.

    Directions of the highest part that hold for all (tempi, rehearsal marks, jumps) move to the highest part that
    is left, at the same time of the bar, unless that bar of it has such directions itself. So do repeats.

    Args:
        root: a score-partwise, which is changed.
        kept: numbers of the parts to keep, from 0, in the order of the part list.
    """
    listed = root.findall("{*}part-list/{*}score-part")
    names = {part.get("id") for number, part in enumerate(listed) if number in kept}
    parts = root.findall("{*}part")
    left = [part for part in parts if part.get("id") in names]
    if left and parts[0].get("id") not in names:
        _move(parts[0], left[0])
    for element in (*listed, *parts):
        if element.get("id") not in names:
            _remove(element)
    _without_empty_groups(root)


def _without_empty_groups(root: "etree._Element") -> None:
    """Take groups away that no longer bracket two parts."""
    part_list = root.find("{*}part-list")
    if part_list is None:
        return
    started: dict[str, tuple[etree._Element, int]] = {}
    seen = 0
    for element in list(part_list):
        number = element.get("number", "1")
        if local_name(element) == "score-part":
            seen += 1
        elif element.get("type") == "start":
            started[number] = (element, seen)
        elif number in started:
            start, before = started.pop(number)
            if seen - before < 2:
                part_list.remove(start)
                part_list.remove(element)


def _move(source: "etree._Element", target: "etree._Element") -> None:
    bars = dict(enumerate(target.findall("{*}measure")))
    lengths = {id(part): Fraction(1) for part in (source, target)}
    for number, measure in enumerate(source.findall("{*}measure")):
        divisions = _divisions(measure, lengths[id(source)])
        shared = list(_shared(measure, divisions))
        lengths[id(source)] = divisions
        if (bar := bars.get(number)) is None:
            continue
        lengths[id(target)] = own = _divisions(bar, lengths[id(target)])
        if shared and not any(_holds_for_all(element) for element in bar):
            for at, element in shared:
                _insert(bar, element, at, own)
        _move_repeats(measure, bar)


def _move_repeats(measure: "etree._Element", bar: "etree._Element") -> None:
    """Move bar lines with repeats and endings into a bar that has no bar line at their place."""
    there = {line.get("location", "right") for line in bar.iterfind("{*}barline")}
    for line in measure.findall("{*}barline"):
        place = line.get("location", "right")
        if place not in there and any(line.find(f"{{*}}{name}") is not None for name in _REPEATS):
            bar.insert(0 if place == "left" else len(bar), line)


def _shared(
    measure: "etree._Element", divisions: Fraction
) -> "Iterator[tuple[Fraction, etree._Element]]":
    """The directions of a bar that hold for all parts, with their times in quarter notes."""
    now = Fraction(0)
    for element in measure:
        if _holds_for_all(element):
            offset = _number(element.findtext("{*}offset")) / divisions
            yield max(Fraction(0), now + offset), element
        now += _length(element) / divisions


def _holds_for_all(element: "etree._Element") -> bool:
    name = local_name(element)
    if name not in ("direction", "sound"):
        return False
    sounds = [element] if name == "sound" else element.findall("{*}sound")
    if any(sound.get(kind) is not None for sound in sounds for kind in _SOUNDS):
        return True
    return any(local_name(kind) in _TYPES for kind in element.iterfind("{*}direction-type/*"))


def _insert(
    bar: "etree._Element", element: "etree._Element", at: Fraction, divisions: Fraction
) -> None:
    """Put a direction into a bar, at a time in quarter notes: before what begins there, or by its offset."""
    for offset in element.findall("{*}offset"):
        element.remove(offset)
    for staff in (*element.findall("{*}staff"), *element.findall("{*}voice")):
        element.remove(staff)
    now = Fraction(0)
    position = 0
    best = (at, 0)
    for position, other in enumerate(bar):
        name = local_name(other)
        chord = other.find("{*}chord") is not None
        if name in ("note", "backup", "forward") and not chord and 0 <= at - now < best[0]:
            best = (at - now, position)
        now += _length(other) / divisions
    distance, position = best
    if distance == at:  # from the beginning of the bar
        position = next(
            (n for n, e in enumerate(bar) if local_name(e) in ("note", "backup", "forward")),
            len(bar),
        )
        distance = at
    if distance and local_name(element) == "direction":
        offset = element.makeelement(element.tag.replace("direction", "offset"), {"sound": "yes"})
        offset.text = str(float(distance * divisions)).removesuffix(".0")
        after = element.find("{*}sound")
        element.insert(len(element) if after is None else element.index(after), offset)
    bar.insert(position, element)


def _length(element: "etree._Element") -> Fraction:
    """How far an element of a bar moves time on, in divisions."""
    name = local_name(element)
    if name not in ("note", "backup", "forward"):
        return Fraction(0)
    if name == "note" and (
        element.find("{*}chord") is not None or element.find("{*}grace") is not None
    ):
        return Fraction(0)
    duration = _number(element.findtext("{*}duration"))
    return -duration if name == "backup" else duration


def _divisions(measure: "etree._Element", before: Fraction) -> Fraction:
    stated = measure.find("{*}attributes/{*}divisions")
    return _number(stated.text) if stated is not None and _number(stated.text) > 0 else before


def _number(text: str | None) -> Fraction:
    try:
        return Fraction((text or "0").strip())
    except (ValueError, ZeroDivisionError):
        return Fraction(0)


def _remove(element: "etree._Element") -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)
