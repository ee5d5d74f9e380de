"""Sheets from pictures and PDFs: upright pages at the scale of training pages, and their systems.

A model is trained on pages that are 835 px wide, with staff lines 7 px apart. Pages of any other
resolution or staff size are brought to that distance, and upright; pages that are like that already
are left as they are. Places on them are given in pixels of the picture that was read (of a PDF: of
its page drawn 835 px wide), whatever was done to it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from msmdtools.errors import MsmdError
from msmdtools.retrieval import systems
from msmdtools.retrieval.systems import Image, Layout
from msmdtools.snippets.schema import NOMINAL_WIDTH

if TYPE_CHECKING:
    import pandas as pd

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff"})
# Distance of staff lines of the training pages: 20 pt staves on A4 paper, 835 px wide.
SPACE = 6.98
# A difference of scale that models do not mind.
_SAME = 0.02
_PDF_WIDTH = 2 * NOMINAL_WIDTH


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """A sheet as windows are cut from it: `msmdtools.retrieval.windows.Paged`.

    Attributes:
        piece: its name.
        pages: upright, staff lines `SPACE` px apart; uint8 (height, width), 255 is white.
        systems: one row per staff: page, system, staff (all from 1), x0, y0, x1, y1 in px of `pages`.
        to_picture: for each page the affine map (2, 3) from its pixels to those of the picture.
    """

    piece: str
    pages: Sequence[Image]
    systems: "pd.DataFrame"
    to_picture: Sequence[NDArray[np.float64]]

    def on_picture(
        self, page: NDArray[np.integer], x: NDArray[np.floating], y: NDArray[np.floating]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The x and y on the pictures of places on the pages, arrays of one length."""
        maps = np.array(self.to_picture)[np.asarray(page) - 1]
        places = np.stack([x, y, np.ones(len(np.atleast_1d(x)))], axis=-1)
        found = np.einsum("nij,nj->ni", maps, places)
        return found[:, 0], found[:, 1]

    def picture(self, number: int) -> Image:
        """Page `number`, from 1, at the size and angle of the picture: places fit it."""
        affine = np.array(self.to_picture[number - 1])
        page = self.pages[number - 1]
        corners = np.array([[0, 0, 1], [page.shape[1], page.shape[0], 1]]) @ affine.T
        shape = (max(round(corners[1, 0]), 1), max(round(corners[1, 1]), 1))
        moved = cv2.warpAffine(page, affine, shape, flags=cv2.INTER_AREA, borderValue=255.0)
        return np.asarray(moved, np.uint8)


def read_sheet(path: str | Path, piece: str | None = None) -> Sheet:
    """The sheet in a picture, a PDF, or a folder of pictures.

    Args:
        piece: its name; None for the file's.

    Raises:
        MsmdError: the file cannot be read, or no page of it has staves.
    """
    path = Path(path)
    pictures, unit = read_pictures(path, _PDF_WIDTH), 1.0
    if path.suffix.lower() == ".pdf":
        unit = NOMINAL_WIDTH / _PDF_WIDTH
    return make_sheet(pictures, piece or path.stem, str(path), unit)


def make_sheet(
    pictures: Sequence[Image], piece: str, where: str = "the picture", unit: float = 1.0
) -> Sheet:
    """The sheet whose pages these pictures are.

    Args:
        pictures: uint8, (height, width), dark ink on light paper.
        where: what an error names.
        unit: places are given in pixels of the pictures times this.

    Raises:
        MsmdError: there are no staves on any of them.
    """
    import pandas as pd

    layouts = [systems.find_systems(picture) for picture in pictures]
    if not any(layout.systems for layout in layouts):
        raise MsmdError(
            f"{where}: no staves found; give a picture of printed music, upright to 4 degrees, "
            "with staff lines that can be told apart"
        )
    pages, maps = [], []
    rows: list[dict[str, Any]] = []
    count = 0
    for number, (picture, layout) in enumerate(zip(pictures, layouts, strict=True), 1):
        page, scale, back = _normalised(picture, layout)
        pages.append(page)
        maps.append(np.asarray(unit * back, np.float64))
        for system in layout.systems:
            count += 1
            for staff, box in enumerate(system, 1):
                place = {"piece": piece, "page": number, "system": count, "staff": staff}
                edges = (box.x0, box.y0, box.x1, box.y1)
                names = ("x0", "y0", "x1", "y1")
                rows.append(place | {n: e * scale for n, e in zip(names, edges, strict=True)})
    return Sheet(piece, pages, pd.DataFrame(rows), maps)


