"""The checks of what people played: rules for performances whose notes are matched with the written ones."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from msmdtools.dataset.checks import SAME_TIME_S, SHOWN, Finding, Findings, by_performance
from msmdtools.performance import (
    ANNOTATED,
    DELETION,
    ESTIMATED,
    INSERTION,
    INTERPOLATED,
    MATCH,
    MATCHED,
    ORNAMENT,
    PLAYED_LINKS,
    RECORDED,
)

if TYPE_CHECKING:
    import pandas as pd

COUNTS = {
    "matched": PLAYED_LINKS,
    "insertions": (INSERTION,),
    "ornaments": (ORNAMENT,),
    "deletions": (DELETION,),
}
PERFORMED_LINKS = (MATCH, INSERTION, ORNAMENT, DELETION)
RECORDED_LINKS = (INTERPOLATED, DELETION)


def check_performed(
    piece: str, tables: "Mapping[str, pd.DataFrame]", durations: Mapping[str, float]
) -> Findings:
    """Check the events of each human performance, and that no performed and no written note is left out.

    Args:
        piece: the piece id.
        tables: its rows of the events and performances tables, by the tables' names.
        durations: length of the audio of each performance, in seconds.

    Yields:
        A finding for each fault.
    """
    written = next((events for _, events in by_performance(tables)), None)
    rows = {row["performance"]: row for row in tables["performances"].to_dict("records")}
    for name, events in by_performance(tables, human=True):
        row = rows[name]
        recorded = row["kind"] == RECORDED
        alignments = (ANNOTATED, ESTIMATED) if recorded else (MATCHED,)
        if row["alignment"] not in alignments:
            yield Finding(piece, "counts", f"alignment is not {' or '.join(alignments)}", name)
        for column, links in COUNTS.items():
            count = int(events["link"].isin(links).sum())
            if count != row[column]:
                what = f"{column}: {row[column]} in the performances table, {count} found"
                yield Finding(piece, "counts", what, name)
        rules = _rules(events, durations.get(name, np.nan), recorded=recorded)
        for faulty, what in rules:
            for number in events.loc[faulty, "event"].head(SHOWN):
                yield Finding(piece, "events", what, f"{name}, event {number}")
        if written is not None:
            yield from _check_written(piece, name, events, written)


def _rules(
    events: "pd.DataFrame", duration: float, *, recorded: bool
) -> "list[tuple[pd.Series[bool], str]]":
    onset, offset, link = events["onset_s"], events["offset_s"], events["link"]
    heard, note = link != DELETION, events["note"]
    reason = events["reason"].astype(str) != ""
    has_note = link.isin((*PLAYED_LINKS, DELETION))
    links = RECORDED_LINKS if recorded else PERFORMED_LINKS
    velocities = (0, 0) if recorded else (1, 127)
    return [
        (~link.isin(links), f"link is not {', '.join(links)}"),
        (events["event"] != np.arange(len(events)), "events are not numbered 0, 1, 2, …"),
        (heard & (onset.diff() < 0), "starts before the event before it"),
        (heard & ~heard.shift(fill_value=True), "comes after a deletion"),
        (heard & ~(onset >= 0), "starts before the audio"),
        (heard & ~(offset >= onset), "ends before it starts"),
        (heard & ~(offset <= duration + SAME_TIME_S), "ends after the audio"),
        (~heard & (onset.notna() | offset.notna()), "a deletion has a time"),
        (~events["pitch"].between(0, 127), "pitch is not a MIDI number"),
        (
            heard & ~events["velocity"].between(*velocities),
            "velocity is not 0" if recorded else "velocity is not within 1 to 127",
        ),
        (~events["confidence"].between(0, 1), "confidence is not within 0 to 1"),
        (has_note & ((note < 0) | (events["pass"] < 1)), "has no written note or no pass"),
        ((link == INSERTION) & ((note != -1) | (events["pass"] != 0)), "an insertion has a note"),
        ((link == ORNAMENT) & (events["heads"] > 0), "an ornament starts a head"),
        ((events["heads"] > 0) == reason, "has both heads and a reason, or neither"),
    ]


def _check_written(
    piece: str, name: str, events: "pd.DataFrame", written: "pd.DataFrame"
) -> Findings:
    """Check the written notes: each is there in its first pass, once in each, and with its heads."""
    linked = events[events["link"].isin((*PLAYED_LINKS, DELETION))]
    keys = linked[["note", "pass"]]
    for number in linked.loc[keys.duplicated(), "event"].head(SHOWN):
        what = "its written note has another event in the same pass"
        yield Finding(piece, "alignment", what, f"{name}, event {number}")
    absent = sorted(set(written["event"]) - set(linked["note"]))
    for note in absent[:SHOWN]:
        yield Finding(piece, "alignment", f"no event for note {note}", name)
    for number in linked.loc[~linked["note"].isin(written["event"]), "event"].head(SHOWN):
        yield Finding(piece, "alignment", "no such written note", f"{name}, event {number}")
    of_note = written.set_index("event")
    for column in ("heads", "part"):
        expected = linked["note"].map(of_note[column])
        differing = expected.notna() & (linked[column] != expected)
        for number in linked.loc[differing, "event"].head(SHOWN):
            what = f"{column} is not that of its written note"
            yield Finding(piece, "alignment", what, f"{name}, event {number}")


def check_timings(
    piece: str, tables: "Mapping[str, pd.DataFrame]", durations: Mapping[str, float]
) -> Findings:
    """Check when bars are played: only in recordings, within them, each pass once and after the one before it.

    Args:
        piece: the piece id.
        tables: its rows of the timings, performances and measures tables, by the tables' names.
        durations: length of the audio of each performance, in seconds.

    Yields:
        A finding for each fault.
    """
    timings, performances = tables["timings"], tables["performances"]
    recorded = set(performances.loc[performances["kind"] == RECORDED, "performance"])
    for name in sorted(recorded - set(timings["performance"])):
        yield Finding(piece, "timings", "no bar has a time", name)
    for name in sorted(set(timings["performance"]) - recorded):
        yield Finding(piece, "timings", "bars of what is no recording of the piece", name)
    bars = set(tables["measures"]["measure"])
    for name in sorted(recorded):
        rows = timings[timings["performance"] == name]
        duration = durations.get(name, np.nan)
        of_bar = rows.groupby("measure")
        rules = (
            (~rows["measure"].isin(bars), "no such bar"),
            (~rows["second"].between(0, duration), "is not within the audio"),
            (rows["pass"] != of_bar.cumcount() + 1, "passes are not numbered 1, 2, 3, …"),
            (of_bar["second"].diff() <= 0, "is not after the pass before it"),
            (~rows["confidence"].between(0, 1), "confidence is not within 0 to 1"),
        )
        for faulty, what in rules:
            for measure in rows.loc[faulty, "measure"].head(SHOWN):
                yield Finding(piece, "timings", what, f"{name}, measure {measure}")
