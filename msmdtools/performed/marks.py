"""A person's marks in a recording: which place of the score sounds when. The nouns, and what all formats share.

Places are named by bars and beats, as people do, and become score time by the bars of the dataset's piece. A beat
is counted from 1, of the value that the time signature names: an eighth note in 6/8. Where no mark in bars of a
compound time signature (6/8, 9/8, 12/8) has a higher beat than it has dotted beats, the dotted ones are counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from msmdtools.dataset.reader import DatasetPiece
from msmdtools.performed.alignment import refuse

FEWEST = 2
"""So many marks are needed: between them a place has a time."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a piece, both parts of a broken one together.

    Attributes:
        measure: its number in the measures table, from 0.
        number: its printed number; "" for none.
        onset: quarter notes from the start of the piece.
        duration: quarter notes.
        signature: its time signature, such as "6/8"; "" for none.
    """

    measure: int
    number: str
    onset: Fraction
    duration: Fraction
    signature: str

    @property
    def end(self) -> Fraction:
        """Quarter notes from the start of the piece to its end."""
        return self.onset + self.duration

    @property
    def beats(self) -> tuple[int, Fraction]:
        """How many beats a whole bar of its time signature has, and the quarter notes of each."""
        count, _, unit = self.signature.partition("/")
        if not (count.isdigit() and unit.isdigit() and int(count) and int(unit)):
            return 0, Fraction(1)
        return int(count), Fraction(4, int(unit))

    @property
    def is_short(self) -> bool:
        """Whether it has less than its time signature, such as a pickup."""
        count, unit = self.beats
        return self.duration < count * unit


@dataclass(frozen=True)
class Bars:
    """The bars of a piece, in written order, without those that have no duration."""

    bars: tuple[Bar, ...]

    @classmethod
    def of(cls, piece: DatasetPiece) -> "Bars":
        """Gather the bars of a piece.

        Raises:
            PieceError: the dataset has none for it (stage "align").
            DatasetError: a table is missing or damaged.
        """
        found: dict[int, Bar] = {}
        if piece.dataset.has_measures:
            columns = ["measure", "number", "onset_fraction", "duration_fraction", "time_signature"]
            row: Any
            rows = piece.measures[["system", *columns]].sort_values(["measure", "system"])
            for row in rows[columns].itertuples(index=False, name=None):
                measure, number, onset, duration, signature = row
                part = Bar(measure, number, Fraction(onset), Fraction(duration), signature)
                if (first := found.get(measure)) is not None:
                    length = first.duration + part.duration
                    part = Bar(measure, first.number or number, first.onset, length, signature)
                found[measure] = part
        bars = tuple(bar for bar in found.values() if bar.duration > 0)
        if not bars:
            raise refuse(
                "no-bars",
                "the dataset has no bars of this piece, which marks are counted in: build it again with this "
                "version of msmdtools",
            )
        return cls(bars)

    @property
    def end(self) -> Fraction:
        """Where the last bar ends, in quarter notes from the start of the piece."""
        return self.bars[-1].end

    @cached_property
    def by_measure(self) -> dict[int, Bar]:
        """The bars by their numbers in the measures table."""
        return {bar.measure: bar for bar in self.bars}

    @cached_property
    def by_number(self) -> dict[str, list[Bar]]:
        """The bars by their printed numbers, which several may have."""
        result: dict[str, list[Bar]] = {}
        for bar in self.bars:
            result.setdefault(bar.number, []).append(bar)
        return result

    def index_at(self, quarters: Fraction) -> int:
        """Which of the bars holds a moment of the score; the last one, after its end."""
        index = 0
        for number, bar in enumerate(self.bars):
            if bar.onset <= quarters:
                index = number
        return index

    @cached_property
    def downbeats(self) -> tuple[int, ...]:
        """Which of the bars begin with a downbeat: not a pickup, nor the rest of a bar that a repeat divides."""
        result = []
        filled: Fraction | None = (
            None  # how much of its time signature the bar before has, if less than all
        )
        for index, bar in enumerate(self.bars):
            count, unit = bar.beats
            whole = count * unit
            continues = filled is not None and filled + bar.duration <= whole
            if not (continues or (index == 0 and bar.is_short)):
                result.append(index)
            filled = bar.duration if bar.is_short and not continues else None
            if index == 0:
                filled = None
        return tuple(result)


@dataclass(frozen=True, slots=True)
class Named:
    """A mark as its file has it: a second, and a place named by bar and beat or by score time.

    Attributes:
        where: the line of the file, for messages.
        second: seconds from the start of the recording.
        bar: the printed number of a bar; None where the mark has none.
        measure: the number of a bar in the measures table; None where the mark has none.
        beat: beat of the bar, from 1.
        quarters: score time, quarter notes from the start of the piece; None where the mark has none.
    """

    where: str
    second: float
    bar: str | None = None
    measure: int | None = None
    beat: Fraction = Fraction(1)
    quarters: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Anchor:
    """A moment of a recording, and the place of the score that sounds then.

    Attributes:
        second: seconds from the start of the recording.
        quarters: score time, quarter notes from the start of the piece.
        confidence: probability that the second is right; 1 for a mark.
    """

    second: float
    quarters: Fraction
    confidence: float = 1.0


def anchors(marks: Sequence[Named], bars: Bars) -> list[Anchor]:
    """The places of marks in score time.

    Of several bars with one printed number, the one nearest to the bar after the mark before is meant.

    Raises:
        PieceError: a bar or beat is not in the piece (stage "align").
    """
    place_of: list[tuple[Named, Bar]] = []
    expected = 0
    for mark in marks:
        if mark.quarters is None:
            bar = _bar(mark, bars, expected)
            expected = bar.measure + 1
            place_of.append((mark, bar))
    unit_of = _units(place_of)
    bar_of = {id(mark): bar for mark, bar in place_of}
    result = []
    for mark in marks:
        quarters = mark.quarters
        if quarters is None:
            bar = bar_of[id(mark)]
            quarters = bar.onset + (mark.beat - 1) * unit_of.get(bar.signature, Fraction(1))
            if not bar.onset <= quarters < bar.end:
                raise refuse(
                    "marks-of-another-piece",
                    f"{mark.where}: bar {bar.number or bar.measure} has no beat {float(mark.beat):g}: its time "
                    f"signature is {bar.signature or 'not known'}, and it has {float(bar.duration):g} quarters",
                )
        elif not 0 <= quarters <= bars.end:
            raise refuse(
                "marks-of-another-piece",
                f"{mark.where}: the piece has no quarter note {float(quarters):g}: it has {float(bars.end):g} of "
                "them; name the marks of this piece",
            )
        result.append(Anchor(mark.second, quarters))
    return result


def _bar(mark: Named, bars: Bars, expected: int) -> Bar:
    if mark.measure is not None:
        found = [bar] if (bar := bars.by_measure.get(mark.measure)) else []
        what = f"measure {mark.measure}"
    else:
        found = bars.by_number.get(mark.bar or "", [])
        what = f"bar {mark.bar}"
    if not found:
        first, last = bars.bars[0], bars.bars[-1]
        there = (
            f"bars {first.number} to {last.number}"
            if mark.measure is None
            else f"measures {first.measure} to {last.measure}"
        )
        raise refuse(
            "marks-of-another-piece",
            f"{mark.where}: the piece has no {what}, it has {there}; name the marks of this piece",
        )
    return min(found, key=lambda bar: abs(bar.measure - expected))


def _units(marks: Sequence[tuple[Named, Bar]]) -> dict[str, Fraction]:
    """The quarter notes of a counted beat, by time signature."""
    highest: dict[str, Fraction] = {}
    units: dict[str, tuple[int, Fraction]] = {}
    for mark, bar in marks:
        highest[bar.signature] = max(highest.get(bar.signature, Fraction(1)), mark.beat)
        units[bar.signature] = bar.beats
    result = {}
    for signature, (count, unit) in units.items():
        compound = count > 3 and count % 3 == 0
        dotted = compound and 1 < highest[signature] < count // 3 + 1
        result[signature] = 3 * unit if dotted else unit
    return result


def check(marks: Sequence[Named], path: Path) -> None:
    """Refuse marks that are too few, or not in order of time.

    Raises:
        PieceError: they are (stage "read").
    """
    if len(marks) < FEWEST:
        raise refuse(
            "too-few-marks",
            f"{path.name} has {len(marks)} mark{'' if len(marks) == 1 else 's'}, and at least {FEWEST} are needed",
            "read",
        )
    for before, mark in pairwise(marks):
        if mark.second <= before.second:
            raise refuse(
                "marks-not-in-order",
                f"{mark.where}: {mark.second:g} s is not after the mark before it, at {before.second:g} s: sort "
                "the marks by time, and leave one for each moment",
                "read",
            )


def second_of(text: str, where: str) -> float:
    """The seconds of a mark.

    Raises:
        PieceError: the text is no time (stage "read").
    """
    try:
        second = float(text)
    except ValueError:
        second = -1.0
    if not 0 <= second < 1e7:
        raise refuse("damaged", f"{where}: {text!r} is no time in seconds", "read")
    return second


def exact(text: str, where: str, what: str) -> Fraction:
    """A number as it is written, such as "2.5" or "7/3".

    Raises:
        PieceError: it is none (stage "read").
    """
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise refuse("damaged", f"{where}: the {what} {text!r} is no number", "read") from error