def _normalised(picture: Image, layout: Layout) -> tuple[Image, float, NDArray[np.float64]]:
    """The page upright and at the scale of training, that scale, and the map back (2, 3)."""
    scale = SPACE / layout.space if layout.systems else 1.0
    if abs(scale - 1) < _SAME:
        scale = 1.0
    page, height, width = picture, *picture.shape
    if np.median(page) < 250:
        page = systems.whitened(page)
    if layout.angle and layout.systems:
        page = np.asarray(systems.turn(page, layout.angle, 255), np.uint8)
        turned = systems.rotation(width, height, layout.angle)
    else:
        turned = np.eye(2, 3)
    if scale != 1:
        shape = (max(round(width * scale), 1), max(round(height * scale), 1))
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        page = np.asarray(cv2.resize(page, shape, interpolation=method), np.uint8)
    # Boxes are in pixel edges, and the rotation in pixel centres: half a pixel apart.
    half = np.array([0.5, 0.5])
    turned[:, 2] += half - turned[:, :2] @ half
    back = cv2.invertAffineTransform(turned)
    return page, scale, np.concatenate([back[:, :2] / scale, back[:, 2:]], axis=1)


def read_pictures(path: str | Path, pdf_width: int = NOMINAL_WIDTH) -> list[Image]:
    """The pages of a picture, a PDF, or a folder of pictures, as they are: uint8 (height, width).

    Args:
        pdf_width: px that the pages of a PDF are drawn wide.

    Raises:
        MsmdError: there is no such file, or it cannot be read.
    """
    path = Path(path)
    if path.is_dir():
        files = in_order(file for file in path.iterdir() if is_picture(file))
        if not files:
            raise MsmdError(f"{path}: no pictures (PNG, JPEG, TIFF) in this folder")
        return [picture for file in files for picture in _read_picture(file)]
    if not path.is_file():
        raise MsmdError(f"{path}: no such file")
    return _read_pdf(path, pdf_width) if path.suffix.lower() == ".pdf" else _read_picture(path)


def is_picture(path: Path) -> bool:
    """Whether the name is one of a picture: PNG, JPEG or TIFF."""
    return path.suffix.lower() in PICTURES and path.name[0] != "."


def in_order(files: Iterable[Path]) -> list[Path]:
    """Files by name, with numbers in names by their value: page-2 before page-10."""
    return sorted(
        files,
        key=lambda f: [(len(p), p) if p.isdigit() else (0, p) for p in re.split(r"(\d+)", f.name)],
    )


def _read_picture(path: Path) -> list[Image]:
    from PIL import Image as Pillow
    from PIL import ImageOps, ImageSequence

    pages = []
    try:
        with Pillow.open(path) as file:
            for frame in ImageSequence.Iterator(file):
                picture = ImageOps.exif_transpose(frame)
                if picture.mode in ("I;16", "I", "F"):
                    values = np.asarray(picture, np.float64)
                    top = 65535 if values.max() > 255 else 255
                    pages.append(np.asarray(np.clip(values * (255 / top), 0, 255), np.uint8))
                    continue
                # What is transparent is paper.
                clear = picture.convert("RGBA")
                white = Pillow.new("RGBA", clear.size, "white")
                grey = Pillow.alpha_composite(white, clear).convert("L")
                pages.append(np.asarray(grey, np.uint8))
    except (OSError, ValueError, SyntaxError, Pillow.DecompressionBombError) as error:
        raise MsmdError(
            f"{path}: not a picture that can be read ({error}); give PNG, JPEG, TIFF or PDF"
        ) from error
    return pages


def _read_pdf(path: Path, width: int) -> list[Image]:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
        pages = []
        for page in document:
            # PDFium rounds the size up: ask for a hair less than the whole number.
            bitmap = page.render(scale=(width - 1e-3) / page.get_width(), grayscale=True)
            pages.append(np.array(bitmap.to_numpy().squeeze(), np.uint8))
            page.close()
        document.close()
    except pypdfium2.PdfiumError as error:
        raise MsmdError(f"{path}: not a PDF that can be read ({error})") from error
    return pages
