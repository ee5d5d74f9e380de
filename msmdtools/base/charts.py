"""Draw charts with Matplotlib, as pictures like all others: RGB, uint8 (height, width, 3).

Figures on a page or a spectrogram are drawn pixel by pixel (`drawing`); figures with axes are charts.
"""

from typing import TYPE_CHECKING

import numpy as np

from msmdtools.base.drawing import Canvas, Colour

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DPI = 100


def figure(width: int, height: int) -> "Figure":
    """Make an empty Matplotlib figure of this size in pixels, which lays out its axes by itself."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, layout="constrained")


def colour(rgb: Colour) -> tuple[float, float, float]:
    """Convert a colour of 0 to 255 to Matplotlib's form."""
    red, green, blue = rgb
    return red / 255, green / 255, blue / 255


def headline(figure: "Figure", lines: str) -> None:
    """Write lines at the top left of a figure."""
    # Matplotlib would read text between two dollars as mathematics.
    words = lines.replace("$", r"\$")
    figure.suptitle(words, x=0.01, ha="left", fontsize="large", linespacing=1.5)


def drawn(figure: "Figure") -> Canvas:
    """Render the figure as a picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.array(canvas.buffer_rgba(), np.uint8)[..., :3].copy()
