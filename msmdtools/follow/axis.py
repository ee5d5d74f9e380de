"""The strip of a sheet as an axis: every place on its systems as one number, and back.

The strip is that of `msmdtools.paper.strip`: systems side by side, in px of the pages that windows
are cut from. Places on the page are given as `msmdtools.search.windows` gives them: in px of the
page, or of the picture that a `Sheet` was made from.
"""

import math
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from msmdtools.dataset.reader import DatasetPiece
from msmdtools.errors import MsmdError
from msmdtools.inputs import apart, pictures
from msmdtools.inputs.pages import Sheet
from msmdtools.search.windows import Paged
from msmdtools.snippets.onsets import system_boxes
from msmdtools.snippets.schema import NOMINAL_WIDTH

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Places(NamedTuple):
    """Places on pages, arrays of one length: page and system from 1, x and y in px."""

    page: Integers
    system: Integers
    x: Floats
    y: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """The systems of a sheet on the strip, in their order.

    Attributes:
        sheet: what the strip is of.
        system, page: numbers of the systems and of their pages, from 1; (systems,).
        begins: px of the strip at which each system begins, and its end; (systems + 1,).
        lefts: the page's x of each begin; y0, y1: top of the system's first staff and bottom of its
            last; (systems,), in px of the pages that windows are cut from.
    """

    sheet: Paged
    system: Integers
    page: Integers
    begins: Floats
    lefts: Floats
    y0: Floats
    y1: Floats

    @property
    def length(self) -> float:
        """Of the strip, in px."""
        return float(self.begins[-1])

    def strip(self, system: ArrayLike, x: ArrayLike) -> Floats:
        """The places on the strip of x on the pages that windows are cut from."""
        at = np.searchsorted(self.system, np.asarray(system))
        return np.asarray(self.begins[at] + np.asarray(x) - self.lefts[at], np.float64)

    def places(self, strip: Floats) -> Places:
        """The places on the pages of places on the strip, (n,); beyond its ends, the ends."""
        strip = np.clip(strip, 0, self.length)
        at = np.searchsorted(self.begins[1:-1], strip, side="right")
        page, x = self.page[at], self.lefts[at] + strip - self.begins[at]
        return Places(page, self.system[at], *self._shown(page, x, (self.y0[at] + self.y1[at]) / 2))

    def boxes(self) -> Floats:
        """The boxes around the staves of the systems: x0, y0, x1, y1, (systems, 4).

        On a picture on which a system leans or bends its box goes around all of it.
        """
        # Along the upper and the lower edge, a place at every eighth.
        along = np.linspace(0, np.diff(self.begins), 9).T
        x = np.tile(self.lefts[:, np.newaxis] + along, 2)
        y = np.repeat(np.stack([self.y0, self.y1], axis=1), 9, axis=1)
        page = np.repeat(self.page, x.shape[1])
        shown = self._shown(page, x.ravel(), y.ravel())
        x, y = (np.asarray(v, np.float64).reshape(x.shape) for v in shown)
        return np.stack([x.min(axis=1), y.min(axis=1), x.max(axis=1), y.max(axis=1)], axis=1)

    def heights(self) -> Floats:
        """From the top of the first staff to the bottom of the last in the middle of each system."""
        middle = self.lefts + np.diff(self.begins) / 2
        _, top = self._shown(self.page, middle, self.y0)
        _, bottom = self._shown(self.page, middle, self.y1)
        return np.maximum(bottom - top, 1.0)

    def sharp(self, number: int) -> tuple[NDArray[np.uint8], tuple[float, float]]:
        """Page `number`, from 1, as sharp as it is there, and its size in the px of its places."""
        sheet = self.sheet
        if isinstance(sheet, Sheet):
            return sheet.pictures[number - 1], sheet.sizes[number - 1]
        page = sheet.pages[number - 1]
        height, width = page.shape
        if isinstance(sheet, DatasetPiece) and sheet.pdf_path.is_file():
            with suppress(MsmdError):
                page = apart.read(pictures.page_of, sheet.pdf_path, number, 2 * width)
        return page, (float(width), float(height))

    def picture(self, number: int) -> NDArray[np.uint8]:
        """Page `number`, from 1, as its places fit it: uint8 (height, width)."""
        sheet = self.sheet
        return sheet.picture(number) if isinstance(sheet, Sheet) else sheet.pages[number - 1]

    def _shown(self, page: Integers, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        return self.sheet.on_picture(page, x, y) if isinstance(self.sheet, Sheet) else (x, y)


def axis(sheet: Paged) -> Axis:
    """The axis of a sheet that a model is to look at.

    Raises:
        MsmdError: it has no systems, or a dataset's pages have not the width that models are trained on.
        DatasetError: a file of the dataset is missing or damaged.
    """
    width = sheet.pages[0].shape[1]
    if width != NOMINAL_WIDTH and not isinstance(sheet, Sheet):
        raise MsmdError(
            f"{sheet.piece}: its pages are {width} px wide, and models are trained on "
            f"{NOMINAL_WIDTH}; build the dataset with --width {NOMINAL_WIDTH}"
        )
    return any_axis(sheet)


def any_axis(sheet: Paged) -> Axis:
    """The axis of a sheet of any width. Raises as `axis` does."""
    boxes = system_boxes(sheet.systems).sort_index()
    if not len(boxes):
        raise MsmdError(f"{sheet.piece}: no systems, so there is nothing to align with")
    widths = {page: sheet.pages[page - 1].shape[1] for page in boxes["page"].unique().tolist()}
    lefts = [max(math.floor(x), 0) for x in boxes["x0"]]
    rights = [
        min(math.ceil(x), widths[page]) for x, page in zip(boxes["x1"], boxes["page"], strict=True)
    ]
    sizes = np.array(rights, np.float64) - lefts
    return Axis(
        sheet,
        system=boxes.index.to_numpy(np.int64),
        page=boxes["page"].to_numpy(np.int64),
        begins=np.concatenate([[0.0], np.cumsum(sizes)]),
        lefts=np.array(lefts, np.float64),
        y0=boxes["y0"].to_numpy(np.float64),
        y1=boxes["y1"].to_numpy(np.float64),
    )
