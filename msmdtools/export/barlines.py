"""The ink of bar lines: where a line stands on all staves of a system at the end of a bar."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from msmdtools.export.boxes import Box
from msmdtools.paper.axis import Image

# A pixel darker than this is ink, and so much of a column within the staves is ink where a bar line stands.
_INK, _SHARE = 128, 0.9
# How far from the end of a bar its line is looked for, in heights of a staff.
_REACH = 0.5


def bar_line(page: Image, bar: Box, staves: Sequence[Box]) -> tuple[int, int, int, int] | None:
    """The pixels of the bar line that ends a bar.

    Args:
        page: the page's image.
        bar: the bar.
        staves: the staves of its system.

    Returns:
        First column, first row, columns and rows; None where no line is printed through all of the staves.
    """
    rows = np.concatenate([_inside(staff) for staff in staves])
    reach = _REACH * (staves[0].y1 - staves[0].y0)
    first = max(math.floor(bar.x1 - reach), 0)
    columns = page[rows, first : math.ceil(bar.x1 + reach) + 1] < _INK
    lines = np.flatnonzero(columns.mean(axis=0) >= _SHARE)
    if not lines.size:
        return None
    near = lines[np.abs(lines + 0.5 + first - bar.x1).argmin()]
    run = _run(lines, int(near))
    top, bottom = math.floor(bar.y0), math.ceil(bar.y1)
    return first + run[0], top, run[1] - run[0], bottom - top


def _inside(staff: Box) -> NDArray[np.int64]:
    """The rows within a staff, without those that its box only touches."""
    return np.arange(math.ceil(staff.y0), math.floor(staff.y1))


def _run(columns: NDArray[np.int64], near: int) -> tuple[int, int]:
    """The neighbouring columns around one: the first, and the one behind the last."""
    there = set(columns.tolist())
    first = behind = near
    while first - 1 in there:
        first -= 1
    while behind in there:
        behind += 1
    return first, behind
