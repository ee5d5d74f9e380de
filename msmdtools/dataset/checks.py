"""What must hold within the tables of one piece. Each check is a function of data frames alone.

A check yields `Finding`s, at most `SHOWN` of one kind; docs/validation.md lists the rules.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from msmdtools.base.table import Table

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

SHOWN = 5
ROLES = ("played", "tied", "silent")
SAME_TIME_S = 1e-6


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it must be.

    Attributes:
        piece: the piece id; empty for the dataset as a whole.
        check: name of the check.
        what: what is wrong.
        where: the file, note head, event or system.
    """

    piece: str
    check: str
    what: str
    where: str


Findings = Iterator[Finding]


def check_schema(table: Table, found: "pa.Schema") -> Findings:
    """The columns of a table's file: names in order, types, units."""
    where = f"{table.name}.parquet"
    missing = [name for name in table.names if name not in found.names]
    unknown = [name for name in found.names if name not in table.names]
    for names, what in ((missing, "lacks"), (unknown, "has unknown")):
        if names:
            yield Finding("", "schema", f"{what} {', '.join(names)}", where)
    if missing or unknown:
        return
    if found.names != table.names:
        yield Finding("", "schema", f"columns are not in the order {', '.join(table.names)}", where)
    for expected in table.arrow_schema():
        field = found.field(expected.name)
        if field.type != expected.type:
            what = f"{field.name} is {field.type}, not {expected.type}"
            yield Finding("", "schema", what, where)
        unit, expected_unit = ((f.metadata or {}).get(b"unit") for f in (field, expected))
        if unit != expected_unit:
            what = f"{field.name} has the unit {_text(unit)}, not {_text(expected_unit)}"
            yield Finding("", "schema", what, where)


def check_keys(piece: str, table: Table, rows: "pd.DataFrame") -> Findings:
    """The rows are sorted by the table's key, no key stands twice, no value is missing."""
    where = f"{table.name}.parquet"
    keys = list(rows[list(table.key)].itertuples(index=False, name=None))
    for before, after in pairwise(keys):
        if before >= after:
            what = f"{'twice' if before == after else 'out of order'}: {after[1:]}"
            yield Finding(piece, "keys", what, where)
            break
    for column in table.columns:
        if not column.nullable and rows[column.name].isna().any():
            yield Finding(piece, "keys", f"{column.name} has missing values", where)


def check_counts(
    piece: str, row: Mapping[str, Any], tables: "Mapping[str, pd.DataFrame]", pages: int
) -> Findings:
    """The counts in the pieces table are those of the tables and pictures."""
    heads, events, performances = tables["noteheads"], tables["events"], tables["performances"]
    found = {
        "pages": pages,
        "systems": tables["systems"]["system"].nunique(),
        "staves": len(tables["systems"]),
        "noteheads": len(heads),
        **{role: int((heads["role"] == role).sum()) for role in ROLES},
        "performances": len(performances),
        "parts": len(tables["parts"]),
    }
    for name, group in _by_performance(tables):
        counts = {"events": len(group), "events_without_head": int((group["heads"] == 0).sum())}
        for column, count in counts.items():
            if count != row[column]:
                what = f"{column}: {row[column]} in the pieces table, {count} found"
                yield Finding(piece, "counts", what, name)
    for column, count in found.items():
        if count != row[column]:
            what = f"{column}: {row[column]} in the pieces table, {count} found"
            yield Finding(piece, "counts", what, "pieces.parquet")
    if strange := sorted(set(events["performance"]) - set(performances["performance"])):
        what = f"events of unknown performances: {', '.join(strange)}"
        yield Finding(piece, "counts", what, "events.parquet")
    yield from _check_parts(piece, tables)


