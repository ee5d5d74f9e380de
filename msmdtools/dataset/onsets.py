"""When each written onset is played: one time for a chord, also where a person spreads it.

The notes of one written onset belong together, each time that the music comes to it (`pass`). Their common time
is the onset of the note in the middle of them, the earlier of two, so that one note far from the others moves
it little. While a passage is played, these times rise with score time; where they do not, since two hands are
apart or a note is linked with another of its pitch, the fewest onsets are left out.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from msmdtools.paper.position import longest_rising
from msmdtools.performance import PLAYED_LINKS
from msmdtools.score import Music

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ["event", "note", "pass", "onset", "onset_s", "offset_s"]


def written(music: Music) -> NDArray[np.int64]:
    """The number of each note's onset among the distinct onsets of the music, from 0: (notes,)."""
    ticks = np.array([note.onset_tick for note in music.notes], np.int64)
    return np.unique(ticks, return_inverse=True)[1].astype(np.int64)


def as_written(events: "pd.DataFrame") -> "pd.DataFrame":
    """The result of `struck` for a synthetic performance, whose chords have one time anyway."""
    onset = np.unique(events["onset_s"].to_numpy(), return_inverse=True)[1]
    return events.assign(onset=onset.astype(np.int64))[COLUMNS]


def struck(events: "pd.DataFrame", onset_of: NDArray[np.int64]) -> "pd.DataFrame":
    """The events that play written notes, each with the common time of its onset.

    Args:
        events: the rows of a performance in the events table.
        onset_of: the number of each written note's onset (`written`).

    Returns:
        Columns event, note, pass, onset (number of the written onset), onset_s (the common time) and
        offset_s, by event. Events of onsets that are left out are not among them.
    """
    import pandas as pd

    rows = events[events["link"].isin(PLAYED_LINKS)]
    rows = rows.assign(onset=onset_of[rows["note"].to_numpy()])
    times = rows.sort_values("onset_s", kind="stable").groupby(["pass", "onset"])["onset_s"]
    middle = times.apply(lambda group: group.iloc[(len(group) - 1) // 2])
    kept = []
    for _, of_pass in middle.groupby(level="pass"):
        kept.append(of_pass.iloc[longest_rising(of_pass.tolist())])
    if not kept:
        return rows[COLUMNS]
    common = pd.concat(kept).rename("common")
    joined = rows.join(common, on=["pass", "onset"], how="inner").sort_values("event")
    joined["onset_s"] = joined.pop("common")
    joined["offset_s"] = joined[["onset_s", "offset_s"]].max(axis=1)
    return joined[COLUMNS].reset_index(drop=True)
