"""The repeats in the performed music, read from LilyPond's records (`repeats.ily` lists the records).

Moments are exact: (main, grace) in quarter notes.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

Moment = tuple[Fraction, Fraction]


@dataclass(frozen=True, slots=True)
class Ending:
    """A part of a repeat that sounds at certain times only, such as a first ending.

    Attributes:
        begin: where it begins.
        end: where it ends.
        times: the passes in which it sounds; the first is 1.
    """

    begin: Moment
    end: Moment
    times: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A repeat as one staff writes it: the music from `begin` to `end` is played `count` times.

    Attributes:
        number: number of the repeat in the records.
        performance: number of the performance in the file, from 0.
        parent: number of the innermost repeat around it, -1 for none.
        count: how many times the music is played.
        last: whether nothing follows it in its own voice.
        source: place in the source, as file:line:column.
        begin: where it begins.
        end: where it ends.
        staff: number of its staff context, -1 for none.
        endings: in the order of their beginnings.
    """

    number: int
    performance: int
    parent: int
    count: int
    last: bool
    source: str
    begin: Moment
    end: Moment
    staff: int
    endings: tuple[Ending, ...]


@dataclass(slots=True)
class RepeatReader:
    """Collects the records of repeats, line by line."""

    _repeats: dict[int, tuple[int, int, int, bool, str]] = field(default_factory=dict)
    _endings: dict[int, tuple[int, tuple[int, ...]]] = field(default_factory=dict)
    _marks: dict[tuple[int, str], tuple[Moment, int]] = field(default_factory=dict)

    def read(self, kind: str, fields: Sequence[str]) -> None:
        """Take up a "repeat", "volta" or "mark" record."""
        match kind:
            case "repeat":
                number, performance, parent, count, last, file, row, column = fields
                source = f"{file}:{row}:{column}" if file else ""
                values = (int(performance), int(parent), int(count), last == "1", source)
                self._repeats[int(number)] = values
            case "volta":
                number, repeat, times = fields
                numbers = tuple(int(t) for t in times.split(",") if t)
                self._endings[int(number)] = (int(repeat), numbers)
            case "mark":
                number, side, onset, grace, staff = fields
                moment = (4 * Fraction(onset), 4 * Fraction(grace))
                self._marks[int(number), side] = (moment, int(staff))

    def repeats(self) -> tuple[Repeat, ...]:
        """All repeats that begin and end in a performance, in the order of the records."""
        spans = {
            number: (begin, self._marks[number, "end"][0], staff)
            for (number, side), (begin, staff) in self._marks.items()
            if side == "begin" and (number, "end") in self._marks
        }
        endings: dict[int, list[Ending]] = defaultdict(list)
        for number, (repeat, times) in self._endings.items():
            if number in spans:
                endings[repeat].append(Ending(*spans[number][:2], times))
        return tuple(
            Repeat(
                number,
                *values,
                *spans[number],
                tuple(sorted(endings[number], key=lambda ending: ending.begin)),
            )
            for number, values in self._repeats.items()
            if number in spans
        )
