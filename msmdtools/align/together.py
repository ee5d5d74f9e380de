"""Whether the staves stay together: what is printed at one moment sounds at one moment, each time."""

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction

from msmdtools.score import Note, NoteHead, Score


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
    sounding = _Sounding(notes)
    for onset in sorted(heads):
        starts = [{notes[event].onset_tick for event in head.events} for head in heads[onset]]
        for head, own in zip(heads[onset], starts, strict=True):
            missing = set().union(*starts) - own
            if not all(sounding.at(head.pitch, tick) for tick in missing):
                return onset
    return None


class _Sounding:
    """Which keys sound on at a tick."""

    def __init__(self, notes: Sequence[Note]) -> None:
        self._spans: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for note in notes:
            self._spans[note.pitch].append((note.onset_tick, note.offset_tick))

    def at(self, pitch: int, tick: int) -> bool:
        """Whether a note of this pitch that began before sounds on at a tick, or beyond."""
        return any(on < tick < off for on, off in self._spans[pitch])
