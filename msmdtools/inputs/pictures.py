"""Pictures, PDFs and folders of pictures as grey pages, one after the other, within limits.

The size of a page is known from the file's header, before anything is decoded or drawn. What counts is the
size at which it will be searched for staves; for a narrow and tall page that is many times what is stored.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.base.damage import no_file
from msmdtools.base.quantities import how_many
from msmdtools.errors import MsmdError
from msmdtools.inputs.limits import LIMITS, Limits
from msmdtools.paper.systems import WIDTH
from msmdtools.paper.width import NOMINAL_WIDTH

Image = NDArray[np.uint8]
ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff"})
# Rows of a transparent picture that are laid on white at a time.
_BAND = 256


def read_pictures(
    path: str | Path, pdf_width: int = NOMINAL_WIDTH, limits: Limits = LIMITS
) -> Iterator[Image]:
    """Yield the pages of a picture, a PDF, or a folder of pictures, unchanged but grey.

    Args:
        path: the file or folder.
        pdf_width: width in px at which the pages of a PDF are drawn.
        limits: the most that is read.

    Returns:
        An iterator over the pages, uint8 (height, width), 255 is white.

    Raises:
        MsmdError: there is no such file, it cannot be read, or it exceeds a limit; raised at the page where
            that is noticed.
    """
    path = Path(path)
    images: Iterator[Image]
    if path.is_dir():
        files = in_order(file for file in path.iterdir() if is_picture(file))
        if not files:
            raise MsmdError(f"{path}: no pictures (PNG, JPEG, TIFF) in this folder")
        images = chain.from_iterable(_picture(file, limits) for file in files)
    elif not path.is_file():
        raise MsmdError(f"{path}: {no_file(path)}")
    elif path.suffix.lower() == ".pdf":
        images = _pdf(path, pdf_width, limits)
    else:
        images = _picture(path, limits)
    for number, picture in enumerate(images, 1):
        if number > limits.pages:
            raise limits.exceeded("pages", f"{path}: it has too many pages")
        yield picture


def page_of(
    path: str | Path, number: int, pdf_width: int = NOMINAL_WIDTH, limits: Limits = LIMITS
) -> Image:
    """Return one page, as `read_pictures` yields it.

    Args:
        path: the file or folder.
        number: number of the page, from 1.
        pdf_width: width in px at which the page of a PDF is drawn.
        limits: the most that is read.

    Returns:
        The page, uint8 (height, width), 255 is white.

    Raises:
        MsmdError: as `read_pictures` does, or there is no such page.
    """
    path = Path(path)
    if path.is_file() and path.suffix.lower() == ".pdf":
        images, first = _pdf(path, pdf_width, limits, number), number
    else:
        images, first = read_pictures(path, pdf_width, limits), 1
    for page_number, picture in enumerate(images, first):
        if page_number == number:
            return picture
    raise MsmdError(f"{path}: it has no page {number}; the first page is 1")


def engraved_page(path: Path, number: int, width: int) -> Image | None:
    """Draw a page of a PDF that `read_pictures` has read, if it is an engraving and no scan.

    Args:
        path: the PDF.
        number: number of the page, from 1.
        width: width in px at which the page is drawn.

    Returns:
        The page, uint8 (height, width), 255 is white; None if there is a picture on it.
    """
    import pypdfium2
    from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE

    document = pypdfium2.PdfDocument(path)
    page = document[number - 1]
    scanned = next(page.get_objects([FPDF_PAGEOBJ_IMAGE]), None) is not None
    picture = None if scanned else _rendered(page, width)
    page.close()
    document.close()
    return picture


def is_picture(path: Path) -> bool:
    """Say whether a file's name has the ending of a picture: PNG, JPEG or TIFF."""
    return path.suffix.lower() in ENDINGS and path.name[0] != "."


