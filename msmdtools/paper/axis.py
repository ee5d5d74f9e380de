"""The systems of a sheet side by side as one axis: every place on its pages as one number, and back.

Each system takes the columns of its page from the left to the right end of its staff lines; the next one
begins where it ends. The axis is counted in px of the pages, from the left end of the first system. `Strip`
is the picture of it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import pandas as pd

Image = NDArray[np.uint8]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Paged(Protocol):
    """Page images and where the systems are on them: a piece of a dataset, or a sheet that was read.

    Attributes:
        piece: its id.
        pages: uint8 (height, width), upright; page n is pages[n - 1].
        systems: one row per staff of each system: page, system (in the piece), x0, y0, x1, y1 in px.
    """

    @property
    def piece(self) -> str:  # noqa: D102
        ...

    @property
    def pages(self) -> Sequence[Image]:  # noqa: D102
        ...

    @property
    def systems(self) -> "pd.DataFrame":  # noqa: D102
        ...


class Places(NamedTuple):
    """Places on pages, arrays of one length: page and system from 1, x and y in px."""

    page: Integers
    system: Integers
    x: Floats
    y: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """The systems of a sheet in their order, side by side.

    Attributes:
        system, page: numbers of the systems, rising, and of their pages, from 1; (systems,).
        begins: px of the axis at which each system begins, and its end; (systems + 1,).
        lefts: the page's column that each begin is; (systems,).
        y0, y1: top of the system's first staff and bottom of its last, in px of the page; (systems,).
    """

    system: Integers
    page: Integers
    begins: Integers
    lefts: Integers
    y0: Floats
    y1: Floats

    @property
    def length(self) -> float:
        """Of all systems together, in px."""
        return float(self.begins[-1])

    @property
    def widths(self) -> Integers:
        """Of each system, in px; (systems,)."""
        return np.diff(self.begins)

    @property
    def middles(self) -> Floats:
        """The y on its page of the middle of each system; (systems,)."""
        return (self.y0 + self.y1) / 2

    def at(self, system: ArrayLike) -> Integers:
        """The positions in the arrays of systems, given by their numbers.

        Raises:
            KeyError: there is no such system.
        """
        numbers = np.asarray(system)
        at = np.minimum(np.searchsorted(self.system, numbers), len(self.system) - 1)
        if (self.system[at] != numbers).any():
            raise KeyError(f"systems {np.setdiff1d(numbers, self.system).tolist()}")
        return np.asarray(at, np.int64)

    def strip(self, system: ArrayLike, x: ArrayLike) -> Floats:
        """The places on the axis of x on the pages. Raises as `at` does."""
        at = self.at(system)
        return np.asarray(self.begins[at] + np.asarray(x) - self.lefts[at], np.float64)

    def on_pages(self, strip: ArrayLike) -> Places:
        """The places on the pages of places on the axis, (n,); beyond its ends, the ends.

        y is the middle of the system.
        """
        strip = np.clip(np.asarray(strip, np.float64), 0, self.length)
        at = np.searchsorted(self.begins[1:-1], strip, side="right")
        x = self.lefts[at] + strip - self.begins[at]
        return Places(self.page[at], self.system[at], x, self.middles[at])


def axis_of(sheet: Paged) -> Axis:
    """The axis of a sheet; of one without systems, an axis without length.

    Raises:
        DatasetError: a file of the dataset is missing or damaged.
    """
    boxes = system_boxes(sheet.systems)
    widths = {page: sheet.pages[page - 1].shape[1] for page in boxes["page"].unique().tolist()}
    spans = [
        span(x0, x1, widths[page])
        for x0, x1, page in zip(boxes["x0"], boxes["x1"], boxes["page"], strict=True)
    ]
    return side_by_side(boxes, spans)


def system_boxes(systems: "pd.DataFrame") -> "pd.DataFrame":
    """One row per system, the index its number, rising: page and the box around the lines of its staves."""
    return systems.groupby("system").agg(
        {"page": "min", "x0": "min", "y0": "min", "x1": "max", "y1": "max"}
    )


def span(x0: float, x1: float, width: int) -> tuple[int, int]:
    """The columns of a page that a system takes: all that its staff lines touch.

    Args:
        x0, x1: the ends of the staff lines, in px of the page.
        width: width of the page, in px.

    Returns:
        The first column, and the one behind the last.
    """
    return max(math.floor(x0), 0), min(math.ceil(x1), width)


def side_by_side(boxes: "pd.DataFrame", spans: Sequence[tuple[int, int]]) -> Axis:
    """The axis of systems whose boxes and columns are known.

    Args:
        boxes: of the systems, from `system_boxes`.
        spans: for each of them, its columns, from `span`.
    """
    columns = np.array(spans, np.int64).reshape(-1, 2)
    return Axis(
        system=boxes.index.to_numpy(np.int64),
        page=boxes["page"].to_numpy(np.int64),
        begins=np.concatenate([[0], np.cumsum(columns[:, 1] - columns[:, 0])]),
        lefts=columns[:, 0],
        y0=boxes["y0"].to_numpy(np.float64),
        y1=boxes["y1"].to_numpy(np.float64),
    )
