"""Where measures are on the paper: bar lines, found in the pictures of the pages.

This works for any picture with known systems and note heads. A bar line is a column of a system that is inked from
the first to the last line of every staff. Where the line at the end of the system is drawn between the staves
as well, every bar line must be. Stems that happen to stand above each other touch note heads, so a column at the
edge of a head is not a bar line. A double bar counts as one line.

The strip is that of `msmdtools.paper.axis`, in which alignments are measured too: all systems side
by side, each ending where the next one begins, so the bar line between them is one place. Places to the left
of a system's first note head (clef, key and time signature) count as the place of that head, as they hold no
music that could be located.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from msmdtools.dataset.reader import DatasetPiece
from msmdtools.paper.axis import Axis, Floats, Integers, axis_of

if TYPE_CHECKING:
    import pandas as pd

# A bar line is as wide as a pixel, and may lie across two: this much ink in three, of 255 each.
_INK = 150
# Part of the rows that may be white, such as where a slur's edge is erased.
_WHITE = 0.03
# In px: the distance of a stem from the edge of its head, the largest distance of a bar line from the end of
# the staff lines, and the largest distance between the lines of a double bar (two spaces of a staff).
_STEM, _END, _DOUBLE = 1.6, 8, 13.0


@dataclass(frozen=True, slots=True, eq=False)
class Paper:
    """A piece's strip of systems and the bar lines on it, in px.

    Attributes:
        axis: the systems side by side.
        firsts: x on the page of the centre of each system's first note head; of the system's left end
            without heads; (systems,).
        bars: the places of the bar lines in the strip, rising.
    """

    axis: Axis
    firsts: Floats
    bars: Floats

    def place(self, system: ArrayLike, x: ArrayLike) -> Floats:
        """Return the places in the strip, in px, of x on the pages of systems."""
        return self.axis.strip(system, np.maximum(x, self.firsts[self.axis.at(system)]))

    def measure(self, place: ArrayLike) -> Floats:
        """Return the measure at each place in the strip, from 0, with its fraction between bar lines."""
        places = np.asarray(place, np.float64)
        return np.asarray(np.interp(places, self.bars, np.arange(len(self.bars))), np.float64)

    def width(self, place: ArrayLike) -> Integers:
        """Return the widths in px of the systems at places in the strip."""
        at = np.searchsorted(self.axis.begins[1:-1], np.asarray(place), side="right")
        return np.asarray(self.axis.widths[at], np.int64)


def paper(piece: DatasetPiece) -> Paper:
    """Find the bar lines of a piece and return its strip; the two ends of the strip count as bar lines.

    Raises:
        DatasetError: a file of the dataset is missing or damaged.
    """
    axis = axis_of(piece)
    heads = piece.noteheads
    centres = (heads["x0"] + heads["x1"]) / 2
    nearest = centres.groupby(heads["system"]).min().reindex(axis.system).to_numpy(np.float64)
    bars = [0.0, axis.length]
    page, number = np.zeros((0, 0), np.uint8), 0
    for system, staves in piece.systems.sort_values(["system", "y0"]).groupby("system"):
        if staves["page"].iloc[0] != number:
            number = int(staves["page"].iloc[0])
            page = piece.pages[number - 1]
        own_heads = heads[heads["system"] == system]
        edges = np.concatenate([own_heads["x0"], own_heads["x1"]])
        lines = bar_lines(page, staves, edges)
        bars += axis.strip(np.full(len(lines), system), lines).tolist()
    places = np.clip(np.sort(bars), 0, axis.length)
    apart = np.concatenate([[True], np.diff(places) > _DOUBLE])
    return Paper(axis, np.where(np.isnan(nearest), axis.lefts, nearest), places[apart])


def bar_lines(
    page: NDArray[np.uint8], staves: "pd.DataFrame", edges: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Find the bar lines of a system.

    Args:
        page: the picture, uint8 (height, width), 255 is white.
        staves: the boxes of the system's staves from the top: x0, y0, x1, y1 in px of the page.
        edges: x of the left and right edges of the system's note heads, px.

    Returns:
        The x of the bar lines in px of the page, rising; several for a double bar.
    """
    rows: list[dict[Any, float]] = staves.to_dict("records")
    x0, x1 = min(row["x0"] for row in rows), max(row["x1"] for row in rows)
    line = np.all([_inked(page, row["y0"], row["y1"]) for row in rows], axis=0)
    end = slice(max(int(x1) - _END, 0), int(x1) + _END)
    for above, below in pairwise(rows):
        between = _inked(page, above["y1"], below["y0"])
        if (between & line)[end].any():
            line = line & between
    columns = np.asarray(np.flatnonzero(line) + 0.5, np.float64)
    columns = columns[(columns > x0 - _END) & (columns < x1 + _END)]
    if not len(columns):
        return columns
    groups = np.split(columns, np.flatnonzero(np.diff(columns) > 1.5) + 1)
    middles = np.array([group.mean() for group in groups], np.float64)
    if len(edges):
        middles = middles[np.abs(middles[:, None] - edges).min(axis=1) >= _STEM]
    return middles


def _inked(page: NDArray[np.uint8], top: float, bottom: float) -> NDArray[np.bool_]:
    """Whether each column is inked between two heights."""
    ink = 255 - page[int(np.ceil(top)) + 1 : int(np.floor(bottom)) - 1].astype(np.int32)
    if not len(ink):
        return np.ones(page.shape[1], bool)
    near = ink.copy()
    near[:, 1:] += ink[:, :-1]
    near[:, :-1] += ink[:, 1:]
    return np.asarray(np.quantile(near, _WHITE, axis=0) > _INK)
