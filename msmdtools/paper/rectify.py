"""Pages that were photographed askew, or that bend, made flat by their own lines.

On paper staff lines are level, stems and bar lines upright. How both lean in a picture, and where, says
how the page lay:

1. Slopes of staff lines are those of the staves that were traced over the picture.
2. Slopes of stems and bar lines: of each upright stroke, the line through its pixels.
3. Perspective: the map of the plane that makes both level and upright. What is parallel on paper runs
   to one vanishing point, so that its slope changes from one side of the picture to the other: staff
   lines' from top to bottom, strokes' from left to right. Linear equations, solved in turns with the
   weights of a Cauchy distribution, which gives little to beams, slurs and letters.
4. Curl: the slopes that staff lines have left are a polynomial of the place, and its integral along the
   rows is by how much they went up or down.

A page that lies flat within `_LEVEL` px is left as it is.

Sources: C. R. Dance, "Perspective estimation for document images", SPIE 4670 (2002), for both vanishing
points from text lines and strokes; V. Kluzner, A. Tzadok, "Page curling correction for scanned books
using local distortion information", ICDAR 2011, for displacements from local slopes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from msmdtools.paper.traces import Trace, nearest_line

Floats = NDArray[np.float64]
Image = NDArray[np.uint8]

# All in px of a page that is 1670 px wide. Staff lines that go up or down by less than this from one side
# to the other, beyond what a page turned as a whole does, are level.
_LEVEL = 6.0
_EVEN = 0.04  # by which part the distance of lines may change along the page
_EVERY = 3  # strips from one measurement of a slope to the next
_STROKE = 24  # the shortest upright stroke
# No page is photographed with more of a slant, and no perspective is stronger.
_STEEPEST, _STRONGEST = 0.2, 0.3
_FEWEST_STROKES = 12
# Staves that are needed to tell perspective, which changes slopes from top to bottom.
_FEWEST_STAVES = 3
# The curl's slopes: x^i · y^j up to these, i and j.
_CURVED = 3


@dataclass(frozen=True, slots=True, eq=False)
class Warp:
    """The map from a flat page back to the picture that it was made of, both of one size.

    On the plane the middle of the page is 0, 0, and half of its longer side is 1.

    Attributes:
        plane: (3, 3) from places on the flat page to those of the picture.
        curl: coefficients (i, j) of c · x^(i + 1) · y^j, by whose sum places lie lower on the picture.
        size: width and height of both in px.
    """

    plane: Floats
    curl: Floats
    size: tuple[float, float]

    def back(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """The places of the picture, in px, that places of the flat page are of; arrays of one shape."""
        unit, across, down = max(self.size) / 2, self.size[0] / 2, self.size[1] / 2
        u, v = (x - across) / unit, (y - down) / unit
        v = v + _powers(u, v, self.curl.shape, 1) @ self.curl.ravel()
        flat = np.stack([u, v, np.ones_like(u)], axis=-1) @ self.plane.T
        return flat[..., 0] / flat[..., 2] * unit + across, flat[..., 1] / flat[
            ..., 2
        ] * unit + down

    def scaled(self, scale: float) -> "Warp":
        """The same map for pictures of another size."""
        return replace(self, size=(self.size[0] * scale, self.size[1] * scale))

    def flatten(self, picture: NDArray[Any], border: float) -> NDArray[Any]:
        """The flat page of a picture of any size in this proportion.

        Args:
            border: what is beyond the picture.
        """
        height, width = picture.shape
        fitted = replace(self, size=(float(width), float(height)))
        step = 16  # the map is calculated there, and straight in between
        x, y = np.meshgrid(
            *(np.arange(-step, size + 2 * step, step) + 0.5 for size in (width, height))
        )
        places = np.stack([v - 0.5 for v in fitted.back(x, y)], axis=-1).astype(np.float32)
        # From a value at every 16th pixel to one at each.
        shrink = np.array([[1 / step, 0, 1], [0, 1 / step, 1]])
        columns, rows = (
            cv2.warpAffine(
                np.ascontiguousarray(places[..., axis]),
                shrink,
                (width, height),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            )
            for axis in (0, 1)
        )
        found: NDArray[Any] = cv2.remap(
            picture, columns, rows, cv2.INTER_LINEAR, borderValue=border
        )
        return found


class _Slopes(NamedTuple):
    """Slopes measured at places of a page, on the plane, with weights; arrays of one length."""

    x: Floats
    y: Floats
    slope: Floats
    weight: Floats


def warp_of(dark: Image, traces: Sequence[Trace]) -> Warp | None:
    """How a page lies; None where it is flat, or where there are too few lines to tell.

    Args:
        dark: the page, uint8 (height, 1670), 0 where the paper is.
        traces: the staves on it.
    """
    size = (float(dark.shape[1]), float(dark.shape[0]))
    warp = Warp(np.eye(3), np.zeros((_CURVED, _CURVED)), size)
    if not traces:
        return None
    lines = _line_slopes(traces, warp)
    if _unevenness(lines, size) < _LEVEL and _narrowing(traces, size) < _EVEN:
        return None
    if len(traces) >= _FEWEST_STAVES:
        step = _plane(lines, _stroke_slopes(dark))
        if step is None:
            return None
        warp = replace(warp, plane=step)
        lines = _line_slopes(traces, warp)
    design = _powers(lines.x, lines.y, (_CURVED, _CURVED), 0)
    slopes = _solved(design, lines.slope, lines.weight, 1e-3).reshape(_CURVED, _CURVED)
    return replace(warp, curl=slopes / np.arange(1, _CURVED + 1)[:, np.newaxis])


def _unevenness(lines: _Slopes, size: tuple[float, float]) -> float:
    """By how many px staff lines go up or down along the page beyond a turn: of most of them."""
    design = _powers(lines.x, lines.y, (_CURVED, _CURVED), 0)
    field = _solved(design, lines.slope, lines.weight, 1e-3)
    slopes = design @ field
    turned = np.average(slopes, weights=lines.weight)
    return float(np.quantile(np.abs(slopes - turned), 0.8) * size[0])


def _narrowing(traces: Sequence[Trace], size: tuple[float, float]) -> float:
    """By which part the distance of lines changes from the top to the bottom of the page."""
    spaces = np.array([trace.space for trace in traces])
    heights = np.array([trace.y.mean() for trace in traces])
    slope, _ = nearest_line(heights, spaces, np.ones_like(spaces))
    return abs(slope) * size[1] / float(np.median(spaces)) if len(traces) >= _FEWEST_STAVES else 0.0


def _powers(x: Floats, y: Floats, shape: tuple[int, int], more: int) -> Floats:
    """x^(i + more) · y^j of places (…): (…, i · j)."""
    of_x = x[..., np.newaxis] ** (np.arange(shape[0]) + more)
    of_y = y[..., np.newaxis] ** np.arange(shape[1])
    products = of_x[..., :, np.newaxis] * of_y[..., np.newaxis, :]
    return np.asarray(products.reshape(*np.shape(x), -1), np.float64)


def _line_slopes(traces: Sequence[Trace], warp: Warp) -> _Slopes:
    """Slopes dy / dx of staves, once the plane of the picture is set right."""
    unit, across, down = max(warp.size) / 2, warp.size[0] / 2, warp.size[1] / 2
    inverse = np.linalg.inv(warp.plane)
    parts = []
    for trace in traces:
        places = np.stack(
            [(trace.x - across) / unit, (trace.y - down) / unit, np.ones_like(trace.x)]
        )
        x, y, depth = inverse @ places[:, ::_EVERY]
        x, y = x / depth, y / depth
        if len(x) > 2:
            parts.append((x, y, np.gradient(y, x), np.ones_like(x)))
    return _Slopes(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def _stroke_slopes(dark: Image) -> _Slopes | None:
    """Slopes dx / dy of stems and bar lines, weighted by their length; None if there are too few."""
    height, width = (n // 2 for n in dark.shape)
    half = cv2.resize(dark, (width, height), interpolation=cv2.INTER_AREA)
    thick = cv2.dilate(half, np.ones((1, 3), np.uint8))
    opened = cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones((_STROKE // 2, 1), np.uint8))
    mask = (cv2.min(opened, half) > 64).astype(np.uint8)
    count, labels, sizes, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    wide, high = sizes[:, cv2.CC_STAT_WIDTH], sizes[:, cv2.CC_STAT_HEIGHT]
    good = (high >= 0.65 * _STROKE) & (wide <= 3 + _STEEPEST * high)
    good[0] = False  # what is no stroke
    strokes = np.flatnonzero(good)
    if len(strokes) < _FEWEST_STROKES:
        return None
    rows, columns = np.nonzero(mask)
    label = labels[rows, columns]
    number = np.maximum(np.bincount(label, minlength=count), 1)
    x, y = (np.asarray(np.bincount(label, v, count) / number, np.float64) for v in (columns, rows))
    down, across = rows - y[label], columns - x[label]
    lean = np.bincount(label, down * across, count)[strokes]
    slope = np.asarray(lean / np.bincount(label, down * down, count)[strokes], np.float64)
    unit = max(width, height) / 2
    across, down = (x[strokes] - width / 2) / unit, (y[strokes] - height / 2) / unit
    return _Slopes(across, down, slope, high[strokes].astype(np.float64))


def _plane(lines: _Slopes, strokes: _Slopes | None) -> Floats | None:
    """The map (3, 3) back from the plane on which lines are level and strokes upright; None if absurd.

    A place goes to (x + s y, r x + y) / (1 + p x + q y). A direction (1, g) there is level, and one of
    (h, 1) upright, where the equations below hold.
    """
    r = p = q = s = 0.0
    x, y, g, weight = lines
    for _ in range(4):
        # r (1 + q y - q g x) + p (g x - y) = -g
        design = np.stack([1 + q * (y - g * x), g * x - y], axis=1)
        r, p = _solved(design, -g, weight, 1e-9)
        if strokes is not None:
            # s (1 + p x - p h y) + q (h y - x) = -h
            u, v, h, long = strokes
            design = np.stack([1 + p * (u - h * v), h * v - u], axis=1)
            s, q = _solved(design, -h, long, 1e-9)
    if max(abs(r), abs(s)) > _STEEPEST or abs(p) + abs(q) > _STRONGEST:
        return None
    return np.asarray(np.linalg.inv(np.array([[1, s, 0], [r, 1, 0], [p, q, 1]])), np.float64)


def _solved(design: Floats, values: Floats, weights: Floats, ridge: float) -> Floats:
    """Weighted least squares, with little weight for what lies far off."""
    robust = np.ones(len(values))
    found = np.zeros(design.shape[1])
    for _ in range(8):
        weighted = design * (weights * robust)[:, np.newaxis]
        small = ridge * (weights * robust).sum() * np.eye(design.shape[1])
        found = np.linalg.solve(weighted.T @ design + small, weighted.T @ values)
        off = np.abs(values - design @ found)
        robust = 1 / (1 + (off / max(1.5 * float(np.median(off)), 1e-4)) ** 2)
    return found
