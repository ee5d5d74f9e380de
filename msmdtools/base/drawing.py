"""Elements of a drawn figure: colours, antialiased shapes, ticks and text on an RGB canvas.

A canvas is a uint8 array (height, width, 3). Text needs no font files: Pillow brings one that has
Latin letters without accents.
"""

import math
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.ImageFont import ImageFont

Canvas = NDArray[np.uint8]
Colour = tuple[int, int, int]

INK: Colour = (40, 40, 40)
FAINT: Colour = (140, 140, 140)
LINE: Colour = (190, 190, 190)

# From the palette of Okabe and Ito: told apart by readers of every colour vision.
ROLE_COLOURS: dict[str, Colour] = {
    "played": (0, 114, 178),
    "tied": (230, 159, 0),
    "silent": (204, 61, 137),
}
# The bright end of the colour map would vanish on white paper.
BRIGHTEST = 0.82
# Sub-pixel positions for OpenCV, which takes whole numbers of 1/16 px.
_SHIFT = 4


def time_colours(fractions: Sequence[float] | NDArray[np.float64]) -> list[Colour]:
    """Colours for 0 … 1 from the perceptually uniform map "plasma", dark blue to orange."""
    import cv2

    levels = np.clip(np.asarray(fractions, np.float64), 0, 1) * 255 * BRIGHTEST
    table = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], cv2.COLORMAP_PLASMA)
    return [
        (int(r), int(g), int(b)) for b, g, r in table[np.round(levels).astype(int).reshape(-1), 0]
    ]


def tint(
    canvas: Canvas, centre: tuple[float, float], radii: tuple[float, float], colour: Colour
) -> None:
    """Colours the ink inside an ellipse, and the paper there with a breath of the same colour."""
    (x, y), (rx, ry) = centre, radii
    left, top = max(math.floor(x - rx) - 1, 0), max(math.floor(y - ry) - 1, 0)
    patch = canvas[top : math.ceil(y + ry) + 2, left : math.ceil(x + rx) + 2]
    if not patch.size:
        return
    mask = np.zeros(patch.shape[:2], np.uint8)
    _ellipse(mask, (x - left, y - top), radii, 255, filled=True)
    weight = mask[..., None] / 255
    ink = 1 - patch.min(axis=2, keepdims=True) / 255
    paper = 255 - 0.22 * (255 - np.array(colour))
    coloured = ink * np.array(colour) + (1 - ink) * paper
    patch[:] = np.round(weight * coloured + (1 - weight) * patch).astype(np.uint8)


def dot(canvas: Canvas, centre: tuple[float, float], radius: float, colour: Colour) -> None:
    """A disc with a thin white rim, so that neighbours stay apart."""
    _ellipse(canvas, centre, (radius + 1.5, radius + 1.5), (255, 255, 255), filled=True)
    _ellipse(canvas, centre, (radius, radius), colour, filled=True)


def ring(canvas: Canvas, centre: tuple[float, float], radius: float, colour: Colour) -> None:
    """A circle that is not filled."""
    _ellipse(canvas, centre, (radius, radius), colour, filled=False)


def box(
    canvas: Canvas, corners: tuple[float, float, float, float], colour: Colour, width: int = 1
) -> None:
    """The outline of x0, y0, x1, y1."""
    import cv2

    x0, y0, x1, y1 = (round(v) for v in corners)
    cv2.rectangle(canvas, (x0, y0), (x1, y1), colour, width)


def line(
    canvas: Canvas, start: tuple[float, float], end: tuple[float, float], colour: Colour
) -> None:
    """A thin line."""
    import cv2

    (x0, y0), (x1, y1) = start, end
    cv2.line(canvas, (round(x0), round(y0)), (round(x1), round(y1)), colour, 2)


def text(
    canvas: Canvas,
    place: tuple[float, float],
    words: str,
    size: int,
    colour: Colour = INK,
    anchor: str = "lt",
    upright: bool = False,
) -> None:
    """Writes `words` at `place`.

    Args:
        size: height of the font in pixels.
        anchor: what of the text is at the place, in Pillow's letters, such as "lt" for left top.
        upright: from bottom to top; the place is then the centre.
    """
    from PIL import Image, ImageDraw

    if upright:
        strip = np.full((2 * size, text_width(words, size) + 4, 3), 255, np.uint8)
        text(strip, (strip.shape[1] / 2, size), words, size, colour, "mm")
        turned = np.rot90(strip)
        top, left = round(place[1] - turned.shape[0] / 2), round(place[0] - size)
        canvas[top : top + turned.shape[0], left : left + 2 * size] = turned
        return
    image = Image.fromarray(canvas)
    ImageDraw.Draw(image).text(place, words, fill=colour, font=_font(size), anchor=anchor)
    canvas[:] = np.asarray(image)


def text_width(words: str, size: int) -> int:
    """The width of `words` in pixels."""
    return math.ceil(_font(size).getlength(words))


def fitted(words: str, width: int, size: int) -> str:
    """The words, without as much of their middle as is too wide."""
    shown, kept = words, len(words)
    while kept > 2 and text_width(shown, size) > width:
        kept -= 1
        shown = f"{words[: (kept + 1) // 2]}...{words[-(kept // 2) :]}"
    return shown


def blank(height: int, width: int) -> Canvas:
    """A white canvas."""
    return np.full((height, width, 3), 255, np.uint8)


def ticks(low: float, high: float, most: int = 10) -> list[float]:
    """Round numbers (multiples of 1, 2 or 5 times a power of ten) within low … high."""
    span = max(high - low, 1e-9)
    exponent = math.floor(math.log10(span / most))
    step = next(
        m * 10.0**exponent for m in (1, 2, 5, 10, 20) if span / (m * 10.0**exponent) <= most
    )
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 9) for k in range(first, math.floor(high / step + 1e-9) + 1)]


@cache
def _font(size: int) -> "ImageFont | Any":
    from PIL import ImageFont

    return ImageFont.load_default(size=size)


def _ellipse(
    canvas: Canvas,
    centre: tuple[float, float],
    radii: tuple[float, float],
    colour: Any,
    filled: bool,
) -> None:
    import cv2

    # OpenCV's coordinates are the middles of pixels, ours their corners.
    scale = 1 << _SHIFT
    x, y = (round((v - 0.5) * scale) for v in centre)
    axes = tuple(round(r * scale) for r in radii)
    width = cv2.FILLED if filled else 2
    cv2.ellipse(canvas, (x, y), axes, 0, 0, 360, colour, width, cv2.LINE_AA, _SHIFT)
