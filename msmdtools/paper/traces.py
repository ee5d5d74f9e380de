"""Staves as they run over a picture: their lines, their pieces put together, and which of them are sure."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# How clear the staves of a page must be, and of them, how clear and open others must be: long ones, whose
# spaces notes may fill, and short ones, which beams may look like.
_CLEAR = 0.5
_LONG, _SHORT = 0.45, 0.55
_STEEPER = 0.015  # than the next staves, a short one that is none


@dataclass(frozen=True, eq=False)
class Trace:
    """A staff as it runs over a picture.

    Attributes:
        x0, x1: where it begins and ends, px.
        x, y: places of its middle line, about one for each strip, px; (n,).
        space: distance of its lines, px.
        clear: how much darker its lines are than its spaces, of how dark they are; about 1.
        open: the same where notes do not fill its spaces.
    """

    x0: float
    x1: float
    x: Floats
    y: Floats
    space: float
    clear: float
    open: float

    @cached_property
    def line(self) -> tuple[float, float]:
        """The slope and, at x = 0, the height of the straight line that it is nearest to."""
        return nearest_line(self.x, self.y, np.ones_like(self.x))

    @property
    def slope(self) -> float:
        """By how many px it goes down for each to the right."""
        return self.line[0]

    def middle(self, x: NDArray[np.floating]) -> Floats:
        """The y of its middle line at some x; beyond its ends as far from the straight line as there."""
        slope = self.slope
        bend = np.interp(x, self.x, self.y - slope * self.x)
        return np.asarray(bend + slope * x, np.float64)


def nearest_line(x: Floats, y: Floats, weights: Floats) -> tuple[float, float]:
    """The slope and the height at 0 of the straight line nearest to places."""
    total = max(float(weights.sum()), 1e-12)
    middle, height = float(weights @ x) / total, float(weights @ y) / total
    off = x - middle
    spread = float(weights @ (off * off))
    slope = float(weights @ (off * (y - height))) / spread if spread > 0 else 0.0
    return slope, height - slope * middle


def merged(found: Sequence[Trace]) -> list[Trace]:
    """Staves that were found in pieces, put together."""
    whole: list[Trace] = []
    for trace in sorted(found, key=lambda trace: trace.x0):
        for i, other in enumerate(whole):
            if _continues(other, trace):
                whole[i] = _together(other, trace)
                break
        else:
            whole.append(trace)
    return sorted(whole, key=lambda trace: float(trace.y.mean()))


def _continues(left: Trace, right: Trace) -> bool:
    """Whether a staff is the rest of one to its left."""
    space = (left.space + right.space) / 2
    if abs(left.space - right.space) > 0.12 * space or right.x0 - left.x1 > 14 * space:
        return False
    at = np.array([(left.x1 + right.x0) / 2])
    return bool(abs(left.middle(at) - right.middle(at))[0] < 0.7 * space)


def _together(left: Trace, right: Trace) -> Trace:
    longer = left if left.x1 - left.x0 >= right.x1 - right.x0 else right
    other = right if longer is left else left
    beyond = (other.x < longer.x[0]) | (other.x > longer.x[-1])
    x = np.concatenate([longer.x, other.x[beyond]])
    y = np.concatenate([longer.y, other.y[beyond]])
    order = np.argsort(x)
    parts = np.array([len(longer.x), int(beyond.sum())])
    clear, open_ = (
        float(parts @ values / parts.sum())
        for values in ((longer.clear, other.clear), (longer.open, other.open))
    )
    ends = min(left.x0, right.x0), max(left.x1, right.x1)
    return Trace(*ends, x[order], y[order], longer.space, clear, open_)


def sure(found: Sequence[Trace]) -> list[Trace]:
    """What is long and clear enough beside the others; beams and text in lines are neither."""
    if not found:
        return []
    widest = max(trace.x1 - trace.x0 for trace in found)
    long = [trace for trace in found if trace.x1 - trace.x0 > 0.5 * widest]
    clear = float(np.median([trace.clear for trace in long]))
    if clear < _CLEAR:
        return []
    usual = float(np.median([trace.open for trace in long]))
    kept = [trace for trace in long if trace.open > _LONG * usual]
    for trace in sorted(found, key=lambda trace: -trace.clear):
        if any(trace is other for other in long) or trace.clear < _SHORT * clear:
            continue
        near = sorted(kept, key=lambda other: abs(float(other.y.mean() - trace.y.mean())))[:3]
        slopes = [other.slope for other in near if other.x1 - other.x0 > 0.5 * widest]
        if slopes and min(abs(trace.slope - slope) for slope in slopes) > _STEEPER:
            continue
        if not any(_overlap(trace, other) for other in kept):
            kept.append(trace)
    return sorted(kept, key=lambda trace: float(trace.y.mean()))


def _overlap(a: Trace, b: Trace) -> bool:
    """Whether two staves would lie over each other."""
    low, high = max(a.x0, b.x0), min(a.x1, b.x1)
    at = np.array([(low + high) / 2])
    apart = abs(a.middle(at) - b.middle(at))[0]
    return bool(low < high and apart < 2.2 * (a.space + b.space))
