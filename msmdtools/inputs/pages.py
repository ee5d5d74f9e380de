"""Sheets from pictures and PDFs: upright pages at the scale of training pages, and their systems.

Pages of any resolution or staff size are scaled to the staff height that models are trained on
(`msmdtools.paper.staff_height`), turned upright and flattened; pages that already are like that stay as they
are. An engraved page of a PDF is drawn anew at that scale, as the pages of a dataset are: of a larger drawing
that is resized, thin lines are lighter. Places on pages are given in pixels of the picture that was read (for
a PDF, of its page drawn 835 px wide), whatever was done to it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from msmdtools.errors import MsmdError
from msmdtools.inputs import finders
from msmdtools.inputs.finders import SystemFinder
from msmdtools.inputs.limits import LIMITS, Limits
from msmdtools.inputs.pictures import engraved_page, read_pictures
from msmdtools.inputs.stored import Stored
from msmdtools.paper import systems
from msmdtools.paper.axis import Paged, Places
from msmdtools.paper.rectify import Warp
from msmdtools.paper.staff_height import SPACES, STAFF_HEIGHT, resized, resized_shape
from msmdtools.paper.systems import Image, Layout
from msmdtools.paper.width import NOMINAL_WIDTH

if TYPE_CHECKING:
    import pandas as pd

_PDF_WIDTH = 2 * NOMINAL_WIDTH
# Pictures are kept this wide: sharp on a screen of two pixels for each of a page.
SHARP = 2 * NOMINAL_WIDTH


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """A sheet from which windows can be cut, as `msmdtools.paper.axis.Paged` describes.

    Attributes:
        piece: name of the piece.
        pages: the pages, upright and flat, their staves `STAFF_HEIGHT` px high; uint8 (height, width), 255 is
            white.
        systems: one row per staff: page, system, staff (all from 1), and its box x0, y0, x1, y1 in px of
            `pages`.
        to_picture: for each page, the affine map (2, 3) from its pixels to those of the picture, or of the
            flattened picture.
        pictures: the pages as they look on the picture, at most `SHARP` px wide.
        sizes: width and height of each picture, in the px in which places on it are given.
        warps: for each page, the map from the flattened picture to the picture; None if they are the same.
        notes: what was probably missed, such as "page 2: 5 systems found; 1 gap looks like a missed system",
            and which pages were upside down.
        turned: numbers of pages, from 1, that were upside down and are turned by 180 degrees on `pages`;
            their pictures are as they were.
    """

    piece: str
    pages: Sequence[Image]
    systems: "pd.DataFrame"
    to_picture: Sequence[NDArray[np.float64]]
    pictures: Sequence[Image]
    sizes: Sequence[tuple[float, float]]
    warps: Sequence[Warp | None]
    notes: tuple[str, ...] = ()
    turned: frozenset[int] = frozenset()

    @property
    def staff_heights(self) -> dict[int, float]:
        """The height of the staves of each page in px, by its number: one for all."""
        return dict.fromkeys(range(1, len(self.pages) + 1), STAFF_HEIGHT)

    def on_picture(
        self, page: NDArray[np.integer], x: NDArray[np.floating], y: NDArray[np.floating]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Map points from the pages to the pictures.

        Args:
            page: page of each point, from 1; (n,).
            x: x of each point in px of `pages`, (n,).
            y: y of each point in px of `pages`, (n,).

        Returns:
            x and y of each point in px of its picture, (n,) each.
        """
        page = np.asarray(page)
        maps = np.array(self.to_picture)[page - 1]
        positions = np.stack([x, y, np.ones(len(np.atleast_1d(x)))], axis=-1)
        points = np.einsum("nij,nj->ni", maps, positions)
        for number in np.unique(page):
            warp = self.warps[number - 1]
            if warp is not None:
                on_page = page == number
                points[on_page] = np.stack(warp.back(*points[on_page].T), axis=-1)
            if number in self.turned:
                on_page = page == number
                points[on_page] = np.array(self.sizes[number - 1]) - points[on_page]
        return points[:, 0], points[:, 1]

    def picture(self, number: int) -> Image:
        """Return page `number`, from 1, as it looks on the picture, in the px in which places are given."""
        width, height = (max(round(size), 1) for size in self.sizes[number - 1])
        return resized(self.pictures[number - 1], (height, width))


def as_shown(sheet: Paged, places: Places) -> Places:
    """Map places from a sheet's pages to the picture it was read from; those of a dataset's piece stay."""
    if not isinstance(sheet, Sheet):
        return places
    x, y = sheet.on_picture(places.page, places.x, places.y)
    return places._replace(x=x, y=y)