def _check_parts(piece: str, tables: "Mapping[str, pd.DataFrame]") -> Findings:
    """Every part has as many events as it says, and every head that sounds is of its event's part."""
    parts, heads = tables["parts"], tables["noteheads"]
    stated: dict[int, int] = dict(
        zip(parts["part"].tolist(), parts["events"].tolist(), strict=True)
    )
    for name, group in _by_performance(tables):
        found = Counter(int(part) for part in group["part"])
        for part in sorted(stated.keys() | found.keys()):
            if stated.get(part, 0) != found.get(part, 0):
                what = f"part {part}: {stated.get(part, 0)} in the parts table, {found.get(part, 0)} found"
                yield Finding(piece, "counts", what, name)
        of_event = dict(zip(group["event"].tolist(), group["part"].tolist(), strict=True))
        of_event[-1] = -1
        expected = heads["event"].map(of_event)  # NaN for an event that is not there
        wrong = expected.notna() & (heads["part"] != expected)
        for number in heads.loc[wrong, "notehead"].head(SHOWN):
            yield Finding(piece, "counts", "not the part of its event", f"notehead {number}")


def check_systems(piece: str, staves: "pd.DataFrame") -> Findings:
    """Systems and staves are numbered from 1 in reading order, and none overlaps another."""
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
    """Boxes are not empty and lie inside their page; `sizes` maps pages to (height, width)."""
    heights = rows["page"].map({page: size[0] for page, size in sizes.items()})
    widths = rows["page"].map({page: size[1] for page, size in sizes.items()})
    empty = (rows["x1"] <= rows["x0"]) | (rows["y1"] <= rows["y0"])
    inside = (rows["x0"] >= 0) & (rows["y0"] >= 0) & (rows["x1"] <= widths)
    inside &= rows["y1"] <= heights  # an unknown page gives NaN, which compares as false
    name = "notehead" if table == "noteheads" else "system"
    for wrong, what in ((empty, "box is empty"), (~inside, "box is not inside its page")):
        for number in rows.loc[wrong, name].head(SHOWN):
            yield Finding(piece, "boxes", what, f"{name} {number}")


def check_places(piece: str, heads: "pd.DataFrame", staves: "pd.DataFrame") -> Findings:
    """Heads are numbered from 0, and each stands on a staff of its page, or outside (0, 0)."""
    if heads["notehead"].tolist() != list(range(len(heads))):
        what = "note heads are not numbered 0, 1, 2, …"
        yield Finding(piece, "places", what, "noteheads.parquet")
    known = set(staves[["page", "system", "staff"]].itertuples(index=False, name=None))
    columns = heads[["notehead", "page", "system", "staff"]]
    for number, page, system, staff in columns.itertuples(index=False, name=None):
        if (page, system, staff) not in known and (system, staff) != (0, 0):
            what = f"no staff {staff} of system {system} on page {page}"
            yield Finding(piece, "places", what, f"notehead {number}")


def check_roles(piece: str, heads: "pd.DataFrame") -> Findings:
    """Each head is played, tied or silent, with what belongs to it; its score time is exact."""
    event, tie = heads["event"] >= 0, heads["tied_to"] >= 0
    reason = heads["reason"].astype(str) != ""
    role = heads["role"]
    exact = [_fraction(text) for text in heads["onset_fraction"]]
    first = [events[0] if len(events) else -1 for events in heads["events"]]
    grace = heads["grace_quarters"]
    # Only an event that a hidden head starts is continued without another head.
    printed = {e for events in heads.loc[role == "played", "events"] for e in events}
    hidden = ~heads["event"].isin(printed)
    rules = (
        (~role.isin(ROLES), "role is none of played, tied, silent"),
        ((role == "played") & ~(event & ~tie & ~reason), "played, but not with an event alone"),
        (
            (role == "tied") & ~(event & (tie | hidden) & ~reason),
            "tied, but not with an event and a head",
        ),
        ((role == "silent") & ~(reason & ~event & ~tie), "silent, but not with a reason alone"),
        (heads["event"] != first, "event is not the first of events"),
        ((grace < 0) | ((grace > 0) & ~heads["grace"]), "grace_quarters, but no grace note"),
        (heads["duration_quarters"] < 0, "duration is below 0"),
        (heads["onset_quarters"] != exact, "onset_fraction is not onset_quarters"),
    )
    for wrong, what in rules:
        for number in heads.loc[wrong, "notehead"].head(SHOWN):
            yield Finding(piece, "roles", what, f"notehead {number}")