def in_order(files: Iterable[Path]) -> list[Path]:
    """Return files sorted by name, with numbers in names sorted by value: page-2 before page-10."""
    return sorted(
        files,
        key=lambda f: [(len(p), p) if p.isdigit() else (0, p) for p in re.split(r"(\d+)", f.name)],
    )


def _check(where: str, width: float, height: float, limits: Limits) -> None:
    """Raise MsmdError if a page has too many pixels, as stored or at the scale where staves are sought."""
    if min(width, height) <= 0:
        raise MsmdError(f"{where} has no size ({width:g} × {height:g})")
    if max(width * height, WIDTH * WIDTH * height / width) > limits.pixels:
        size = f"{width:,.0f} × {height:,.0f} pixels"
        if width * height <= limits.pixels:
            size += (
                f", {WIDTH:,} × {WIDTH * height / width:,.0f} at the scale where staves are sought"
            )
        raise limits.exceeded("pixels", f"{where} has {size}")


def _picture(path: Path, limits: Limits) -> Iterator[Image]:
    from PIL import Image as Pillow
    from PIL import ImageSequence

    try:
        with _no_other_limit(), Pillow.open(path) as file:
            for number, frame in enumerate(ImageSequence.Iterator(file), 1):
                _check(f"{path}: picture {number}", *frame.size, limits)
                yield _grey(frame)
    except (OSError, ValueError, SyntaxError) as error:
        raise MsmdError(
            f"{path}: not a picture that can be read ({error}); give PNG, JPEG, TIFF or PDF"
        ) from error


@contextmanager
def _no_other_limit() -> Iterator[None]:
    """Lift Pillow's own limit of pixels, which differs, and its warning."""
    from PIL import Image as Pillow

    pillow_limit, Pillow.MAX_IMAGE_PIXELS = Pillow.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Pillow.MAX_IMAGE_PIXELS = pillow_limit


def _grey(frame: Any) -> Image:
    """Return a Pillow picture upright and grey, uint8 (height, width); transparent parts become white."""
    from PIL import Image as Pillow
    from PIL import ImageOps

    picture = ImageOps.exif_transpose(frame)
    if picture.mode in ("I;16", "I", "F"):
        values = np.asarray(picture, np.float32)
        top = 65535 if values.max() > 255 else 255
        return np.asarray(np.clip(values * (255 / top), 0, 255), np.uint8)
    if not picture.has_transparency_data:
        plain = picture if picture.mode in ("1", "L", "RGB") else picture.convert("RGB")
        return np.array(plain.convert("L"), np.uint8)
    width, height = picture.size
    grey = np.empty((height, width), np.uint8)
    for top in range(0, height, _BAND):
        clear = picture.crop((0, top, width, min(top + _BAND, height))).convert("RGBA")
        white = Pillow.new("RGBA", clear.size, "white")
        grey[top : top + _BAND] = np.asarray(Pillow.alpha_composite(white, clear).convert("L"))
    return grey


def _pdf(path: Path, width: int, limits: Limits, only: int | None = None) -> Iterator[Image]:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
        if len(document) > limits.pages:
            raise limits.exceeded("pages", f"{path}: it has {how_many(len(document), 'page')}")
        for number in range(1, len(document) + 1) if only is None else [only]:
            page = document[number - 1]
            across, down = page.get_size()
            if across > 0:
                _check(f"{path}: page {number}", width, down * width / across, limits)
            picture = _rendered(page, width)
            page.close()
            yield picture
        document.close()
    except IndexError:  # it has no such page
        return
    except pypdfium2.PdfiumError as error:
        raise MsmdError(f"{path}: not a PDF that can be read ({error})") from error


def _rendered(page: Any, width: int) -> Image:
    """Draw a page of PDFium."""
    # PDFium rounds the size up: ask for a hair less than the whole number.
    bitmap = page.render(scale=(width - 1e-3) / page.get_width(), grayscale=True)
    picture = np.array(bitmap.to_numpy().squeeze(), np.uint8)
    bitmap.close()
    return picture
