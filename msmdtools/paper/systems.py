"""Staves and systems found in the picture of a page.

1. The picture is brought to one width, and its paper to white.
2. Staves are traced over narrow strips of it (`msmdtools.paper.staves`), however they run.
3. A page that was photographed askew or that bends is made flat where as many staves are found so
   (`msmdtools.paper.rectify`); the others are turned by the slope of their staves.
4. Systems: staves that a bar line, a bracket or a brace joins (`msmdtools.paper.joins`). Where nothing is
   joined on a page, pairs of staves of which each is clearly nearer to its partner than to the next pair.

No learned model is used. A page may be turned by up to 4 degrees.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from msmdtools.paper import joins, rectify, staves
from msmdtools.paper.combs import LINES, STRIP, strips_of
from msmdtools.paper.rectify import Warp
from msmdtools.paper.traces import Trace
from msmdtools.paper.upright import uprightness

Image = NDArray[np.uint8]

WIDTH = 1670  # of the picture that is searched in: two pixels for one of a training page
# Of the lines of a staff, what a gap must have to look like one.
_MISSED = 0.5
_FAINT = 15  # of 255: noise of the paper
# Turned by less, in degrees, a page is upright.
_UPRIGHT = 0.03
# `uprightness` of a page that stands on its head. That of 125 scanned pages is from 0.2 to 1, that of 90
# engraved pages from 0 on.
_FALLEN = -0.15


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
        upside_down: the page seems to stand on its head; boxes are as it stands.
    """

    angle: float
    systems: tuple[tuple[Staff, ...], ...]
    gaps: int = 0
    warp: Warp | None = None
    upside_down: bool = False

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
    if min(height, width) < 2 * LINES:
        return Layout(0.0, ())
    scale = WIDTH / width
    shape = (WIDTH, max(round(height * scale), 1))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    if scale != 1:
        picture = np.asarray(cv2.resize(picture, shape, interpolation=method), np.uint8)
    dark = darkness(picture)
    traces = staves.traces(dark)
    warp = rectify.warp_of(dark, traces)
    if warp is not None:
        flat = np.asarray(warp.flatten(dark, 0), np.uint8)
        again = staves.traces(flat)
        if len(again) < len(traces):
            warp = None
        else:
            dark, traces = flat, again
    angle = _angle(traces)
    systems = _systems(dark, traces)
    size = (dark.shape[1], dark.shape[0])
    boxes = tuple(
        tuple(_box(trace, angle, size, 1 / scale) for trace in system) for system in systems
    )
    fallen = uprightness(dark, traces) < _FALLEN
    return Layout(angle, boxes, _gaps(dark, systems), warp and warp.scaled(1 / scale), fallen)


def darkness(picture: Image) -> Image:
    """How dark each pixel is, uint8; paper has 0."""
    dark = cv2.bitwise_not(whitened(picture))
    return np.asarray(cv2.threshold(dark, _FAINT, 0, cv2.THRESH_TOZERO)[1], np.uint8)


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
    if paper.min() >= 250:
        return picture
    paper = cv2.resize(cv2.GaussianBlur(paper, (0, 0), 4), (width, height))
    return np.asarray(cv2.divide(picture, np.maximum(paper, 1), scale=255), np.uint8)


def _angle(traces: Sequence[Trace]) -> float:
    """The angle in degrees that makes most staves horizontal; 0 where it is too small to matter."""
    if not traces:
        return 0.0
    slopes = np.array([trace.slope for trace in traces])
    lengths = np.array([trace.x1 - trace.x0 for trace in traces])
    order = np.argsort(slopes)
    middle = int(np.searchsorted(np.cumsum(lengths[order]), lengths.sum() / 2))
    angle = math.degrees(math.atan(slopes[order[middle]]))
    return angle if abs(angle) >= _UPRIGHT else 0.0


