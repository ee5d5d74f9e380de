"""Find the performed notes that only continue a tied note, by the rules of LilyPond's own performer.

A note is tied onwards when it, or its whole voice at that moment, carries a tie. The next note of the same
voice with the same pitch continues it if it starts before or where the tied one ends (a grace note starts before
its main note does), or, with tieWaitForNote, later.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from msmdtools.engrave.lilypond.records import PlayedNote

Moment = tuple[Fraction, Fraction]


@dataclass(frozen=True, slots=True)
class _Open:
    """A note that is tied onwards and waits for its continuation."""

    index: int
    pitch: tuple[int | None, float]
    end: Moment
    wait: bool


def tied_from(
    played: Sequence[PlayedNote], ties: frozenset[tuple[int, int, Fraction, Fraction]]
) -> dict[int, int]:
    """For each played note that continues another one, the index of that other note.

    Args:
        played: the notes of all performances.
        ties: (performance, voice, onset, grace) at which every note of the voice is tied onwards.
    """
    by_voice: dict[tuple[int, int], list[int]] = defaultdict(list)
    for i, note in enumerate(played):
        by_voice[note.performance, note.voice].append(i)
    continued: dict[int, int] = {}
    for indices in by_voice.values():
        open_notes: list[_Open] = []
        for moment, chord in _by_moment(played, indices):
            open_notes = [o for o in open_notes if o.wait or o.end >= moment]
            tied_chord = (played[chord[0]].performance, played[chord[0]].voice, *moment) in ties
            started: list[_Open] = []
            for i in chord:
                note = played[i]
                pitch = (note.pitch, note.cents)
                match = next((o for o in open_notes if o.pitch == pitch), None)
                if match:
                    open_notes.remove(match)
                    continued[i] = match.index
                if note.tie or tied_chord:
                    started.append(_Open(i, pitch, end_of(note), note.wait))
            if started and not any(o.wait for o in started):
                # A tie that does not wait ends those that do.
                open_notes = [o for o in open_notes if not o.wait]
            open_notes += started
    return continued


def end_of(note: PlayedNote) -> Moment:
    """The moment at which a note ends: grace notes pass in grace time, others in main time."""
    if note.grace:
        # The last grace note ends where its main note begins.
        return note.onset, min(Fraction(0), note.grace + note.length)
    return note.onset + note.length, Fraction(0)


def _by_moment(
    played: Sequence[PlayedNote], indices: Sequence[int]
) -> list[tuple[Moment, list[int]]]:
    groups: dict[Moment, list[int]] = defaultdict(list)
    for i in indices:
        groups[played[i].onset, played[i].grace].append(i)
    return sorted(groups.items())
