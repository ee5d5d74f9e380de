"""Which staves stand together: bar lines, brackets and braces from one staff to the next."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from msmdtools.paper.traces import Trace

Image = NDArray[np.uint8]

_ROWS = 40  # of a gap, at most, that are looked at
# Of the way from staff to staff: where something goes that may be a line, and where it is one. A line is not
# wider, in spaces.
_MOST, _WHOLE = 0.75, 0.95
_WIDEST = 1.0


@dataclass(frozen=True, slots=True)
class Join:
    """What is seen between a staff and the next one below.

    Attributes:
        left: of the way from one to the other, how much the best line goes at their left ends, 0 to 1.
        through: how many lines go all the way, right of there.
        gap: distance from the lowest line to the next highest, in spaces.
    """

    left: float
    through: int
    gap: float


def join_of(dark: Image, upper: Trace, lower: Trace) -> Join:
    """What joins two staves in a picture that is 0 where the paper is."""
    space = (upper.space + lower.space) / 2
    left = max(min(upper.x0, lower.x0) - 1.5 * space, 0)
    right = min(max(upper.x1, lower.x1) + space, dark.shape[1])
    x = np.arange(round(left), round(right), dtype=np.float64)
    top = upper.middle(x) + 2.3 * upper.space
    bottom = lower.middle(x) - 2.3 * lower.space
    gap = float(np.median(bottom - top)) / space
    rows = min(round(gap * space), _ROWS)
    if rows < 2:
        return Join(0.0, 0, gap + 0.6)
    t = (np.arange(rows) + 0.5)[:, np.newaxis] / rows
    y = top + t * (bottom - top)
    slope = (upper.slope + lower.slope) / 2
    at = x - slope * (y - (top + bottom) / 2)
    level = cv2.remap(dark, at.astype(np.float32), y.astype(np.float32) - 0.5, cv2.INTER_LINEAR)
    wide = cv2.dilate(level, np.ones((1, 5), np.uint8))  # a line may lean by two pixels
    share = (wide > 64).mean(axis=0)
    begin = round(max(upper.x0, lower.x0) - left + 1.5 * space)
    first, through = 0.0, 0
    edges = np.diff(np.concatenate([[0], (share > _MOST).astype(np.int8), [0]]))
    for low, high in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
        if high - low > _WIDEST * space + 4:  # the edge of the paper, or of a shadow
            continue
        best = float(share[low:high].max())
        if low < begin:
            first = max(first, best)
        elif best > _WHOLE:
            through += 1
    return Join(first, through, gap + 0.6)


def joined(found: Sequence[Join]) -> list[bool]:
    """For the gaps below each staff of a page but the last: whether the two staves are of one system."""
    certain = [join.left > _MOST or join.through >= 2 for join in found]
    return certain if any(certain) else _paired(found)


def _paired(found: Sequence[Join]) -> list[bool]:
    """The same by distance alone: every second gap, or none."""
    gaps = [join.gap for join in found]
    inside, outside = gaps[::2], gaps[1::2]
    paired = len(gaps) >= 3 and len(gaps) % 2 == 1 and max(inside) < 0.75 * min(outside)
    return [paired and i % 2 == 0 for i in range(len(gaps))]
