"""Staves traced over a page, by narrow upright strips of it.

Within a strip as wide as a note head every staff line is level, however the page lies, and what is not a line
is seldom as regular:

1. The picture becomes strips of `STRIP` px, each the mean darkness of its rows.
2. The distance of staff lines is the highest peak of the strips' autocorrelation.
3. Combs: how much darker five rows at that distance are than the rows halfway between. The weakest line
   may be missing, and two of the four spaces may be filled.
4. Paths: combs are added up from strip to strip, along whichever of the rows above, beside and below is best,
   and from both sides. So a staff is a ridge, even where notes hide it, where the page bends or is turned.
5. Along a ridge the strips are laid level, and their mean must have five lines and no sixth.

No learned model is used. Lines may rise or fall by up to 6 degrees.

Sources: staff lines as paths, J. S. Cardoso et al., "Staff detection with stable paths", IEEE TPAMI 31
(2009); combs of five lines, A. Rebelo et al., "Optical music recognition: state-of-the-art and open
issues", IJMIR 1 (2012), section 3.
"""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from msmdtools.paper.combs import LINES, STRIP, added, best_space, combs, spaces_of, strips_of
from msmdtools.paper.traces import Trace, merged, nearest_line, sure

Image = NDArray[np.uint8]
Floats = NDArray[np.float64]

_LEAST = 0.5  # the lowest ridge, of about 24 where a staff is black on white
_FAINTEST = 0.3  # of the highest ridge
_SHORTEST = 8  # spaces
_TAIL = 24  # strips beyond a staff in which it is still on a ridge
_MOST = 64  # staves of a page


def traces(dark: Image) -> list[Trace]:
    """The staves of a picture, from top to bottom.

    Args:
        dark: uint8, (height, width), 0 where the paper is; lines are level to 6 degrees.
    """
    strips = strips_of(dark)
    space = best_space(strips, spaces_of(strips))
    if space is None:
        return []
    traced, highest = _traced(strips, space, dark, _LEAST)
    found = sure(merged(traced))
    if found:
        found += _others(strips, found, dark, _FAINTEST * highest)
    return sorted(found, key=lambda trace: float(trace.y.mean()))


def _others(strips: Image, found: list[Trace], dark: Image, floor: float) -> list[Trace]:
    """Staves of another size, such as a singer's above a piano; what is short, as an ossia, is none."""
    rest = strips.copy()
    places = STRIP * (np.arange(len(rest)) + 0.5)
    for trace in found:
        _wipe(rest, np.round(trace.middle(places)), round((LINES / 2 + 0.5) * trace.space), 0)
    usual = float(np.median([trace.space for trace in found]))
    space = best_space(rest, spaces_of(rest, usual))
    if space is None:
        return []
    others = sure(merged(_traced(rest, space, dark, floor)[0]))
    return [trace for trace in others if _along(trace, found)]


def _along(trace: Trace, others: Sequence[Trace]) -> bool:
    """Whether a staff begins and ends as the one that is next to it."""
    next_ = min(others, key=lambda other: abs(float(other.y.mean() - trace.y.mean())))
    return max(abs(trace.x0 - next_.x0), abs(trace.x1 - next_.x1)) < 3 * next_.space


