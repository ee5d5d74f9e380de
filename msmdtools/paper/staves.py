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

import cv2
import numpy as np
from numpy.typing import NDArray

from msmdtools.paper.combs import LINES, STRIP, added, combs, space_of, strips_of
from msmdtools.paper.traces import FAINTEST, Trace, merged, nearest_line, sure

Image = NDArray[np.uint8]
Floats = NDArray[np.float64]

_SHORTEST = 8  # spaces
_MOST = 64  # staves of a page


def traces(dark: Image) -> list[Trace]:
    """The staves of a picture, from top to bottom.

    Args:
        dark: uint8, (height, width), 0 where the paper is; lines are level to 6 degrees.
    """
    strips = strips_of(dark)
    space = space_of(strips)
    if space is None:
        return []
    return sure(merged(_traced(strips, space, dark)))


def _traced(strips: Image, space: float, dark: Image) -> list[Trace]:
    comb: NDArray[np.float32] = combs(strips, space).astype(np.float32) / np.float32(255)
    total = added(comb)
    total += added(comb[::-1])[::-1]
    total -= comb
    count, height = total.shape
    apart = round((LINES - 0.6) * space)
    found: list[Trace] = []
    clearest = 0.0
    for _ in range(2 * _MOST):
        at, row = divmod(int(total.argmax()), height)
        if total[at, row] <= max(FAINTEST * clearest, 0.5):
            break
        path = _path(total, at, row)
        along = comb[np.arange(count), path]
        begin, end = _extent(along, space, at)
        trace = None
        if (end - begin) * STRIP >= _SHORTEST * space:
            trace = _settled(strips, path, along, begin, end, space, dark)
        if trace is not None:
            found.append(trace)
            clearest = max(clearest, float(total[at, row]))
            near, tail = apart, 24
        else:
            near, tail = round(space), 0
            begin, end = max(at - 12, 0), min(at + 12, count)
        for j in range(max(begin - tail, 0), min(end + tail, count)):
            low, high = max(path[j] - near, 0), path[j] + near + 1
            total[j, low:high] = 0
            comb[j, low:high] = 0
    return found


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
    path: NDArray[np.int64],
    along: NDArray[np.float32],
    begin: int,
    end: int,
    space: float,
    dark: Image,
) -> Trace | None:
    """The staff along a path, or None where its strips, laid level, have no five lines."""
    height = strips.shape[1]
    count = len(strips)
    columns = np.arange(begin, end)
    y = _smooth(path.astype(np.float64), along + 1e-3, begin, end, space)
    reach = round(3.6 * space)
    offsets = np.arange(-reach, reach + 1)
    rows = np.clip(np.round(y[begin:end]).astype(np.int64)[:, np.newaxis] + offsets, 0, height - 1)
    level = strips[columns[:, np.newaxis], rows].astype(np.float32)
    profile = level.mean(axis=0)
    base = np.quantile(profile, 0.1)
    profile = profile - base
    middles, heights = zip(
        *(_peak(profile, reach + k * space, 0.3 * space) for k in range(-3, 4)), strict=True
    )
    peaks = np.array(heights)
    # One line up or down, it may be more of a staff.
    shift = max((-1, 0, 1), key=lambda s: peaks[1 + s : 6 + s].sum())
    first = 1 + shift
    lines = peaks[first : first + LINES]
    counted = np.arange(LINES, dtype=np.float64)
    distance, top = nearest_line(counted, np.array(middles[first : first + LINES]), np.ones(LINES))
    if not 0.85 * space < distance < 1.18 * space:
        return None
    between = [
        float(np.interp(top + (k + 0.5) * distance, np.arange(len(profile)), profile))
        for k in range(LINES - 1)
    ]
    outer = [peaks[first - 1] if first else 0.0, peaks[first + 5] if first + 5 < 7 else 0.0]
    if min(lines) < 0.25 * np.median(lines) or np.median(between) > 0.7 * np.median(lines):
        return None
    if max(outer) > 0.8 * np.median(lines):
        return None
    y = _refined(strips, y + (top + 2 * distance - reach), distance, begin, end) + 0.5
    begin, end = _whole(strips, y - 0.5, distance, begin, end)
    x = STRIP * (np.arange(count, dtype=np.float64) + 0.5)
    x0, x1 = _ends(dark, x, y, distance, begin * STRIP, end * STRIP)
    inside = slice(begin, end)
    line = float(np.median(lines))
    share = float(along[inside].mean()) * 255 / max(line + float(base), 1.0)
    clear = share * max(1 - float(np.median(between)) / line, 0.0)
    return Trace(x0, x1, x[inside], y[inside], distance, clear)


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
    height, width = dark.shape
    found = []
    for edge, inwards in ((begin, 1), (end, -1)):
        far = round(1.5 * space) + STRIP
        columns = np.arange(max(round(edge) - far, 0), min(round(edge) + far, width))
        middle = np.interp(columns, x, y)
        seen = np.zeros((LINES, len(columns)), np.uint8)
        for k in range(LINES):
            rows = np.floor(middle + (k - 2) * space).astype(np.int64)
            for d in (-1, 0, 1):
                at = np.clip(rows + d, 0, height - 1)
                np.maximum(seen[k], dark[at, columns], out=seen[k])
        lines = np.sort(seen, axis=0)[1]
        inside = lines[columns >= edge] if inwards == 1 else lines[columns < edge]
        there = lines > 0.5 * (np.median(inside) if len(inside) else 255)
        hits = columns[there]
        if not len(hits):
            found.append(float(edge))
        else:
            # From inside out, over what is no wider than a note head.
            ordered = hits if inwards == -1 else hits[::-1]
            steps = np.abs(np.diff(ordered))
            stop = np.flatnonzero(steps > space)
            last = ordered[stop[0]] if len(stop) else ordered[-1]
            found.append(float(last) if inwards == 1 else float(last) + 1)
    return found[0], found[1]
