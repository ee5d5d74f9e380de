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

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Floats = NDArray[np.float64]

STRIP = 8  # px
LINES = 5
_SPACES = (5.0, 90.0)  # distances of staff lines in px
_FADE = 0.92  # of what has been added up, from strip to strip
# Of the clearest staves, how clear a staff must be.
_FAINTEST = 0.3
# Of lines as dark as they are and nothing else, how clear the staves of a page must be.
_CLEAR = 0.5
_SHORTEST = 8  # spaces
_MOST = 64  # staves of a page


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """A staff as it runs over a picture.

    Attributes:
        x0, x1: where it begins and ends, px.
        x, y: places of its middle line, about one for each strip, px; (n,).
        space: distance of its lines, px.
        clear: how clearly it is seen, from 0 to 1.
    """

    x0: float
    x1: float
    x: Floats
    y: Floats
    space: float
    clear: float

    @property
    def slope(self) -> float:
        """By how many px it goes down for each to the right."""
        return float(np.polyfit(self.x, self.y, 1)[0])

    def middle(self, x: NDArray[np.floating]) -> Floats:
        """The y of its middle line at some x, beyond its ends as at them with their slope."""
        slope, height = np.polyfit(self.x, self.y, 1)
        level = slope * self.x + height
        return np.asarray(np.interp(x, self.x, self.y - level) + slope * x + height, np.float64)