def _traced(strips: Image, space: float, dark: Image, floor: float) -> tuple[list[Trace], float]:
    """Staves at the ridges that are higher than `floor`, and how high the highest is."""
    clear = combs(strips, space)
    comb: NDArray[np.float32] = clear.astype(np.float32) / np.float32(255)
    total = added(comb)
    total += added(comb[::-1])[::-1]
    total -= comb
    count, height = total.shape
    places = STRIP * (np.arange(count) + 0.5)
    apart = round((LINES - 0.6) * space)
    found: list[Trace] = []
    clearest = 0.0
    for _ in range(2 * _MOST):
        at, row = divmod(int(total.argmax()), height)
        if total[at, row] <= max(_FAINTEST * clearest, floor):
            break
        path = _path(total, at, row)
        along = comb[np.arange(count), path]
        begin, end = _extent(along, space, at)
        trace = None
        if (end - begin) * STRIP >= _SHORTEST * space:
            trace = _settled(strips, clear, path, (begin, end), space, dark)
        if trace is not None:
            found.append(trace)
            clearest = max(clearest, float(total[at, row]))
            first, last = round(trace.x0 / STRIP) - _TAIL, round(trace.x1 / STRIP) + _TAIL
            middles, near = np.round(trace.middle(places)), apart
        else:
            first, last, near = at - _TAIL // 2, at + _TAIL // 2, round(space)
            middles = path.astype(np.float64)
        first = max(first, 0)
        for wiped in (total, comb):
            _wipe(wiped, middles[first:last], near, first)
    return found, clearest


def _wipe(strips: NDArray[Any], middles: NDArray[Any], near: int, first: int) -> None:
    """Set to 0 what is so near to a height in each strip, from the first one on."""
    rows = middles.astype(np.int64)[:, np.newaxis] + np.arange(-near, near + 1)
    columns = np.arange(first, first + len(rows))[:, np.newaxis]
    strips[columns, np.clip(rows, 0, strips.shape[1] - 1)] = 0


def _path(total: NDArray[np.float32], at: int, row: int) -> NDArray[np.int64]:
    """The ridge through a place: the row in each strip."""
    count, height = total.shape
    path = np.empty(count, np.int64)
    path[at] = row
    for step, last in ((1, count), (-1, -1)):
        y = row
        for j in range(at + step, last, step):
            here = total[j]
            best, value = y, here[y]
            if y > 0 and here[y - 1] > value:
                best, value = y - 1, here[y - 1]
            if y + 1 < height and here[y + 1] > value:
                best = y + 1
            path[j] = y = best
    return path


def _extent(along: NDArray[np.float32], space: float, at: int) -> tuple[int, int]:
    """The strips from which to which combs are seen, around one of them."""
    seen = along[along > 0.02]
    if not len(seen):
        return at, at
    on = along > 0.35 * np.quantile(seen, 0.7)
    gap = max(round(6 * space / STRIP), 3)
    places = np.flatnonzero(on)
    breaks = np.flatnonzero(np.diff(places) > gap)
    starts = places[np.concatenate([[0], breaks + 1])]
    ends = places[np.concatenate([breaks, [len(places) - 1]])] + 1
    longest = int((ends - starts).argmax())
    begin, end = int(starts[longest]), int(ends[longest])
    if on[begin:end].mean() < 0.35:
        return at, at
    return begin, end


