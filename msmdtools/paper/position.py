"""Where the music is on the paper at a time, and when it is at a place: seconds ↔ (page, x, y).

A performance moves over the paper in *passages*: stretches of time in which it goes from left to
right through one system. A system gives one passage, or several where repeats are unfolded. Within
a passage straight lines join time and x between its onsets:

- An onset's x is the mean of the centres (x0 + x1) / 2 of the heads that start there. A grace note
  is an onset of its own unless other heads start at the same time.
- Tied heads are places too. Their time is interpolated between the onsets before and after, in
  proportion to score time; so a chord held over a system break reaches the new system in time.
- Where x would go back (heads moved aside by hand), the fewest possible onsets are left out.
- From its last onset a passage moves on to the right end of the staff lines or, when it ends inside
  the system because of a repeat, to the next onset printed there. It arrives when the next passage
  starts; the last one when the last note is released.

Before the first onset and after the last release there is no position.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from msmdtools.paper.axis import system_boxes

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Passage:
    """One way through one system, from left to right.

    Attributes:
        times: seconds, rising, shape (n,) with n ≥ 2, from the passage's start to its end.
        xs: pixels, rising (only the last may equal the one before), shape (n,).
        y0: top of the system's first staff, in pixels.
        y1: bottom of its last staff.
    """

    page: int
    system: int
    times: Floats
    xs: Floats
    y0: float
    y1: float


class Position(NamedTuple):
    """Places on the paper; where there is none, page and system are 0, x and y NaN.

    For one moment they are plain numbers, for an array of moments arrays of its shape. y is the middle of
    the system, halfway between its first staff's top and last staff's bottom.
    """

    page: Any
    system: Any
    x: Any
    y: Any


class _Onset(NamedTuple):
    time: float
    quarters: float
    system: int
    x: float


def passages(
    noteheads: "pd.DataFrame",
    systems: "pd.DataFrame",
    events: "pd.DataFrame",
    starts: "pd.DataFrame",
    *,
    skips: int = 0,
) -> list[Passage]:
    """The passages of one performance, in order of time; none when no head sounds.

    Args:
        noteheads: rows of the noteheads table of one piece.
        systems: rows of the systems table of the piece.
        events: columns `event`, `onset_s` and `offset_s` of one performance of it; all notes of one score
            time have one onset each time that they are played.
        starts: which head starts which event, columns `notehead` and `event`. Where a passage is
            played again, a head has several rows.
        skips: how many printed onsets may be left out, one after the other, without being a jump.
    """
    corners = system_boxes(systems)
    boxes = corners.to_dict("index")
    heads = noteheads[noteheads["system"].isin(corners.index)].set_index("notehead")
    heads = heads.assign(x=(heads["x0"] + heads["x1"]) / 2, quarters=heads["onset_quarters"])
    heads = heads[["system", "x", "quarters", "duration_quarters", "grace", "role"]]
    times = events.set_index("event")["onset_s"].rename("time")
    played = starts.join(heads, on="notehead", how="inner").join(times, on="event", how="inner")
    if played.empty:
        return []
    graces = _onsets(played[played["grace"]])
    onsets = _onsets(played[~played["grace"]]) or graces
    tied = _onsets(heads[(heads["role"] == "tied") & ~heads["grace"]].assign(time=0.0))
    release = _Onset(
        time=max(float(events["offset_s"].max()), onsets[-1].time),
        quarters=float((heads["quarters"] + heads["duration_quarters"]).max()),
        system=0,
        x=0.0,
    )
    ways = _split(onsets, sorted(tied, key=lambda o: o.quarters), release, skips)
    for grace in graces:
        _insert(grace, ways)
    result = []
    for way, following in pairwise([*ways, [release]]):
        system, last = way[0].system, way[-1].quarters
        box = boxes[system]
        later = (o.x for o in onsets if o.system == system and o.quarters > last)
        goal = min(later, default=float(box["x1"]))
        kept = _rising(way)
        xs = [kept[0].x, *(o.x for o in kept[1:]), max(goal, kept[-1].x)]
        seconds = [way[0].time, *(o.time for o in kept[1:]), following[0].time]
        result.append(
            Passage(
                page=int(box["page"]),
                system=system,
                times=np.array(seconds, np.float64),
                xs=np.array(xs, np.float64),
                y0=float(box["y0"]),
                y1=float(box["y1"]),
            )
        )
    return result


def position(ways: Sequence[Passage], seconds: ArrayLike) -> Position:
    """Where the music is at `seconds`: the place on the passage that sounds then.

    Args:
        seconds: a number, or an array of any shape.
    """
    t = np.asarray(seconds, np.float64)
    page = np.zeros(t.shape, np.int64)
    system = np.zeros(t.shape, np.int64)
    x = np.full(t.shape, np.nan)
    y = np.full(t.shape, np.nan)
    if ways:
        index = np.searchsorted([way.times[0] for way in ways], t, side="right") - 1
        index = np.where(t <= ways[-1].times[-1], index, -1)  # NaN compares as false: no position
        for k in np.unique(index[index >= 0]):
            here, way = index == k, ways[k]
            page[here], system[here] = way.page, way.system
            x[here] = np.interp(t[here], way.times, way.xs)
            y[here] = (way.y0 + way.y1) / 2
    found = (page, system, x, y)
    return Position(*(values.item() for values in found)) if t.ndim == 0 else Position(*found)


def times(ways: Sequence[Passage], page: int, x: float, y: float) -> list[float]:
    """All times, in seconds, at which the music is at (`x`, `y`) of `page`; none where it never is.

    The system is the one nearest to y. Where no passage of it contains x, that is left of the first
    onset or right of the end, the start or end of the nearest is taken.
    """
    here = [way for way in ways if way.page == page]
    if not here:
        return []
    nearest = min(here, key=lambda way: _outside(y, way.y0, way.y1)).system
    here = [way for way in here if way.system == nearest]
    distances = [_outside(x, way.xs[0], way.xs[-1]) for way in here]
    return [
        float(np.interp(x, way.xs, way.times))
        for way, distance in zip(here, distances, strict=True)
        if distance == min(distances)
    ]


def time(ways: Sequence[Passage], page: ArrayLike, x: ArrayLike, y: ArrayLike) -> Floats | float:
    """The first time, in seconds, at which the music is at each place; NaN on a page without music.

    A number for one place, else an array.

    Args:
        page: numbers from 1; page, x and y are broadcast against each other.
    """
    pages, xs, ys = np.broadcast_arrays(page, x, y)
    found = [
        next(iter(times(ways, int(p), float(a), float(b))), np.nan)
        for p, a, b in zip(pages.flat, xs.flat, ys.flat, strict=True)
    ]
    times_s = np.array(found, np.float64).reshape(pages.shape)
    return times_s if pages.ndim else times_s.item()


def _outside(value: float, low: float, high: float) -> float:
    """How far `value` lies outside of low…high."""
    return float(max(low - value, value - high, 0.0))


def _onsets(heads: "pd.DataFrame") -> list[_Onset]:
    """One onset per time, system and score time, by time, with the mean x of its heads."""
    means = heads.groupby(["time", "quarters", "system"], as_index=False)["x"].mean()
    return [_Onset(*row) for row in means.itertuples(index=False, name=None)]


def _split(
    onsets: list[_Onset], tied: list[_Onset], release: _Onset, skips: int
) -> list[list[_Onset]]:
    """The onsets with tied ones between them, divided where the system changes and at repeats."""
    printed = sorted({onset.quarters for onset in onsets})
    written = [onset.quarters for onset in tied]
    ways = [[onsets[0]]]
    for here, there in pairwise([*onsets, release]):
        left_out = bisect_left(printed, there.quarters) - bisect_right(printed, here.quarters)
        skipped = left_out > skips
        jump = there.quarters < here.quarters or (skipped and there is not release)
        between = []
        if not jump:
            rate = (there.time - here.time) / max(there.quarters - here.quarters, 1e-9)
            low, high = bisect_right(written, here.quarters), bisect_left(written, there.quarters)
            between = [
                onset._replace(time=here.time + rate * (onset.quarters - here.quarters))
                for onset in tied[low:high]
            ]
        for onset in between if there is release else [*between, there]:
            if jump or onset.system != ways[-1][-1].system:
                ways.append([])
            ways[-1].append(onset)
    return ways


def _insert(grace: _Onset, ways: list[list[_Onset]]) -> None:
    """Puts a grace note into the passage it sounds in, or before the one that it leads to."""
    k = bisect_right(ways, grace.time, key=lambda way: way[0].time) - 1
    if k >= 0 and ways[k][0].system == grace.system:
        if all(onset.time != grace.time for onset in ways[k]):
            insort(ways[k], grace, key=lambda onset: onset.time)
        return
    leads_on = k + 1 < len(ways) and ways[k + 1][0].system == grace.system
    if leads_on and (k < 0 or grace.time > ways[k][-1].time):
        ways[k + 1].insert(0, grace)


def _rising(way: list[_Onset]) -> list[_Onset]:
    """The longest subsequence with rising x."""
    return [way[i] for i in longest_rising([onset.x for onset in way])]


def longest_rising(values: Sequence[float]) -> list[int]:
    """The places of the longest strictly rising subsequence (patience sorting)."""
    tails: list[int] = []
    before: list[int] = []
    for i, value in enumerate(values):
        place = bisect_left(tails, value, key=lambda j: values[j])
        before.append(tails[place - 1] if place else -1)
        tails[place : place + 1] = [i]
    kept, i = [], tails[-1] if tails else -1
    while i >= 0:
        kept.append(i)
        i = before[i]
    return kept[::-1]