def strips_of(dark: Image) -> Image:
    """The mean darkness of each row of each strip, (strips, height)."""
    height, width = dark.shape
    count = max(width // STRIP, 1)
    narrow = cv2.resize(dark[:, : count * STRIP], (count, height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(narrow.T)


def space_of(strips: Image) -> float | None:
    """The distance of staff lines in px, from the strips' autocorrelation; None where nothing repeats."""
    height = strips.shape[1]
    low, high = int(_SPACES[0]), min(int(_SPACES[1]), height // LINES)
    if high <= low + 2:
        return None
    rows = strips[::2].astype(np.float32)
    rows -= cv2.blur(rows, (4 * low + 1, 1))
    size = cv2.getOptimalDFTSize(height + high)
    spectrum = np.fft.rfft(rows, size, axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).sum(axis=0)
    correlation = np.fft.irfft(power, size)[: high + 1]
    peaks = [
        lag
        for lag in range(low, high)
        if correlation[lag] == correlation[max(lag - 2, 0) : lag + 3].max() and correlation[lag] > 0
    ]
    if not peaks:
        return None
    lag = max(peaks, key=lambda peak: correlation[peak])
    left, middle, right = correlation[lag - 1 : lag + 2]
    bend = left - 2 * middle + right
    return float(lag + (0.5 * (left - right) / bend if bend else 0))


def _moved(strips: Image, by: float) -> Image:
    """Rows that are `by` below, for each row."""
    n = round(by)
    out = np.zeros_like(strips)
    if n >= 0:
        out[:, : strips.shape[1] - n] = strips[:, n:]
    else:
        out[:, -n:] = strips[:, :n]
    return out


def combs(strips: Image, space: float) -> Image:
    """How clearly each row is the middle line of a staff; as `strips`."""
    reach = max(round(0.12 * space), 1)
    wide = cv2.dilate(strips, np.ones((1, 2 * reach + 1), np.uint8))
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


def _added(comb: NDArray[np.float32]) -> NDArray[np.float32]:
    """Combs added up along the best path from the left, (strips, height)."""
    total = comb.copy()
    before = np.zeros(comb.shape[1] + 2, np.float32)
    best = np.empty(comb.shape[1], np.float32)
    for row in total:
        np.maximum(before[:-2], before[2:], out=best)
        np.maximum(best, before[1:-1], out=best)
        best *= _FADE
        row += best
        before[1:-1] = row
    return total


def traces(dark: Image) -> list[Trace]:
    """The staves of a picture, from top to bottom.

    Args:
        dark: uint8, (height, width), 0 where the paper is; lines are level to 6 degrees.
    """
    strips = strips_of(dark)
    space = space_of(strips)
    if space is None:
        return []
    return _sure(_merged(_traced(strips, space, dark)))


def _merged(found: list[Trace]) -> list[Trace]:
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
    clear = float(parts @ [longer.clear, other.clear] / parts.sum())
    ends = min(left.x0, right.x0), max(left.x1, right.x1)
    return Trace(*ends, x[order], y[order], longer.space, clear)


def _sure(found: list[Trace]) -> list[Trace]:
    """What is long and clear enough beside the others; beams and text in lines are neither."""
    if not found:
        return []
    widest = max(trace.x1 - trace.x0 for trace in found)
    long = [trace for trace in found if trace.x1 - trace.x0 > 0.5 * widest]
    usual = float(np.median([trace.clear for trace in long]))
    if usual < _CLEAR:
        return []
    kept = [trace for trace in long if trace.clear > max(_FAINTEST * usual, 0.1)]
    for trace in sorted(found, key=lambda trace: -trace.clear):
        if any(trace is other for other in long) or trace.clear < 0.55 * usual:
            continue
        near = sorted(kept, key=lambda other: abs(float(other.y.mean() - trace.y.mean())))[:3]
        slopes = [other.slope for other in near if other.x1 - other.x0 > 0.5 * widest]
        if slopes and min(abs(trace.slope - slope) for slope in slopes) > 0.015:
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


def _traced(strips: Image, space: float, dark: Image) -> list[Trace]:
    comb = combs(strips, space).astype(np.float32) / 255
    total = _added(comb)
    total += _added(comb[::-1])[::-1]
    total -= comb
    count, height = total.shape
    apart = round((LINES - 0.6) * space)
    found: list[Trace] = []
    clearest = 0.0
    for _ in range(2 * _MOST):
        at, row = divmod(int(total.argmax()), height)
        if total[at, row] <= max(_FAINTEST * clearest, 0.5):
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
    distance, top = np.polyfit(np.arange(LINES), middles[first : first + LINES], 1)
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
    y = _refined(strips, y + (top + 2 * distance - reach), float(distance), begin, end) + 0.5
    begin, end = _whole(strips, y - 0.5, float(distance), begin, end)
    x = (np.arange(count) + 0.5) * STRIP
    x0, x1 = _ends(dark, x, y, distance, begin * STRIP, end * STRIP)
    inside = slice(begin, end)
    line = float(np.median(lines))
    share = float(along[inside].mean()) * 255 / max(line + float(base), 1.0)
    clear = share * max(1 - float(np.median(between)) / line, 0.0)
    return Trace(x0, x1, x[inside], y[inside], float(distance), clear)


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
    columns = np.broadcast_to(np.arange(len(y), dtype=np.float32)[:, np.newaxis], (len(y), len(offsets)))
    lines = np.zeros(columns.shape, np.float32)
    for k in range(LINES):
        rows = y[:, np.newaxis] + (k - LINES // 2) * space + offsets
        lines += cv2.remap(strips, rows.astype(np.float32), columns, cv2.INTER_LINEAR)
    lines -= np.median(lines, axis=1, keepdims=True)
    weights = np.maximum(lines, 0) ** 2
    sums = weights.sum(axis=1) + 1e-3
    return _smooth(y + weights @ offsets / sums, np.sqrt(sums), begin, end, space)


def _smooth(
    path: Floats, sure: NDArray[np.floating], begin: int, end: int, space: float
) -> Floats:
    """Heights along a path, as a line and what it bends by where the staff is seen."""
    x = np.arange(len(path), dtype=np.float64)
    weights = np.zeros(len(path))
    weights[begin:end] = sure[begin:end] / max(float(sure[begin:end].max()), 1e-6) + 1e-3
    robust, line = weights, path
    for _ in range(4):
        slope, height = np.polyfit(x, path, 1, w=np.sqrt(robust))
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
