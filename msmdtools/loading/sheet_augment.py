"""Cut sheet windows out of the stored pictures and augment them.

The stored picture has a margin around the window, so shifts, scalings and rotations find real ink;
beyond it is white paper. The order is that of the physical causes: place and thickness (printing), blur
and contrast (a lens), stains, noise (a sensor).
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from msmdtools.base import draws
from msmdtools.loading.augment import SheetAugment

WHITE = 255
# Streams of random numbers; see draws.
SHIFT, SCALE, ROTATION, THICKNESS, BLUR, CONTRAST, STAINS, NOISE = range(8)
MOST_BLOT = 0.35
FIELD = 1024

Picture = NDArray[np.uint8]


def cut(
    pictures: Sequence[Picture],
    rows: int,
    columns: int,
    augment: SheetAugment,
    seed: int,
    epoch: int,
    index: NDArray[np.int64],
) -> Picture:
    """Cut windows out of the stored pictures and augment them.

    Args:
        pictures: grey pictures as stored, uint8, the onset in the middle of each.
        rows, columns: size of a window in pixels.
        augment: what to vary, and how much at most.
        seed, epoch: with each pair's index, what the random numbers depend on.
        index: the pairs' indices in their split, (pairs,).

    Returns:
        Windows, uint8 (pairs, rows, columns); 255 is white.
    """
    windows = _place(pictures, rows, columns, augment, seed, epoch, index)
    if augment.thickness_px:
        width = augment.thickness_px
        for i, px in enumerate(draws.between(-width, width, seed, epoch, index, THICKNESS)):
            windows[i] = thicken(windows[i], float(px))
    if augment.blur_px:
        for i, sigma in enumerate(draws.between(0, augment.blur_px, seed, epoch, index, BLUR)):
            windows[i] = _blur(windows[i], float(sigma))
    if augment.contrast:
        _fade(windows, augment.contrast * draws.uniforms(seed, epoch, index, CONTRAST, 2))
    if augment.stains:
        count = int(np.ceil(augment.stains))
        drawn = draws.uniforms(seed, epoch, index, STAINS, 1 + 5 * count)
        for i, numbers in enumerate(drawn):
            _stain(windows[i], round(augment.stains * numbers[0]), numbers[1:].reshape(count, 5))
    if augment.noise:
        drawn = draws.uniforms(seed, epoch, index, NOISE, 3)
        for i, (sigma, top, left) in enumerate(drawn):
            _add_noise(windows[i], float(augment.noise * sigma), top, left)
    return windows


def thicken(picture: Picture, px: float) -> Picture:
    """Widen the strokes of a picture by `px` pixels (thin them, if negative), fractions included.

    Grey morphology by whole pixels (half on either side), blended for fractions.
    """
    import cv2

    whole, part = divmod(abs(px), 2.0)
    morph = cv2.erode if px > 0 else cv2.dilate
    kernel = np.ones((3, 3), np.uint8)
    if whole:
        picture = np.asarray(morph(picture, kernel, iterations=int(whole)), np.uint8)
    if not part:
        return picture
    thicker = morph(picture, kernel)
    return np.asarray(cv2.addWeighted(picture, 1 - part / 2, thicker, part / 2, 0), np.uint8)


def _place(
    pictures: Sequence[Picture],
    rows: int,
    columns: int,
    augment: SheetAugment,
    seed: int,
    epoch: int,
    index: NDArray[np.int64],
) -> Picture:
    import cv2

    windows = np.full((len(pictures), rows, columns), WHITE, np.uint8)
    shift = augment.shift_px * (2 * draws.uniforms(seed, epoch, index, SHIFT, 2) - 1)
    if not (augment.scale or augment.rotation_deg):
        for window, picture, (down, across) in zip(windows, pictures, np.rint(shift), strict=True):
            _copy(window, picture, int(down), int(across))
        return windows
    scale = 1 + draws.between(-augment.scale, augment.scale, seed, epoch, index, SCALE)
    most = augment.rotation_deg
    angle = np.deg2rad(draws.between(-most, most, seed, epoch, index, ROTATION))
    cos, sin = np.cos(angle) / scale, np.sin(angle) / scale
    for i, picture in enumerate(pictures):
        # Where a pixel of the window comes from. Its middle, shifted, is the picture's middle; with
        # all strengths 0 nothing moves.
        y, x = (rows - 1) / 2 + shift[i, 0], (columns - 1) / 2 + shift[i, 1]
        from_y = begin(picture.shape[0], rows) + (rows - 1) / 2
        from_x = begin(picture.shape[1], columns) + (columns - 1) / 2
        c, s = cos[i], sin[i]
        matrix = np.array([[c, s, from_x - c * x - s * y], [-s, c, from_y + s * x - c * y]])
        cv2.warpAffine(
            picture,
            matrix,
            (columns, rows),
            dst=windows[i],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=WHITE,
        )
    return windows


def begin(have: int, want: int) -> int:
    """First of the middle `want` of `have` pixels; rounded as the export's windows are."""
    return (have - want + 1) // 2


