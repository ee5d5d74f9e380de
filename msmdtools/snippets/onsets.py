"""Find the onsets of a piece and their places on the paper.

All note events that start at the same time are one onset; grace notes start earlier than the note
they lead to and are onsets of their own. The place of an onset:

- If the heads of an onset are in several systems, the system with most of them counts; of equals, the
  first.
- Its x is the mean of the centres (x0 + x1) / 2 of the onset's heads in that system, as in
  `msmdtools.paper.position`; grace notes that sound together with other heads do not count.
- Its y is the middle of the system: halfway between the top of the first staff and the bottom of
  the last one.
- An onset without a printed head of its own (the repetitions of a tremolo or a percent sign, a hidden
  head) is interpolated between the heads before and after it, again by `msmdtools.paper.position`.
  It has `heads` 0.

In a human performance the notes of one written onset are one onset, at their common time
(`msmdtools.dataset.onsets`). It has the place and number of the written onset; where a passage is played again
in a dataset that is not unfolded, the number of all written onsets is added to it each time. What is not
written (insertions, ornaments) is no onset.

With unfolded repeats several onsets share the place where they are printed. In a piece without a
single head in a system the music has no place: its onsets are dropped, and counted by the reason that
the events table has for them.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from msmdtools.dataset.reader import DatasetPiece
from msmdtools.paper.axis import system_boxes
from msmdtools.performance import MATCH

if TYPE_CHECKING:
    import pandas as pd

OUTSIDE = "outside-systems"
OUT_OF_ORDER = "out-of-order"


@dataclass(frozen=True, slots=True, eq=False)
class Onsets:
    """The onsets of a piece that have a place, in playing order; arrays of one length.

    Attributes:
        onset: number among all onsets of the piece, from 0.
        event: one of the events that start at the onset.
        second: when it starts, in seconds from the start of the audio.
        heads: number of printed heads at the onset, in all systems; 0 for an onset between heads.
        page, system: where it is printed, from 1.
        x, y: its place on the page in pixels.
        first: whether nothing printed at that place has sounded before (repeats unfolded).
        total: number of all onsets of the piece.
        dropped: number of onsets without a place, by reason.
    """

    onset: NDArray[np.int64]
    event: NDArray[np.int64]
    second: NDArray[np.float64]
    heads: NDArray[np.int64]
    page: NDArray[np.int64]
    system: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    first: NDArray[np.bool_]
    total: int
    dropped: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.onset)


def find_onsets(piece: DatasetPiece, performance: str | None = None) -> Onsets:
    """Find the onsets of a piece in a performance.

    They have the same numbers and places in all synthetic performances, and in human ones as far as played.

    Args:
        piece: the piece.
        performance: name of the performance; None for the first synthetic one.

    Raises:
        DatasetError: a table of the dataset is missing or damaged, or there is no such performance.
    """
    if piece.is_human(performance):
        return _played(piece, performance, find_onsets(piece))
    return _written(piece, performance)


def _played(piece: DatasetPiece, performance: str | None, written: Onsets) -> Onsets:
    """The onsets of a human performance, by those of the written music."""
    struck = piece.struck(performance)
    # Where repeats are unfolded, a note is of the pass that it has among those of its head.
    turns = piece.starts.assign(turn=piece.starts.groupby("notehead").cumcount() + 1)
    turn = struck["note"].map(turns.groupby("event")["turn"].max()).fillna(1)
    again = (struck["pass"] - turn).clip(lower=0).astype("int64")
    groups = struck.assign(number=struck["onset"] + again * written.total)
    groups = groups.groupby(["onset", "pass"])[["onset_s", "number"]].max().reset_index()
    groups = groups.sort_values("onset_s", kind="stable")
    place = np.full(written.total, -1, np.int64)
    place[written.onset] = np.arange(len(written))
    at = place[groups["onset"].to_numpy(np.int64)]
    groups, at = groups[at >= 0], at[at >= 0]
    events = piece.events(performance)
    number = groups["number"].to_numpy(np.int64)
    second = groups["onset_s"].to_numpy(np.float64)
    # The common time of an onset is that of one of its notes.
    keys = struck.assign(own=events.set_index("event")["onset_s"][struck["event"]].to_numpy())
    own = keys[keys["own"] == keys["onset_s"]].drop_duplicates(["onset", "pass"])
    event = groups.merge(own[["onset", "pass", "event"]], on=["onset", "pass"], how="left")
    heard = groups.merge(struck[["onset", "pass"]], on=["onset", "pass"])
    return Onsets(
        onset=number,
        event=event["event"].to_numpy(np.int64),
        second=second,
        heads=written.heads[at],
        page=written.page[at],
        system=written.system[at],
        x=written.x[at],
        y=written.y[at],
        first=written.first[at] & (number < written.total),
        total=len(groups),
        dropped=_not_written(events, len(heard)),
    )


def _not_written(events: "pd.DataFrame", used: int) -> dict[str, int]:
    """Count the events that belong to no onset, by their link; a written note out of order is a match."""
    counts = {str(link): int(n) for link, n in events["link"].value_counts().items()}
    counts[MATCH] = counts.get(MATCH, 0) - used
    return {(OUT_OF_ORDER if link == MATCH else link): n for link, n in sorted(counts.items()) if n}


def _written(piece: DatasetPiece, performance: str | None) -> Onsets:
    import pandas as pd

    events = piece.events(performance)
    times, onset_of = np.unique(events["onset_s"].to_numpy(), return_inverse=True)
    boxes = system_boxes(piece.systems)
    heads = piece.noteheads.set_index("notehead")
    heads = heads.assign(x=(heads["x0"] + heads["x1"]) / 2)[["system", "x", "grace"]]
    starts = piece.starts.join(heads, on="notehead", how="inner").reset_index(drop=True)
    starts["onset"] = onset_of[starts["event"].to_numpy()]
    placed = starts[starts["system"].isin(boxes.index)]
    main = placed[~placed["grace"] | placed.groupby("onset")["grace"].transform("all")]
    places = main.groupby(["onset", "system"])["x"].agg(["size", "mean"]).reset_index()
    places = places.sort_values(["onset", "size", "system"], ascending=[True, False, True])
    places = places.drop_duplicates("onset").set_index("onset")
    system, x = np.zeros(len(times), np.int64), np.full(len(times), np.nan)
    system[places.index], x[places.index] = places["system"], places["mean"]
    between = np.flatnonzero(system == 0)
    if len(between):
        music = piece.position(performance, times[between])
        system[between], x[between] = music.system, music.x
    number = np.flatnonzero(system)
    system, x = system[number], x[number]
    box = boxes.loc[system]
    return Onsets(
        onset=number,
        event=np.unique(onset_of, return_index=True)[1][number],
        second=times[number],
        heads=np.bincount(starts["onset"], minlength=len(times))[number],
        page=box["page"].to_numpy(np.int64),
        system=system,
        x=x,
        y=((box["y0"] + box["y1"]) / 2).to_numpy(np.float64),
        first=~pd.DataFrame({"system": system, "x": x}).duplicated().to_numpy(np.bool_),
        total=len(times),
        dropped=_reasons(events["reason"], onset_of, set(number), set(starts["onset"])),
    )


def _reasons(
    reasons: "pd.Series[str]", onset_of: NDArray[np.int64], placed: set[int], headed: set[int]
) -> dict[str, int]:
    """Count the onsets without a place, by the first reason that one of their events gives."""
    counts: Counter[str] = Counter()
    seen = set(placed)
    for onset, reason in zip(onset_of.tolist(), reasons, strict=True):
        if onset not in seen:
            seen.add(onset)
            counts[OUTSIDE if onset in headed else str(reason)] += 1
    return dict(sorted(counts.items()))
