"""The bars that a recording plays, and when: an alignment as a list of bars.

A bar begins to sound when the alignment reaches the place of its first beat (`msmdtools.paper.bars`). Where the
performance goes back on the page, or skips something, the bars are listed as they are played: one that is repeated
has a row each time. Parts of the recording that are not on the sheet have no bars.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from msmdtools.base.table import Column, Table
from msmdtools.dataset.bars import bars_of
from msmdtools.follow.alignment import SHEET_STRIDE, Alignment
from msmdtools.inputs.pages import as_shown
from msmdtools.paper.axis import Places
from msmdtools.search.ranking import STEPS

BARS = Table(
    "bars",
    "One row each time that a bar is played, in time.",
    ("second",),
    (
        Column("measure", "int32", "", "bar of the sheet, from 0"),
        Column("second", "float64", "s", "when it begins, from the start of the recording"),
        Column("page", "int32", "", "page, from 1"),
        Column("system", "int32", "", "system in the sheet, from 1"),
        Column("x", "float64", "px", "left edge of the bar on the page, or on the picture given"),
        Column("number", "string", "", "its printed number; empty where only a picture was given"),
        Column(
            "confidence",
            "float64",
            "",
            "probability that the time is right to half a second; empty where it was followed online",
            nullable=True,
        ),
    ),
)
NAME = "bars"
# Of a bar: where the music comes in later than this, or leaves off earlier, its beginning was not played.
_LATE = 0.25


def is_named(path: Path) -> bool:
    """Whether a file's name asks for the list of bars: it ends in "bars", such as sonata-bars.csv."""
    return path.stem.lower().endswith(NAME)


def rows(alignment: Alignment) -> list[dict[str, Any]]:
    """Return the rows of the list, in the order in which the bars are played.

    Raises:
        DatasetError: a file of the dataset is missing or damaged.
    """
    sheet, axis = alignment.axis.sheet, alignment.axis
    bars = bars_of(sheet, axis)
    at = axis.at(bars.system)
    shown = as_shown(sheet, Places(axis.page[at], bars.system, bars.x, axis.middles[at]))
    ends = np.append(bars.begins[1:], axis.length)
    late = bars.beats + _LATE * (ends - bars.begins)
    result = []
    for run in _runs(alignment):
        places = np.maximum.accumulate(alignment.strip[run])
        seconds = alignment.second[run]
        played = (late >= places[0]) & (bars.beats <= places[-1])
        # The first moment at a place: while the music waits there, it has begun.
        rising = np.append(True, np.diff(places) > 0)
        times = np.interp(bars.beats, places[rising], seconds[rising])
        result += [
            {
                "measure": int(bars.measure[k]),
                "second": round(float(times[k]), 3),
                "page": int(shown.page[k]),
                "system": int(shown.system[k]),
                "x": round(float(shown.x[k]), 2),
                "number": bars.number[k],
                "confidence": _confidence(alignment, float(times[k])),
            }
            for k in np.flatnonzero(played)
        ]
    return result


def remarks(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Describe where a recording goes back or leaves bars out, such as "bars 1 to 8 are played again at 21.3 s".

    Bars are named by their printed numbers, or counted from 1 where they have none.

    Args:
        records: the rows of the list of bars.
    """
    result = []
    number_of = {row["measure"]: row["number"] or str(row["measure"] + 1) for row in records}
    farthest = -1
    for before, row in pairwise(records):
        last, here = before["measure"], row["measure"]
        farthest = max(farthest, last)
        if here <= last:
            again = _until_new(records, row, farthest)
            what = _span(number_of[here], number_of[again], "is played again", "are played again")
            result.append(f"{what} at {row['second']:.1f} s")
        elif here > last + 1:
            first, end = str(last + 2), str(here)
            if number_of[last].isdigit():
                first, end = (
                    str(int(number_of[last]) + 1),
                    str(int(number_of[last]) + here - last - 1),
                )
            what = _span(first, end, "is skipped", "are skipped")
            result.append(f"{what} at {row['second']:.1f} s")
    return result


def _until_new(records: Sequence[Mapping[str, Any]], row: Mapping[str, Any], farthest: int) -> int:
    """The last bar, from `row` on, that was played before and is played again without a jump."""
    later = [r["measure"] for r in records if r["second"] >= row["second"]]
    last = int(later[0])
    for measure in later[1:]:
        if measure != last + 1 or measure > farthest:
            break
        last = int(measure)
    return last


def _span(first: str, last: str, one: str, several: str) -> str:
    return f"bar {first} {one}" if first == last else f"bars {first} to {last} {several}"


def _confidence(alignment: Alignment, second: float) -> float | None:
    if alignment.confidence is None:
        return None
    return round(float(np.interp(second, alignment.second, alignment.confidence)), 4)


def _runs(alignment: Alignment) -> list[slice]:
    """Return the moments of each way over the sheet without a jump or a part that is not on it."""
    moved, heard = np.diff(alignment.strip), alignment.on_sheet
    jumps = (moved < -SHEET_STRIDE) | (moved > 2 * STEPS * SHEET_STRIDE) | (np.diff(heard) != 0)
    edges = [0, *(np.flatnonzero(jumps) + 1).tolist(), len(heard)]
    return [slice(low, high) for low, high in pairwise(edges) if high > low and heard[low]]