def _copy(window: Picture, picture: Picture, down: int, across: int) -> None:
    """Copy the picture's middle into the window, moved by whole pixels."""
    slices = []
    for have, want, shift in zip(picture.shape, window.shape, (down, across), strict=True):
        first = begin(have, want) - shift
        low, high = max(first, 0), min(first + want, have)
        if low >= high:
            return
        slices.append((slice(low - first, high - first), slice(low, high)))
    (to_y, from_y), (to_x, from_x) = slices
    window[to_y, to_x] = picture[from_y, from_x]


def _blur(picture: Picture, sigma: float) -> Picture:
    import cv2

    # Below this, the kernel's neighbours weigh less than one grey level.
    if sigma < 0.3:
        return picture
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)


def _fade(windows: Picture, drawn: NDArray[np.float64]) -> None:
    """Paper down to 1 − drawn[:, 0] of white, ink up to drawn[:, 1] of it, by a table each."""
    paper, ink = 1 - drawn[:, :1], drawn[:, 1:]
    tables = np.rint(WHITE * ink + np.arange(256) * (paper - ink)).clip(0, WHITE).astype(np.uint8)
    for window, table in zip(windows, tables, strict=True):
        np.take(table, window, out=window)


def _stain(window: Picture, count: int, drawn: NDArray[np.float64]) -> None:
    """Darken by soft ellipses; drawn: y, x, size, roundness and darkness of each, in [0, 1)."""
    height, width = window.shape
    for y, x, size, roundness, darkness in drawn[:count]:
        radius = height * (0.03 + 0.2 * size**2)
        ry, rx = radius * (0.6 + 0.4 * roundness), radius
        cy, cx = y * height, x * width
        top, bottom = max(int(cy - 2 * ry), 0), min(int(cy + 2 * ry) + 1, height)
        left, right = max(int(cx - 2 * rx), 0), min(int(cx + 2 * rx) + 1, width)
        down = ((np.arange(top, bottom) - cy) / ry) ** 2
        across = ((np.arange(left, right) - cx) / rx) ** 2
        blot = MOST_BLOT * darkness * np.exp(-((down[:, None] + across[None, :]) ** 2))
        part = window[top:bottom, left:right]
        np.multiply(part, 1 - blot, out=part, casting="unsafe")


@lru_cache(maxsize=1)
def noise_field() -> NDArray[np.float32]:
    """Standard normal noise; pieces of this field, at random places, are cheaper than drawing anew."""
    noise = np.random.Generator(np.random.PCG64(0)).standard_normal((FIELD, FIELD), np.float32)
    noise.flags.writeable = False
    return noise


def _add_noise(window: Picture, sigma: float, top: float, left: float) -> None:
    height, width = window.shape
    field = noise_field()
    if height > FIELD or width > FIELD:
        field = np.tile(field, (-(-height // FIELD) + 1, -(-width // FIELD) + 1))
    y = int(top * (field.shape[0] - height + 1))
    x = int(left * (field.shape[1] - width + 1))
    noisy = window + np.float32(sigma) * field[y : y + height, x : x + width]
    np.rint(noisy, out=noisy)
    np.clip(noisy, 0, WHITE, out=noisy)
    window[...] = noisy
