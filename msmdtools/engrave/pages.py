"""Page images from PDF files, and several PDF files joined into one."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msmdtools.base.quantities import how_many
from msmdtools.engrave.outputs import Untrusted

if TYPE_CHECKING:
    import pypdfium2

MOST_PIXELS = 32_000_000


def render_pages(
    pdfs: Sequence[Path], folder: Path, width: int, count: int
) -> tuple[list[Path], list[tuple[int, int]], list[tuple[float, float]]]:
    """Draw every page of some PDFs as 8-bit grey PNG, `width` pixels wide, page-01.png and so on.

    Args:
        pdfs: the files; their pages are counted through all of them.
        folder: where the pictures go.
        width: width of the pictures, in pixels.
        count: number of pages that all files must have together.

    Returns:
        The pictures' paths, their (width, height) in pixels, and for each the pixels per point in x and in
        y. (They differ from width over paper width: a PDF's page may be a little larger than the paper,
        and pictures have whole pixels.)

    Raises:
        ValueError: a PDF cannot be read.
        Untrusted: there are more or fewer pages, or one has too many pixels (see `most_pixels`).
    """
    from PIL import Image

    paths: list[Path] = []
    sizes: list[tuple[int, int]] = []
    scales: list[tuple[float, float]] = []
    documents = [_opened(pdf) for pdf in pdfs]
    if (pages := sum(map(len, documents))) != count:
        raise Untrusted(
            f"its PDF files have {how_many(pages, 'page')}, but LilyPond recorded {count}"
        )
    for document in documents:
        for page in document:
            page_width, page_height = page.get_size()
            # PDFium rounds the size up: ask for a hair less than the whole number.
            scale = (width - 1e-3) / max(page_width, 1e-6)
            name = f"page-{len(paths) + 1:02d}.png"
            if not 0 < scale * page_height * width <= most_pixels(width):
                raise Untrusted(
                    f"page {len(paths) + 1} is {page_width:.6g} by {page_height:.6g} points: at "
                    f"{width} pixels width more than {most_pixels(width) / 1e6:.3g} megapixels"
                )
            bitmap = page.render(scale=scale, grayscale=True)
            # The picture is the bitmap's own memory, not a copy.
            shape = (bitmap.width, bitmap.height)
            raw = ("raw", "L", bitmap.stride, 1)
            Image.frombuffer("L", shape, bitmap.buffer, *raw).save(folder / name, compress_level=4)
            sizes.append(shape)
            scales.append((bitmap.width / page_width, bitmap.height / page_height))
            paths.append(folder / name)
            bitmap.close()
            page.close()
        document.close()
    return paths, sizes, scales


def most_pixels(width: int) -> int:
    """The largest number of pixels of a page of that width: a long strip of music, or two sheets of paper."""
    return max(MOST_PIXELS, 2 * width * width)


def _opened(pdf: Path) -> "pypdfium2.PdfDocument":
    import pypdfium2

    try:
        return pypdfium2.PdfDocument(pdf)
    except pypdfium2.PdfiumError as error:
        raise ValueError(f"{pdf.name} is not a readable PDF: {error}") from error


def merge_pdfs(pdfs: Sequence[Path], path: Path) -> Path:
    """Join PDFs into one at `path`; a single one is moved there."""
    import pypdfium2

    if len(pdfs) == 1:
        return pdfs[0].rename(path)
    merged = pypdfium2.PdfDocument.new()
    for pdf in pdfs:
        part = pypdfium2.PdfDocument(pdf)
        merged.import_pages(part)
        part.close()
    merged.save(path)
    merged.close()
    return path
