"""Draw a page of a print: its bars and the note heads that were found, in the colours of their confidence.

Orange is certain and dark blue is not; the strip beside the title is the key. Below each bar stand its number and
its confidence. A bar without a printed number has the number of the measures table in brackets.
"""

import numpy as np
from numpy.typing import NDArray

from msmdtools.base import drawing
from msmdtools.base.drawing import Canvas
from msmdtools.dataset.figure import (
    HALO,
    LABEL,
    MARGIN,
    PADDING,
    SCALE,
    SMALL,
    STAFF,
    SYSTEM,
    TINY,
    TITLE,
)
from msmdtools.dataset.prints import DatasetPrint
from msmdtools.errors import DatasetError

_KEY = 240


def show_print(view: DatasetPrint, page: int | None = None) -> NDArray[np.uint8]:
    """Draw a page of a print.

    Args:
        view: the print.
        page: page of the print, from 1; None for the first one with bars.

    Returns:
        The picture, RGB, uint8.

    Raises:
        DatasetError: there is no such page, or a file of the dataset is missing or damaged.
    """
    if page is None:
        with_bars = view.measures["page"]
        page = int(with_bars.min()) if len(with_bars) else 1
    if not 1 <= page <= len(view.pages):
        raise DatasetError(
            f"{view.piece}, print {view.name}: no page {page}; its pages are 1 to {len(view.pages)}"
        )
    body = _page(view, page)
    title = drawing.blank(2 * MARGIN + TITLE, body.shape[1])
    drawing.text(title, (MARGIN, MARGIN), f"{view.piece}, {view.name}", TITLE)
    place = f"page {page} of {len(view.pages)}"
    right = body.shape[1] - MARGIN
    drawing.text(title, (right, MARGIN + TITLE / 2), place, LABEL, drawing.FAINT, "rm")
    left = right - _KEY - 340
    key = np.asarray(drawing.time_colours(np.linspace(0, 1, _KEY)), np.uint8)
    title[MARGIN + 12 : MARGIN + 26, left : left + _KEY] = key
    drawing.text(title, (left - 8, MARGIN + TITLE / 2), "confidence 0", SMALL, drawing.FAINT, "rm")
    drawing.text(title, (left + _KEY + 8, MARGIN + TITLE / 2), "1", SMALL, drawing.FAINT, "lm")
    return np.concatenate([title, body])


def _page(view: DatasetPrint, page: int) -> Canvas:
    import cv2

    image = view.pages[page - 1]
    large = cv2.resize(image, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC)
    ink = np.asarray(large, np.uint8)[:, :, None]
    outlines = drawing.blank(*ink.shape[:2])
    staves = view.systems[view.systems["page"] == page]
    for box in staves[["x0", "y0", "x1", "y1"]].to_numpy() * SCALE:
        drawing.box(outlines, box + np.array([-3, -3, 3, 3]), STAFF)
    columns = ["number", "measure", "x0", "y0", "x1", "y1", "confidence"]
    bars = view.measures.loc[view.measures["page"] == page, columns]
    colours = drawing.time_colours(bars["confidence"].to_numpy())
    for row, colour in zip(bars.itertuples(index=False, name=None), colours, strict=True):
        number, measure, x0, y0, x1, y1, confidence = row
        corners = (x0 * SCALE + 1, y0 * SCALE - PADDING, x1 * SCALE - 1, y1 * SCALE + PADDING)
        drawing.box(outlines, corners, colour, 2)
        words = f"{number or f'[{measure}]'}  {confidence:.2f}"
        drawing.text(outlines, (corners[0] + 4, corners[3] + 2), words, TINY, SYSTEM, "lt")
    canvas: Canvas = np.minimum(outlines, ink)  # the ink stays on top
    heads = view.noteheads[view.noteheads["page"] == page]
    tints = drawing.time_colours(heads["confidence"].to_numpy())
    boxes = heads[["x0", "y0", "x1", "y1"]].to_numpy() * SCALE
    for (x0, y0, x1, y1), colour in zip(boxes.tolist(), tints, strict=True):
        radii = ((x1 - x0) * HALO, (y1 - y0) * HALO)
        drawing.tint(canvas, ((x0 + x1) / 2, (y0 + y1) / 2), radii, colour)
    return canvas
