"""A picture of an alignment: the pages with the path over them, and the path against time.

The path is drawn through the middle of the systems in the colours of time (dark blue first, orange
last), with a mark every few seconds; a second pass through a system is drawn a little lower. Below, time goes
to the right and the strip of systems upwards: a steady performance is a straight line, a repeat a step
down. Grey lines show where systems begin.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from msmdtools.base import charts, drawing
from msmdtools.base.drawing import Canvas
from msmdtools.follow.alignment import Alignment
from msmdtools.paper.width import NOMINAL_WIDTH

if TYPE_CHECKING:
    from matplotlib.collections import LineCollection

# All in pixels.
WIDTH, ACROSS = NOMINAL_WIDTH, 4
MARGIN, GAP, TITLE, LABEL, SMALL = 40, 30, 30, 22, 18
GRAPH = 560
RADIUS, LOWER = 5.0, 28
# About how many marks with their seconds are on a page, and the most numbers of systems.
_MARKS = 40
_LABELS = 24


def draw(alignment: Alignment, title: str) -> Canvas:
    """Draw an alignment and return the picture: RGB, uint8 (height, width, 3).

    Args:
        alignment: the alignment.
        title: what was aligned with what.
    """
    pages = sorted(set(alignment.axis.page.tolist()))
    drawn = [_page(alignment, page, len(pages)) for page in pages]
    across = min(ACROSS, len(drawn))
    width = 2 * MARGIN + across * WIDTH + (across - 1) * GAP
    parts = [_title(alignment, title, width)]
    for first in range(0, len(drawn), across):
        row = drawn[first : first + across]
        canvas = np.full((max(len(page) for page in row) + GAP, width, 3), 255, np.uint8)
        for number, page in enumerate(row):
            left = MARGIN + number * (WIDTH + GAP)
            canvas[: len(page), left : left + WIDTH] = page
        parts.append(canvas)
    return np.concatenate([*parts, _graph(alignment, width)])


def _title(alignment: Alignment, title: str, width: int) -> Canvas:
    canvas = np.full((MARGIN + TITLE + LABEL + GAP, width, 3), 255, np.uint8)
    size = min(TITLE, TITLE * (width - 2 * MARGIN) // max(drawing.text_width(title, TITLE), 1))
    drawing.text(canvas, (MARGIN, MARGIN), title, max(size, SMALL))
    computed = alignment.probability == alignment.probability
    likely = f", probability {100 * alignment.probability:.0f} %" if computed else ""
    words = (
        f"{alignment.second[-1]:.1f} s, mean similarity {alignment.similarity.mean():.2f}"
        f"{likely}; "
        "colours are time, from dark blue to orange"
    )
    drawing.text(canvas, (MARGIN, MARGIN + TITLE + 8), words, LABEL, drawing.FAINT)
    return canvas


def _page(alignment: Alignment, number: int, pages: int) -> Canvas:
    """A page with the path over it."""
    picture = alignment.axis.picture(number)
    scale = WIDTH / picture.shape[1]
    size = (WIDTH, round(picture.shape[0] * scale))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    canvas: NDArray[np.uint8] = np.repeat(np.asarray(small, np.uint8)[..., np.newaxis], 3, axis=2)
    drawing.box(canvas, (0, 0, size[0] - 1, size[1] - 1), drawing.LINE)
    places = alignment.places
    colours = drawing.time_colours(np.linspace(0, 1, len(alignment.second)))
    marks = [
        (int(np.searchsorted(alignment.second, second - 1e-9)), f"{second:g}")
        for second in drawing.ticks(0, float(alignment.second[-1]), _MARKS * pages)
    ]
    passes: Counter[int] = Counter()
    for part in alignment.passages():
        system = int(places.system[part.start])
        if places.page[part.start] != number:
            continue
        lower = LOWER * passes[system]
        passes[system] += 1
        points = [
            (float(x) * scale, float(y) * scale + lower)
            for x, y in zip(places.x[part], places.y[part], strict=True)
        ]
        on_sheet = alignment.on_sheet[part]
        for step, ((start, end), colour) in enumerate(
            zip(pairwise(points), colours[part], strict=False)
        ):
            if on_sheet[step] and on_sheet[step + 1]:
                drawing.line(canvas, start, end, colour)
        for moment, words in marks:
            if part.start <= moment < part.stop and alignment.on_sheet[moment]:
                x, y = points[moment - part.start]
                drawing.dot(canvas, (x, y), RADIUS, colours[moment])
                drawing.text(canvas, (x, y + RADIUS + 3), words, SMALL, colours[moment], "mt")
    return canvas


def _graph(alignment: Alignment, width: int) -> Canvas:
    """The path against time."""
    figure = charts.figure(width, GRAPH)
    axes = figure.subplots()
    colours = [
        charts.colour(c) for c in drawing.time_colours(np.linspace(0, 1, len(alignment.second)))
    ]
    points = np.stack([alignment.second, alignment.strip], axis=1)
    axes.add_collection(_segments(points, colours))
    begins = alignment.axis.begins[:-1]
    every = max(ceil(len(begins) / _LABELS), 1)
    axes.set_yticks(begins[::every], [str(system) for system in alignment.axis.system[::every]])
    axes.set_yticks(begins, minor=True)
    axes.grid(axis="y", which="both", alpha=0.4)
    axes.set(xlim=(0, max(float(alignment.second[-1]), 1e-9)), ylim=(0, alignment.axis.length))
    axes.set(xlabel="time (s)", ylabel="system")
    axes.spines[["top", "right"]].set_visible(False)
    return charts.drawn(figure)


def _segments(points: NDArray[np.float64], colours: Sequence[object]) -> "LineCollection":
    from matplotlib.collections import LineCollection

    return LineCollection(
        list(np.stack([points[:-1], points[1:]], axis=1)), colors=colours[:-1], linewidths=2
    )
