"""The checks of the tables of one piece, each a function of data frames alone; places are in `layout_checks`.

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
from msmdtools.performance import DELETION, SYNTHETIC

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

SHOWN = 5
ROLES = ("played", "tied", "silent")
SAME_TIME_S = 1e-6
UNTIMED = ("onset_s", "offset_s")
"""Columns that a note that was not played lacks."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault in a dataset.

    Attributes:
        piece: the piece id; empty for the dataset as a whole.
        check: name of the check that found it.
        what: the fault, in words.
        where: the file, note head, event or system that has it.
    """

    piece: str
    check: str
    what: str
    where: str


Findings = Iterator[Finding]


def check_schema(table: Table, schema: "pa.Schema") -> Findings:
    """Check that a table's file has the declared columns: names in order, types, units."""
    where = f"{table.name}.parquet"
    required = [column.name for column in table.columns if not column.added]
    absent = [name for name in required if name not in schema.names]
    unknown = [name for name in schema.names if name not in table.names]
    for names, what in ((absent, "lacks"), (unknown, "has unknown")):
        if names:
            yield Finding("", "schema", f"{what} {', '.join(names)}", where)
    if absent or unknown:
        return
    if schema.names != [name for name in table.names if name in schema.names]:
        yield Finding("", "schema", f"columns are not in the order {', '.join(table.names)}", where)
    for expected in table.arrow_schema():
        if expected.name not in schema.names:
            continue
        field = schema.field(expected.name)
        if field.type != expected.type:
            what = f"{field.name} is {field.type}, not {expected.type}"
            yield Finding("", "schema", what, where)
        unit, expected_unit = ((f.metadata or {}).get(b"unit") for f in (field, expected))
        if unit != expected_unit:
            what = f"{field.name} has the unit {_text(unit)}, not {_text(expected_unit)}"
            yield Finding("", "schema", what, where)


def check_keys(piece: str, table: Table, rows: "pd.DataFrame") -> Findings:
    """Check that rows are sorted by their table's key, that no key occurs twice, and no value is missing.

    Args:
        piece: the piece id.
        table: the declaration of the table.
        rows: its rows, those of the piece.

    Yields:
        A finding for each fault.
    """
    where = f"{table.name}.parquet"
    keys = list(rows[list(table.key)].itertuples(index=False, name=None))
    for before, after in pairwise(keys):
        if before >= after:
            what = f"{'twice' if before == after else 'out of order'}: {after[1:]}"
            yield Finding(piece, "keys", what, where)
            break
    for column in table.columns:
        # A deletion has no time.
        timed = rows["link"] != DELETION if column.name in UNTIMED and "link" in rows else True
        if not column.nullable and (rows[column.name].isna() & timed).any():
            yield Finding(piece, "keys", f"{column.name} has missing values", where)


def check_counts(
    piece: str, row: Mapping[str, Any], tables: "Mapping[str, pd.DataFrame]", pages: int
) -> Findings:
    """Check that the counts in the pieces table are those of the other tables and of the pictures.

    Args:
        piece: the piece id.
        row: its row of the pieces table.
        tables: its rows of the other tables, by the tables' names.
        pages: number of its page images.

    Yields:
        A finding for each fault.
    """
    heads, events, performances = tables["noteheads"], tables["events"], tables["performances"]
    counted = {
        "pages": pages,
        "systems": tables["systems"]["system"].nunique(),
        "staves": len(tables["systems"]),
        "measures": tables["measures"]["measure"].nunique(),
        "noteheads": len(heads),
        **{role: int((heads["role"] == role).sum()) for role in ROLES},
        "performances": len(performances),
        "parts": len(tables["parts"]),
    }
    for name, group in by_performance(tables):
        counts = {"events": len(group), "events_without_head": int((group["heads"] == 0).sum())}
        for column, count in counts.items():
            if count != row[column]:
                what = f"{column}: {row[column]} in the pieces table, {count} found"
                yield Finding(piece, "counts", what, name)
    for column, count in counted.items():
        if count != row[column]:
            what = f"{column}: {row[column]} in the pieces table, {count} found"
            yield Finding(piece, "counts", what, "pieces.parquet")
    if strange := sorted(set(events["performance"]) - set(performances["performance"])):
        what = f"events of unknown performances: {', '.join(strange)}"
        yield Finding(piece, "counts", what, "events.parquet")
    yield from _check_parts(piece, tables)


