"""What stands on a page, as boxes for detectors: note heads, staves, systems and bars.

Boxes are in pixels of the page image, origin top left, as floats, cut off at the edges of the page. A head's box
is that of its glyph; a staff's reaches from its top line to its bottom line; a system's is the box around its
staves. A bar's is between two bar lines, as high as its system; a bar that is broken over two systems has one in
each.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msmdtools.dataset.reader import Dataset, DatasetPiece
from msmdtools.paper.axis import system_boxes

if TYPE_CHECKING:
    import pandas as pd

HEAD, STAFF, SYSTEM, BAR = "notehead", "staff", "system", "bar"
CATEGORIES = (HEAD, STAFF, SYSTEM, BAR)
_PLACE = frozenset({"piece", "page", "x0", "y0", "x1", "y1"})


@dataclass(frozen=True, slots=True)
class Box:
    """One object on a page.

    Attributes:
        category: one of `CATEGORIES`.
        number: its number in the piece, from 0: those of its category in the order of their table.
        x0: left edge.
        y0: top edge.
        x1: right edge.
        y1: bottom edge.
        attributes: the columns of its row in its table, without piece, page and box.
    """

    category: str
    number: int
    x0: float
    y0: float
    x1: float
    y1: float
    attributes: Mapping[str, Any]


def categories(dataset: Dataset) -> tuple[str, ...]:
    """The categories of objects that the dataset records."""
    return CATEGORIES if dataset.has_measures else CATEGORIES[:-1]


def page_boxes(piece: DatasetPiece, page: int, width: int, height: int) -> Iterator[Box]:
    """The objects of a page, category by category.

    Args:
        piece: the piece.
        page: the page, from 1.
        width: width of the page's image, in px.
        height: its height, in px.

    Yields:
        A box for each object of which some is on the page.
    """
    for category, frame in _frames(piece).items():
        here = frame[frame["page"] == page]
        names = [name for name in here.columns if name not in _PLACE]
        for number, row in zip(here.index.tolist(), here.to_dict("records"), strict=True):
            x0, x1 = max(row["x0"], 0.0), min(row["x1"], float(width))
            y0, y1 = max(row["y0"], 0.0), min(row["y1"], float(height))
            if x0 < x1 and y0 < y1:
                attributes = {name: _plain(row[name]) for name in names}
                yield Box(category, number, x0, y0, x1, y1, attributes)


def counts(dataset: Dataset) -> dict[str, int]:
    """The number of objects of each piece, on all of its pages, by piece."""
    rows = dataset.pieces[["noteheads", "staves", "systems"]].sum(axis=1)
    total = Counter({str(piece): int(count) for piece, count in rows.items()})
    if dataset.has_measures:
        total.update(dataset.table("measures")["piece"].to_pylist())
    return dict(total)


def _frames(piece: DatasetPiece) -> "dict[str, pd.DataFrame]":
    """The piece's objects by category: rows with page and box, numbered from 0."""
    frames = {
        HEAD: piece.noteheads,
        STAFF: piece.systems,
        SYSTEM: system_boxes(piece.systems).reset_index(),
    }
    if piece.dataset.has_measures:
        frames[BAR] = piece.measures
    return frames


def _plain(value: Any) -> Any:
    """A value of a data frame as one that JSON knows."""
    return value.tolist() if hasattr(value, "tolist") else value