def _settled(
    strips: Image,
    comb: Image,
    path: NDArray[np.int64],
    extent: tuple[int, int],
    space: float,
    dark: Image,
) -> Trace | None:
    """The staff along a path, or None where its strips, laid level, have no five lines."""
    count, height = strips.shape
    begin, end = extent
    columns = np.arange(begin, end)
    sure_of = comb[np.arange(len(strips)), path] + 1.0
    y = _smooth(path.astype(np.float64), sure_of, begin, end, space)
    reach = round(3.6 * space)
    offsets = np.arange(-reach, reach + 1)
    rows = np.clip(np.round(y[begin:end]).astype(np.int64)[:, np.newaxis] + offsets, 0, height - 1)
    level = strips[columns[:, np.newaxis], rows].astype(np.float32)
    # Lines are dark in most strips; notes and beams seldom fill a space in as many.
    low, mean = np.quantile(level, 0.25, axis=0), level.mean(axis=0)
    base = float(np.quantile(mean, 0.1))
    profile = low + 0.5 * (mean - base)
    middles, heights = zip(
        *(_peak(profile, reach + k * space, 0.3 * space) for k in range(-3, 4)), strict=True
    )
    peaks = np.array(heights)
    # One line up or down, it may be more of a staff: ledger lines are fewer than staff lines.
    shift = max(
        (-1, 0, 1), key=lambda s: 5 * peaks[1 + s : 6 + s].min() + peaks[1 + s : 6 + s].sum()
    )
    first = 1 + shift
    lines = peaks[first : first + LINES]
    counted = np.arange(LINES, dtype=np.float64)
    distance, top = nearest_line(counted, np.array(middles[first : first + LINES]), np.ones(LINES))
    if not 0.85 * space < distance < 1.18 * space:
        return None
    at = top + (np.arange(LINES - 1) + 0.5) * distance
    filled, often = (np.median(np.interp(at, np.arange(len(p)), p)) for p in (mean - base, low))
    line = float(np.median([mean[round(middle)] for middle in middles[first : first + LINES]]))
    outer = [peaks[first - 1] if first else 0.0, peaks[first + 5] if first + 5 < 7 else 0.0]
    if min(lines) < 0.25 * np.median(lines) or often > 0.7 * (line - base):
        return None
    if max(outer) > 0.8 * np.median(lines):
        return None
    y = _refined(strips, y + (top + 2 * distance - reach), distance, begin, end) + 0.5
    begin, end = _whole(strips, y - 0.5, distance, begin, end)
    x = STRIP * (np.arange(count, dtype=np.float64) + 0.5)
    x0, x1 = _ends(dark, x, y, distance, begin * STRIP, end * STRIP)
    inside = slice(begin, end)
    rows = np.clip(y.astype(np.int64), 1, height - 2)
    seen = np.max([comb[np.arange(count), rows + d][inside] for d in (-1, 0, 1)], axis=0)
    share = float(seen.mean()) / max(line, 1.0)
    clear, open_ = (share * max(1 - float(v) / (line - base), 0.0) for v in (filled, often))
    return Trace(x0, x1, x[inside], y[inside], distance, clear, open_)