def _box(trace: Trace, angle: float, size: tuple[int, int], scale: float) -> Staff:
    """The box of a staff once the page is turned."""
    ends = np.array([trace.x0, trace.x1])
    x = np.concatenate([ends, trace.x])
    y = np.concatenate([trace.middle(ends), trace.y])
    if angle:
        matrix = rotation(*size, angle)
        # Its places are the middles of pixels.
        x, y = matrix[:, :2] @ np.array([x - 0.5, y - 0.5]) + matrix[:, 2:] + 0.5
    half = (LINES // 2 + 0.05) * trace.space  # with half the thickness of an engraved line
    middle = float(np.median(y[2:]))
    edges = (float(x[0]), middle - half, float(x[1]), middle + half, trace.space)
    return Staff(*(edge * scale for edge in edges))


def _systems(dark: Image, traces: Sequence[Trace]) -> list[tuple[Trace, ...]]:
    """Staves put together to systems, from top to bottom; of two pages side by side, the left one first."""
    systems: list[list[Trace]] = []
    for column in _columns(traces, dark.shape[1]):
        found = [joins.join_of(dark, upper, lower) for upper, lower in pairwise(column)]
        joined = joins.joined(found)
        for trace, with_last in zip(column, [False, *joined], strict=True):
            if with_last:
                systems[-1].append(trace)
            else:
                systems.append([trace])
    return [tuple(system) for system in systems]


def _columns(traces: Sequence[Trace], width: int) -> list[list[Trace]]:
    """The staves of each of the pages that are side by side, usually one."""
    for cut in np.arange(0.4, 0.61, 0.02) * width:
        left = [trace for trace in traces if trace.x1 < cut]
        right = [trace for trace in traces if trace.x0 > cut]
        if min(len(left), len(right)) >= 2 and len(left) + len(right) == len(traces):
            return [left, right]
    return [list(traces)] if traces else []


def _gaps(dark: Image, systems: Sequence[Sequence[Trace]]) -> int:
    """How many gaps around the systems have lines as a staff has them."""
    if not systems:
        return 0
    traces = [trace for system in systems for trace in system]
    space = float(np.median([trace.space for trace in traces]))
    strips = strips_of(dark)
    # Beams are long as well, and thick.
    thick = np.ones((1, max(round(0.35 * space), 3)), np.uint8)
    thin = cv2.subtract(strips, cv2.morphologyEx(strips, cv2.MORPH_OPEN, thick))
    near = cv2.dilate(thin, np.ones((1, 3), np.uint8))
    long = np.ones((max(round(3 * space / STRIP), 3), 1), np.uint8)
    lines = cv2.min(thin, cv2.morphologyEx(near, cv2.MORPH_OPEN, long))
    sums = np.pad(np.cumsum(lines, axis=1, dtype=np.int64), ((0, 0), (1, 0)))
    x = (np.arange(len(strips)) + 0.5) * STRIP
    height = strips.shape[1]

    def ink(top: NDArray[np.floating], bottom: NDArray[np.floating]) -> float:
        rows = (np.clip(np.round(edge), 0, height).astype(np.int64) for edge in (top, bottom))
        low, high = (np.take_along_axis(sums, row[:, np.newaxis], axis=1) for row in rows)
        return float(np.maximum(high - low, 0).sum())

    half = LINES / 2
    ends = [(system[0].middle(x), system[-1].middle(x)) for system in systems]
    whole = float(
        np.median([ink(t.middle(x) - half * space, t.middle(x) + half * space) for t in traces])
    )
    beyond = (half + 1) * space
    top, bottom = np.zeros(len(x)), np.full(len(x), float(height))
    edges = [
        (top, ends[0][0] - beyond),
        *((a[1] + beyond, b[0] - beyond) for a, b in pairwise(ends)),
        (ends[-1][1] + beyond, bottom),
    ]
    return sum(
        bool(np.median(low - high) > LINES * space and ink(high, low) > _MISSED * whole)
        for high, low in edges
    )
