"""The checks of places on the page: systems, staves, and the boxes of note heads, by data frames alone."""

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

from msmdtools.dataset.checks import SHOWN, Finding, Findings

if TYPE_CHECKING:
    import pandas as pd


def check_systems(piece: str, staves: "pd.DataFrame") -> Findings:
    """Check that systems and staves are numbered from 1 in reading order, and that none overlaps another."""
    columns = ("system", "staff", "page", "x0", "y0", "x1", "y1")
    rows = [dict(zip(columns, r, strict=True)) for r in staves[list(columns)].to_numpy().tolist()]
    systems: dict[float, list[dict[str, float]]] = {}
    for row in rows:
        systems.setdefault(row["system"], []).append(row)
    if list(systems) != list(range(1, len(systems) + 1)):
        what = "systems are not numbered 1, 2, 3, …"
        yield Finding(piece, "systems", what, "systems.parquet")
    for number, group in systems.items():
        where = f"system {number:g}"
        if [staff["staff"] for staff in group] != list(range(1, len(group) + 1)):
            yield Finding(piece, "systems", "staves are not numbered 1, 2, 3, …", where)
        if len({staff["page"] for staff in group}) > 1:
            yield Finding(piece, "systems", "stands on several pages", where)
        for upper, lower in pairwise(group):
            if lower["y0"] < upper["y0"]:
                yield Finding(piece, "systems", "staves are not numbered from the top", where)
            elif _overlap(upper, lower):
                what = f"staves {upper['staff']:g} and {lower['staff']:g} overlap"
                yield Finding(piece, "systems", what, where)
    boxes = {number: _union(group) for number, group in systems.items()}
    before: list[tuple[float, dict[str, float]]] = []
    for number, box in boxes.items():
        where = f"system {number:g}"
        before = [(n, b) for n, b in before if b["page"] == box["page"]]
        for other, earlier in before:
            if _overlap(earlier, box):
                yield Finding(piece, "systems", f"overlaps system {other:g}", where)
            elif earlier["y0"] >= box["y1"]:
                yield Finding(piece, "systems", f"stands above system {other:g}", where)
        before.append((number, box))
    pages = [box["page"] for box in boxes.values()]
    if pages != sorted(pages):
        yield Finding(piece, "systems", "pages are not in order", "systems.parquet")


def check_boxes(
    piece: str, table: str, rows: "pd.DataFrame", sizes: Mapping[int, tuple[int, int]]
) -> Findings:
    """Check that boxes are not empty and lie inside their page.

    Args:
        piece: the piece id.
        table: name of the table, "noteheads" or "systems".
        rows: its rows; boxes are in pixels of the page.
        sizes: (height, width) of each page, in pixels.

    Yields:
        A finding for each fault.
    """
    heights = rows["page"].map({page: size[0] for page, size in sizes.items()})
    widths = rows["page"].map({page: size[1] for page, size in sizes.items()})
    empty = (rows["x1"] <= rows["x0"]) | (rows["y1"] <= rows["y0"])
    inside = (rows["x0"] >= 0) & (rows["y0"] >= 0) & (rows["x1"] <= widths)
    inside &= rows["y1"] <= heights  # an unknown page gives NaN, which compares as false
    name = "notehead" if table == "noteheads" else "system"
    for faulty, what in ((empty, "box is empty"), (~inside, "box is not inside its page")):
        for number in rows.loc[faulty, name].head(SHOWN):
            yield Finding(piece, "boxes", what, f"{name} {number}")


def check_places(piece: str, heads: "pd.DataFrame", staves: "pd.DataFrame") -> Findings:
    """Check that heads are numbered from 0, and that each stands on a staff of its page, or on none (0, 0).

    Args:
        piece: the piece id.
        heads: its rows of the noteheads table.
        staves: its rows of the systems table.

    Yields:
        A finding for each fault.
    """
    if heads["notehead"].tolist() != list(range(len(heads))):
        what = "note heads are not numbered 0, 1, 2, …"
        yield Finding(piece, "places", what, "noteheads.parquet")
    existing = set(staves[["page", "system", "staff"]].itertuples(index=False, name=None))
    columns = heads[["notehead", "page", "system", "staff"]]
    for number, page, system, staff in columns.itertuples(index=False, name=None):
        if (page, system, staff) not in existing and (system, staff) != (0, 0):
            what = f"no staff {staff} of system {system} on page {page}"
            yield Finding(piece, "places", what, f"notehead {number}")


def _overlap(a: Mapping[str, float], b: Mapping[str, float]) -> bool:
    across = a["x0"] < b["x1"] and b["x0"] < a["x1"]
    return across and a["y0"] < b["y1"] and b["y0"] < a["y1"]


def _union(staves: list[dict[str, float]]) -> dict[str, float]:
    low = {key: min(staff[key] for staff in staves) for key in ("page", "x0", "y0")}
    return low | {key: max(staff[key] for staff in staves) for key in ("x1", "y1")}
