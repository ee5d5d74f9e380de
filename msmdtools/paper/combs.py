"""Combs of five lines in narrow upright strips of a page, and ridges of them from strip to strip."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

STRIP = 8  # px
LINES = 5
OTHER = 0.12  # of the distance of lines: staves that differ by more are of another size
_SPACES = (5.0, 90.0)  # distances of staff lines in px
_FIRST = 0.4  # of the highest peak, how high the one of the shortest distance must be
_FADE = 0.92  # of what has been added up, from strip to strip


def strips_of(dark: Image) -> Image:
    """The mean darkness of each row of each strip, (strips, height)."""
    height, width = dark.shape
    count = max(width // STRIP, 1)
    narrow = cv2.resize(dark[:, : count * STRIP], (count, height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(narrow.T)


def spaces_of(strips: Image, but: float | None = None) -> list[float]:
    """What the distance of staff lines may be in px, from the strips' autocorrelation, the likeliest first.

    Args:
        strips: uint8, (strips, height).
        but: a distance that it is not, whose ledger lines may be left over; nor is it half or twice that.

    Returns:
        Up to four distances.
    """
    height = strips.shape[1]
    low, high = int(_SPACES[0]), min(int(_SPACES[1]), height // LINES)
    if high <= low + 2:
        return []
    rows = strips[::2].astype(np.float32)
    rows = cv2.blur(rows, (3, 1)) - cv2.blur(rows, (2 * low - 1, 1))
    size = cv2.getOptimalDFTSize(height + high)
    spectrum = np.fft.rfft(rows, size, axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).sum(axis=0)
    correlation = np.fft.irfft(power, size)[: high + 1]
    peaks = [
        lag
        for lag in range(low, high)
        if correlation[lag] == correlation[max(lag - 2, 0) : lag + 3].max() and correlation[lag] > 0
    ]
    if but is not None:
        apart = OTHER * but
        peaks = [
            lag
            for lag in peaks
            if but / 2 + apart < lag < 2 * but - apart and abs(lag - but) > apart
        ]
    if not peaks:
        return []
    best = max(peaks, key=lambda peak: correlation[peak])
    # Staves are also alike two lines further, or a whole staff.
    first = next(peak for peak in peaks if correlation[peak] > _FIRST * correlation[best])
    inner = [peak for peak in peaks if abs(2 * peak - best) <= 2]
    found = dict.fromkeys([first, best, *inner])
    return [_between(correlation[lag - 1 : lag + 2], lag) for lag in found]


def best_space(strips: Image, spaces: Sequence[float]) -> float | None:
    """Of some distances of lines, the one with the most combs, measured in spaces; None of none."""

    def music(space: float) -> float:
        wide = 2 * _reach(space) + 1
        return float(combs(strips, space).sum()) / (wide * space)

    return max(spaces, key=music) if len(spaces) > 1 else next(iter(spaces), None)


def _between(values: NDArray[np.floating], at: int) -> float:
    """Where a peak is by the parabola through three values around it."""
    left, middle, right = (float(value) for value in values)
    bend = left - 2 * middle + right
    return at + (0.5 * (left - right) / bend if bend else 0.0)


def _moved(strips: Image, by: float) -> Image:
    """Rows that are `by` below, for each row."""
    n = round(by)
    out = np.zeros_like(strips)
    if n >= 0:
        out[:, : strips.shape[1] - n] = strips[:, n:]
    else:
        out[:, -n:] = strips[:, :n]
    return out


def _reach(space: float) -> int:
    """By how many px a line may be away from its place in a comb."""
    return max(round(0.12 * space), 1)


def combs(strips: Image, space: float) -> Image:
    """How clearly each row is the middle line of a staff; as `strips`."""
    reach = _reach(space)
    wide = np.asarray(cv2.dilate(strips, np.ones((1, 2 * reach + 1), np.uint8)), np.uint8)
    lines = [_moved(wide, k * space) for k in range(-2, 3)]
    spaces = [_moved(strips, (k + 0.5) * space) for k in range(-2, 2)]
    # The second least of five, and that of four.
    least, second = cv2.min(lines[0], lines[1]), cv2.max(lines[0], lines[1])
    for line in lines[2:]:
        second = cv2.min(second, cv2.max(least, line))
        least = cv2.min(least, line)
    filled = cv2.min(
        cv2.max(cv2.min(spaces[0], spaces[1]), cv2.min(spaces[2], spaces[3])),
        cv2.min(cv2.max(spaces[0], spaces[1]), cv2.max(spaces[2], spaces[3])),
    )
    # A whole comb is more than one with a line missing: half of each.
    both = cv2.addWeighted(second, 0.5, least, 0.5, 0)
    return np.asarray(cv2.subtract(both, filled), np.uint8)


def added(comb: NDArray[np.float32]) -> NDArray[np.float32]:
    """Combs added up along the best path from the left, (strips, height)."""
    total = comb.copy()
    before = np.zeros(comb.shape[1] + 2, np.float32)
    best = np.empty(comb.shape[1], np.float32)
    for here in total:
        np.maximum(before[:-2], before[2:], out=best)
        np.maximum(best, before[1:-1], out=best)
        best *= _FADE
        np.add(here, best, out=here)
        before[1:-1] = here
    return total
