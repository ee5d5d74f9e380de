"""Unfold the repeats: turn a performance of the page, once from left to right, into that of a musician.

LilyPond's records and MIDI files are put together anew from passages (`msmdtools.match.repeats`), the same
ones for all staves, so that no hand can part from another.

- A note belongs to the passage in which it begins. One that sounds beyond the end of a passage is released there.
- Grace notes at a seam belong to the music that they are written into: to the end of a repeat, or to what
  follows it. In a staff that has no repeat there, they belong to their main note.
- Ties are found again, in the order of the performance: a note may be tied the first time and struck the second.
  A tie leads over a leap forward, as into a second ending, to the note of its pitch and voice that is played next.
  Where the performance goes back, it leads nowhere.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import zip_longest
from typing import TypeVar

from msmdtools.engrave.lilypond.records import PlayedNote, Records
from msmdtools.engrave.lilypond.records_file import MOST_NOTES
from msmdtools.match.heads import HeadMatch
from msmdtools.match.repeats import Contradiction, Passage, passages
from msmdtools.match.seams import Place, Seams
from msmdtools.match.ties import end_of
from msmdtools.match.unfold_midi import unfold_midis
from msmdtools.midi.reading import MidiFile

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unfolded:
    """Records and MIDI files as if LilyPond had performed the unfolded music.

    Attributes:
        records: the records, in unfolded time.
        midis: a MIDI file for each performance.
        recorded: for each note in `records.played` the index of the recorded note that it plays.
        orders: the passages of each performance, in the order in which they are played.
    """

    records: Records
    midis: tuple[MidiFile, ...]
    recorded: tuple[int, ...]
    orders: tuple[tuple[Passage, ...], ...]

    def matches(self, matches: dict[int, HeadMatch]) -> dict[int, HeadMatch]:
        """The heads' matches with recorded notes, as matches with the notes that play these."""
        times: dict[int, list[int]] = defaultdict(list)
        for k, i in enumerate(self.recorded):
            times[i].append(k)
        return {
            head: self._match(match, tuple(sorted(k for i in match.played for k in times[i])))
            for head, match in matches.items()
        }

    @staticmethod
    def _match(match: HeadMatch, played: tuple[int, ...]) -> HeadMatch:
        reason = match.reason if played or not match.played else "unplayed"
        return replace(match, played=played, reason=reason)

    def reasons(self, reasons: dict[int, str]) -> dict[int, str]:
        """The reasons of recorded notes without a head, for the notes that play these."""
        return {k: reasons[i] for k, i in enumerate(self.recorded) if i in reasons}

    def plays(self, performance: int, moment: Fraction) -> int:
        """How often a moment of the written music is played, in quarter notes from its start."""
        if performance >= len(self.orders):
            return 1
        passages = self.orders[performance]
        # Rests before the first note and after the last one are no part of any passage.
        first, last = min(p.start for p in passages), max(p.end for p in passages)
        if moment >= last:
            return sum(p.end == last for p in passages)
        return sum(p.start <= max(moment, first) < p.end for p in passages)


def unfold(records: Records, midis: Sequence[MidiFile]) -> Unfolded:
    """Play every performance with its repeats.

    Raises:
        Contradiction: the staves do not agree about the repeats.
    """
    seams = Seams.of(records)
    orders = [_order(records, p) for p in range(len(records.starts))]
    staff_of = {note.voice: note.staff for note in records.played}
    played: list[PlayedNote] = []
    recorded: list[int] = []
    ties: set[tuple[int, int, Fraction, Fraction]] = set()
    for p, order in enumerate(orders):
        notes = sorted(
            (seams.place(p, note.staff, note.onset, note.grace), i)
            for i, note in enumerate(records.played)
            if note.performance == p
        )
        tied = sorted(
            (seams.place(p, staff_of.get(voice, -1), onset, grace), (voice, onset, grace))
            for performance, voice, onset, grace in records.ties
            if performance == p
        )
        for passage, following in zip_longest(order, order[1:]):
            back = following is not None and following.start < passage.end
            indices = [i for _, i in _inside(notes, passage)]
            moved = [_moved(records.played[i], passage) for i in indices]
            last = _last_moments(moved, passage) if back else frozenset()
            played += (
                replace(note, tie=False) if _moment(note) in last and note.tie else note
                for note in moved
            )
            recorded += indices
            if len(played) > MOST_NOTES:
                raise Contradiction(f"its repeats make more than {MOST_NOTES} notes")
            ties |= {
                (p, voice, onset + passage.shift, grace)
                for _, (voice, onset, grace) in _inside(tied, passage)
            } - {(p, *moment) for moment in last}
    unfolded = replace(records, played=tuple(played), ties=frozenset(ties))
    unfolded_files = unfold_midis(records, midis, unfolded, recorded, orders, seams)
    return Unfolded(unfolded, unfolded_files, tuple(recorded), tuple(orders))


def _order(records: Records, performance: int) -> tuple[Passage, ...]:
    notes = [note for note in records.played if note.performance == performance]
    # Before the first and after the last note, so that all of them lie between.
    start = min([note.onset for note in notes], default=Fraction(0)) - 1
    end = max([note.onset + note.length for note in notes], default=Fraction(0)) + 1
    return passages([r for r in records.repeats if r.performance == performance], start, end)


def _inside(notes: Sequence[tuple[Place, T]], passage: Passage) -> Sequence[tuple[Place, T]]:
    """Those of the notes, sorted by their places, that belong to a passage."""
    first, last = (bisect_left(notes, ((at, 0),)) for at in (passage.start, passage.end))
    return notes[first:last]


def _moment(note: PlayedNote) -> tuple[int, Fraction, Fraction]:
    return note.voice, note.onset, note.grace


def _last_moments(
    notes: Iterable[PlayedNote], passage: Passage
) -> frozenset[tuple[int, Fraction, Fraction]]:
    """The voices and moments at which notes begin that last until the end of a passage, where they are."""
    end = passage.end + passage.shift
    return frozenset(_moment(n) for n in notes if end_of(n) >= (end, Fraction(0)))


def _moved(note: PlayedNote, passage: Passage) -> PlayedNote:
    length = note.length if note.grace else min(note.length, passage.end - note.onset)
    return replace(note, onset=note.onset + passage.shift, length=length)
