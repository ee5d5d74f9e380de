"""The score time of the notes of a MIDI file: exact in a file made from a score, quantised in one that was played.

*Quantising.* Notes that begin within 35 ms of each other, 60 ms in all, begin together, unless one key is
struck twice. Each beat is divided as finely as its onsets ask for: the division with the least sum of
squared deviations and of its own price. All onsets of a beat keep their order and get lines of their own,
down to 64 in a beat.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from msmdtools.midi.reading import MidiFile
from msmdtools.notate.beats import WRITTEN, Beats, exact, exact_onsets, seconds_at

_TOGETHER_S, _SPREAD_S = 0.035, 0.06
# The price of a division, in squared deviations of `_SIGMA` of a beat.
_PRICE = {
    1: 0.0,
    2: 0.6,
    3: 1.4,
    4: 1.4,
    6: 3.0,
    8: 3.2,
    12: 5.0,
    16: 5.0,
    24: 8.0,
    32: 8.0,
    64: 12.0,
}
_SIGMA = 0.07
# So near to the next beat, an onset belongs to it.
_EARLY = 1 / 10
_FINEST = 64
# No end is earlier than this, in quarter notes, if a note begins.
_SOON = Fraction(1, 16)
_PLAIN = (1, 2, 3, 4, 6, 8)


@dataclass(frozen=True, slots=True)
class Placed:
    """A note in score time.

    Attributes:
        index: of the note in `MidiFile.notes`.
        pitch: MIDI number.
        onset, offset: quarter notes from the start of the score; equal for a note without length.
    """

    index: int
    pitch: int
    onset: Fraction
    offset: Fraction


def place(file: MidiFile, beats: Beats) -> list[Placed]:
    """Give each note of a file its score time, in the order of `MidiFile.notes`."""
    if beats.kind == WRITTEN:
        return _written(file)
    return _quantised(file, beats)


def _written(file: MidiFile) -> list[Placed]:
    quarter = file.ticks_per_quarter
    begun = exact_onsets((note.onset_tick for note in file.notes), quarter)
    ticks = sorted(begun)
    placed = []
    for index, note in enumerate(file.notes):
        onset = offset = begun[note.onset_tick]
        if note.offset_tick > note.onset_tick:
            offset = _released(onset, note.offset_tick, quarter, ticks, begun)
        placed.append(Placed(index, note.pitch, onset, offset))
    return placed


def _released(
    onset: Fraction,
    tick: int,
    quarter: int,
    ticks: Sequence[int],
    begun: Mapping[int, Fraction],
) -> Fraction:
    """The end of a written note, a little later than its tick where that seems to be early.

    Programs release keys a tick or a share of the length before the end: if a note begins so soon afterwards, it
    ends there. Otherwise an end is as it stands on a binary or ternary division of the quarter note.

    Args:
        onset: score time of its beginning.
        tick: where it is released.
        quarter: ticks of a quarter note.
        ticks: where notes begin, ascending.
        begun: the score time of each of them.

    Returns:
        The end in quarter notes, after the onset.
    """
    length = Fraction(tick, quarter) - onset
    following = bisect_left(ticks, tick)
    if following < len(ticks):
        gap = Fraction(ticks[following] - tick, quarter)
        if gap <= min(length / 8, _SOON) and (end := begun[ticks[following]]) > onset:
            return end
    offset = exact(tick, quarter)
    if offset is not None and offset > onset and offset.denominator in _PLAIN:
        return offset
    for unit in (Fraction(1, 4), Fraction(1, 6), Fraction(1, 16), Fraction(1, 24)):
        rounded = onset + unit * max(-(-length // unit), 1)
        if rounded - Fraction(tick, quarter) <= length / 6:
            return rounded
    return onset + max(Fraction(round(length * 32), 32), Fraction(1, 32))


@dataclass(slots=True)
class _Together:
    """Notes that begin together: their indices, and the beat as a real number."""

    notes: list[int]
    beat: float


def _quantised(file: MidiFile, beats: Beats) -> list[Placed]:
    onsets = np.array([note.onset_tick for note in file.notes], dtype=np.float64)
    offsets = np.array([note.offset_tick for note in file.notes], dtype=np.float64)
    groups = _groups(file, seconds_at(file, onsets).tolist(), beats.at(onsets).tolist())
    by_beat: dict[int, list[_Together]] = {}
    for group in groups:
        by_beat.setdefault(int(np.floor(group.beat + _EARLY)), []).append(group)
    # Onsets before the first beat: the score begins a whole number of beats earlier.
    early = -min(0, *by_beat)
    division: dict[int, int] = {}
    score_onset = [Fraction(0)] * len(file.notes)
    for beat, members in by_beat.items():
        division[beat], lines = _divide([group.beat - beat for group in members])
        for group, line in zip(members, lines, strict=True):
            for index in group.notes:
                score_onset[index] = beat + early + Fraction(line, division[beat])
    placed = []
    for index, end in enumerate(beats.at(offsets).tolist()):
        beat = int(np.floor(end))
        fine = max(division.get(beat, 1), 2)
        offset = beat + early + Fraction(round((end - beat) * fine), fine)
        onset = score_onset[index]
        begun = division[int(onset // 1) - early]
        offset = max(offset, onset + Fraction(1, max(begun, 4)))
        placed.append(Placed(index, file.notes[index].pitch, onset, offset))
    return placed


def _groups(file: MidiFile, seconds: Sequence[float], beats: Sequence[float]) -> list[_Together]:
    groups: list[_Together] = []
    pitches: set[int] = set()
    first = last = -1.0
    for index, (second, beat) in enumerate(zip(seconds, beats, strict=True)):
        pitch = file.notes[index].pitch
        near = groups and second - last <= _TOGETHER_S and second - first <= _SPREAD_S
        if near and (pitch not in pitches or second == last):
            groups[-1].notes.append(index)
        else:
            groups.append(_Together([index], beat))
            pitches, first = set(), second
        pitches.add(pitch)
        last = second
    for group in groups:
        group.beat = sum(beats[index] for index in group.notes) / len(group.notes)
    return groups


def _divide(phases: Sequence[float]) -> tuple[int, list[int]]:
    """The division of a beat, and the line of each onset.

    Args:
        phases: when they begin, in beats from the beat on, ascending.

    Returns:
        The number of lines, and for each onset its line, from 0; strictly ascending while there are lines enough.
    """
    best: tuple[float, int, list[int]] | None = None
    for division, price in _PRICE.items():
        if division < len(phases) and division < _FINEST:
            continue
        lines = _lines(phases, division)
        off = sum((p - line / division) ** 2 for p, line in zip(phases, lines, strict=True))
        cost = off / _SIGMA**2 + price
        if best is None or cost < best[0]:
            best = cost, division, lines
    if best is None:
        raise ValueError("no division of a beat fits")
    return best[1], best[2]


def _lines(phases: Sequence[float], division: int) -> list[int]:
    lines: list[int] = []
    for phase in phases:
        line = min(max(round(phase * division), 0), division - 1)
        lines.append(max(line, lines[-1] + 1) if lines else line)
    most = division - 1
    for i in range(len(lines) - 1, -1, -1):
        lines[i] = max(min(lines[i], most), 0)
        most = lines[i] - 1
    return lines