def read_sheet(
    path: str | Path,
    piece: str | None = None,
    limits: Limits = LIMITS,
    finder: SystemFinder | str = finders.DEFAULT,
) -> Sheet:
    """Read the sheet in a picture, a PDF, or a folder of pictures.

    Args:
        path: the file or folder.
        piece: name of the piece; None for the file's name without its ending.
        limits: the most that is read.
        finder: what finds the systems, or its name (`finders`).

    Returns:
        The pages at the scale of training pages, with their systems.

    Raises:
        MsmdError: the file cannot be read or exceeds a limit, or no page of it has staves.
    """
    path = Path(path)
    pictures, name = read_pictures(path, _PDF_WIDTH, limits), piece or path.stem
    if path.suffix.lower() != ".pdf":
        return make_sheet(pictures, name, str(path), finder=finder)
    unit = NOMINAL_WIDTH / _PDF_WIDTH
    return make_sheet(pictures, name, str(path), unit, partial(engraved_page, path), finder)


def make_sheet(
    pictures: Iterable[Image],
    piece: str,
    where: str = "the picture",
    unit: float = 1.0,
    drawn: Callable[[int, int], Image | None] | None = None,
    finder: SystemFinder | str = finders.DEFAULT,
) -> Sheet:
    """Find the systems on pictures of pages and return the sheet that they make up.

    Args:
        pictures: uint8 (height, width), dark ink on light paper; taken one by one.
        piece: name of the piece.
        where: what error messages call the pictures.
        unit: places are given in pixels of the pictures times this factor.
        drawn: draws the page of a number, from 1, at a width in px, or returns None where it can not.
        finder: what finds the systems, or its name (`finders`).

    Returns:
        The pages at the scale of training pages, with their systems.

    Raises:
        MsmdError: there are no staves on any of the pictures.
    """
    import pandas as pd

    pages, shown_pictures, maps, sizes, warps, notes = Stored(), Stored(), [], [], [], []
    rows: list[dict[str, Any]] = []
    turned: set[int] = set()
    count = 0
    find = finders.finder_of(finder).find
    for number, picture in enumerate(pictures, 1):
        layout = find(picture)
        height, width = picture.shape
        clean = systems.whitened(picture) if np.median(picture) < 250 else picture
        wide = min(width, SHARP)
        shown_pictures.append(resized(clean, (max(round(height * wide / width), 1), wide)))
        if layout.upside_down:
            fallen, layout = layout, find(np.ascontiguousarray(picture[::-1, ::-1]))
            if len(layout.systems) < len(fallen.systems) or layout.upside_down:
                layout = replace(fallen, upside_down=False)
            else:
                turned.add(number)
                clean = np.ascontiguousarray(clean[::-1, ::-1])
                notes.append(f"page {number}: upside down; it was turned")
        page, scale, to_picture = _normalised(clean, layout)
        if drawn is not None and layout.warp is None and not layout.angle:
            sharp = drawn(number, page.shape[1])
            if sharp is not None:
                page = np.ascontiguousarray(sharp[::-1, ::-1]) if number in turned else sharp
        pages.append(page)
        maps.append(np.asarray(unit * to_picture, np.float64))
        sizes.append((unit * width, unit * height))
        warps.append(layout.warp and layout.warp.scaled(unit))
        notes += _notes(number, layout)
        for system in layout.systems:
            count += 1
            for staff, box in enumerate(system, 1):
                place = {"piece": piece, "page": number, "system": count, "staff": staff}
                edges = (box.x0, box.y0, box.x1, box.y1)
                names = ("x0", "y0", "x1", "y1")
                rows.append(place | {n: e * scale for n, e in zip(names, edges, strict=True)})
    if not rows:
        raise MsmdError(
            f"{where}: no staves found; give a picture of printed music, upright to 4 degrees, "
            "with staff lines that are clearly separated"
        )
    table = pd.DataFrame(rows)
    return Sheet(
        piece, pages, table, maps, shown_pictures, sizes, warps, tuple(notes), frozenset(turned)
    )


def _notes(number: int, layout: Layout) -> list[str]:
    """Say what seems to be missing on a page."""
    if not layout.gaps:
        return []
    count = len(layout.systems)
    systems_found = f"{count} {'system' if count == 1 else 'systems'} found"
    look = "1 gap looks like a missed system"
    if layout.gaps > 1:
        look = f"{layout.gaps} gaps look like missed systems"
    return [f"page {number}: {systems_found}; {look}"]


def _normalised(picture: Image, layout: Layout) -> tuple[Image, float, NDArray[np.float64]]:
    """Return the page upright and at the scale of training pages, that scale, and the map (2, 3) back."""
    shape = picture.shape
    if layout.systems:
        shape = resized_shape(shape, SPACES * layout.space, STAFF_HEIGHT)
    scale = shape[1] / picture.shape[1]
    page, height, width = picture, *picture.shape
    if layout.warp is not None:
        page = np.asarray(layout.warp.flatten(page, 255), np.uint8)
    if layout.angle and layout.systems:
        page = np.asarray(systems.turn(page, layout.angle, 255), np.uint8)
        turned = systems.rotation(width, height, layout.angle)
    else:
        turned = np.eye(2, 3)
    page = resized(page, shape)
    # Boxes are in pixel edges, and the rotation in pixel centres: half a pixel apart.
    half = np.array([0.5, 0.5])
    turned[:, 2] += half - turned[:, :2] @ half
    to_picture = cv2.invertAffineTransform(turned)
    return page, scale, np.concatenate([to_picture[:, :2] / scale, to_picture[:, 2:]], axis=1)
