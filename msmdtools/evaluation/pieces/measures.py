"""Where measures are on the paper, as places in the strip of a piece.

They are those of the dataset; of one without a measures table, those that are found in the pictures of its pages
(`msmdtools.paper.bars`).

The strip is that of `msmdtools.paper.axis`, in which alignments are measured too: all systems side
by side, each ending where the next one begins, so the bar line between them is one place. Places to the left
of a system's first note head (clef, key and time signature) count as the place of that head, as they hold no
music that could be located.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from msmdtools.dataset.bars import bars_of
from msmdtools.dataset.reader import DatasetPiece
from msmdtools.paper.axis import Axis, Floats, Integers, axis_of


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
    """The strip of a piece and its bar lines, the two ends of the strip among them.

    Raises:
        DatasetError: a file of the dataset is missing or damaged.
    """
    axis = axis_of(piece)
    heads = piece.noteheads
    centres = (heads["x0"] + heads["x1"]) / 2
    nearest = centres.groupby(heads["system"]).min().reindex(axis.system).to_numpy(np.float64)
    bars = np.concatenate([[0.0], bars_of(piece, axis).begins[1:], [axis.length]])
    return Paper(axis, np.where(np.isnan(nearest), axis.lefts, nearest), bars)
