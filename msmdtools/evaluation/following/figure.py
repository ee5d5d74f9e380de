"""Errors of alignment or following as a picture: which share of onsets is within what, and the pieces.

To the left, curves: for every error in seconds, on a logarithmic axis, the percentage of onsets with at
most that error; the method in blue, the linear baseline in grey. To the right, a dot for each piece,
sorted: its percentage of onsets within 0.5 s.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from msmdtools.base import drawing
from msmdtools.base.drawing import Canvas, Colour
from msmdtools.evaluation.following.evaluate import WITHIN_S, Followed

METHOD: Colour = (0, 114, 178)
DOT_S = 0.5
LOWEST_S, HIGHEST_S = 0.01, 20.0

# All in pixels.
PANEL, HEIGHT, MARGIN, AXIS, TITLE, TEXT, SMALL = 640, 520, 40, 60, 28, 20, 18


def draw(headline: str, task: str, pieces: Sequence[Followed]) -> Canvas:
    """The picture: RGB, uint8 (height, width, 3).

    Args:
        headline: two lines, what was evaluated on what.
        task: what the blue curve is called.
        pieces: at least one.
    """
    top = MARGIN + TITLE + TEXT + 2 * MARGIN
    width = 2 * MARGIN + 2 * (AXIS + PANEL) + MARGIN
    canvas = np.full((top + HEIGHT + AXIS + MARGIN, width, 3), 255, np.uint8)
    first, _, second = headline.partition("\n")
    drawing.text(canvas, (MARGIN, MARGIN), first, TITLE)
    drawing.text(canvas, (MARGIN, MARGIN + TITLE + 8), second, TEXT, drawing.FAINT)
    left = MARGIN + AXIS
    _frame(canvas, left, top, "percent of onsets with at most an error in s of")
    for tick in (0.01, *WITHIN_S, 10.0):
        x = round(left + _across(np.array([tick]))[0])
        canvas[top : top + HEIGHT, x] = drawing.LINE
        drawing.text(canvas, (x, top + HEIGHT + 6), f"{tick:g}", SMALL, drawing.FAINT, "mt")
    curves = (
        ("linear", drawing.FAINT, [piece.linear.seconds for piece in pieces]),
        (task, METHOD, [piece.errors.seconds for piece in pieces]),
    )
    for number, (name, colour, errors) in enumerate(curves):
        _curve(canvas, left, top, np.sort(np.concatenate(errors)), colour)
        y = top + 12 + (len(curves) - 1 - number) * (TEXT + 6)
        drawing.text(canvas, (left + 12, y), name, TEXT, colour)
    left += PANEL + MARGIN + AXIS
    _frame(canvas, left, top, f"pieces by percent of onsets within {DOT_S:g} s")
    shares = np.sort([100 * (piece.errors.seconds <= DOT_S).mean() for piece in pieces])
    for number, share in enumerate(shares):
        x = left + (number + 0.5) / len(shares) * PANEL
        drawing.dot(canvas, (x, top + HEIGHT * (1 - share / 100)), 4, METHOD)
    return canvas


def _across(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where errors are on the logarithmic axis, in px; beyond its ends, the ends."""
    inside = np.log(np.clip(seconds, LOWEST_S, HIGHEST_S) / LOWEST_S)
    return np.asarray(PANEL * inside / math.log(HIGHEST_S / LOWEST_S), np.float64)


def _frame(canvas: Canvas, left: int, top: int, words: str) -> None:
    drawing.text(canvas, (left, top - TEXT - 12), words, TEXT)
    for percent in range(0, 101, 20):
        y = round(top + HEIGHT * (1 - percent / 100))
        canvas[y, left : left + PANEL] = drawing.LINE
        drawing.text(canvas, (left - 10, y), str(percent), SMALL, drawing.FAINT, "rm")


def _curve(
    canvas: Canvas, left: int, top: int, errors: NDArray[np.float64], colour: Colour
) -> None:
    """Shares of sorted errors, a point for every px."""
    seconds = LOWEST_S * (HIGHEST_S / LOWEST_S) ** (np.arange(PANEL + 1) / PANEL)
    shares = np.searchsorted(errors, seconds, side="right") / len(errors)
    points = [(left + x, top + HEIGHT * (1 - share)) for x, share in enumerate(shares.tolist())]
    for start, end in pairwise(points):
        drawing.line(canvas, start, end, colour)