def _check_parts(piece: str, tables: "Mapping[str, pd.DataFrame]") -> Findings:
    """Check that each part has the stated number of events, and each sounding head the part of its event."""
    parts, heads = tables["parts"], tables["noteheads"]
    stated: dict[int, int] = dict(
        zip(parts["part"].tolist(), parts["events"].tolist(), strict=True)
    )
    for name, group in by_performance(tables):
        counted = Counter(int(part) for part in group["part"])
        for part in sorted(stated.keys() | counted.keys()):
            if stated.get(part, 0) != counted.get(part, 0):
                what = f"part {part}: {stated.get(part, 0)} in the parts table, {counted.get(part, 0)} found"
                yield Finding(piece, "counts", what, name)
        of_event = dict(zip(group["event"].tolist(), group["part"].tolist(), strict=True))
        of_event[-1] = -1
        expected = heads["event"].map(of_event)  # NaN for an event that is not there
        elsewhere = expected.notna() & (heads["part"] != expected)
        for number in heads.loc[elsewhere, "notehead"].head(SHOWN):
            yield Finding(
                piece, "counts", "its part is not that of its event", f"notehead {number}"
            )


def check_roles(piece: str, heads: "pd.DataFrame") -> Findings:
    """Check that each head is played, tied or silent, with the values of its role, and its score time exact."""
    event, tie = heads["event"] >= 0, heads["tied_to"] >= 0
    reason = heads["reason"].astype(str) != ""
    role = heads["role"]
    exact = [_fraction(text) for text in heads["onset_fraction"]]
    first_events = [events[0] if len(events) else -1 for events in heads["events"]]
    grace = heads["grace_quarters"]
    # Only an event that a hidden head starts is continued without another head.
    printed = {e for events in heads.loc[role == "played", "events"] for e in events}
    hidden = ~heads["event"].isin(printed)
    rules = (
        (~role.isin(ROLES), "role is not played, tied or silent"),
        (
            (role == "played") & ~(event & ~tie & ~reason),
            "played, but without an event, or with a tie or a reason",
        ),
        (
            (role == "tied") & ~(event & (tie | hidden) & ~reason),
            "tied, but without an event or a head, or with a reason",
        ),
        (
            (role == "silent") & ~(reason & ~event & ~tie),
            "silent, but without a reason, or with an event or a tie",
        ),
        (heads["event"] != first_events, "event is not the first of events"),
        (
            (grace < 0) | ((grace > 0) & ~heads["grace"]),
            "grace_quarters is below 0, or of no grace note",
        ),
        (heads["duration_quarters"] < 0, "duration is below 0"),
        (heads["onset_quarters"] != exact, "onset_fraction is not onset_quarters"),
    )
    for faulty, what in rules:
        for number in heads.loc[faulty, "notehead"].head(SHOWN):
            yield Finding(piece, "roles", what, f"notehead {number}")


def check_events(
    piece: str, tables: "Mapping[str, pd.DataFrame]", durations: Mapping[str, float]
) -> Findings:
    """Check the events of each synthetic performance.

    They are numbered by onset, lie inside the audio and in MIDI's range, have heads or a reason, and are the
    same notes in every performance.

    Args:
        piece: the piece id.
        tables: its rows of the events and performances tables, by the tables' names.
        durations: length of the audio of each performance, in seconds.

    Yields:
        A finding for each fault.
    """
    notes: list[int] | None = None
    for name, events in by_performance(tables):
        onset, offset = events["onset_s"], events["offset_s"]
        reason = events["reason"].astype(str) != ""
        rules = (
            (events["event"] != np.arange(len(events)), "events are not numbered 0, 1, 2, …"),
            (onset.diff() < 0, "starts before the event before it"),
            (~(onset >= 0), "starts before the audio"),
            (~(offset >= onset), "ends before it starts"),
            (~(offset <= durations.get(name, np.nan) + SAME_TIME_S), "ends after the audio"),
            (~events["pitch"].between(0, 127), "pitch is not a MIDI number"),
            (~events["cents"].between(-50, 50), "cents are not within -50 to 50"),
            (~events["velocity"].between(1, 127), "velocity is not within 1 to 127"),
            ((events["heads"] > 0) == reason, "has both heads and a reason, or neither"),
        )
        for faulty, what in rules:
            for number in events.loc[faulty, "event"].head(SHOWN):
                yield Finding(piece, "events", what, f"{name}, event {number}")
        pitches = events["pitch"].tolist()
        if notes is not None and notes != pitches:
            yield Finding(
                piece, "events", "its notes are not those of the other performances", name
            )
        notes = notes or pitches


