"""The score time of each written note: where it begins and ends in quarter notes of the printed score.

The written music counts in ticks of the performance, in which repeats may be unfolded and grace notes come early.
Note heads have score time; a note without one, such as a repetition of a tremolo, has its distance in ticks from
the last head before it.
"""

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from msmdtools.dataset.reader import DatasetPiece
from msmdtools.performed.marks import Bars
from msmdtools.score import TICKS_PER_QUARTER, Music


@dataclass(frozen=True, slots=True)
class NoteTime:
    """A written note in score time.

    Attributes:
        at: quarter notes from the start of the piece of the place that it belongs to: of a grace note, that of its
            main note.
        begin: where it begins to sound; a grace note before `at`.
        length: how long it sounds, in quarter notes.
        turn: the pass that it is of, from 1, where repeats are unfolded; else 1.
        turns: how many passes its place has.
    """

    at: Fraction
    begin: Fraction
    length: Fraction
    turn: int
    turns: int


@dataclass(frozen=True, slots=True)
class ScoreTime:
    """The written music of a piece, with the score time of its notes.

    Attributes:
        music: the written music.
        times: of each note.
    """

    music: Music
    times: tuple[NoteTime, ...]

    @classmethod
    def of(cls, piece: DatasetPiece) -> "ScoreTime":
        """Find the score time of all notes of a piece.

        Raises:
            DatasetError: a table or the written music is missing or damaged.
        """
        notes = piece.music.notes
        heads: dict[int, tuple[Fraction, bool, int, int]] = {}
        columns = ["role", "events", "onset_fraction", "grace"]
        row: Any
        for row in piece.noteheads[columns].itertuples(index=False, name=None):
            role, events, onset, grace = row
            if role != "played":
                continue
            for turn, event in enumerate(events, 1):
                known = heads.get(int(event))
                if known is None or known[1] > bool(grace):
                    heads[int(event)] = (Fraction(onset), bool(grace), turn, len(events))
        # Where the main note of each place begins, each time: (place, pass) to tick.
        mains: dict[tuple[Fraction, int], int] = {}
        fixed: list[tuple[int, Fraction, int, int]] = []
        for number, (at, grace, turn, turns) in heads.items():
            if not grace:
                tick = notes[number].onset_tick
                mains[at, turn] = min(mains.get((at, turn), tick), tick)
                fixed.append((tick, at, turn, turns))
        fixed.sort()
        ticks = np.array([entry[0] for entry in fixed], np.int64)
        times = []
        for number, note in enumerate(notes):
            length = Fraction(note.offset_tick - note.onset_tick, TICKS_PER_QUARTER)
            if number in heads:
                at, grace, turn, turns = heads[number]
                main = mains.get((at, turn), note.onset_tick)
                begin = at - Fraction(main - note.onset_tick, TICKS_PER_QUARTER) if grace else at
            elif fixed:
                near = max(int(np.searchsorted(ticks, note.onset_tick, side="right")) - 1, 0)
                tick, place, turn, turns = fixed[near]
                begin = place + Fraction(note.onset_tick - tick, TICKS_PER_QUARTER)
                at = begin = max(begin, Fraction(0))
            else:
                at = begin = Fraction(note.onset_tick, TICKS_PER_QUARTER)
                turn = turns = 1
            times.append(NoteTime(at, begin, length, turn, turns))
        return cls(piece.music, tuple(times))

    def order(self, bars: Bars) -> list[int]:
        """Which bars the written music plays, one after the other: repeats twice only if they are unfolded."""
        firsts: dict[tuple[int, int], int] = defaultdict(lambda: 1 << 62)
        for note, time in zip(self.music.notes, self.times, strict=True):
            key = bars.index_at(time.at), time.turn
            firsts[key] = min(firsts[key], note.onset_tick)
        if all(turn == 1 for _, turn in firsts):
            return list(range(len(bars.bars)))
        return [index for index, _ in sorted(firsts, key=lambda key: firsts[key])]