def _whole(strips: Image, y: Floats, space: float, begin: int, end: int) -> tuple[int, int]:
    """The strips in which four of the lines are dark, with what is between and beside them."""
    count, height = strips.shape
    rows = np.round(y + (np.arange(LINES) - LINES // 2)[:, np.newaxis] * space).astype(np.int64)
    columns = np.arange(count)
    dark = np.max([strips[columns, np.clip(rows + d, 0, height - 1)] for d in (-1, 0, 1)], axis=0)
    four = np.sort(dark, axis=0)[1]
    on = four > 0.4 * np.median(four[begin:end])
    on[begin:end] = True
    longest = max(round(4 * space / STRIP), 2)  # what may be missing
    short = max(round(1.5 * space / STRIP), 1)  # what does not count beyond it
    places = np.flatnonzero(on)
    parts = np.split(places, np.flatnonzero(np.diff(places) > 1) + 1)
    at = next(i for i, part in enumerate(parts) if part[0] <= begin <= part[-1])
    first, last = int(parts[at][0]), int(parts[at][-1])
    for part in parts[at + 1 :]:
        if part[0] - last - 1 > longest:
            break
        if len(part) >= short:
            last = int(part[-1])
    for part in parts[:at][::-1]:
        if first - part[-1] - 1 > longest:
            break
        if len(part) >= short:
            first = int(part[0])
    return first, last + 1


def _refined(strips: Image, y: Floats, space: float, begin: int, end: int) -> Floats:
    """Heights moved to the centre of gravity of the five lines in each strip."""
    reach = max(round(0.35 * space), 2)
    offsets = np.arange(-reach, reach + 1)
    columns = np.broadcast_to(
        np.arange(len(y), dtype=np.float32)[:, np.newaxis], (len(y), len(offsets))
    )
    lines = np.zeros(columns.shape, np.float32)
    for k in range(LINES):
        rows = y[:, np.newaxis] + (k - LINES // 2) * space + offsets
        lines += cv2.remap(strips, rows.astype(np.float32), columns, cv2.INTER_LINEAR)
    lines -= np.median(lines, axis=1, keepdims=True)
    weights = np.maximum(lines, 0) ** 2
    sums = weights.sum(axis=1) + 1e-3
    return _smooth(y + weights @ offsets / sums, np.sqrt(sums), begin, end, space)


def _smooth(path: Floats, sure: NDArray[np.floating], begin: int, end: int, space: float) -> Floats:
    """Heights along a path, as a line and what it bends by where the staff is seen."""
    x = np.arange(len(path), dtype=np.float64)
    weights = np.zeros(len(path))
    weights[begin:end] = sure[begin:end] / max(float(sure[begin:end].max()), 1e-6) + 1e-3
    robust, line = weights, path
    for _ in range(4):
        slope, height = nearest_line(x, path, robust)
        line = slope * x + height
        off = np.abs(path - line)
        scale = max(float(np.median(off[begin:end])), 1.0)
        robust = weights / (1 + (off / scale) ** 2)
    rest = ((path - line) * weights).astype(np.float32)[np.newaxis]
    sigma = max(8 * space / STRIP, 2.0)
    sums, of = (
        cv2.GaussianBlur(v, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)[0]
        for v in (rest, weights.astype(np.float32)[np.newaxis])
    )
    return np.asarray(line + sums / (of + 1e-3), np.float64)


def _peak(profile: NDArray[np.floating], near: float, reach: float) -> tuple[float, float]:
    """The centre of gravity of the line near a place, and its height."""
    low, high = max(round(near - reach), 0), min(round(near + reach) + 1, len(profile))
    if high <= low:
        return near, 0.0
    top = low + int(profile[low:high].argmax())
    around = np.arange(max(top - 2, 0), min(top + 3, len(profile)))
    weights = np.maximum(profile[around], 0) ** 2
    total = weights.sum()
    if total <= 0:
        return near, 0.0
    return float((around * weights).sum() / total), float(profile[top])


def _ends(
    dark: Image, x: Floats, y: Floats, space: float, begin: float, end: float
) -> tuple[float, float]:
    """The columns from which to which four of a staff's lines go, to the pixel."""
    width = dark.shape[1]
    far = round(1.5 * space) + STRIP
    found = []
    for edge, inwards in ((begin, 1), (end, -1)):
        columns = np.arange(max(round(edge) - far, 0), min(round(edge) + far, width))
        if inwards == 1:
            columns = columns[::-1]  # from inside out
        middle = np.interp(columns, x, y)
        lines = _darkest(dark, columns, [middle + k * space for k in range(-2, 3)], 1)
        spaces = _darkest(dark, columns, [middle + (k + 0.5) * space for k in range(-2, 2)], 0)
        level = float(np.median(lines[1, : far + 1]))
        there = lines[1] > 0.5 * level
        # Where the spaces are as dark, it is a bar line, a brace or a note.
        open_ = there & (spaces[1] < 0.5 * level)
        last = int(np.flatnonzero(open_)[0]) if open_.any() else 0
        for at in np.flatnonzero(open_):
            if at - last > space:
                break
            last = int(at)
        # The bar line at the end belongs to it, where it touches.
        stop = min(last + round(space), len(columns) - 1)
        while last < stop and there[last + 1]:
            last += 1
        found.append(float(columns[last]))
    return found[0], found[1] + 1


def _darkest(
    dark: Image, columns: NDArray[np.int64], heights: list[Floats], near: int
) -> NDArray[np.uint8]:
    """What is darkest within so many px of each height in each column, from light to dark, (heights, n)."""
    rows = [
        np.max(
            [
                dark[np.clip(np.floor(y).astype(np.int64) + d, 0, len(dark) - 1), columns]
                for d in range(-near, near + 1)
            ],
            axis=0,
        )
        for y in heights
    ]
    return np.sort(np.array(rows, np.uint8), axis=0)
