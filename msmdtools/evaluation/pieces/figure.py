"""The figures of piece identification or position as bars: by direction, length and method, and by speed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from msmdtools.base import drawing
from msmdtools.base.drawing import Canvas, Colour
from msmdtools.evaluation.pieces.identification import COUNTED, Identification
from msmdtools.evaluation.pieces.location import WITHIN, Location
from msmdtools.evaluation.snippets.retrieval import AUDIO_TO_SHEET

# From the palette of Okabe and Ito, dark to light, and grey for what is wrong.
SHADES: tuple[Colour, ...] = ((0, 114, 178), (86, 180, 233), (190, 224, 245), (225, 225, 225))

# All in pixels.
WIDTH, MARGIN, LABEL, BAR, LINE, GAP = 1400, 40, 250, 22, 30, 18
TITLE, HEADING, TEXT = 28, 22, 18


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
    legend = (
        ("rank 1", "2 to 5", "6 to 10", "beyond")
        if isinstance(found[0], Identification)
        else ("located", "in the right piece, which is not first")
    )
    lines = sum(map(len, panels.values()))
    height = 2 * MARGIN + TITLE + 3 * LINE + GAP + lines * LINE + len(panels) * (2 * GAP + LINE)
    canvas = np.full((height, WIDTH, 3), 255, np.uint8)
    top = MARGIN
    first, _, second = headline.partition("\n")
    drawing.text(canvas, (MARGIN, top), first, TITLE)
    drawing.text(canvas, (MARGIN, top + TITLE + 8), second, TEXT, drawing.FAINT)
    top += TITLE + 2 * LINE
    left = MARGIN
    for name, shade in zip(legend, SHADES, strict=False):
        canvas[top : top + BAR, left : left + BAR] = shade
        drawing.text(canvas, (left + BAR + 8, top + 2), name, TEXT)
        left += BAR + 8 + drawing.text_width(name, TEXT) + 2 * GAP
    top += LINE + GAP
    for heading, rows in panels.items():
        top += GAP
        drawing.text(canvas, (MARGIN, top), heading, HEADING)
        top += LINE + GAP
        for bar in rows:
            _draw_bar(canvas, top, bar)
            top += LINE
    return canvas


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


def _draw_bar(canvas: Canvas, top: int, bar: Bar) -> None:
    left, right = MARGIN + LABEL, WIDTH - MARGIN - LABEL
    drawing.text(canvas, (MARGIN, top + 2), bar.label, TEXT)
    canvas[top : top + BAR, left:right] = SHADES[-1]
    edges = left + np.cumsum([0.0, *bar.parts]) / 100 * (right - left)
    for low, high, shade in zip(edges, edges[1:], SHADES, strict=False):
        canvas[top : top + BAR, round(low) : round(high)] = shade
    drawing.text(canvas, (right + GAP, top + 2), bar.figure, TEXT)


def _unit(one: Identification | Location) -> str:
    return "s" if one.direction == AUDIO_TO_SHEET else "px"
