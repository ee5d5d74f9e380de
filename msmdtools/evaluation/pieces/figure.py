"""The figures of piece identification or position as bars: by direction, length and method, and by speed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from msmdtools.base import charts
from msmdtools.base.drawing import Canvas, Colour
from msmdtools.evaluation.pieces.identification import COUNTED, Identification
from msmdtools.evaluation.pieces.location import WITHIN, Location
from msmdtools.evaluation.snippets.retrieval import AUDIO_TO_SHEET

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# From the palette of Okabe and Ito, dark to light, and grey for what is wrong.
SHADES: tuple[Colour, ...] = ((0, 114, 178), (86, 180, 233), (190, 224, 245), (225, 225, 225))

WIDTH, LINE = 1400, 30
"""Of the picture, and from one bar to the next, in pixels."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of 100 %.

    Attributes:
        label: the text to its left.
        parts: percentages of its parts from the left.
        figure: the text to its right.
    """

    label: str
    parts: tuple[float, ...]
    figure: str


def draw(headline: str, results: Sequence[Identification | Location]) -> Canvas:
    """Draw the figures of one task as bars.

    Args:
        headline: two lines that say what was evaluated on what.
        results: figures of all directions and speeds.

    Returns:
        The picture: RGB, uint8 (height, width, 3).
    """
    panels = _panels(results)
    names = (
        ("rank 1", "2 to 5", "6 to 10", "beyond")
        if isinstance(results[0], Identification)
        else ("located", "in the right piece, which is not first")
    )
    sizes = [len(rows) + 2 for rows in panels.values()]
    figure = charts.figure(WIDTH, 140 + LINE * sum(sizes))
    charts.headline(figure, headline)
    drawn = figure.subplots(len(panels), 1, height_ratios=sizes, squeeze=False)[:, 0]
    for axes, (heading, rows) in zip(drawn, panels.items(), strict=True):
        _draw_bars(axes, rows, names)
        axes.set_title(heading, loc="left")
    handles, labels = drawn[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=len(labels), frameon=False)
    return charts.drawn(figure)


def _panels(results: Sequence[Identification | Location]) -> dict[str, list[Bar]]:
    """Return the bars of each panel by its heading: a panel for each direction, and for other speeds."""
    panels: dict[str, list[Bar]] = {}
    for result in results:
        direction = result.direction.replace("-", " ")
        size = f"{result.length:g} {_unit(result)}" if result.length else "whole"
        if result.speed != 1:
            shown = [bar for bar in bars(result) if bar.label in ("paths", "measure")]
            panels.setdefault(f"{direction}, {size}, at other speeds", []).extend(
                Bar(f"speed {result.speed:g}, {bar.label}", bar.parts, bar.figure) for bar in shown
            )
            continue
        panels.setdefault(direction, []).extend(
            Bar(f"{size}, {bar.label}", bar.parts, bar.figure) for bar in bars(result)
        )
    return panels


def bars(result: Identification | Location) -> list[Bar]:
    """Return the bars of one kind of query: the shares of ranks, or a bar for each nearness."""
    if isinstance(result, Identification):
        within = np.array(result.counts[: len(COUNTED)])
        each = np.diff(within, prepend=0, append=len(result.ranks)) * 100 / len(result.ranks)
        counts = " / ".join(f"{count:,}" for count in result.counts)
        return [Bar(result.method, tuple(each.tolist()), f"{each[0]:.1f} %   {counts}")]
    return [
        Bar(
            name,
            (result.located[name], result.in_piece[name] - result.located[name]),
            f"{result.located[name]:.1f} %",
        )
        for name in WITHIN
    ]


def _draw_bars(axes: "Axes", rows: Sequence[Bar], names: Sequence[str]) -> None:
    """Bars from 0 to 100 %, the first one at the top, with their figures at the right end."""
    places = np.arange(len(rows))
    begins = np.zeros(len(rows))
    for number, (name, shade) in enumerate(zip(names, SHADES, strict=False)):
        parts = np.array([bar.parts[number] for bar in rows])
        axes.barh(places, parts, 0.75, begins, color=charts.colour(shade), label=name)
        begins += parts
    axes.set(xlim=(0, 100), ylim=(len(rows) + 0.3, -0.5), xticks=[])
    axes.set_yticks(places, [bar.label for bar in rows])
    axes.tick_params(length=0)
    figures = axes.secondary_yaxis("right")
    figures.set_yticks(places, [bar.figure for bar in rows])
    figures.tick_params(length=0)
    for frame in (axes, figures):
        frame.spines[:].set_visible(False)


def _unit(result: Identification | Location) -> str:
    return "s" if result.direction == AUDIO_TO_SHEET else "px"
