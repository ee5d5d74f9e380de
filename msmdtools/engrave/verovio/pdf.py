"""Write pages as one PDF."""

import zlib
from pathlib import Path

from msmdtools.engrave.verovio.drawn import Pages

# SVG units are tenths of Verovio's, which are tenths of a millimetre.
POINTS = 72 / 2540
# The usual level, 6, takes five times as long, for a file that is a sixth smaller.
_COMPRESSION = 2


def write_pdf(pages: Pages, path: Path) -> None:
    """Write all pages into one PDF, at their true size; equal pages give equal bytes.

    Raises:
        OSError: the file cannot be written.
    """
    import pikepdf

    with pikepdf.new() as pdf:
        for (width, height), content in zip(pages.sizes, pages.contents, strict=True):
            size = (width * POINTS, height * POINTS)
            page = pdf.add_blank_page(page_size=size)
            # From here on the page is in SVG units, with the y axis downwards.
            flip = f"{POINTS:.8f} 0 0 {-POINTS:.8f} 0 {size[1]:.6f} cm\n"
            stream = pikepdf.Stream(
                pdf, zlib.compress((flip + content).encode("ascii"), _COMPRESSION)
            )
            stream.Filter = pikepdf.Name.FlateDecode
            page.obj.Contents = pdf.make_indirect(stream)
        pdf.save(path, deterministic_id=True)
