"""The checks of places on the page: systems, staves, and the boxes of note heads, by data frames alone."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from msmdtools.dataset.checks import SHOWN, Finding, Findings

if TYPE_CHECKING:
    import pandas as pd

SAME_PLACE = 0.01
"""Pixels."""


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
        table: name of the table, "noteheads", "systems" or "measures".
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
    name = table.removesuffix("s")
    for faulty, what in ((empty, "box is empty"), (~inside, "box is not inside its page")):
        for number in rows.loc[faulty, name].head(SHOWN):
            yield Finding(piece, "boxes", what, f"{name} {number}")


def check_measures(
    piece: str, measures: "pd.DataFrame", heads: "pd.DataFrame", staves: "pd.DataFrame"
) -> Findings:
    """Check that the bars tile each system, on paper and in time, and that heads stand in the bars of their time.

    Args:
        piece: the piece id.
        measures: its rows of the measures table.
        heads: its rows of the noteheads table.
        staves: its rows of the systems table.

    Yields:
        A finding for each fault, named "measures".
    """
    times = {k: [_exact(t) for t in measures[f"{k}_fraction"]] for k in ("onset", "duration")}
    rules = [
        (
            measures[f"{k}_quarters"] != [float(t) for t in times[k]],
            f"{k}_fraction is not {k}_quarters",
        )
        for k in times
    ]
    rules.append((measures["duration_quarters"] < 0, "duration is below 0"))
    rules.append((measures["plays"] < 0, "plays is below 0"))
    for faulty, what in rules:
        for number in measures.loc[faulty, "measure"].head(SHOWN):
            yield Finding(piece, "measures", what, f"measure {number}")
    bars: dict[int, list[_Bar]] = {int(system): [] for system in staves["system"]}
    columns = (measures[c].tolist() for c in ("page", "system", "measure", "x0", "x1"))
    for page, system, measure, x0, x1, onset, duration in zip(
        *columns, times["onset"], times["duration"], strict=True
    ):
        bar = _Bar(page, measure, x0, x1, onset, onset + duration)
        bars.setdefault(system, []).append(bar)
    pages = dict(zip(staves["system"], staves["page"], strict=True))
    expected = 0
    for system, group in sorted(bars.items()):
        where = f"system {system}"
        if not group:
            yield Finding(piece, "measures", "has no bars", where)
            continue
        if any(bar.page != pages.get(system) for bar in group):
            yield Finding(
                piece, "measures", "its bars are on another page, or there is no such system", where
            )
        if group[0].measure not in (expected, max(expected - 1, 0)) or any(
            b.measure != a.measure + 1 for a, b in pairwise(group)
        ):
            yield Finding(piece, "measures", "bars are not numbered 0, 1, 2, …", where)
        for a, b in pairwise(group):
            if abs(a.x1 - b.x0) > SAME_PLACE:
                yield Finding(
                    piece, "measures", f"does not touch measure {b.measure}", f"measure {a.measure}"
                )
            if a.end != b.onset:
                what = f"ends at quarter {a.end}, and measure {b.measure} begins at {b.onset}"
                yield Finding(piece, "measures", what, f"measure {a.measure}")
        expected = group[-1].measure + 1
    yield from _check_heads_in_bars(piece, bars, heads)


def _check_heads_in_bars(
    piece: str, bars: "Mapping[int, Sequence[_Bar]]", heads: "pd.DataFrame"
) -> Findings:
    """Check that each head stands, with its middle, in the bar of its system that holds its onset.

    A grace note at the end of a bar has the onset at which that bar ends.
    """
    columns = ["notehead", "system", "x0", "x1", "onset_fraction", "grace"]
    faults: Counter[str] = Counter()
    for number, system, x0, x1, text, grace in heads[columns].itertuples(index=False, name=None):
        if system == 0 or not bars.get(system):
            continue
        onset, x = _exact(text), (x0 + x1) / 2
        holding = [bar for bar in bars[system] if bar.holds(onset) or (grace and bar.end == onset)]
        bar = next((b for b in holding if b.x0 - SAME_PLACE <= x <= b.x1 + SAME_PLACE), None)
        what = ""
        if not holding:
            what = "no bar of its system holds its onset"
        elif bar is None:
            bar = holding[-1]
            what = "does not stand in the bar that holds its onset"
        faults[what] += 1
        if what and faults[what] <= SHOWN:
            where = f"notehead {number}" + (f", measure {bar.measure}" if bar else "")
            yield Finding(piece, "measures", what, where)


@dataclass(frozen=True, slots=True)
class _Bar:
    """A row of the measures table; times are exact, in quarter notes."""

    page: int
    measure: int
    x0: float
    x1: float
    onset: Fraction
    end: Fraction

    def holds(self, onset: Fraction) -> bool:
        """Whether a head with this onset belongs to it; grace notes alone may be in a part without duration."""
        return self.onset <= onset < self.end or onset == self.onset


def _exact(text: str) -> Fraction:
    """A fraction, 0 where the text is none: that it is not the float beside it is found elsewhere."""
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        return Fraction(0)


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
