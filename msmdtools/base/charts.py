"""Charts by Matplotlib, as pictures like all others: RGB, uint8 (height, width, 3).

What is drawn on a page or a spectrogram is drawn pixel by pixel (`drawing`); what has axes is a chart.
"""

from typing import TYPE_CHECKING

import numpy as np

from msmdtools.base.drawing import Canvas, Colour

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DPI = 100


def figure(width: int, height: int) -> "Figure":
    """An empty Matplotlib figure of so many pixels, which lays out its axes by itself."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, layout="constrained")


def colour(rgb: Colour) -> tuple[float, float, float]:
    """A colour of 0 to 255 as Matplotlib takes it."""
    red, green, blue = rgb
    return red / 255, green / 255, blue / 255


def headline(figure: "Figure", lines: str) -> None:
    """Write lines at the top left."""
    # Matplotlib would read what stands between two dollars as mathematics.
    words = lines.replace("$", r"\$")
    figure.suptitle(words, x=0.01, ha="left", fontsize="large", linespacing=1.5)


def drawn(figure: "Figure") -> Canvas:
    """The figure as a picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.array(canvas.buffer_rgba(), np.uint8)[..., :3].copy()
