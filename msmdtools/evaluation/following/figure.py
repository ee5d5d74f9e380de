"""Errors of alignment or following as a chart: the share of onsets by error, and the pieces.

To the left, curves: for every error in seconds, on a logarithmic axis, the percentage of onsets with at
most that error; the method in blue, the linear baseline in grey. To the right, a dot for each piece,
sorted: its percentage of onsets within 0.5 s.
"""

from collections.abc import Sequence

import numpy as np

from msmdtools.base import charts
from msmdtools.base.drawing import FAINT, Canvas, Colour
from msmdtools.evaluation.following.accuracy import WITHIN_S, Followed

METHOD: Colour = (0, 114, 178)
DOT_S = 0.5
LOWEST_S, HIGHEST_S = 0.01, 20.0
WIDTH, HEIGHT = 1400, 640
"""Of the picture, in pixels."""


def draw(headline: str, task: str, pieces: Sequence[Followed]) -> Canvas:
    """Draw the errors of all onsets and pieces.

    Args:
        headline: two lines that say what was evaluated on what.
        task: label of the blue curve.
        pieces: how each piece was followed; at least one.

    Returns:
        The picture: RGB, uint8 (height, width, 3).
    """
    figure = charts.figure(WIDTH, HEIGHT)
    charts.headline(figure, headline)
    curves, dots = figure.subplots(1, 2, sharey=True)
    for name, colour, errors in (
        (task, METHOD, [piece.errors.seconds for piece in pieces]),
        ("linear", FAINT, [piece.linear.seconds for piece in pieces]),
    ):
        seconds = np.sort(np.clip(np.concatenate(errors), LOWEST_S, HIGHEST_S))
        shares = 100 * np.arange(1, len(seconds) + 1) / len(seconds)
        curves.step(seconds, shares, where="post", color=charts.colour(colour), label=name)
    ticks = (LOWEST_S, *WITHIN_S, 10.0)
    curves.set(xscale="log", xlim=(LOWEST_S, HIGHEST_S), ylim=(0, 100))
    curves.set_xticks(ticks, [f"{tick:g}" for tick in ticks], minor=False)
    curves.minorticks_off()
    curves.set(xlabel="error of at most … s", ylabel="percent of onsets")
    curves.legend(loc="upper left", frameon=False)
    shares = np.sort([100 * (piece.errors.seconds <= DOT_S).mean() for piece in pieces])
    dots.plot(
        np.arange(1, len(shares) + 1), shares, ".", color=charts.colour(METHOD), clip_on=False
    )
    dots.set(xlabel=f"pieces, by percent of onsets within {DOT_S:g} s", xticks=[])
    for axes in (curves, dots):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    return charts.drawn(figure)
