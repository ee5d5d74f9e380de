"""Draw the elements of a figure on an RGB canvas: colours, antialiased shapes, ticks and text.

A canvas is a uint8 array (height, width, 3). Places are in pixels from its top left corner, x before y.
Text needs no font files: Pillow brings a font with Latin letters without accents.
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

# From the palette of Okabe and Ito, which readers of every colour vision can distinguish.
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
    """Colour the ink inside an ellipse, and tint the paper there lightly with the same colour.

    Args:
        canvas: changed in place.
        centre: x, y.
        radii: across and down, in pixels.
        colour: red, green and blue, 0 to 255.
    """
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
    """Draw a disc with a thin white rim, so that neighbours stay apart.

    Args:
        canvas: changed in place.
        centre: x, y.
        radius: in pixels, without the rim.
        colour: red, green and blue, 0 to 255.
    """
    _ellipse(canvas, centre, (radius + 1.5, radius + 1.5), (255, 255, 255), filled=True)
    _ellipse(canvas, centre, (radius, radius), colour, filled=True)


def ring(canvas: Canvas, centre: tuple[float, float], radius: float, colour: Colour) -> None:
    """Draw a circle that is not filled.

    Args:
        canvas: changed in place.
        centre: x, y.
        radius: in pixels.
        colour: red, green and blue, 0 to 255.
    """
    _ellipse(canvas, centre, (radius, radius), colour, filled=False)


def box(
    canvas: Canvas, corners: tuple[float, float, float, float], colour: Colour, width: int = 1
) -> None:
    """Draw the outline of a rectangle.

    Args:
        canvas: changed in place.
        corners: x0, y0, x1, y1.
        colour: red, green and blue, 0 to 255.
        width: of the line, in pixels.
    """
    import cv2

    x0, y0, x1, y1 = (round(v) for v in corners)
    cv2.rectangle(canvas, (x0, y0), (x1, y1), colour, width)


def line(
    canvas: Canvas, start: tuple[float, float], end: tuple[float, float], colour: Colour
) -> None:
    """Draw a thin line.

    Args:
        canvas: changed in place.
        start, end: x, y.
        colour: red, green and blue, 0 to 255.
    """
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
    """Write words on a canvas.

    Args:
        canvas: changed in place.
        place: x, y.
        words: the text, one line.
        size: height of the font in pixels.
        colour: red, green and blue, 0 to 255.
        anchor: the point of the text that is at the place, in Pillow's letters, such as "lt" for left top.
        upright: write from bottom to top; the place is then the centre.
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
    """Shorten words in the middle until they fit a width.

    Args:
        words: the text, one line.
        width: in pixels.
        size: height of the font in pixels.

    Returns:
        The words, with "..." for the part that is left out.
    """
    shown, kept = words, len(words)
    while kept > 2 and text_width(shown, size) > width:
        kept -= 1
        shown = f"{words[: (kept + 1) // 2]}...{words[-(kept // 2) :]}"
    return shown


def blank(height: int, width: int) -> Canvas:
    """A white canvas."""
    return np.full((height, width, 3), 255, np.uint8)


def ticks(low: float, high: float, most: int = 10) -> list[float]:
    """Choose round numbers for the ticks of an axis.

    Args:
        low, high: ends of the axis.
        most: largest number of ticks.

    Returns:
        Multiples of 1, 2 or 5 times a power of ten within low … high, ascending.
    """
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
