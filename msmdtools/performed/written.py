"""The written music of a piece as note alignments name it: by ids of the source, or by places in bars."""

import re
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from msmdtools.dataset.reader import DatasetPiece
from msmdtools.performed.alignment import Place
from msmdtools.score import Music

_PASS = re.compile(r"(.+)-([1-9]\d*)")


@dataclass(frozen=True, slots=True)
class Named:
    """What the id of an alignment names.

    Attributes:
        source: the note in the source, as in noteheads.source.
        notes: the written notes (`Music.notes`) of its head, by pass where repeats are unfolded; none for a head
            that is silent, and where no head has the id.
        turn: which pass of the music is meant, from 1.
        known: whether a head has the id.
    """

    source: str
    notes: tuple[int, ...]
    turn: int
    known: bool

    @property
    def note(self) -> int:
        """The written note of this pass; -1 for none."""
        return self.notes[min(self.turn, len(self.notes)) - 1] if self.notes else -1


@dataclass(frozen=True, slots=True)
class WrittenNotes:
    """The notes of a piece, and how to find them.

    Attributes:
        music: the written music.
        by_id: the notes of each head, by `noteheads.source`.
        by_place: (source, notes) of the heads, by bar number, quarter notes from its start and pitch.
        beat_type: quarter notes of a beat, by bar number.
        turn: the pass that each note is of, where repeats are unfolded; else 1.
        grace: whether each note is a grace note.
        bar_starts: those that begin a bar, by the printed score.
    """

    music: Music
    by_id: dict[str, tuple[int, ...]]
    by_place: dict[tuple[str, Fraction, int], tuple[str, tuple[int, ...]]]
    beat_type: dict[str, Fraction]
    turn: tuple[int, ...]
    grace: tuple[bool, ...] = ()
    bar_starts: frozenset[int] = frozenset()

    @classmethod
    def of(cls, piece: DatasetPiece) -> "WrittenNotes":
        """Gather the notes of a piece.

        Raises:
            DatasetError: a table or the written music is missing or damaged.
        """
        music = piece.music
        by_id: dict[str, tuple[int, ...]] = {}
        by_place: dict[tuple[str, Fraction, int], tuple[str, tuple[int, ...]]] = {}
        turn, graces = [1] * len(music.notes), [False] * len(music.notes)
        starts: set[int] = set()
        bars, beat_type = _bars(piece)
        columns = ["source", "events", "role", "system", "onset_fraction", "pitch", "grace"]
        for row in piece.noteheads[columns].itertuples(index=False, name=None):
            source, events, role, system, onset, pitch, grace = row
            notes = tuple(int(event) for event in events)
            if source:
                by_id.setdefault(source, notes)
            if role != "played":
                continue
            for k, note in enumerate(notes, 1):
                turn[note], graces[note] = k, bool(grace)
            at = Fraction(onset)
            for start, end, number in bars.get(system, ()):
                if start <= at < end and not grace:
                    if start == at:
                        starts.update(notes)
                    by_place.setdefault((number, at - start, pitch), (source, notes))
        return cls(music, by_id, by_place, beat_type, tuple(turn), tuple(graces), frozenset(starts))

    def named(self, score: str, place: Place | None = None) -> Named:
        """What an id names; with a place, the note that stands there."""
        if place is not None:
            turn = int(found[2]) if (found := _PASS.fullmatch(score)) else 1
            key = (place.measure, self._quarters(place), place.pitch)
            source, notes = self.by_place.get(key, (f"#{score}", ()))
            return Named(source, notes, turn, key in self.by_place)
        whole = f"#{score}"
        if whole in self.by_id:
            return Named(whole, self.by_id[whole], 1, True)
        if found := _PASS.fullmatch(score):
            source = f"#{found[1]}"
            # Some scores have the pass in their own ids, of the first time alone.
            first = source if source in self.by_id else f"#{found[1]}-1"
            if first in self.by_id:
                return Named(first, self.by_id[first], int(found[2]), True)
            return Named(source, (), int(found[2]), False)
        return Named(whole, (), 1, False)

    def _quarters(self, place: Place) -> Fraction:
        beat = self.beat_type.get(place.measure, Fraction(1))
        return (place.beat - 1) * beat + 4 * place.offset


def _bars(
    piece: DatasetPiece,
) -> tuple[dict[int, list[tuple[Fraction, Fraction, str]]], dict[str, Fraction]]:
    """The bars of each system as (start, end, number), and the quarter notes of a beat by bar number.

    The second part of a broken bar counts from the first one's start.
    """
    bars: dict[int, list[tuple[Fraction, Fraction, str]]] = defaultdict(list)
    beat_type: dict[str, Fraction] = {}
    if not piece.dataset.has_measures:
        return bars, beat_type
    columns = [
        *("system", "measure", "number", "onset_fraction", "duration_fraction", "time_signature"),
    ]
    start_of: dict[int, Fraction] = {}
    row: Any
    for row in piece.measures[columns].itertuples(index=False, name=None):
        system, measure, number, onset, duration, signature = row
        begin = Fraction(onset)
        start = start_of.setdefault(measure, begin)
        bars[system].append((start, begin + Fraction(duration), number))
        if "/" in signature:
            beat_type.setdefault(number, Fraction(4, int(signature.rpartition("/")[2])))
    return bars, beat_type