def check_alignment(
    piece: str, tables: "Mapping[str, pd.DataFrame]", *, as_written: bool = True
) -> Findings:
    """Check that played heads and events agree: in pitch, number of heads, and order of time.

    Heads of one score time start together, except grace notes: each time, where repeats are unfolded.
    The first time through, seconds rise with score time.

    Args:
        piece: its id.
        tables: the rows of the piece in the tables of a dataset.
        as_written: whether events have the times of the score, not of a MIDI file whose chords may be spread.

    Yields:
        A finding for each place where they do not agree.
    """
    heads = tables["noteheads"]
    columns = ["notehead", "pitch", "cents", "event", "events", "onset_quarters", "grace"]
    played = heads.loc[heads["role"] == "played", columns]
    starts = played.explode("events").dropna(subset="events")
    starts = starts.assign(event=starts["events"])
    for name, events in by_performance(tables):
        sounds = events.set_index("event")[["onset_s", "pitch", "cents"]].add_suffix("_heard")
        joined = starts.join(sounds, on="event")
        for number, event in _pairs(joined[joined["onset_s_heard"].isna()]):
            yield Finding(piece, "alignment", f"no event {event} in {name}", f"notehead {number}")
        joined = joined[joined["onset_s_heard"].notna()]
        differing = (joined["pitch"] != joined["pitch_heard"]) | (
            joined["cents"] != joined["cents_heard"]
        )
        for number, event in _pairs(joined[differing]):
            what = f"not the pitch of event {event} in {name}"
            yield Finding(piece, "alignment", what, f"notehead {number}")
        counted = starts["event"].value_counts().reindex(events["event"], fill_value=0).to_numpy()
        stated = events["heads"].to_numpy()
        for k in np.flatnonzero(stated != counted)[:SHOWN]:
            what = f"heads: {stated[k]} stated, {counted[k]} found"
            yield Finding(piece, "alignment", what, f"{name}, event {events['event'].iloc[k]}")
        main = joined[~joined["grace"]]
        for quarters in list(_parted(main, events))[:SHOWN] if as_written else ():
            what = "heads of one score time start at different seconds"
            yield Finding(piece, "alignment", what, f"{name}, quarter {quarters:g}")
        first_onsets = main.groupby("onset_quarters")["onset_s_heard"].min()
        falls = first_onsets < first_onsets.cummax().shift(fill_value=-np.inf) - SAME_TIME_S
        for quarters in first_onsets.index[falls][:SHOWN]:
            what = "starts before a head of earlier score time"
            yield Finding(piece, "alignment", what, f"{name}, quarter {quarters:g}")


def _parted(starts: "pd.DataFrame", events: "pd.DataFrame") -> Iterator[float]:
    """The score times of heads that do not start together each time.

    A head may miss a time at which its key sounds on from before: it is tied then.

    Args:
        starts: one row for each time that a head, not a grace note, is struck.
        events: the events of the same performance.
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
            onsets = head["onset_s_heard"].to_numpy()
            missed = [t for t in together if np.abs(onsets - t).min() > SAME_TIME_S]
            key = events[before & (events["pitch"] == head["pitch"].iloc[0])]
            if not all(((key["onset_s"] < t) & (key["offset_s"] > t)).any() for t in missed):
                yield float(quarters)
                break


def by_performance(
    tables: "Mapping[str, pd.DataFrame]", *, human: bool = False
) -> "Iterator[tuple[str, pd.DataFrame]]":
    """The rows of the events table of each synthetic performance, or of each that a person played."""
    groups = dict(iter(tables["events"].groupby("performance", sort=False)))
    performances = tables["performances"]
    kind = performances["kind"] != SYNTHETIC
    for name in performances.loc[kind == human, "performance"]:
        events = groups.get(name, tables["events"].iloc[:0])
        yield str(name), events.reset_index(drop=True)


def _pairs(heads: "pd.DataFrame") -> Iterator[tuple[int, int]]:
    shown = heads[["notehead", "event"]].head(SHOWN)
    return iter(shown.itertuples(index=False, name=None))


def _fraction(text: str) -> float:
    try:
        return float(Fraction(text))
    except (ValueError, ZeroDivisionError):
        return float("nan")


def _text(unit: bytes | None) -> str:
    return repr((unit or b"").decode())
