"""Tempi, pedals and octave signs, at their places in the bars."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from lxml import etree

from msmdtools.mei.durations import MOST_DOTS
from msmdtools.mei.notes import Bar, Sound
from msmdtools.mei.numbers import real, whole
from msmdtools.mei.places import end_place, place
from msmdtools.mei.staves import Staves
from msmdtools.mei.tree import tag

DEFAULT_US_PER_QUARTER = 1_000_000
PEDAL_UP = 0
_PEDAL = {"down": (127,), "up": (PEDAL_UP,), "half": (64,), "bounce": (PEDAL_UP, 127)}

TEMPO, PEDAL, OCTAVE = tag("tempo"), tag("pedal"), tag("octave")
_MINUTE_US = 60_000_000
_SLOWEST_US = 2**24 - 1
_OCTAVES = {"8": 12, "15": 24, "22": 36}


@dataclass(frozen=True, slots=True)
class Control:
    """An element of a bar that is no note.

    Attributes:
        bar: index of its bar.
    """

    element: etree._Element
    bar: int


def us_per_quarter(element: etree._Element) -> int | None:
    """The tempo that a tempo or scoreDef element gives, in microseconds per quarter note; None for none.

    What is meant for playing (midi.bpm, midi.mspb) counts more than the printed number (mm), which is that of its
    note value, with its dots; a quarter note where none is named.
    """
    us = real(element.get("midi.mspb"), most=_SLOWEST_US)
    if us is None:
        per_minute = real(element.get("midi.bpm"))
        if per_minute is None and (per_minute := real(element.get("mm"))) is not None:
            unit, dots = element.get("mm.unit", "4"), whole(element.get("mm.dots"), 0, 0, MOST_DOTS)
            value = Fraction(8) if unit == "breve" else Fraction(4, whole(unit, 4))
            per_minute *= value * Fraction(2 ** (dots + 1) - 1, 2**dots)
        us = _MINUTE_US / per_minute if per_minute and per_minute > 0 else None
    return min(max(round(us), 1), _SLOWEST_US) if us is not None and us > 0 else None


def tempi(
    controls: Sequence[Control], bars: Sequence[Bar], places: dict[str, int]
) -> list[tuple[int, int]]:
    """The tempo changes of a score.

    Args:
        controls: its control events.
        bars: its bars.
        places: written time of each element that has an id.

    Returns:
        (written time, microseconds per quarter note), by time.
    """
    changes: dict[int, int] = {}
    for control in controls:
        us = us_per_quarter(control.element)
        if us is not None:
            changes[place(control.element, bars[control.bar], places)] = us
    return sorted(changes.items())


def pedals(
    controls: Sequence[Control], bars: Sequence[Bar], places: dict[str, int], staves: Staves
) -> dict[int, list[tuple[int, int]]]:
    """The pedal changes of a score; a pedal sign holds for all staves of its instrument.

    Args:
        controls: its control events.
        bars: its bars.
        places: written time of each element that has an id.
        staves: its staves.

    Returns:
        For each staff, by its number: (written time, value), by time.
    """
    changes: dict[int, list[tuple[int, int]]] = {}
    for control in controls:
        values = _PEDAL.get(control.element.get("dir", ""), ())
        at = place(control.element, bars[control.bar], places)
        named_staff = staves.by_name.get((control.element.get("staff") or "1").split()[0])
        if named_staff is None:
            continue
        for staff in staves:
            if staff.instrument == named_staff.instrument:
                changes.setdefault(staff.number, []).extend((at, value) for value in values)
    for of_staff in changes.values():
        of_staff.sort(key=lambda change: change[0])
    return changes


def shift_octaves(
    controls: Sequence[Control],
    bars: list[Bar],
    places: dict[str, int],
    numbers: dict[str, int],
) -> None:
    """Let notes under an octave sign sound there, where the notes themselves do not say so (oct.ges).

    Args:
        controls: the octave signs.
        bars: all bars, whose notes are changed.
        places: written times by id.
        numbers: for each staff, as elements call it, its number.
    """
    for control in controls:
        sign = control.element
        end = end_place(sign, bars, control.bar, places)
        shift = _OCTAVES.get(sign.get("dis", "8"), 12)
        if end is None:
            continue
        shift = -shift if sign.get("dis.place") == "below" else shift
        begin = place(sign, bars[control.bar], places)
        staff = numbers.get((sign.get("staff") or "").split(" ")[0]) or _staff_at(sign, bars)
        for bar in bars[control.bar :]:
            if bar.start > end:
                break
            for sound in bar.sounds:
                if sound.staff.number == staff and begin <= sound.onset <= end:
                    _raise(sound, shift)


def _staff_at(sign: etree._Element, bars: Sequence[Bar]) -> int:
    start = (sign.get("startid") or "").removeprefix("#")
    return next((s.staff.number for b in bars for s in b.sounds if s.id == start), 1)


def _raise(sound: Sound, shift: int) -> None:
    if not sound.drum and sound.pitch - sound.written == sound.staff.transposition:
        sound.pitch += shift
