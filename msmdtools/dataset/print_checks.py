"""The checks of prints: their counts, their places, and that what they refer to is in the engraving."""

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from msmdtools.dataset import layout_checks
from msmdtools.dataset.checks import SHOWN, Finding, Findings
from msmdtools.dataset.piece import DatasetPiece
from msmdtools.errors import DatasetError
from msmdtools.prints import ESTIMATED, KINDS, PRINT_TABLES

if TYPE_CHECKING:
    import pandas as pd


def check_prints(piece: DatasetPiece, rows: "Mapping[str, pd.DataFrame]") -> Findings:
    """Check the prints of a piece.

    Args:
        piece: the piece.
        rows: its rows of all tables of the dataset.

    Yields:
        A finding for each fault.
    """
    prints = rows["prints"]
    for table in PRINT_TABLES[1:]:
        for name in sorted(set(rows[table.name]["print"]) - set(prints["print"])):
            yield Finding(piece.piece, "prints", "rows of no print", f"{table.name}, {name}")
    for row in prints.to_dict("records"):
        name = str(row["print"])
        own = {t.name: rows[t.name][rows[t.name]["print"] == name] for t in PRINT_TABLES[1:]}
        for finding in _check_print(piece, row, own, rows):
            yield Finding(
                finding.piece, finding.check, finding.what, f"print {name}, {finding.where}"
            )


def _check_print(
    piece: DatasetPiece,
    row: "Mapping[Any, Any]",
    own: "Mapping[str, pd.DataFrame]",
    rows: "Mapping[str, pd.DataFrame]",
) -> Findings:
    key = piece.piece
    systems, bars, heads = (own[table.name] for table in PRINT_TABLES[1:])
    if row["kind"] not in KINDS or row["alignment"] != ESTIMATED:
        what = f"kind is {row['kind']!r}, and alignment {row['alignment']!r}"
        yield Finding(key, "prints", what, "prints.parquet")
    for column, found in (
        ("systems", systems["system"].nunique()),
        ("measures", len(bars)),
        ("noteheads", len(heads)),
    ):
        if row[column] != found:
            yield Finding(
                key, "counts", f"{column}: {row[column]} stated, {found} found", "prints.parquet"
            )
    sizes: dict[int, tuple[int, int]] = {}
    pages = piece.prints.pages(str(row["print"]))
    for number in range(1, len(pages) + 1):
        try:
            height, width = pages[number - 1].shape
            sizes[number] = (height, width)
        except DatasetError as error:
            yield Finding(key, "files", str(error), f"page {number}")
    yield from layout_checks.check_systems(key, systems)
    for table, renamed in (
        ("systems", systems),
        ("measures", bars),
        ("noteheads", heads),
    ):
        yield from layout_checks.check_boxes(key, table, renamed, sizes)
    yield from _check_links(key, row, bars, heads, rows)


def _check_links(
    piece: str,
    row: "Mapping[Any, Any]",
    bars: "pd.DataFrame",
    heads: "pd.DataFrame",
    rows: "Mapping[str, pd.DataFrame]",
) -> Findings:
    """Check that bars and heads are those of the engraving, in order, and each head once a bar."""
    known, numbers = set(rows["measures"]["measure"]), set(rows["noteheads"]["notehead"])
    missing: set[int] = {int(n) for n in row["missing"]}
    if set(bars["measure"]) | missing != known or set(bars["measure"]) & missing:
        what = "its bars and those missing are not the bars of the piece"
        yield Finding(piece, "prints", what, "print_measures")
    for number in sorted(set(heads["notehead"]) - numbers)[:SHOWN]:
        yield Finding(piece, "prints", "no such note head in the engraving", f"notehead {number}")
    for table, frame in (("print_measures", bars), ("print_noteheads", heads)):
        outside = frame[~frame["confidence"].between(0, 1)]
        for place in outside["place"].head(SHOWN):
            yield Finding(
                piece, "prints", "confidence is not from 0 to 1", f"{table}, place {place}"
            )
    if bars["place"].tolist() != list(range(len(bars))):
        yield Finding(piece, "prints", "bars are not numbered 0, 1, 2, …", "print_measures")
    for system, group in bars.groupby("system"):
        edges = list(zip(group["x0"], group["x1"], strict=True))
        if any(b[0] < a[1] - layout_checks.SAME_PLACE for a, b in pairwise(edges)):
            yield Finding(piece, "prints", "bars overlap", f"system {system}")
    for place in heads.loc[heads.duplicated(["notehead", "place"]), "head"].head(SHOWN):
        yield Finding(piece, "prints", "stands twice in one bar", f"head {place}")
