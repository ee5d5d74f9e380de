"""Pages that were photographed askew, or that bend, made flat by their own lines.

On paper staff lines are level, stems and bar lines upright. How both lean in a picture, and where, says
how the page lay:

1. Slopes of staff lines: the picture is cut into upright strips. How far the rows of one must be moved
   to match those of the next, around some height, is the slope there.
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

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ink = NDArray[np.float32]

# All in px of a page that is 1670 px wide. Staff lines that go up or down by less than this from one side
# to the other, beyond what a page turned as a whole does, are level.
_LEVEL = 6.0
# Strips; rows between measurements, and about so many around one; how far the next strip is moved.
_STRIPS, _ROWS, _FARTHEST = 32, 40, 6
_STROKE = 24  # the shortest upright stroke
# No page is photographed with more of a slant, and no perspective is stronger.
_STEEPEST, _STRONGEST = 0.2, 0.3
_FEWEST_LINES, _FEWEST_STROKES = 60, 12
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


def warp_of(ink: Ink) -> Warp | None:
    """How a page lies; None where it is flat, or where there are too few lines to tell.

    Args:
        ink: from 0 to 1, (height, 1670); staff lines are level to some degrees.
    """
    size = (float(ink.shape[1]), float(ink.shape[0]))
    level = Warp(np.eye(3), np.zeros((_CURVED, _CURVED)), size)
    lines = _line_slopes(ink)
    if lines is None or _unevenness(lines, size) < _LEVEL:
        return None
    warp, now = level, ink
    for _ in range(2):  # slopes are measured better on what is nearly flat
        step = _plane(lines, _stroke_slopes(now))
        if step is None:
            return None
        warp = replace(warp, plane=warp.plane @ step)
        now = np.asarray(warp.flatten(ink, 0.0), np.float32)
        lines = _line_slopes(now)
        if lines is None:
            return None
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


def _powers(x: Floats, y: Floats, shape: tuple[int, int], more: int) -> Floats:
    """x^(i + more) · y^j of places (…): (…, i · j)."""
    of_x = x[..., np.newaxis] ** (np.arange(shape[0]) + more)
    of_y = y[..., np.newaxis] ** np.arange(shape[1])
    products = of_x[..., :, np.newaxis] * of_y[..., np.newaxis, :]
    return np.asarray(products.reshape(*np.shape(x), -1), np.float64)


def _on_plane(ink: Ink, x: Floats, y: Floats, slope: Floats, weight: Floats) -> _Slopes:
    height, width = ink.shape
    unit = max(width, height) / 2
    return _Slopes((x - width / 2) / unit, (y - height / 2) / unit, slope, weight)


def _line_slopes(ink: Ink) -> _Slopes | None:
    """Slopes dy / dx of staff lines; None if there are too few."""
    height, width = ink.shape
    edges = np.linspace(0, width, _STRIPS + 1).round().astype(int)
    rows = np.arange(_ROWS, height - _ROWS, _ROWS)
    if not len(rows):
        return None
    lines = _level_lines(ink)
    strips = np.add.reduceat(lines, edges[:-1], axis=1).T / np.diff(edges)[:, np.newaxis]
    strips = np.ascontiguousarray(strips - cv2.blur(strips, (_ROWS + 1, 1)))
    power = _around(strips * strips)
    parts = []
    for gap in (1, 2):
        here, there = strips[:-gap], strips[gap:]
        padded = np.pad(there, ((0, 0), (_FARTHEST, _FARTHEST)))
        likeness = np.stack(
            [
                _around(here * padded[:, shift : shift + height])[:, rows]
                for shift in range(2 * _FARTHEST + 1)
            ]
        )
        best = np.clip(likeness.argmax(axis=0), 1, 2 * _FARTHEST - 1)
        low, top, high = (
            np.take_along_axis(likeness, best[np.newaxis] + k, axis=0)[0] for k in (-1, 0, 1)
        )
        norm = np.sqrt(power[:-gap, rows] * power[gap:, rows])
        clear = (top > 0.5 * norm) & (top >= low) & (top >= high) & (2 * top > low + high)
        strip, row = np.nonzero(clear)
        bend = (low - 2 * top + high)[clear]
        moved = best[clear] - _FARTHEST + 0.5 * (low - high)[clear] / bend
        x = (edges[strip] + edges[strip + gap + 1]) / 2
        step = width / _STRIPS * gap
        parts.append((x, rows[row] + moved / 2, moved / step, np.sqrt(norm[clear])))
    found = [np.concatenate(values).astype(np.float64) for values in zip(*parts, strict=True)]
    return _on_plane(ink, *found) if len(found[0]) >= _FEWEST_LINES else None


def _around(rows: NDArray[np.floating]) -> NDArray[np.floating]:
    """Sums of a function of strips and rows over the rows around each."""
    size = (4 * _ROWS + 1, 1)
    return np.asarray(cv2.GaussianBlur(rows, size, 0.75 * _ROWS, sigmaY=1e-3))


def _level_lines(ink: Ink) -> Ink:
    closed = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones((1, 5), np.uint8))
    thick = cv2.dilate(closed, np.ones((3, 1), np.uint8))
    opened = cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones((1, _STROKE), np.uint8))
    return np.asarray(np.minimum(opened, closed), np.float32)


def _stroke_slopes(ink: Ink) -> _Slopes | None:
    """Slopes dx / dy of stems and bar lines, weighted by their length; None if there are too few."""
    thick = cv2.dilate(ink, np.ones((1, 3), np.uint8))
    opened = cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones((_STROKE, 1), np.uint8))
    mask = (np.minimum(opened, ink) > 0.3).astype(np.uint8)
    count, labels, sizes, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    wide, high = sizes[:, cv2.CC_STAT_WIDTH], sizes[:, cv2.CC_STAT_HEIGHT]
    good = (high >= 1.3 * _STROKE) & (wide <= 4 + _STEEPEST * high)
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
    return _on_plane(ink, x[strokes], y[strokes], slope, high[strokes].astype(np.float64))


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
