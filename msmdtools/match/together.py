"""Check that the staves stay together: notes printed at one moment sound at one moment, each time."""

from collections import defaultdict
from fractions import Fraction

from msmdtools.score import NoteHead, Score


def parted(score: Score) -> Fraction | None:
    """The first score time, in quarter notes, at which heads do not sound together each time; None if all do.

    All heads of a score time start at the same ticks, but for one whose key sounds on from before (a note
    that is tied the first time and struck the second). Grace notes are left out.
    """
    heads: dict[Fraction, list[NoteHead]] = defaultdict(list)
    for head in score.noteheads:
        if head.role == "played" and not head.grace:
            heads[head.onset].append(head)
    notes = score.music.notes
    spans: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for note in notes:
        spans[note.pitch].append((note.onset_tick, note.offset_tick))
    for onset in sorted(heads):
        starts = [{notes[event].onset_tick for event in head.events} for head in heads[onset]]
        together = set().union(*starts)
        for head, ticks in zip(heads[onset], starts, strict=True):
            if missed := together - ticks:
                before = [(on, off) for on, off in spans[head.pitch] if on not in together]
                if not all(any(on < tick < off for on, off in before) for tick in missed):
                    return onset
    return None
