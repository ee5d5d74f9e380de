"""A linked scan as a print of its piece: the rows of its tables, with a confidence for each bar and head."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.errors import MsmdError
from msmdtools.link.linking import Bar, Link, link
from msmdtools.link.marks import SystemMarks, found_marks
from msmdtools.link.tokens import Written, written
from msmdtools.paper.axis import Image, Paged
from msmdtools.paper.staff_height import SPACES

if TYPE_CHECKING:
    import pandas as pd

    from msmdtools.dataset.piece import DatasetPiece

# A scan is refused if less of the heads of its bars was found, or if it has fewer bars (or part of all) than this.
LIMIT = 0.65
_FEWEST, _PART = 4, 0.1
# Of the logistic functions of confidence: see docs/scans.md.
_BAR = (1.0, 4.5)
_HEAD = (-3.0, 8.0)


@dataclass(frozen=True, slots=True, eq=False)
class Print:
    """A scan that is linked to its piece.

    Attributes:
        pages: uint8 (height, width), upright and flat, staff lines 7 px apart.
        systems, measures, noteheads: rows of the tables of prints, without piece and print.
        missing: bars of the engraving that are not on it.
        turned: whether the scan is upside down; the pages are not.
        quality: of the heads of the bars that are on it, the part that was found.
    """

    pages: Sequence[Image]
    systems: tuple[dict[str, Any], ...]
    measures: tuple[dict[str, Any], ...]
    noteheads: tuple[dict[str, Any], ...]
    missing: tuple[int, ...]
    turned: bool
    quality: float


@dataclass(frozen=True, slots=True, eq=False)
class Turned:
    """A sheet upside down; see `msmdtools.paper.axis.Paged`."""

    piece: str
    pages: Sequence[Image]
    systems: "pd.DataFrame"
    staff_heights: Mapping[int, float]


def print_of(sheet: Paged, piece: "DatasetPiece") -> Print:
    """Link a scan to its piece, upright or upside down.

    Args:
        sheet: the scan (`msmdtools.inputs.pages.read_sheet`).
        piece: the piece, as it is engraved.

    Returns:
        The print.

    Raises:
        MsmdError: it does not fit either way; the message has the figure and the limit.
        DatasetError: a file of the dataset is missing or damaged.
    """
    if not piece.dataset.has_measures or not len(piece.measures):
        raise MsmdError(f"{piece.piece}: its bars are not recorded; build the dataset again")
    staves = int(piece.systems["staff"].max())
    score = written(piece.measures, piece.noteheads, piece.systems, staves)
    marks = found_marks(sheet)
    found = link(marks, score)
    if _fits(found, score):
        return _print(sheet, marks, found, score, piece, turned=False)
    other = upside_down(sheet)
    other_marks = found_marks(other)
    other_found = link(other_marks, score)
    if _fits(other_found, score):
        return _print(other, other_marks, other_found, score, piece, turned=True)
    best = max(found, other_found, key=lambda one: one.score)
    raise MsmdError(_refusal(best, score, piece.piece))


def _fits(found: Link, score: Written) -> bool:
    bars = len({bar.measure for bar in found.bars})
    return found.quality >= LIMIT and bars >= _fewest(score)


def _fewest(score: Written) -> float:
    return min(max(_FEWEST, _PART * len(score.measures)), 0.5 * len(score.measures))


def _refusal(found: Link, score: Written, piece: str) -> str:
    bars = len({bar.measure for bar in found.bars})
    return (
        f"this is probably not {piece}: {bars} of its {len(score.measures)} bars seem to be on it, with "
        f"{found.quality:.0%} of their note heads; to be linked it needs {_fewest(score):.0f} bars "
        f"with {LIMIT:.0%}"
    )


def upside_down(sheet: Paged) -> Turned:
    """The sheet with each page turned by half a turn; its pages stay in their order."""
    pages = [np.ascontiguousarray(page[::-1, ::-1]) for page in sheet.pages]
    rows = sheet.systems.copy()
    height = rows["page"].map({n: page.shape[0] for n, page in enumerate(pages, 1)})
    width = rows["page"].map({n: page.shape[1] for n, page in enumerate(pages, 1)})
    rows["x0"], rows["x1"] = width - sheet.systems["x1"], width - sheet.systems["x0"]
    rows["y0"], rows["y1"] = height - sheet.systems["y1"], height - sheet.systems["y0"]
    order = rows.sort_values(["page", "system"], ascending=[True, False])["system"].unique()
    rows["system"] = rows["system"].map({old: new for new, old in enumerate(order, 1)})
    rows = rows.sort_values(["system", "y0"]).reset_index(drop=True)
    rows["staff"] = rows.groupby("system").cumcount() + 1
    return Turned(sheet.piece, pages, rows, sheet.staff_heights)


def bar_confidence(bars: Sequence[Bar]) -> NDArray[np.float64]:
    """How probable it is that each bar is the one that it is linked to, and stands where it is said to."""
    agreement = np.array([bar.agreement for bar in bars])
    # A bar of rests has no head: its neighbours say where it is.
    empty = np.array([bar.heads == 0 for bar in bars], bool)
    around = np.array(
        [
            np.mean(agreement[max(k - 1, 0) : k + 2]) if len(agreement) else 0.0
            for k in range(len(bars))
        ]
    )
    fit = np.where(empty, around, 0.6 * agreement + 0.4 * around)
    edges = np.array([(bar.seen0 > 0) + (bar.seen1 > 0) for bar in bars])
    a, b = _BAR
    return np.asarray(1 / (1 + np.exp(-(a + b * fit + (edges - 2)))), np.float64)


def _print(
    sheet: Paged,
    marks: Sequence[SystemMarks],
    found: Link,
    score: Written,
    piece: "DatasetPiece",
    turned: bool,
) -> Print:
    names = ("page", "system", "staff", "x0", "y0", "x1", "y1")
    confidence = bar_confidence(found.bars)
    measures = []
    for place, (bar, sure) in enumerate(zip(found.bars, confidence, strict=True)):
        of = marks[bar.system]
        measures.append(
            {
                "place": place,
                "measure": score.measures[bar.measure],
                "page": of.page,
                "system": of.system,
                "x0": bar.x0,
                "y0": float(of.staves[:, 1].min()),
                "x1": bar.x1,
                "y1": float(of.staves[:, 3].max()),
                "confidence": float(sure),
            }
        )
    on_it = {row["measure"] for row in measures}
    return Print(
        sheet.pages,
        tuple(
            dict(zip(names, row, strict=True))
            for row in sheet.systems[list(names)].itertuples(index=False, name=None)
        ),
        tuple(measures),
        tuple(_heads(marks, found, confidence, piece)),
        tuple(number for number in score.measures if number not in on_it),
        turned,
        found.quality,
    )


def _heads(
    marks: Sequence[SystemMarks],
    found: Link,
    bars: NDArray[np.float64],
    piece: "DatasetPiece",
) -> list[dict[str, Any]]:
    """Rows of the heads, bar by bar from left to right: as large as those of the engraving, around their marks."""
    engraved = piece.noteheads.set_index("notehead")
    spaces = ((piece.systems["y1"] - piece.systems["y0"]) / SPACES).median()
    rows = []
    for number, at, mark, off in zip(
        found.heads.tolist(),
        found.head_system.tolist(),
        found.head_mark.tolist(),
        found.head_off.tolist(),
        strict=True,
    ):
        of = marks[at]
        x, y, sure = float(of.x[mark]), float(of.y[mark]), float(of.sure[mark])
        place = next(
            (k for k, bar in enumerate(found.bars) if bar.system == at and bar.x0 <= x < bar.x1),
            None,
        )
        if place is None:
            continue
        head = engraved.loc[number]
        scale = of.space / spaces / 2
        wide, high = (head["x1"] - head["x0"]) * scale, (head["y1"] - head["y0"]) * scale
        middle = (of.staves[:, 1] + of.staves[:, 3]) / 2
        a, b = _HEAD
        own = 1 / (1 + np.exp(-(a + b * sure * (1 - 0.5 * off))))
        rows.append(
            {
                "notehead": number,
                "place": place,
                "page": of.page,
                "system": of.system,
                "staff": int(np.abs(middle - y).argmin()) + 1,
                "x0": x - wide,
                "y0": y - high,
                "x1": x + wide,
                "y1": y + high,
                "confidence": float(own * bars[place]),
            }
        )
    rows.sort(key=lambda row: (row["place"], row["x0"], row["y0"]))
    kept: dict[tuple[int, int], dict[str, Any]] = {}
    for row in rows:
        key = (row["place"], row["notehead"])
        if key not in kept or row["confidence"] > kept[key]["confidence"]:
            kept[key] = row
    return [{"head": k, **row} for k, row in enumerate(kept.values())]
