"""A piece as one strip of paper: its systems cut out of the pages and laid side by side.

All staves in it have one height: pages with others are resized (`msmdtools.paper.staff_height`). Each system
keeps its rows of the page, centred on its middle, and its columns from the left to the
right end of the staff lines. The strip goes on in the order of the systems; with unfolded repeats
too, each system is in it once. Before and behind it the paper is white, and where a window is
higher than what the page has left, white as well.

A window is centred at a place given as a float. Pixel i covers i … i + 1; a window of n pixels
begins at the pixel boundary nearest to the place minus n / 2, in rows and in columns.
"""

import math
import struct
import zlib
from dataclasses import dataclass

import numpy as np

from msmdtools.paper.axis import Axis, Image, Paged, shape_of, side_by_side, system_boxes
from msmdtools.paper.staff_height import STAFF_HEIGHT, resized

WHITE = 255
# Level 6 takes twice the time to save 5 % of the bytes.
_PNG_LEVEL = 4


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """The systems of a piece side by side.

    Attributes:
        image: uint8, (rows, columns); `pad` white columns at either end are part of it.
        pad: so many columns before the first system and behind the last one.
        axis: where the systems are in it, without the pad.
    """

    image: Image
    pad: int
    axis: Axis

    def window(self, system: int, column: float, columns: int, edge: str = "next") -> Image:
        """The window around a place of the strip.

        Args:
            system: number of the system that the place is in.
            column: the place, in px of the axis.
            columns: width of the window, at most `pad`.
            edge: what is seen beside the system: "next" shows its neighbours in the strip, "white" blank paper.

        Returns:
            uint8, (rows, columns).

        Raises:
            KeyError: there is no such system.
        """
        start = begin(column, columns)
        window = self.image[:, self.pad + start : self.pad + start + columns]
        if edge == "next":
            return window
        at = int(self.axis.at(system))
        left, right = (int(edge) - start for edge in self.axis.begins[at : at + 2])
        window = window.copy()
        window[:, : max(left, 0)] = WHITE
        window[:, max(right, 0) :] = WHITE
        return window


def begin(centre: float, size: int) -> int:
    """The first of `size` pixels around a place: the boundary nearest to centre - size / 2."""
    return math.floor(centre - size / 2 + 0.5)


def unroll(sheet: Paged, rows: int, pad: int, staff_height: float | None = STAFF_HEIGHT) -> Strip:
    """Cut the systems out of the pages and put them side by side.

    Args:
        sheet: the pages, and the boxes of their staves.
        rows: height of the strip, in px.
        pad: white columns before and behind the systems.
        staff_height: height of the staves in the strip, in px; None for pages as they are.

    Returns:
        The strip, `rows` high and 2 * `pad` wider than all systems together.

    Raises:
        DatasetError: a file of the dataset is missing or damaged.
    """
    boxes = system_boxes(sheet.systems)
    shapes: dict[int, tuple[tuple[int, ...], tuple[int, int]]] = {}
    parts: dict[int, Image] = {}
    for number in boxes["page"].unique().tolist():
        page = sheet.pages[number - 1]
        shapes[number] = page.shape, shape_of(sheet, number, page.shape, staff_height)
        down = shapes[number][1][0] / page.shape[0]
        page = resized(page, shapes[number][1])
        systems = side_by_side(boxes[boxes["page"] == number], shapes)
        columns = systems.columns, systems.columns + systems.widths
        for system, left, right, middle in zip(
            systems.system.tolist(), *columns, systems.middles * down, strict=True
        ):
            top = begin(middle, rows)
            part = np.full((rows, right - left), WHITE, np.uint8)
            first, last = max(top, 0), min(top + rows, page.shape[0])
            part[first - top : last - top] = page[first:last, left:right]
            parts[system] = part
    blank = np.full((rows, pad), WHITE, np.uint8)
    ordered = [parts[system] for system in boxes.index.tolist()]
    image = np.concatenate([blank, *ordered, blank], axis=1)
    return Strip(image, pad, side_by_side(boxes, shapes))


def encode_png(image: Image) -> bytes:
    """An 8-bit grey PNG of a picture, without loss.

    Rows are not filtered: for engraved music that gives smaller files than any filter, faster.
    """
    rows, columns = image.shape
    lines = np.zeros((rows, columns + 1), np.uint8)  # each begins with the code of its filter: none
    lines[:, 1:] = image
    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in (
            (b"IHDR", header),
            (b"IDAT", zlib.compress(lines.tobytes(), _PNG_LEVEL)),
            (b"IEND", b""),
        )
    )
