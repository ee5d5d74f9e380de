"""The bars of a score, system by system, from where the engraver began them.

A bar begins where LilyPond counts one, whether a bar line is printed there or not, and at every bar line that is
printed inside of one, as at a repeat sign before an upbeat or in a cadenza; both parts have the number of the
whole. Dashed and dotted bar lines and ticks divide no bar. Where staves count by themselves (in different metres),
the bars are those of the highest one that does.

A bar that is broken over two systems has a place in each. The first bar of a system begins where its staves do,
and the last one ends with them. Grace notes belong to the bar of their main note: where the line is broken between
them, the bar has a part without duration in the system of the grace notes.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from msmdtools.engrave.lilypond.bars import BAR_LINE, WHOLE_SHEET, BarStart, DrawnSystem
from msmdtools.engrave.lilypond.records import Records
from msmdtools.score import Measure, StaffBox


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The time of a sheet.

    Attributes:
        start: score time at which it begins.
        score: number of its score.
        edges: the raw moments at which bars begin.
        raws: the raw moments of `starts`.
        starts: what was recorded of time, in order.
        counted: the beginnings of counted bars, in order.
    """

    start: Fraction
    score: int
    edges: frozenset[Fraction]
    raws: tuple[Fraction, ...]
    starts: tuple[BarStart, ...]
    counted: tuple[BarStart, ...]

    def main(self, raw: Fraction) -> Fraction:
        """The moment without what was skipped before."""
        if not self.starts:
            return raw
        last = self.starts[max(bisect_right(self.raws, raw) - 1, 0)]
        return last.main + max(raw - last.raw, Fraction(0))

    def bar(self, raw: Fraction) -> BarStart | None:
        """The counted bar that a moment lies in; None before the first."""
        k = bisect_right(self.counted, raw, key=lambda bar: bar.raw)
        return self.counted[k - 1] if k else None


def measures(
    records: Records,
    staves: Sequence[StaffBox],
    numbers: Mapping[tuple[int, int], int],
    pixels: Sequence[tuple[float, float]],
    starts: Sequence[Fraction],
    plays: Callable[[int, Fraction], int],
) -> tuple[Measure, ...]:
    """The bars of all systems, in the order of the systems.

    Args:
        records: the records of the engraver.
        staves: the boxes of all staves, in pixels.
        numbers: the number of each system in the piece, by its page (from 0) and its number in the records.
        pixels: pixels per point of each page, in x and in y.
        starts: the score time at which each score starts, in quarter notes.
        plays: tells how often a moment of a score (its number, quarter notes from its start) is played.

    Returns:
        The bars. There are none in systems without staves.
    """
    boxes: dict[int, list[StaffBox]] = defaultdict(list)
    for staff in staves:
        boxes[staff.system].append(staff)
    systems = sorted(
        (numbers[system.page, system.system], system)
        for system in records.bars.systems
        if (system.page, system.system) in numbers
    )
    sheets = _sheets(records, [system for _, system in systems], starts)
    result: list[Measure] = []
    unfinished: dict[int, tuple[Fraction, bool]] = {}
    for number, system in systems:
        sheet = sheets[system.sheet]
        end, begun = unfinished.get(system.sheet, (None, False))
        continued = end == system.start and (begun or system.start not in sheet.edges)
        count = result[-1].measure + 1 - continued if result else 0
        parts = _parts(system, sheet, boxes[number], pixels[system.page][0])
        unfinished[system.sheet] = (system.end, len(parts) > 1 and parts[-2][0] == system.end)
        for k, ((raw, x0), (until, x1)) in enumerate(pairwise(parts)):
            bar = sheet.bar(raw)
            onset = sheet.main(raw)
            result.append(
                Measure(
                    system.page + 1,
                    number,
                    count + k,
                    bar.number if bar else "",
                    x0,
                    min(staff.y0 for staff in boxes[number]),
                    x1,
                    max(staff.y1 for staff in boxes[number]),
                    sheet.start + onset,
                    sheet.main(until) - onset,
                    bar.signature if bar else "",
                    plays(sheet.score, onset),
                )
            )
    return tuple(result)


def _sheets(
    records: Records, systems: Sequence[DrawnSystem], starts: Sequence[Fraction]
) -> dict[int, _Sheet]:
    """The sheets that have systems, by number, in the order of their systems."""
    by_sheet: dict[int, list[BarStart]] = defaultdict(list)
    for start in records.bars.starts:
        by_sheet[start.sheet].append(start)
    lines: dict[int, set[Fraction]] = defaultdict(set)
    for system in systems:
        lines[system.sheet] |= {c.raw for c in system.columns if c.line == BAR_LINE}
    sheets: dict[int, _Sheet] = {}
    score = -1
    for number in dict.fromkeys(system.sheet for system in systems):
        note = records.bars.notes.get(number, -1)
        score = records.notes[note].score if note >= 0 else score + 1
        recorded = by_sheet[number]
        whole = tuple(s for s in recorded if s.timing == WHOLE_SHEET)
        counting = sorted({s.timing for s in recorded if s.counted})
        counted = tuple(s for s in recorded if s.counted and s.timing == counting[0])
        edges = {s.raw for s in counted}
        if len(counting) < 2:
            edges |= lines[number]
        sheets[number] = _Sheet(
            starts[score] if score < len(starts) else Fraction(0),
            score,
            frozenset(edges),
            tuple(s.raw for s in whole),
            whole,
            counted,
        )
    return sheets


def _parts(
    system: DrawnSystem, sheet: _Sheet, staves: Sequence[StaffBox], pixels: float
) -> list[tuple[Fraction, float]]:
    """The edges of a system's bars, both ends among them, as (raw moment, x in pixels); both rise."""
    left, right = min(staff.x0 for staff in staves), max(staff.x1 for staff in staves)
    places: dict[Fraction, tuple[int, float]] = {}
    for column in system.columns:
        inside = column.raw < system.end or (column.raw == system.end and column.graced)
        if system.start < column.raw and inside and column.raw in sheet.edges:
            place = (-column.line, column.x * pixels)
            places[column.raw] = min(places.get(column.raw, place), place)
    edges = [(system.start, left)]
    for raw, (_, x) in sorted(places.items()):
        if edges[-1][1] < x < right and sheet.main(edges[-1][0]) < sheet.main(raw):
            edges.append((raw, x))
    end = (system.end, right)
    while edges[-1][0] not in (system.start, system.end) and (
        sheet.main(edges[-1][0]) >= sheet.main(system.end)
    ):
        edges.pop()
    timed = system.start == system.end or sheet.main(system.start) < sheet.main(system.end)
    return [*edges, end] if timed else []
