"""Staves and systems found in the picture of a page.

1. The picture is brought to one width, and its paper to white.
2. Skew: of all angles, the one that makes the rows' sums of ink differ most (rows of a page that is
   upright have a whole staff line or none of it).
3. Lines: a grey-level opening with a long flat kernel keeps horizontal lines and drops the rest. The
   sum over each row is a profile with a peak for each staff line; its autocorrelation has its
   highest peak at the distance of two staff lines.
4. Staves: five peaks at that distance, with no sixth above or below, over enough columns.
5. Systems: staves that a bar line or a bracket joins. Where nothing is joined on a page, pairs of
   staves of which each is clearly nearer to its partner than to the next pair.

Before that, a page that was photographed askew or that bends is made flat where more staves are found
so, or as many (`msmdtools.paper.rectify`).

No learned model is used. A page may be turned by up to 4 degrees.

Method: run lengths and projections for staff lines as in A. Rebelo et al., "Optical music
recognition: state-of-the-art and open issues", IJMIR 1 (2012), section 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from msmdtools.paper.rectify import Warp, warp_of

Image = NDArray[np.uint8]

WIDTH = 1670  # of the picture that is searched in: two pixels for one of a training page
_STEEPEST = 4.0
_SPACES = (5.0, 90.0)  # distances of staff lines in that picture
_LINES = 5
# Of the lines of a staff, what a gap must have to look like one.
_MISSED = 0.5


@dataclass(frozen=True, slots=True)
class Staff:
    """The box around the lines of a staff, in pixels of the upright picture.

    Attributes:
        space: distance of its lines.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    space: float


@dataclass(frozen=True, slots=True)
class Layout:
    """What was found on a page.

    Attributes:
        angle: degrees by which the picture must be turned counter-clockwise, around its centre, to be
            upright.
        systems: from top to bottom; each has its staves from top to bottom.
        gaps: places between systems, above or below that have as many lines as a staff, and none was found.
        warp: the page was made flat by this before it was turned; None if it was not.
    """

    angle: float
    systems: tuple[tuple[Staff, ...], ...]
    gaps: int = 0
    warp: Warp | None = None

    @property
    def staves(self) -> int:
        """How many staves there are."""
        return sum(map(len, self.systems))

    @property
    def space(self) -> float:
        """The median distance of staff lines in px. Raises ValueError if there are no staves."""
        spaces = [staff.space for system in self.systems for staff in system]
        if not spaces:
            raise ValueError("a page without staves has no distance of staff lines")
        return float(np.median(spaces))


def find_systems(picture: Image) -> Layout:
    """The staves and systems of a page; none where no staves are found.

    Args:
        picture: uint8, (height, width), dark ink on light paper, of any resolution.
    """
    height, width = picture.shape
    if min(height, width) < 2 * _LINES:
        return Layout(0.0, ())
    scale = WIDTH / width
    shape = (WIDTH, max(round(height * scale), 1))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    ink = _ink(np.asarray(cv2.resize(picture, shape, interpolation=method), np.uint8))
    found = _found(ink, scale)
    warp = warp_of(ink)
    if warp is None:
        return found
    flat = _found(np.asarray(warp.flatten(ink, 0.0), np.float32), scale)
    if flat.staves < found.staves:
        return found
    return replace(flat, warp=warp.scaled(1 / scale))


def _found(ink: NDArray[np.float32], scale: float) -> Layout:
    """What there is on a page that is `scale` times as large as the picture."""
    angle = _skew(ink)
    if angle:
        ink = np.asarray(turn(ink, angle, 0.0), np.float32)
    staves = sorted(_staves(ink), key=lambda staff: staff.y0)
    systems = _systems(ink, staves)
    return Layout(
        angle,
        tuple(
            tuple(
                Staff(s.x0 / scale, s.y0 / scale, s.x1 / scale, s.y1 / scale, s.space / scale)
                for s in system
            )
            for system in systems
        ),
        _gaps(ink, systems),
    )


def turn(image: NDArray[Any], angle: float, border: float) -> NDArray[Any]:
    """Turn a picture by some degrees counter-clockwise around its centre; it keeps its shape."""
    height, width = image.shape
    turned: NDArray[Any] = cv2.warpAffine(
        image,
        rotation(width, height, angle),
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderValue=border,
    )
    return turned


def rotation(width: int, height: int, angle: float) -> NDArray[np.float64]:
    """The affine map (2, 3) of `turn`, from pixels of the picture to those of the turned one."""
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)
    return np.asarray(matrix, np.float64)


