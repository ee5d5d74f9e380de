"""Page images from PDF."""

from collections.abc import Sequence
from pathlib import Path


def render_pages(
    pdfs: Sequence[Path], folder: Path, width: int
) -> tuple[list[Path], list[tuple[int, int]], list[tuple[float, float]]]:
    """Draw every page of some PDFs as 8-bit grey PNG, `width` pixels wide, page-01.png and so on.

    Returns:
        The pictures' paths, their (width, height) in pixels, and for each the pixels per point in x and in
        y. (They differ from width over paper width: a PDF's page may be a little larger than the paper,
        and pictures have whole pixels.)

    Raises:
        ValueError: a PDF cannot be read.
    """
    import pypdfium2
    from PIL import Image

    paths: list[Path] = []
    sizes: list[tuple[int, int]] = []
    scales: list[tuple[float, float]] = []
    for pdf in pdfs:
        try:
            document = pypdfium2.PdfDocument(pdf)
        except pypdfium2.PdfiumError as error:
            raise ValueError(f"{pdf.name} is not a readable PDF: {error}") from error
        for page in document:
            page_width, page_height = page.get_size()
            # PDFium rounds the size up: ask for a hair less than the whole number.
            bitmap = page.render(scale=(width - 1e-3) / page_width, grayscale=True)
            path = folder / f"page-{len(paths) + 1:02d}.png"
            Image.fromarray(bitmap.to_numpy().squeeze()).save(path, compress_level=4)
            sizes.append((bitmap.width, bitmap.height))
            scales.append((bitmap.width / page_width, bitmap.height / page_height))
            paths.append(path)
            page.close()
        document.close()
    return paths, sizes, scales


def merge_pdfs(pdfs: Sequence[Path], path: Path) -> Path:
    """One PDF with all the pages of some; a single one is moved there."""
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
