"""Where measures are on the paper: bar lines, found in the pictures of the pages.

A dataset knows notes and systems, not measures. A bar line is a column of a system that is inked from
the first to the last line of every staff, and between the staves too where the line at the end of the
system is. Stems that happen to stand above each other are told apart by that, and by the note heads
that they touch: a column at the edge of a head is no bar line. Double bars are one.

The strip is that of `msmdtools.paper.axis`, in which alignments are measured too: all systems side
by side, the end of one where the next one begins, so the bar line between them is one place. What is left
of a system's first note head, clef, key and time, is at that head: there is no music in it that could be
located.
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
# In px: how near to a head's edge a stem stands, how far a bar line may be from the end of the staff
# lines, and how far apart the lines of a double bar may be (two spaces of a staff).
_STEM, _END, _DOUBLE = 1.6, 8, 13.0


@dataclass(frozen=True, slots=True, eq=False)
class Paper:
    """A piece's strip of systems with what is measured on it, in px.

    Attributes:
        axis: the systems side by side.
        firsts: the page's x of the centre of each system's first note head; of its left end without
            heads; (systems,).
        bars: the places of bar lines, rising.
    """

    axis: Axis
    firsts: Floats
    bars: Floats

    def place(self, system: ArrayLike, x: ArrayLike) -> Floats:
        """The places in the strip of x on the page."""
        return self.axis.strip(system, np.maximum(x, self.firsts[self.axis.at(system)]))

    def measure(self, place: ArrayLike) -> Floats:
        """The number of the measure at a place, from 0; between bar lines it rises in proportion."""
        places = np.asarray(place, np.float64)
        return np.asarray(np.interp(places, self.bars, np.arange(len(self.bars))), np.float64)

    def width(self, place: ArrayLike) -> Integers:
        """The widths of the systems at places."""
        at = np.searchsorted(self.axis.begins[1:-1], np.asarray(place), side="right")
        return np.asarray(self.axis.widths[at], np.int64)


def paper(piece: DatasetPiece) -> Paper:
    """The strip of a piece with its bar lines; its two ends are always among them.

    Raises:
        DatasetError: a file of the dataset is missing or damaged.
    """
    axis = axis_of(piece)
    heads = piece.noteheads
    centres = (heads["x0"] + heads["x1"]) / 2
    nearest = centres.groupby(heads["system"]).min().reindex(axis.system).to_numpy(np.float64)
    found = [0.0, axis.length]
    page, number = np.zeros((0, 0), np.uint8), 0
    for system, staves in piece.systems.sort_values(["system", "y0"]).groupby("system"):
        if staves["page"].iloc[0] != number:
            number = int(staves["page"].iloc[0])
            page = piece.pages[number - 1]
        own = heads[heads["system"] == system]
        edges = np.concatenate([own["x0"], own["x1"]])
        lines = bar_lines(page, staves, edges)
        found += axis.strip(np.full(len(lines), system), lines).tolist()
    places = np.clip(np.sort(found), 0, axis.length)
    apart = np.concatenate([[True], np.diff(places) > _DOUBLE])
    return Paper(axis, np.where(np.isnan(nearest), axis.lefts, nearest), places[apart])


def bar_lines(
    page: NDArray[np.uint8], staves: "pd.DataFrame", edges: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The x of the bar lines of a system, rising, in px of the page; of a double bar several.

    Args:
        page: the picture, (height, width), 255 is white.
        staves: the boxes of the system's staves from the top: x0, y0, x1, y1.
        edges: the left and right edges of the system's note heads.
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
