"""Note heads and bar lines on the systems of a sheet: where they are, on which staff and step, and how sure.

The network (`msmdtools.link.network`) gives two maps of each page. A head is a peak of the first one. A bar line
is a column of a system in which the second one is high on every staff.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from msmdtools.paper.axis import Paged
from msmdtools.paper.staff_height import SPACES

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# A head stands at most so many steps (half spaces) above or below the middle of its staff.
REACH = 16
# The least that a peak must have.
_HEAD, _BAR = 0.25, 0.15
# Cells: heads nearer than this are one.
_APART = 3
# In spaces: nothing left of it is a head, since a clef stands there; how far bar lines may be beyond the staff.
_CLEF, _BEYOND = 2.6, 0.6
# What is ink; the part of its rows that a line through a system has; how far, in spaces, it may be from the ends.
_DARK, _THROUGH, _NEAR = 150, 0.85, 1.7


@dataclass(frozen=True, slots=True, eq=False)
class SystemMarks:
    """What was found on one system; positions in px of the page.

    Attributes:
        system, page: its numbers, from 1.
        staves: (staves, 4) boxes x0, y0, x1, y1, from the top.
        space: distance of its staff lines, px.
        left, right: where it begins and ends: the line before its clefs, and its last bar line.
        x, y, sure: of each head, rising in x; `sure` from 0 to 1.
        bar_x, bar_sure: of each bar line, rising in x.
    """

    system: int
    page: int
    staves: Floats
    space: float
    left: float
    right: float
    x: Floats
    y: Floats
    sure: Floats
    bar_x: Floats
    bar_sure: Floats

    def steps(self, staff: int) -> Floats:
        """Half spaces of each head below the middle line of a staff, numbered from 0."""
        y0, y1 = self.staves[staff, [1, 3]]
        return np.asarray((self.y - (y0 + y1) / 2) / (self.space / 2), np.float64)


def found_marks(sheet: Paged) -> list[SystemMarks]:
    """The heads and bar lines of all systems of a sheet, in their order.

    Args:
        sheet: pages with staff lines 7 px apart (`msmdtools.inputs.pages.Sheet`).
    """
    from msmdtools.link.network import load, probabilities

    network = load()
    found = []
    for number, staves in sheet.systems.groupby("page", sort=True):
        page = sheet.pages[int(str(number)) - 1]
        found += list(_of_page(page, probabilities(network, page), staves))
    return sorted(found, key=lambda marks: marks.system)


def _of_page(
    page: NDArray[np.uint8], maps: NDArray[np.float32], staves: "pd.DataFrame"
) -> Iterator[SystemMarks]:
    columns, rows, sure = _peaks(maps[0])
    groups = {int(str(n)): g.sort_values("y0") for n, g in staves.groupby("system")}
    boxes = {n: g[["x0", "y0", "x1", "y1"]].to_numpy(np.float64) for n, g in groups.items()}
    ends = np.array([[b[:, 1].min(), b[:, 3].max()] for b in boxes.values()])
    # Each head belongs to the nearest system.
    away = np.maximum(np.maximum(ends[:, :1] - rows, rows - ends[:, 1:]), 0)
    owner = np.array(list(boxes))[away.argmin(axis=0)] if len(rows) else np.zeros(0)
    for number, box in boxes.items():
        space = float(np.median(box[:, 3] - box[:, 1]) / SPACES)
        top, bottom = box[:, 1].min(), box[:, 3].max()
        left, right = _ends(page, box, space)
        own = (owner == number) & (columns > left + _CLEF * space)
        own &= (columns < right + space) & (rows > top - (REACH - 4) * space / 2)
        own &= rows < bottom + (REACH - 4) * space / 2
        order = np.flatnonzero(own)[np.argsort(columns[own], kind="stable")]
        bar_x, bar_sure = _bars(maps[1], box, space)
        yield SystemMarks(
            number,
            int(groups[number]["page"].iloc[0]),
            box,
            space,
            left,
            right,
            columns[order],
            rows[order],
            sure[order],
            bar_x,
            bar_sure,
        )


def _ends(page: NDArray[np.uint8], staves: Floats, space: float) -> tuple[float, float]:
    """Where a system begins and ends: at lines through all of it near the ends of its staves, if there are any.

    A brace is beside the line at the left; a bracket is a line, too, but further left.
    """
    x0, x1 = float(staves[:, 0].min()), float(staves[:, 2].max())
    if len(staves) == 1:
        return x0, x1
    rows = page[round(staves[:, 1].min()) + 1 : round(staves[:, 3].max()) - 1] < _DARK
    if not len(rows):
        return x0, x1
    # A line may lean by a pixel to either side.
    inked = cv2.dilate(rows.astype(np.uint8), np.ones((1, 3), np.uint8)).mean(axis=0) > _THROUGH

    def lines(low: float, high: float) -> Integers:
        first = max(round(low), 0)
        return np.flatnonzero(inked[first : max(round(high), first)]) + first

    starts = lines(x0 - _NEAR * space, x0 + 1.7 * _NEAR * space)
    if len(starts):
        line = starts[starts >= starts[-1] - 0.4 * space]
        x0 = float(line.mean()) + 0.5
    ends = lines(x1 - _NEAR * space, x1 + _NEAR * space)
    if len(ends):
        x1 = float(ends[-1])  # without the pixel that was added
    return x0, x1


def _peaks(likely: NDArray[np.float32]) -> tuple[Floats, Floats, Floats]:
    """x, y (px of the page) and height of the peaks of a map."""
    smooth = np.asarray(cv2.GaussianBlur(likely, (3, 3), 0.6), np.float32)
    top = cv2.dilate(smooth, np.ones((_APART, _APART), np.uint8))
    rows, columns = np.nonzero((smooth >= top) & (likely > _HEAD))
    inner = (rows > 0) & (columns > 0) & (rows < len(likely) - 1) & (columns < likely.shape[1] - 1)
    rows, columns = rows[inner], columns[inner]
    x = columns + _offset(smooth, rows, columns, 0, 1)
    y = rows + _offset(smooth, rows, columns, 1, 0)
    # A cell is two px; see the targets of benchmarks/marks.py.
    return 2 * x + 1.0, 2 * y + 1.0, likely[rows, columns].astype(np.float64)


def _offset(
    likely: NDArray[np.float32], rows: Integers, columns: Integers, down: int, right: int
) -> Floats:
    """How far a peak is from the middle of its cell: the top of the parabola through three cells."""
    before = likely[rows - down, columns - right].astype(np.float64)
    here = likely[rows, columns].astype(np.float64)
    behind = likely[rows + down, columns + right].astype(np.float64)
    bend = before - 2 * here + behind
    return np.asarray(
        np.where(bend < 0, 0.5 * (before - behind) / np.minimum(bend, -1e-9), 0.0).clip(-0.5, 0.5)
    )


def _bars(likely: NDArray[np.float32], staves: Floats, space: float) -> tuple[Floats, Floats]:
    """x of bar lines and how sure they are: the mean over the rows of a staff, of the staff that has least."""
    profiles = []
    for _, y0, _, y1 in staves:
        first, last = round((y0 + space / 2) / 2), round((y1 - space / 2) / 2)
        rows = likely[max(first, 0) : max(last, first + 1)]
        # A line may lean by a pixel.
        profiles.append(
            cv2.blur(rows, (3, 1)).mean(axis=0) * 1.5 if len(rows) else np.zeros(likely.shape[1])
        )
    raw = np.prod(np.maximum(profiles, 1e-6), axis=0) ** (1 / len(profiles))
    x0, x1 = staves[:, 0].min() - _BEYOND * space, staves[:, 2].max() + _BEYOND * space
    inner = np.arange(1, len(raw) - 1)
    peak = (raw[1:-1] >= raw[:-2]) & (raw[1:-1] > raw[2:]) & (raw[1:-1] > _BAR)
    columns = inner[peak]
    columns = columns[(2 * columns + 1 > x0) & (2 * columns + 1 < x1)]
    before, here, behind = raw[columns - 1], raw[columns], raw[columns + 1]
    bend = np.minimum(before - 2 * here + behind, -1e-9)
    x = 2 * (columns + 0.5 * (before - behind) / bend) + 1.0
    return np.asarray(x, np.float64), np.minimum(here, 1.0).astype(np.float64)
