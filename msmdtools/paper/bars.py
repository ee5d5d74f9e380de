"""The bars of a sheet on its axis: as they were recorded with a piece, or found in the pictures of its pages.

In a picture, a bar line is a column of a system that is inked from the first to the last line of every staff.
Where the line at the end of the system is drawn between the staves as well, every bar line must be. Stems that
happen to stand above each other touch note heads, so where these are known, a column at the edge of a head is not
a bar line. A double bar counts as one line, and so do the end of a system and the start of the next one, with a
repeat sign there.

A bar begins at its bar line, and sounds from its first beat on, which is some way to the right of it: in the first
bar of a system, after the clef and the key signature.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.paper.axis import Axis, Floats, Integers, Paged

if TYPE_CHECKING:
    import pandas as pd

# A bar line is as wide as a pixel, and may lie across two: this much ink in three, of 255 each.
_INK = 150
# Part of the rows that may be white, such as where a slur's edge is erased.
_WHITE = 0.03
# In px: the distance of a stem from the edge of its head, the largest distance of a bar line from the end of
# the staff lines, and the largest distance between the lines of a double bar (two spaces of a staff).
_STEM, _END, _DOUBLE = 1.6, 8, 13.0
# In px, where no head is known: from a bar line to the first beat, and from the start of a system to it.
_TO_BEAT, _TO_FIRST_BEAT = 14.0, 56.0


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """The bars of a sheet in their order; arrays of one length.

    Attributes:
        measure: number of the bar, from 0.
        number: the number that is printed for it, or would be; "" where it is not known.
        system: the system in which it begins, from 1.
        x: left edge there, in px of the page.
        begins: the same place on the axis, rising from 0; a bar ends where the next one begins.
        beats: the place of its first beat on the axis, never left of `begins`.
    """

    measure: Integers
    number: tuple[str, ...]
    system: Integers
    x: Floats
    begins: Floats
    beats: Floats


def recorded(measures: "pd.DataFrame", heads: "pd.DataFrame", axis: Axis) -> Bars:
    """The bars of the measures table of a piece or print, with the first beats from its note heads.

    Args:
        measures: rows of the measures table, in the order of the paper; a print may have a bar several times.
        heads: rows of the noteheads table.
        axis: the axis of the piece.

    Returns:
        The bars; one that is broken over two systems is that in the first.
    """
    first = ~measures.duplicated("system").to_numpy()
    kept = (measures["measure"] != measures["measure"].shift()).to_numpy()
    rows = measures[kept]
    system, x = rows["system"].to_numpy(np.int64), rows["x0"].to_numpy(np.float64)
    starts, begins = axis.begins[axis.at(system)], axis.strip(system, x)
    # On the axis a system begins at a whole pixel. On a scan other music may stand before the first bar.
    begins = np.where(first[kept] & (begins - starts < _TO_BEAT), starts, begins)
    beats = begins + _TO_BEAT
    placed = heads[(heads["system"] > 0) & ~heads["grace"]]
    centres = (placed["x0"] + placed["x1"]) / 2
    places = placed.assign(x=centres).groupby(["system", "onset_quarters"])["x"].min()
    for number, group in places.groupby(level=0):
        own = np.flatnonzero(system == number)
        onsets = group.index.get_level_values(1).to_numpy(np.float64)
        strip = axis.strip(np.full(len(group), number), group.to_numpy(np.float64))
        beats[own] = np.interp(rows["onset_quarters"].to_numpy(np.float64)[own], onsets, strip)
    return Bars(
        rows["measure"].to_numpy(np.int64),
        tuple(rows["number"].astype(str)),
        system,
        x,
        begins,
        np.maximum(beats, begins),
    )


def found(sheet: Paged, axis: Axis, edges: Mapping[int, Floats]) -> Bars:
    """The bars between the bar lines in the pictures of a sheet.

    Args:
        sheet: the sheet.
        axis: its axis.
        edges: x of the left and right edges of each system's note heads, in px; empty where none are known.

    Returns:
        The bars, numbered from 0. Their printed numbers are not known.

    Raises:
        DatasetError: a file of the dataset is missing or damaged.
    """
    systems, lefts = [axis.system], [axis.lefts]
    page, number = np.zeros((0, 0), np.uint8), 0
    for system, staves in sheet.systems.sort_values(["system", "y0"]).groupby("system"):
        if staves["page"].iloc[0] != number:
            number = int(staves["page"].iloc[0])
            page = sheet.pages[number - 1]
        own = int(str(system))
        of_heads = edges.get(own, np.zeros(0))
        lines = bar_lines(page, staves, of_heads)
        # A repeat sign between clef and first head begins the bar that the system begins with.
        first = of_heads.min() if len(of_heads) else staves["x0"].min() + _TO_FIRST_BEAT
        lines = lines[lines >= first]
        systems.append(np.full(len(lines), own))
        lefts.append(lines)
    of_system, x = np.concatenate(systems), np.concatenate(lefts)
    is_start = np.arange(len(x)) < len(axis.system)
    places = np.clip(axis.strip(of_system, x), 0, axis.length)
    order = np.argsort(places, kind="stable")
    apart = np.append(True, np.diff(places[order]) > _DOUBLE)
    groups = np.split(order, np.flatnonzero(apart)[1:])
    # What follows the last bar line of all is its own other half, or the ends of the staff lines.
    if len(groups) > 1 and axis.length - places[groups[-1][-1]] <= _DOUBLE:
        groups.pop()
    kept = np.array([max(group, key=lambda k: is_start[k]) for group in groups], np.int64)
    begins = places[kept]
    beats = begins + np.where(is_start[kept], _TO_FIRST_BEAT, _TO_BEAT)
    middles = (begins + np.append(begins[1:], axis.length)) / 2
    numbers = ("",) * len(kept)
    measure = np.arange(len(kept))
    return Bars(measure, numbers, of_system[kept], x[kept], begins, np.minimum(beats, middles))


def bar_lines(
    page: NDArray[np.uint8], staves: "pd.DataFrame", edges: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Find the bar lines of a system.

    Args:
        page: the picture, uint8 (height, width), 255 is white.
        staves: the boxes of the system's staves from the top: x0, y0, x1, y1 in px of the page.
        edges: x of the left and right edges of the system's note heads, px.

    Returns:
        The x of the bar lines in px of the page, rising; several for a double bar.
    """
    rows: list[dict[Any, float]] = staves.to_dict("records")
    x0, x1 = min(row["x0"] for row in rows), max(row["x1"] for row in rows)
    line = np.all([_inked(page, row["y0"], row["y1"]) for row in rows], axis=0)
    end = slice(max(int(x1) - _END, 0), int(x1) + _END)
    for above, below in pairwise(rows):
        between = _inked(page, above["y1"], below["y0"])
        if (between & line)[end].any():
            line = line & between
    columns = np.asarray(np.flatnonzero(line) + 0.5, np.float64)
    columns = columns[(columns > x0 - _END) & (columns < x1 + _END)]
    if not len(columns):
        return columns
    groups = np.split(columns, np.flatnonzero(np.diff(columns) > 1.5) + 1)
    middles = np.array([group.mean() for group in groups], np.float64)
    if len(edges):
        middles = middles[np.abs(middles[:, None] - edges).min(axis=1) >= _STEM]
    return middles


def _inked(page: NDArray[np.uint8], top: float, bottom: float) -> NDArray[np.bool_]:
    """Whether each column is inked between two heights."""
    ink = 255 - page[int(np.ceil(top)) + 1 : int(np.floor(bottom)) - 1].astype(np.int32)
    if not len(ink):
        return np.ones(page.shape[1], bool)
    near = ink.copy()
    near[:, 1:] += ink[:, :-1]
    near[:, :-1] += ink[:, 1:]
    return np.asarray(np.quantile(near, _WHITE, axis=0) > _INK)
