"""Link a scan with the engraving of its piece: which bar and which head of the scan is which of the engraving."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from msmdtools.link.aligning import Alignment, align
from msmdtools.link.marks import SystemMarks
from msmdtools.link.tokens import BAR_LINE, COLUMN, END, START, Printed, Written, printed

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# In spaces: where a bar line stands that was not seen, before the first head of its bar.
_BEFORE = 1.9
# Steps by which a head may be off, and spaces by which it may stand beside its column.
_OFF, _BESIDE = 1.0, 1.6


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a scan: the place of a bar of the engraving on it.

    Attributes:
        measure: index of the bar among those of the engraving, in the order of the score.
        system: index of the system of the scan.
        x0, x1: its edges, px.
        seen0, seen1: how sure the bar lines at its edges are; 0 where an edge was estimated.
        agreement: how many of the bar's heads were found, from 0 to 1.
        heads: how many it has.
    """

    measure: int
    system: int
    x0: float
    x1: float
    seen0: float
    seen1: float
    agreement: float
    heads: int


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """The bars and heads of a scan.

    Attributes:
        bars: in the order of the scan.
        heads: (n,) numbers of the note heads of the engraving that were found.
        head_system: (n,) index of the system of the scan of each.
        head_mark: (n,) index of the mark there that is the head.
        head_off: (n,) by how many half spaces it stands off its step.
        quality: of the heads of the bars that are on the scan, the part that was found.
        score: of the alignment.
    """

    bars: tuple[Bar, ...]
    heads: Integers
    head_system: Integers
    head_mark: Integers
    head_off: Floats
    quality: float
    score: float


def link(systems: Sequence[SystemMarks], score: Written) -> Link:
    """Align a scan with an engraving, and say which bar is where.

    Args:
        systems: the marks of the systems of the scan.
        score: the tokens of the engraving (`written`).
    """
    staves = score.steps.shape[1]
    scan = printed(systems, staves)
    counts = np.array([len(system.staves) for system in systems])
    shifts = np.maximum(staves - counts, 0)[scan.at]
    way = align(scan, score, np.zeros_like(shifts))
    if shifts.any():  # the staves that are missing may be those at the top
        other = align(scan, score, shifts)
        way = max(way, other, key=lambda a: a.score)
    found = _heads(systems, scan, score, way, shifts)
    bars = tuple(_bars(systems, scan, score, way))
    expected = sum(bar.heads for bar in bars)
    quality = sum(bar.agreement * bar.heads for bar in bars) / expected if expected else 0.0
    return Link(bars, *found, quality, way.score)


def _bars(
    systems: Sequence[SystemMarks], scan: Printed, score: Written, way: Alignment
) -> list[Bar]:
    bars: list[Bar] = []
    last_line = int(score.bar[-1])
    totals = np.bincount(score.bar, score.count, last_line + 1)
    for index, marks in enumerate(systems):
        own = np.flatnonzero(scan.at == index)
        columns = own[(scan.kind[own] == COLUMN) & (way.partner[own] >= 0)]
        partner = way.partner[columns]
        of_bar = score.bar[partner]
        weight = way.agreement[columns] * score.count[partner]
        begun: tuple[int, float, float] | None = None
        for k in own:
            kind = scan.kind[k]
            if kind == COLUMN:
                continue
            x = float(scan.x[k] + scan.x1[k]) / 2
            arrives, leaves = int(way.arrives[k]), int(way.leaves[k])
            matched = way.partner[k] >= 0 and kind != START
            sure = float(scan.sure[k]) if matched or kind == START else 0.0
            if begun is not None and arrives >= 0 and (matched or kind == END):
                stop = int(score.bar[arrives]) - (1 if score.kind[arrives] == BAR_LINE else 0)
                bar, left, seen = begun
                here = [number for number in range(bar, stop + 1) if number < last_line]
                edges = [left, *_estimated(marks, scan.x[columns], of_bar, here, left, x), x]
                for place, number in enumerate(here):
                    mine = of_bar == number
                    inside = (
                        mine
                        & (scan.x[columns] >= edges[place])
                        & (scan.x[columns] <= edges[place + 1])
                    )
                    agreement = (
                        float(weight[inside].sum() / totals[number]) if totals[number] else 0.0
                    )
                    bars.append(
                        Bar(
                            number,
                            index,
                            edges[place],
                            edges[place + 1],
                            seen if place == 0 else 0.0,
                            sure if place == len(here) - 1 else 0.0,
                            min(agreement, 1.0),
                            int(totals[number]),
                        )
                    )
                begun = None
            if leaves < 0:
                begun = None
            elif kind == START or (begun is None and (matched or way.partner[k] >= 0)):
                begun = (int(score.bar[leaves]), x, sure)
    return bars


def _estimated(
    marks: SystemMarks, x: Floats, of_bar: Integers, bars: Sequence[int], left: float, right: float
) -> list[float]:
    """Where the bar lines between bars are of which none was seen."""
    edges: list[float] = []
    for number, (before, bar) in enumerate(pairwise(bars), 1):
        ahead, behind = x[of_bar == bar], x[of_bar == before]
        if len(ahead):
            edge = float(ahead.min()) - _BEFORE * marks.space
        elif len(behind):
            edge = float(behind.max()) + _BEFORE * marks.space
        else:
            edge = left + (right - left) * number / len(bars)
        edges.append(min(max(edge, edges[-1] if edges else left), right))
    return edges


def _heads(
    systems: Sequence[SystemMarks],
    scan: Printed,
    score: Written,
    way: Alignment,
    shifts: Integers,
) -> tuple[Integers, Integers, Integers, Floats]:
    """The heads of matched columns that were found: number, system, mark, and steps off."""
    numbers, at, mark, off = [], [], [], []
    for k in np.flatnonzero((scan.kind == COLUMN) & (way.partner >= 0)):
        j = way.partner[k]
        index = int(scan.at[k])
        marks = systems[index]
        near = np.flatnonzero(np.abs(marks.x - scan.x[k]) < _BESIDE * marks.space)
        shape = score.steps[j]
        cells = np.argwhere(shape > 0)
        pairs = []
        for place, (staff, step) in enumerate(cells):
            own = staff - (shifts[k] if staff >= shifts[k] else 0)
            if own >= len(marks.staves):
                continue
            away = np.abs(marks.steps(int(own))[near] - (step - shape.shape[1] // 2))
            beside = np.abs(marks.x[near] - scan.x[k]) / marks.space
            pairs += [
                (a + 0.5 * b, place, int(n), a)
                for a, b, n in zip(away, beside, near, strict=True)
                if a <= _OFF
            ]
        taken_cells: set[int] = set()
        taken_marks: set[int] = set()
        for _, place, number, away in sorted(pairs):
            if place in taken_cells or number in taken_marks:
                continue
            taken_cells.add(place)
            taken_marks.add(number)
            for head in _heads_at(score, int(j), cells[place]):
                numbers.append(head)
                at.append(index)
                mark.append(number)
                off.append(away)
    return (
        np.array(numbers, np.int64),
        np.array(at, np.int64),
        np.array(mark, np.int64),
        np.array(off, np.float64),
    )


def _heads_at(score: Written, token: int, cell: Integers) -> list[int]:
    """The heads of a column that stand at a step of a staff."""
    return [
        int(head)
        for head, place in zip(score.heads[token], score.places[token], strict=True)
        if tuple(place) == tuple(cell)
    ]
