"""The check of the ties of one piece: the head that each tied head continues."""

from collections import defaultdict
from typing import TYPE_CHECKING

from msmdtools.dataset.checks import Finding, Findings

if TYPE_CHECKING:
    import pandas as pd


def check_ties(piece: str, heads: "pd.DataFrame", events: "pd.DataFrame") -> Findings:
    """Check that each tied head continues an earlier head, of the same pitch and event, that sounds.

    A tie from a tremolo continues one of its further strokes.

    Args:
        piece: its id.
        heads: its rows of the table of heads.
        events: the events of one of its performances.

    Yields:
        A finding for each head that does not.
    """
    columns = ("role", "pitch", "onset_quarters", "events", "tied_to")
    rows = dict(zip(heads["notehead"], zip(*(heads[c] for c in columns), strict=True), strict=True))
    strokes: dict[tuple[int, int], list[int]] = defaultdict(list)
    stroke = events[events["reason"] == "tremolo-repetition"]
    for event, part, pitch in zip(*(stroke[c] for c in ("event", "part", "pitch")), strict=True):
        strokes[part, pitch].append(event)
    part_of = dict(zip(events["event"], events["part"], strict=True))
    for number, (role, pitch, onset, own, tied_to) in rows.items():
        if role != "tied" or tied_to == -1:
            continue
        what = ""
        if tied_to not in rows:
            what = f"tied to {tied_to}, which does not exist"
        else:
            before_role, before_pitch, before_onset, before, _ = rows[tied_to]
            if before_pitch != pitch:
                what = f"pitch {pitch} tied to head {tied_to} of pitch {before_pitch}"
            elif before_onset > onset or (before_onset == onset and tied_to >= number):
                what = f"tied to head {tied_to}, which is not earlier"
            elif before_role == "silent":
                what = f"tied to head {tied_to}, which is silent"
            elif not set(own) & set(before) and not any(
                first < stroke <= last and part_of.get(first) == part_of.get(last)
                for first in before
                for last in own
                for stroke in strokes[part_of.get(last, -1), pitch]
            ):
                what = f"tied to head {tied_to}, which belongs to other events"
        if what:
            yield Finding(piece, "ties", what, f"notehead {number}")
