"""Put what is played of all movements on one timeline, and say it in quarter notes and ticks.

Movements follow each other with a pause of a second. A passage sounds each time with the tempo and the pedal of
its place on the page.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from fractions import Fraction

from msmdtools.mei.controls import DEFAULT_US_PER_QUARTER, PEDAL_UP
from msmdtools.mei.durations import Units
from msmdtools.mei.notes import Bar, Sound
from msmdtools.mei.order import Passage
from msmdtools.mei.staves import Staff, Staves
from msmdtools.mei.striking import Key, Played
from msmdtools.mei.written import Strike, Written, WrittenMeasure, WrittenNote
from msmdtools.score import TICKS_PER_QUARTER, Part, PedalChange, TempoChange

PAUSE_US = 1_000_000

Changes = Sequence[tuple[int, int]]


class Timeline:
    """What is played, movement after movement, in units."""

    def __init__(self, units: Units) -> None:
        self._units = units
        self._keys: list[Key] = []
        self._played: list[Played] = []
        self._staves: dict[int, list[Staff]] = defaultdict(list)
        self._tempi: list[tuple[int, int]] = []
        self._pedals: list[tuple[int, int, int]] = []
        self._plays: dict[int, int] = {}
        self._begin = 0

    def add(
        self,
        staves: Staves,
        passages: Sequence[Passage],
        played: Played,
        tempi: Changes,
        pedals: dict[int, list[tuple[int, int]]],
        first_bar: int,
    ) -> None:
        """Add a movement after those before it.

        Args:
            staves: its staves.
            passages: what is played of it.
            played: the keys struck.
            tempi: its tempo changes, in written time.
            pedals: the pedal changes of each staff, in written time.
            first_bar: index of its first bar.
        """
        begin = self._begin + played.lead
        for key in played.keys:
            key.onset += self._begin
            key.offset += self._begin
        self._keys += played.keys
        self._played.append(played)
        for staff in staves:
            self._staves[staff.number].append(staff)
        # The tempo holds from the very beginning, grace notes included.
        changes = moved(tempi, passages, DEFAULT_US_PER_QUARTER)
        self._tempi += [
            (max(begin + at, self._begin) if at else self._begin, us) for at, us in changes
        ]
        for number, of_staff in pedals.items():
            changes = moved(of_staff, passages, PEDAL_UP)
            self._pedals += [
                (begin + at, number, value) for at, value in changes[changes[0][1] == PEDAL_UP :]
            ]
        for passage in passages:
            for bar in passage.bars:
                self._plays[first_bar + bar] = self._plays.get(first_bar + bar, 0) + 1
        last = passages[-1]
        end = max([begin + last.end + last.shift, *(key.offset for key in played.keys)])
        pause = PAUSE_US * TICKS_PER_QUARTER // self._tempi[-1][1]
        self._begin = end + pause * self._units.quarter // TICKS_PER_QUARTER

    def written(self, bars: Sequence[Bar], repeats: str, reason: str) -> Written:
        """The written music of all movements.

        Args:
            bars: their bars.
            repeats: how repeats are performed (`Written.repeats`).
            reason: why they are not unfolded (`Written.repeats_reason`).

        Returns:
            The written music.
        """
        numbers = self._part_numbers()
        self._sort(numbers)
        return Written(
            tuple(self._notes(bars)),
            tuple(self._strike(key, numbers) for key in self._keys),
            tuple(TempoChange(self._tick(at), us) for at, us in self._tempi),
            tuple(
                PedalChange(self._tick(at), numbers[number], value)
                for at, number, value in sorted(self._pedals, key=lambda p: p[:2])
                if number in numbers
            ),
            self._parts(numbers),
            tuple(self._measure(bar) for bar in bars),
            repeats,
            reason,
        )

    def _tick(self, at: int) -> int:
        return at * TICKS_PER_QUARTER // self._units.quarter

    def _part_numbers(self) -> dict[int, int]:
        """The number of the part of each staff that sounds, in the order in which they first do."""
        first: dict[int, int] = {}
        for key in self._keys:
            number = key.sound.staff.number
            first[number] = min(first.get(number, key.onset), key.onset)
        order = sorted(first, key=lambda number: (first[number], number))
        return {number: part for part, number in enumerate(order)}

    def _sort(self, numbers: dict[int, int]) -> None:
        """Put the keys in order, by onset, part, pitch and cents."""
        self._keys.sort(
            key=lambda k: (k.onset, numbers[k.sound.staff.number], k.sound.pitch, k.sound.cents)
        )
        for i, key in enumerate(self._keys):
            key.index = i

    def _strike(self, key: Key, numbers: dict[int, int]) -> Strike:
        sound, fraction = key.sound, self._units.fraction
        reason = key.reason
        if key.sounds and not any(s.visible for s in key.sounds):
            reason = "hidden-head"
        return Strike(
            fraction(key.onset),
            fraction(key.offset),
            sound.pitch,
            sound.cents,
            key.velocity,
            numbers[sound.staff.number],
            sound.drum,
            sound.program,
            tuple(s.id for s in key.sounds),
            reason,
        )

    def _notes(self, bars: Sequence[Bar]) -> Iterable[WrittenNote]:
        starts: dict[Sound, list[Key]] = {}
        continues: dict[Sound, list[Key]] = {}
        tied_to: dict[Sound, Sound] = {}
        for played in self._played:
            starts |= played.starts
            continues |= played.continues
            tied_to |= played.tied_to
        fraction = self._units.fraction
        none: list[Key] = []
        for bar in bars:
            silent = "not-performed" if self._plays.get(bar.index) else "unplayed"
            for s in bar.sounds:
                if s.repeats is not None:
                    continue
                started = tuple(key.index for key in starts.get(s, none))
                continued = tuple(key.index for key in continues.get(s, none))
                yield WrittenNote(
                    s.id,
                    s.staff.number,
                    s.layer,
                    s.bar,
                    s.pitch,
                    s.written,
                    s.cents,
                    fraction(s.onset),
                    fraction(s.duration),
                    fraction(s.grace),
                    "" if started or continued else s.reason or silent,
                    started,
                    continued,
                    tied_to[s].id if continued else "",
                )

    def _parts(self, numbers: dict[int, int]) -> tuple[Part, ...]:
        programs: dict[int, dict[int, None]] = defaultdict(dict)
        melodic = set()
        for key in self._keys:
            number = key.sound.staff.number
            programs[number][key.sound.program] = None
            if not key.sound.drum:
                melodic.add(number)
        return tuple(
            Part(
                numbers[number],
                _joined(staff.name for staff in self._staves[number]),
                _joined(staff.short for staff in self._staves[number]),
                tuple(programs[number]),
                number not in melodic,
            )
            for number in sorted(numbers)
        )

    def _measure(self, bar: Bar) -> WrittenMeasure:
        return WrittenMeasure(
            bar.index,
            bar.id,
            bar.number,
            Fraction(bar.start, self._units.quarter),
            Fraction(bar.length, self._units.quarter),
            bar.signature,
            self._plays.get(bar.index, 0),
        )


def moved(changes: Changes, passages: Sequence[Passage], before: int) -> list[tuple[int, int]]:
    """The changes of a value in played time; at a seam it becomes the value at the new place.

    Args:
        changes: (written time, value), by time.
        passages: what is played.
        before: the value before the first change.

    Returns:
        The changes, (played time, value); the first is at the beginning, and none repeats the one before.
    """
    result: list[tuple[int, int]] = []
    for passage in passages:
        value = before
        for at, new in changes:
            if at > passage.start:
                break
            value = new
        if not result or result[-1][1] != value:
            result.append((passage.start + passage.shift, value))
        last = passage is passages[-1]
        result += (
            (at + passage.shift, new)
            for at, new in changes
            if passage.start < at < passage.end or (last and at == passage.end)
        )
    return result


def _joined(names: Iterable[str]) -> str:
    return " / ".join(name for name in dict.fromkeys(names) if name)
