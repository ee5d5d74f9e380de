"""A sheet and the axis of its systems, as alignments are shown on it.

The axis is that of `msmdtools.paper.axis`, in px of the strip that windows are cut from. Whatever is shown
is given as `msmdtools.search.windows` gives it: in px of the page, or of the picture from which a `Sheet`
was read.
"""

from contextlib import suppress
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from msmdtools.dataset.reader import DatasetPiece
from msmdtools.errors import MsmdError
from msmdtools.inputs import apart, pictures
from msmdtools.inputs.pages import Sheet, as_shown
from msmdtools.paper.axis import Axis, Floats, Paged, Places, axis_of


@dataclass(frozen=True, slots=True, eq=False)
class SheetAxis(Axis):
    """The axis of a sheet, and how the sheet looks.

    Attributes:
        sheet: the sheet that the axis belongs to.
    """

    sheet: Paged

    def places(self, strip: Floats) -> Places:
        """Return where places on the axis, (n,), are shown; a place beyond the axis goes to its end."""
        return as_shown(self.sheet, self.on_pages(strip))

    def boxes(self) -> Floats:
        """Return the boxes around the staves of the systems: x0, y0, x1, y1; (systems, 4).

        On a picture where a system leans or bends, its box encloses all of it.
        """
        # Along the upper and the lower edge, a place at every eighth.
        x = np.tile(np.linspace(self.lefts, self.rights, 9).T, 2)
        y = np.repeat(np.stack([self.y0, self.y1], axis=1), 9, axis=1)
        times = x.shape[1]
        corners = Places(
            np.repeat(self.page, times), np.repeat(self.system, times), x.ravel(), y.ravel()
        )
        shown = as_shown(self.sheet, corners)
        x, y = shown.x.reshape(x.shape), shown.y.reshape(x.shape)
        return np.stack([x.min(axis=1), y.min(axis=1), x.max(axis=1), y.max(axis=1)], axis=1)

    def heights(self) -> Floats:
        """Return the height in px of each system in its middle, from its first staff to its last."""
        middle = (self.lefts + self.rights) / 2
        top, bottom = (
            as_shown(self.sheet, Places(self.page, self.system, middle, edge)).y
            for edge in (self.y0, self.y1)
        )
        return np.maximum(bottom - top, 1.0)

    def sharp(self, number: int) -> tuple[NDArray[np.uint8], tuple[float, float]]:
        """Return page `number`, from 1, in the best resolution there is, and its size in the px of its places."""
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
        """Return page `number`, from 1, in the px of its places: uint8 (height, width)."""
        sheet = self.sheet
        return sheet.picture(number) if isinstance(sheet, Sheet) else sheet.pages[number - 1]


def axis(sheet: Paged) -> SheetAxis:
    """Return the axis of a sheet that a model is to look at.

    Raises:
        MsmdError: it has no systems.
        DatasetError: a file of the dataset is missing or damaged.
    """
    systems_axis = axis_of(sheet)
    if not len(systems_axis.system):
        raise MsmdError(f"{sheet.piece}: no systems, so there is nothing to align with")
    systems = {field.name: getattr(systems_axis, field.name) for field in fields(systems_axis)}
    return SheetAxis(**systems, sheet=sheet)