def check_ties(piece: str, heads: "pd.DataFrame") -> Findings:
    """A tied head continues an earlier one of its pitch and event, and in the end a played one."""
    columns = ("role", "pitch", "onset_quarters", "events", "tied_to")
    rows = dict(zip(heads["notehead"], zip(*(heads[c] for c in columns), strict=True), strict=True))
    for number, (role, pitch, onset, events, tied_to) in rows.items():
        if role != "tied" or tied_to == -1:
            continue
        what = ""
        if tied_to not in rows:
            what = f"tied to {tied_to}, which does not exist"
        else:
            before_role, before_pitch, before_onset, before_events, _ = rows[tied_to]
            if before_pitch != pitch:
                what = f"pitch {pitch} tied to head {tied_to} of pitch {before_pitch}"
            elif before_onset > onset or (before_onset == onset and tied_to >= number):
                what = f"tied to head {tied_to}, which is not earlier"
            elif before_role == "silent":
                what = f"tied to head {tied_to}, which is silent"
            elif not set(events) & set(before_events):
                what = f"tied to head {tied_to}, which belongs to other events"
        if what:
            yield Finding(piece, "ties", what, f"notehead {number}")


def check_events(
    piece: str, tables: "Mapping[str, pd.DataFrame]", durations: Mapping[str, float]
) -> Findings:
    """Events are numbered by onset, inside the audio, in MIDI's range, with heads or a reason.

    They are the same notes in every performance.
    """
    notes: list[int] | None = None
    for name, events in _by_performance(tables):
        onset, offset = events["onset_s"], events["offset_s"]
        reason = events["reason"].astype(str) != ""
        rules = (
            (events["event"] != np.arange(len(events)), "events are not numbered 0, 1, 2, …"),
            (onset.diff() < 0, "starts before the event before it"),
            (~(onset >= 0), "starts before the audio"),
            (~(offset >= onset), "ends before it starts"),
            (~(offset <= durations.get(name, np.nan) + SAME_TIME_S), "ends after the audio"),
            (~events["pitch"].between(0, 127), "pitch is no MIDI number"),
            (~events["cents"].between(-50, 50), "cents are not those from the nearest semitone"),
            (~events["velocity"].between(1, 127), "velocity is not in 1 … 127"),
            ((events["heads"] > 0) == reason, "has not either heads or a reason"),
        )
        for wrong, what in rules:
            for number in events.loc[wrong, "event"].head(SHOWN):
                yield Finding(piece, "events", what, f"{name}, event {number}")
        pitches = events["pitch"].tolist()
        if notes is not None and notes != pitches:
            yield Finding(piece, "events", "not the notes of the other performances", name)
        notes = notes or pitches


