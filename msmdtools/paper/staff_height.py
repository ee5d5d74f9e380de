"""The height of staves in the windows that models see, and pages brought to it.

The height of a staff is that of its box in a systems table: from the upper edge of its top line to the lower
edge of its bottom line. A page is resized as a whole, so that a window shows the same of the music however
large it was engraved, scanned or drawn. What counts of a page is the lower median of its staves: a small
staff above a piano's two, or a high tablature below a staff, does not change it.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from msmdtools.paper.width import NOMINAL_WIDTH

if TYPE_CHECKING:
    import pandas as pd

Image = NDArray[np.uint8]

# In px, of most pages that models are trained on: 20 points on A4, 835 px wide; a line is a tenth of a space.
STAFF_HEIGHT = 28.65
# Spaces of a staff in its height: four, and the thickness of a line.
SPACES = 4.1
# A difference of scale that models do not mind: such pages keep their pixels.
SAME = 0.02
# A staff whose height is less than this part of the longest one's length has a single line.
_SINGLE = 1 / 250


def staff_height(boxes: Iterable[tuple[float, float, float, float]]) -> float | None:
    """The height of the staves of a page, in px.

    Args:
        boxes: x0, y0, x1, y1 of each staff in px.

    Returns:
        The lower median of their heights; None if there are none, or only staves of a single line.
    """
    staves = list(boxes)
    longest = max((x1 - x0 for x0, _, x1, _ in staves), default=0.0)
    heights = sorted(y1 - y0 for _, y0, _, y1 in staves if y1 - y0 > _SINGLE * longest)
    return heights[(len(heights) - 1) // 2] if heights else None


def staff_heights(systems: "pd.DataFrame", imported: bool = False) -> dict[int, float]:
    """The height of the staves of each page in px, by the number of the page; pages without one are left out.

    Args:
        systems: one row per staff: page, staff, x0, y0, x1, y1 in px.
        imported: whether they are from MSMD, where the box may be that of a whole system; if no system has a
            second one, there is no height.
    """
    heights: dict[int, float] = {}
    if imported and (systems["staff"] == 1).all():
        return heights
    for page, rows in systems.groupby("page"):
        boxes = rows[["x0", "y0", "x1", "y1"]].itertuples(index=False, name=None)
        if (height := staff_height(boxes)) is not None:
            heights[int(str(page))] = height
    return heights


def usual_height(width: int) -> float:
    """The height of 20 point staves on A4 paper, in px of a page that is `width` px wide."""
    return STAFF_HEIGHT * width / NOMINAL_WIDTH


def resized_shape(shape: tuple[int, ...], height: float, wanted: float | None) -> tuple[int, int]:
    """Height and width in px of a page once its staves have the wanted height.

    Args:
        shape: height and width of the page in px.
        height: the height of its staves in px.
        wanted: the height that they shall have in px; None for the page as it is.

    Returns:
        The shape itself where the heights differ by at most `SAME`.
    """
    rows, columns = shape
    scale = 1.0 if wanted is None else wanted / height
    if abs(scale - 1) <= SAME:
        return rows, columns
    return max(round(rows * scale), 1), max(round(columns * scale), 1)


def resized(page: Image, shape: tuple[int, int]) -> Image:
    """A page in another height and width: means of its pixels where it shrinks, cubic where it grows."""
    import cv2

    if page.shape == shape:
        return page
    method = cv2.INTER_AREA if shape[1] < page.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(page, shape[::-1], interpolation=method), np.uint8)
