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
    """A bar of 100 %: its label, the percentages of its parts from the left, and what is said of it."""

    label: str
    parts: tuple[float, ...]
    figure: str


def draw(headline: str, found: Sequence[Identification | Location]) -> Canvas:
    """The picture of one task: an RGB image, uint8 (height, width, 3).

    Args:
        headline: two lines, what was evaluated on what.
        found: figures of all directions and speeds.
    """
    panels = _panels(found)
    names = (
        ("rank 1", "2 to 5", "6 to 10", "beyond")
        if isinstance(found[0], Identification)
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


def _panels(found: Sequence[Identification | Location]) -> dict[str, list[Bar]]:
    """The bars of each panel, by its heading: a direction, and its lengths at other speeds."""
    panels: dict[str, list[Bar]] = {}
    for one in found:
        direction = one.direction.replace("-", " ")
        size = f"{one.length:g} {_unit(one)}" if one.length else "whole"
        if one.speed != 1:
            shown = [bar for bar in bars(one) if bar.label in ("paths", "measure")]
            panels.setdefault(f"{direction}, {size}, at other speeds", []).extend(
                Bar(f"speed {one.speed:g}, {bar.label}", bar.parts, bar.figure) for bar in shown
            )
            continue
        panels.setdefault(direction, []).extend(
            Bar(f"{size}, {bar.label}", bar.parts, bar.figure) for bar in bars(one)
        )
    return panels


def bars(one: Identification | Location) -> list[Bar]:
    """What is drawn of one kind of query: the shares of ranks, or a bar for each nearness."""
    if isinstance(one, Identification):
        within = np.array(one.counts[: len(COUNTED)])
        each = np.diff(within, prepend=0, append=len(one.ranks)) * 100 / len(one.ranks)
        counts = " / ".join(f"{count:,}" for count in one.counts)
        return [Bar(one.method, tuple(each.tolist()), f"{each[0]:.1f} %   {counts}")]
    return [
        Bar(
            name,
            (one.located[name], one.in_piece[name] - one.located[name]),
            f"{one.located[name]:.1f} %",
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


def _unit(one: Identification | Location) -> str:
    return "s" if one.direction == AUDIO_TO_SHEET else "px"