def check_alignment(piece: str, tables: "Mapping[str, pd.DataFrame]") -> Findings:
    """Played heads and events agree: pitch, number of heads, and times that rise with score time.

    Heads of one score time start together, except grace notes: each time, where repeats are unfolded.
    The times that rise are those of the first time through.
    """
    heads = tables["noteheads"]
    columns = ["notehead", "pitch", "cents", "event", "events", "onset_quarters", "grace"]
    played = heads.loc[heads["role"] == "played", columns]
    starts = played.explode("events").dropna(subset="events")
    starts = starts.assign(event=starts["events"])
    for name, events in _by_performance(tables):
        sounds = events.set_index("event")[["onset_s", "pitch", "cents"]].add_suffix("_heard")
        joined = starts.join(sounds, on="event")
        for number, event in _pairs(joined[joined["onset_s_heard"].isna()]):
            yield Finding(piece, "alignment", f"no event {event} in {name}", f"notehead {number}")
        joined = joined[joined["onset_s_heard"].notna()]
        other = (joined["pitch"] != joined["pitch_heard"]) | (
            joined["cents"] != joined["cents_heard"]
        )
        for number, event in _pairs(joined[other]):
            what = f"not the pitch of event {event} in {name}"
            yield Finding(piece, "alignment", what, f"notehead {number}")
        found = starts["event"].value_counts().reindex(events["event"], fill_value=0).to_numpy()
        stated = events["heads"].to_numpy()
        for k in np.flatnonzero(stated != found)[:SHOWN]:
            what = f"heads: {stated[k]} stated, {found[k]} found"
            yield Finding(piece, "alignment", what, f"{name}, event {events['event'].iloc[k]}")
        main = joined[~joined["grace"]]
        for quarters in list(_parted(main, events))[:SHOWN]:
            what = "heads of one score time start at different seconds"
            yield Finding(piece, "alignment", what, f"{name}, quarter {quarters:g}")
        first = main.groupby("onset_quarters")["onset_s_heard"].min()
        falls = first < first.cummax().shift(fill_value=-np.inf) - SAME_TIME_S
        for quarters in first.index[falls][:SHOWN]:
            what = "starts before a head of earlier score time"
            yield Finding(piece, "alignment", what, f"{name}, quarter {quarters:g}")


def _parted(starts: "pd.DataFrame", events: "pd.DataFrame") -> Iterator[float]:
    """The score times of heads that do not start together each time.

    A head may miss a time at which its key sounds on from before: it is tied then.

    Args:
        starts: each time that a head, not a grace note, is struck.
        events: of the same performance.
    """
    times = starts.assign(time=(starts["onset_s_heard"] / SAME_TIME_S).round())
    counts = times.groupby("onset_quarters").agg(
        heads=("notehead", "nunique"), times=("time", "nunique"), starts=("time", "size")
    )
    for quarters in counts.index[counts["heads"] * counts["times"] != counts["starts"]]:
        group = times[times["onset_quarters"] == quarters]
        together = group.drop_duplicates("time")["onset_s_heard"].to_numpy()
        before = np.abs(events["onset_s"].to_numpy()[:, None] - together).min(axis=1) > SAME_TIME_S
        for _, head in group.groupby("notehead"):
            own = head["onset_s_heard"].to_numpy()
            missed = [t for t in together if np.abs(own - t).min() > SAME_TIME_S]
            key = events[before & (events["pitch"] == head["pitch"].iloc[0])]
            if not all(((key["onset_s"] < t) & (key["offset_s"] > t)).any() for t in missed):
                yield float(quarters)
                break


def _by_performance(tables: "Mapping[str, pd.DataFrame]") -> "Iterator[tuple[str, pd.DataFrame]]":
    groups = dict(iter(tables["events"].groupby("performance", sort=False)))
    for name in tables["performances"]["performance"]:
        events = groups.get(name, tables["events"].iloc[:0])
        yield str(name), events.reset_index(drop=True)


def _pairs(heads: "pd.DataFrame") -> Iterator[tuple[int, int]]:
    shown = heads[["notehead", "event"]].head(SHOWN)
    return iter(shown.itertuples(index=False, name=None))


def _overlap(a: Mapping[str, float], b: Mapping[str, float]) -> bool:
    across = a["x0"] < b["x1"] and b["x0"] < a["x1"]
    return across and a["y0"] < b["y1"] and b["y0"] < a["y1"]


def _union(staves: list[dict[str, float]]) -> dict[str, float]:
    low = {key: min(staff[key] for staff in staves) for key in ("page", "x0", "y0")}
    return low | {key: max(staff[key] for staff in staves) for key in ("x1", "y1")}


def _fraction(text: str) -> float:
    try:
        return float(Fraction(text))
    except (ValueError, ZeroDivisionError):
        return float("nan")


def _text(unit: bytes | None) -> str:
    return repr((unit or b"").decode())