def whitened(picture: Image) -> Image:
    """The picture with its paper at white, shadows and yellowing taken out."""
    height, width = picture.shape
    small = cv2.resize(
        picture, (max(width // 8, 1), max(height // 8, 1)), interpolation=cv2.INTER_AREA
    )
    # The lightest thing near every place is the paper: nothing printed is that large.
    paper = cv2.dilate(small, np.ones((15, 15), np.uint8))
    paper = cv2.resize(cv2.GaussianBlur(paper, (0, 0), 4), (width, height))
    light = picture.astype(np.float32) / np.maximum(paper.astype(np.float32), 1)
    return np.asarray(np.clip(light * 255, 0, 255), np.uint8)


def _ink(picture: Image) -> NDArray[np.float32]:
    """How dark each pixel is, from 0 to 1; paper has 0."""
    ink = np.float32(1) - whitened(picture).astype(np.float32) / 255
    ink[ink < 0.06] = 0  # noise of the paper
    return np.asarray(ink, np.float32)


def _skew(ink: NDArray[np.float32]) -> float:
    """The angle in degrees that makes staff lines horizontal; 0 where it is too small to matter."""
    strips = 48
    width = ink.shape[1] // strips
    profiles = ink[:, : width * strips].reshape(len(ink), strips, width).mean(axis=2).T
    if not profiles.any():
        return 0.0
    centres = (np.arange(strips) - (strips - 1) / 2) * width
    rows = np.arange(len(ink))

    def sharpness(angle: float) -> float:
        shifts = centres * np.tan(np.radians(angle))
        # Turned counter-clockwise, what is right of the centre goes up.
        moved = [
            np.interp(rows + s, rows, p, left=0, right=0)
            for s, p in zip(shifts, profiles, strict=True)
        ]
        profile = np.sum(moved, axis=0)
        return float((np.diff(profile) ** 2).sum())

    best = 0.0
    for reach, step in ((_STEEPEST, 0.25), (0.25, 0.05), (0.05, 0.01)):
        angles = best + np.arange(-reach, reach + step / 2, step)
        best = float(max(angles, key=sharpness))
    best = min(max(best, -_STEEPEST), _STEEPEST)
    return best if abs(best) >= 0.03 else 0.0


def _staves(ink: NDArray[np.float32]) -> list[Staff]:
    """The staves of an upright page, in any order."""
    space = _space(_lines(ink, 24).sum(axis=1))
    if space is None:
        return []
    lines = _lines(ink, max(round(3 * space), 12))
    found = []
    for top, distance in _combs(lines, space):
        extent = _extent(lines, top, distance)
        if extent is not None:
            edge = 0.05 * distance  # half the thickness of an engraved line
            bottom = top + (_LINES - 1) * distance
            # Pixel i covers i … i + 1: its middle is at i + 1 / 2.
            y0, y1 = top + 0.5 - edge, bottom + 0.5 + edge
            found.append(Staff(extent[0], y0, extent[1], y1, distance))
    return found


def _gaps(ink: NDArray[np.float32], systems: Sequence[Sequence[Staff]]) -> int:
    """How many gaps around the systems have lines as a staff has them."""
    staves = [staff for system in systems for staff in system]
    if not staves:
        return 0
    space = float(np.median([staff.space for staff in staves]))
    lines = _lines(ink, max(round(3 * space), 12))
    # Beams are long as well, and thick.
    thick = np.ones((max(round(0.35 * space), 3), 1), np.uint8)
    thin = lines - cv2.morphologyEx(lines, cv2.MORPH_OPEN, thick)
    rows = thin.sum(axis=1)
    whole = float(np.median([rows[max(int(s.y0), 0) : int(s.y1) + 2].sum() for s in staves]))
    beyond = 1.5 * space
    ends = [(system[0].y0 - beyond, system[-1].y1 + beyond) for system in systems]
    edges = [
        (0.0, ends[0][0]),
        *((a[1], b[0]) for a, b in pairwise(ends)),
        (ends[-1][1], len(rows)),
    ]
    return sum(
        bottom - top > _LINES * space and rows[int(top) : int(bottom)].sum() > _MISSED * whole
        for top, bottom in edges
    )


def _lines(ink: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """The ink of horizontal lines of some length; small breaks are closed first."""
    closed = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones((1, 5), np.uint8))
    # One row up or down is still the line: what is left of a skew does not cut it.
    thick = cv2.dilate(closed, np.ones((3, 1), np.uint8))
    opened = cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones((1, length), np.uint8))
    return np.asarray(np.minimum(opened, closed), np.float32)


def _space(profile: NDArray[np.floating]) -> float | None:
    """The distance of staff lines in px, from the profile's autocorrelation."""
    flat = profile - profile.mean()
    if not flat.any():
        return None
    size = 1 << (2 * len(flat) - 1).bit_length()
    power = np.abs(np.fft.rfft(flat, size)) ** 2
    correlation = np.fft.irfft(power)[: len(flat)]
    low, high = int(_SPACES[0]), min(int(_SPACES[1]), len(flat) // _LINES)
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


def _combs(lines: NDArray[np.float32], space: float) -> list[tuple[float, float]]:
    """Staves by their lines: (middle of the first line, distance), the clearest first."""
    reach = max(round(0.15 * space), 1)
    inked = lines[lines > 0.1]
    if not len(inked):
        return []
    # Columns, not darkness: beams and ledger lines are darker than staff lines, and shorter.
    long = (lines > 0.4 * np.median(inked)).sum(axis=1).astype(np.float32)
    profile = lines.sum(axis=1)
    widest = cv2.dilate(long[:, np.newaxis], np.ones((2 * reach + 1, 1)))[:, 0]
    rows = np.arange(len(profile))

    def at(steps: float) -> NDArray[np.floating]:
        found: NDArray[np.floating] = np.interp(rows + steps * space, rows, widest, left=0, right=0)
        return found

    five = np.min([at(k) for k in range(_LINES)], axis=0)
    between = np.mean(
        [np.interp(rows + (k + 0.5) * space, rows, long) for k in range(_LINES - 1)], axis=0
    )
    beyond = np.maximum(at(-1), at(_LINES))
    score = np.where((beyond < 0.75 * five) & (between < 0.5 * five), five, 0)
    found: list[tuple[float, float]] = []
    taken = np.zeros(len(profile), bool)
    floor = 0.08 * score.max()
    for row in np.argsort(-score):
        if score[row] <= floor:
            break
        if taken[row]:
            continue
        middles = [_peak(profile, row + k * space, reach) for k in range(_LINES)]
        distance, top = np.polyfit(np.arange(_LINES), middles, 1)
        if not 0.8 * space < distance < 1.25 * space:  # one line was taken for two
            score[row] = 0
            continue
        found.append((float(top), float(distance)))
        apart = round((_LINES + 0.5) * space)
        taken[max(row - apart, 0) : row + apart] = True
    return found


def _peak(profile: NDArray[np.floating], near: float, reach: int) -> float:
    """The centre of gravity of the line near a row."""
    low = max(round(near) - 2 * reach, 0)
    part = profile[low : round(near) + 2 * reach + 1]
    top = int(np.argmax(part))
    around = slice(max(top - 2, 0), top + 3)
    weights = part[around] ** 2
    return float(low + (np.arange(len(part))[around] * weights).sum() / max(weights.sum(), 1e-9))


def _extent(lines: NDArray[np.float32], top: float, distance: float) -> tuple[float, float] | None:
    """From which to which column at least four of a staff's lines go; None if that is too little."""
    rows = [round(top + k * distance) for k in range(_LINES)]
    dark = np.array([lines[max(row - 1, 0) : row + 2].max(axis=0) for row in rows])
    inked = dark[dark > 0]
    if not len(inked):
        return None
    there = (dark > 0.4 * np.median(inked)).sum(axis=0) >= _LINES - 1
    gap = 2 * round(distance) + 1
    closed = cv2.morphologyEx(
        there.astype(np.uint8)[np.newaxis], cv2.MORPH_CLOSE, np.ones((1, gap))
    )
    edges = np.diff(np.concatenate([[0], closed[0], [0]]).astype(np.int8))
    runs = list(zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True))
    if not runs:
        return None
    begin, end = max(runs, key=lambda run: int(run[1] - run[0]))
    if end - begin < 8 * distance or there[begin:end].mean() < 0.6:
        return None
    return float(begin), float(end)


def _systems(ink: NDArray[np.float32], staves: Sequence[Staff]) -> list[tuple[Staff, ...]]:
    """Staves from top to bottom, put together to systems."""
    joined = [_joined(ink, upper, lower) for upper, lower in pairwise(staves)]
    if not any(joined):
        joined = _paired(staves)
    systems: list[list[Staff]] = []
    for staff, with_last in zip(staves, [False, *joined], strict=False):
        if with_last:
            systems[-1].append(staff)
        else:
            systems.append([staff])
    return [tuple(system) for system in systems]


def _joined(ink: NDArray[np.float32], upper: Staff, lower: Staff) -> bool:
    """Whether a bar line or a bracket goes from one staff to the one below it."""
    space = (upper.space + lower.space) / 2
    left = max(round(min(upper.x0, lower.x0) - 1.5 * space), 0)
    right = round(min(upper.x1, lower.x1) + space)
    gap = ink[round(upper.y1 + 0.3 * space) : round(lower.y0 - 0.3 * space), left:right]
    if not gap.size:
        return False
    wide = cv2.dilate(gap, np.ones((1, 5), np.uint8))  # a line may lean by two pixels
    through = ((wide > 0.25).mean(axis=0) > 0.97).astype(np.int8)
    starts = np.flatnonzero(np.diff(np.concatenate([[0], through])) == 1)
    begin = round(max(upper.x0, lower.x0) - left + 1.5 * space)
    return bool(len(starts) and (starts[0] <= begin or len(starts) >= 2))


def _paired(staves: Sequence[Staff]) -> list[bool]:
    """Which staves belong to the one above by distance alone: every second, or none."""
    gaps = [lower.y0 - upper.y1 for upper, lower in pairwise(staves)]
    inside, outside = gaps[::2], gaps[1::2]
    paired = len(staves) >= 4 and len(staves) % 2 == 0 and max(inside) < 0.75 * min(outside)
    return [paired and i % 2 == 0 for i in range(len(gaps))]
