"""The systems of a sheet side by side as one axis: every place on its pages as one number, and back.

Each system takes the columns of its page from the left to the right end of its staff lines; the next one
begins where it ends. The axis is counted from the left end of the first system, in px of pages that are resized
to one height of staves (`msmdtools.paper.staff_height`). `Strip` is the picture of it. Places on pages are in px
of the pages as they are.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from msmdtools.paper.staff_height import STAFF_HEIGHT, resized_shape, usual_height

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
        staff_heights: the height of the staves of each page in px, by its number; a page that is not in it
            has staves of the usual height for its width.
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

    @property
    def staff_heights(self) -> Mapping[int, float]:  # noqa: D102
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
        columns: the column of the resized page that each begin is; (systems,).
        scale: px of the axis for a px of the page; (systems,).
        y0, y1: top of the system's first staff and bottom of its last, in px of the page; (systems,).
    """

    system: Integers
    page: Integers
    begins: Integers
    columns: Integers
    scale: Floats
    y0: Floats
    y1: Floats

    @property
    def length(self) -> float:
        """Of all systems together, in px."""
        return float(self.begins[-1])

    @property
    def widths(self) -> Integers:
        """Of each system, in px of the axis; (systems,)."""
        return np.diff(self.begins)

    @property
    def lefts(self) -> Floats:
        """The x on its page at which each system begins; (systems,)."""
        return np.asarray(self.columns / self.scale, np.float64)

    @property
    def rights(self) -> Floats:
        """The x on its page at which each system ends; (systems,)."""
        return np.asarray((self.columns + self.widths) / self.scale, np.float64)

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
        along = np.asarray(x) * self.scale[at]
        return np.asarray(self.begins[at] + along - self.columns[at], np.float64)

    def on_pages(self, strip: ArrayLike) -> Places:
        """The places on the pages of places on the axis, (n,); beyond its ends, the ends.

        y is the middle of the system.
        """
        strip = np.clip(np.asarray(strip, np.float64), 0, self.length)
        at = np.searchsorted(self.begins[1:-1], strip, side="right")
        x = (self.columns[at] + strip - self.begins[at]) / self.scale[at]
        return Places(self.page[at], self.system[at], x, self.middles[at])


def axis_of(sheet: Paged, staff_height: float | None = STAFF_HEIGHT) -> Axis:
    """The axis of a sheet; of one without systems, an axis without length.

    Args:
        sheet: the sheet.
        staff_height: the height of staves on the axis, in px; None for pages as they are.

    Raises:
        DatasetError: a file of the dataset is missing or damaged.
    """
    boxes = system_boxes(sheet.systems)
    shapes = {
        page: (shape := sheet.pages[page - 1].shape, shape_of(sheet, page, shape, staff_height))
        for page in boxes["page"].unique().tolist()
    }
    return side_by_side(boxes, shapes)


def shape_of(
    sheet: Paged, page: int, shape: tuple[int, ...], staff_height: float | None
) -> tuple[int, int]:
    """Height and width in px of a page once its staves have a height.

    Args:
        sheet: the sheet.
        page: number of the page, from 1.
        shape: its height and width in px.
        staff_height: the height of staves that is wanted, in px; None for the page as it is.
    """
    height = sheet.staff_heights.get(page, usual_height(shape[1]))
    return resized_shape(shape, height, staff_height)


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


def side_by_side(
    boxes: "pd.DataFrame", shapes: Mapping[int, tuple[tuple[int, ...], tuple[int, ...]]]
) -> Axis:
    """The axis of systems whose boxes are known.

    Args:
        boxes: of the systems, from `system_boxes`.
        shapes: height and width of each page, as it is and resized, in px; by its number.
    """
    pages = boxes["page"].to_numpy(np.int64)
    scale = np.array([shapes[n][1][1] / shapes[n][0][1] for n in pages.tolist()], np.float64)
    edges = boxes[["x0", "x1"]].to_numpy(np.float64) * scale[:, np.newaxis]
    spans = [
        span(x0, x1, shapes[n][1][1])
        for (x0, x1), n in zip(edges.tolist(), pages.tolist(), strict=True)
    ]
    columns = np.array(spans, np.int64).reshape(-1, 2)
    return Axis(
        system=boxes.index.to_numpy(np.int64),
        page=pages,
        begins=np.concatenate([[0], np.cumsum(columns[:, 1] - columns[:, 0])]),
        columns=columns[:, 0],
        scale=scale,
        y0=boxes["y0"].to_numpy(np.float64),
        y1=boxes["y1"].to_numpy(np.float64),
    )
