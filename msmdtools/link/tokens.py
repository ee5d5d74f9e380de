"""A scan and an engraving as two sequences of the same kind: columns of note heads, and bar lines between them.

A column of the engraving is an onset: the heads that start together in a bar. A column of a scan is what stands
above each other. Heads are compared by staff and step, as they are printed: no clef or key is read.

Source: the idea of comparing staff positions of heads is that of the bootleg score (T. Tanprasert et al.,
"MIDI–sheet music alignment using bootleg score synthesis", ISMIR 2019); here the other side is engraved.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from msmdtools.link.marks import REACH, SystemMarks
from msmdtools.paper.staff_height import SPACES

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

COLUMN, BAR_LINE, START, END = range(4)
STEPS = 2 * REACH + 1
# Heads of a scan so near to each other, in spaces, stand in one column.
_TOGETHER = 0.62
# What a head of a scan says of the step above and below its own.
_NEXT = 0.55
# Bar lines nearer than this, in spaces, are one: a double bar, or a repeat sign.
_DOUBLE = 1.6


@dataclass(frozen=True, slots=True, eq=False)
class Printed:
    """The tokens of a scan, system by system, from left to right; arrays of one length n.

    Attributes:
        kind: COLUMN, BAR_LINE, or START and END of a system.
        at: index of its system among those of the scan.
        x: px of the page; the left edge of the first line of a double bar, and so on: see `x1`.
        x1: of a bar line, the last of its lines; x for others.
        sure: of a bar line, how sure it is; of a column, the sum over its heads.
        steps: (n, staves, STEPS) how sure it is that a head stands there, 0 but for columns.
        heads: for each token, the indices of its heads in the marks of its system.
    """

    kind: Integers
    at: Integers
    x: Floats
    x1: Floats
    sure: Floats
    steps: NDArray[np.float32]
    heads: tuple[Integers, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """The tokens of an engraving in the order of the score; arrays of one length m.

    Attributes:
        kind: COLUMN or BAR_LINE; there is a bar line before each bar, and one at the end.
        bar: index of the bar that begins at a bar line, or to which a column belongs.
        count: heads of a column; 0 for bar lines.
        steps: (m, staves, STEPS) 1 where a head stands.
        heads: for each token, the numbers of its note heads.
        places: for each of them, staff and step as indices in `steps`, (heads, 2).
        measures: the number of each bar in the measures table.
    """

    kind: Integers
    bar: Integers
    count: Integers
    steps: NDArray[np.float32]
    heads: tuple[Integers, ...]
    places: tuple[Integers, ...]
    measures: tuple[int, ...]


class _Token(NamedTuple):
    """One token of a scan; the fields are those of `Printed`."""

    kind: int
    at: int
    x: float
    x1: float
    sure: float
    steps: NDArray[np.float32]
    heads: Integers


def printed(systems: Sequence[SystemMarks], staves: int) -> Printed:
    """The tokens of the systems of a scan.

    Args:
        systems: the marks of its systems.
        staves: how many staves to keep of a system.
    """
    tokens: list[_Token] = []
    empty, none = np.zeros((staves, STEPS), np.float32), np.zeros(0, np.int64)
    for index, marks in enumerate(systems):
        left, right = marks.left, marks.right
        inner = [_Token(BAR_LINE, index, *line, empty, none) for line in _lines(marks)]
        inner += _columns(marks, index, staves)
        tokens.append(_Token(START, index, left, left, 1.0, empty, none))
        tokens += sorted(inner, key=lambda token: (token.x, token.kind))
        tokens.append(_Token(END, index, right, right, 1.0, empty, none))
    kind, at, x, x1, sure, steps, heads = zip(*tokens, strict=True) if tokens else [()] * 7
    return Printed(
        np.array(kind, np.int64),
        np.array(at, np.int64),
        np.array(x, np.float64),
        np.array(x1, np.float64),
        np.array(sure, np.float64),
        np.array(steps, np.float32).reshape(-1, staves, STEPS),
        tuple(heads),
    )


def _lines(marks: SystemMarks) -> list[tuple[float, float, float]]:
    """Bar lines inside a system, double ones as one: left and right line, and how sure."""
    groups: list[list[int]] = []
    near = _DOUBLE * marks.space
    for k, place in enumerate(marks.bar_x):
        # The lines at its ends are START and END.
        if place < marks.left + near or place > marks.right - near:
            continue
        if groups and place - marks.bar_x[groups[-1][-1]] < near:
            groups[-1].append(k)
        else:
            groups.append([k])
    return [
        (float(marks.bar_x[g[0]]), float(marks.bar_x[g[-1]]), float(marks.bar_sure[g].max()))
        for g in groups
    ]


def _columns(marks: SystemMarks, index: int, staves: int) -> list[_Token]:
    """Heads above each other."""
    result = []
    groups: list[list[int]] = []
    for k, place in enumerate(marks.x):
        if groups and place - np.mean(marks.x[groups[-1]]) < _TOGETHER * marks.space:
            groups[-1].append(k)
        else:
            groups.append([k])
    count = min(staves, len(marks.staves))
    by_staff = [marks.steps(staff) for staff in range(count)]
    for group in groups:
        own = np.array(group, np.int64)
        shape = np.zeros((staves, STEPS), np.float32)
        for staff in range(count):
            exact = by_staff[staff][own]
            for step, how in zip(exact, marks.sure[own], strict=True):
                nearest = round(float(step))
                for other in (nearest - 1, nearest, nearest + 1):
                    if abs(other) <= REACH:
                        away = abs(other - step)
                        weight = how * (1.0 if away <= 0.5 else _NEXT if away <= 1.0 else 0.25)
                        cell = (staff, other + REACH)
                        shape[cell] = max(shape[cell], weight)
        x = float(np.average(marks.x[own], weights=marks.sure[own]))
        result.append(_Token(COLUMN, index, x, x, float(marks.sure[own].sum()), shape, own))
    return result


def written(
    measures: "pd.DataFrame", heads: "pd.DataFrame", systems: "pd.DataFrame", staves: int
) -> Written:
    """The tokens of an engraving.

    Args:
        measures: rows of the measures table of a piece.
        heads: its rows of the noteheads table; grace notes are left out.
        systems: its rows of the systems table.
        staves: how many staves to keep of a system.
    """
    boxes = systems.set_index(["system", "staff"])[["y0", "y1"]]
    placed = heads[(heads["system"] > 0) & ~heads["grace"]]
    box = boxes.reindex(list(zip(placed["system"], placed["staff"], strict=True)))
    middle = (box["y0"] + box["y1"]).to_numpy() / 2
    half = (box["y1"] - box["y0"]).to_numpy() / SPACES / 2
    step = np.rint(((placed["y0"] + placed["y1"]).to_numpy() / 2 - middle) / half).astype(int)
    onset = placed["onset_quarters"].to_numpy()
    staff = placed["staff"].to_numpy() - 1
    number = placed["notehead"].to_numpy()
    system = placed["system"].to_numpy()
    bars = list(dict.fromkeys(measures["measure"].tolist()))
    index_of = {bar: k for k, bar in enumerate(bars)}
    owner = np.full(len(placed), -1)
    # A head belongs to the bar of its system that holds its onset.
    columns = ["measure", "system", "onset_quarters", "duration_quarters"]
    rows: Any = measures[columns].sort_values("onset_quarters").itertuples(index=False, name=None)
    for measure, of, begin, length in rows:
        here = (system == of) & (onset >= begin - 1e-9) & (onset < begin + length - 1e-9)
        owner[here] = index_of[measure]
    kind, bar, count, shapes, numbers, places = [], [], [], [], [], []
    no_place = np.zeros((0, 2), np.int64)
    empty, none = np.zeros((staves, STEPS), np.float32), np.zeros(0, np.int64)
    kept = (owner >= 0) & (staff < staves) & (np.abs(step) <= REACH)
    order = np.lexsort((number, onset, owner))
    order = order[kept[order]]
    starts = np.searchsorted(owner[order], np.arange(len(bars) + 1))
    for k in range(len(bars)):
        kind.append(BAR_LINE)
        bar.append(k)
        count.append(0)
        shapes.append(empty)
        numbers.append(none)
        places.append(no_place)
        own = order[starts[k] : starts[k + 1]]
        times = onset[own]
        cuts = np.flatnonzero(np.diff(times) > 1e-6) + 1
        for group in np.split(own, cuts):
            if not len(group):
                continue
            shape = np.zeros((staves, STEPS), np.float32)
            shape[staff[group], step[group] + REACH] = 1
            kind.append(COLUMN)
            bar.append(k)
            count.append(int(shape.sum()))
            shapes.append(shape)
            numbers.append(number[group].astype(np.int64))
            places.append(np.stack([staff[group], step[group] + REACH], axis=1))
    kind.append(BAR_LINE)
    bar.append(len(bars))
    count.append(0)
    shapes.append(empty)
    numbers.append(none)
    places.append(no_place)
    return Written(
        np.array(kind, np.int64),
        np.array(bar, np.int64),
        np.array(count, np.int64),
        np.array(shapes, np.float32).reshape(-1, staves, STEPS),
        tuple(numbers),
        tuple(places),
        tuple(bars),
    )
