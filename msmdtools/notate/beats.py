"""The beats of a MIDI file: its own quarter notes, or a pulse that is estimated from what was played.

Which of them:

1. *written*: of the onsets that chance would not put there, at least half stand on a simple division of the file's
   quarter note to the tick, or its ticks are too few to tell. The file was made from a score, and its ticks are
   exact fractions.
2. *counted*: the onsets gather at the sixteenths or triplets of the file's quarter note, but not exactly: somebody
   played to a metronome. The file's quarter notes are the beats.
3. *estimated*: otherwise the ticks know nothing of the music. The beats are the pulse that agrees best with the
   onsets and keeps its tempo best (dynamic programming: Ellis, "Beat tracking by dynamic programming", JNMR 2007).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from msmdtools.errors import PieceError
from msmdtools.midi.actions import DEFAULT_US_PER_QUARTER
from msmdtools.midi.reading import MidiFile

WRITTEN, COUNTED, ESTIMATED = "written", "counted", "estimated"

DIVISIONS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 5, 10, 20, 40, 7, 14, 28, 56, 9, 18, 11, 13)
"""Divisions of a quarter note that scores use."""

# Divisions by which a written file is known, and quarter notes of so few ticks that they cannot tell.
_USUAL, _COARSE = (24, 32, 20, 28, 18), 96
_TERNARY, _ODD = (3, 6, 12), (5, 10, 20, 7, 14, 28, 56, 9, 18, 11, 13)
_REGULAR = 0.5
_FRAME_S = 0.01
# A pulse is sought from 33 to 200 beats a minute; half a second is the likeliest.
_SHORTEST_S, _LONGEST_S, _LIKELY_S, _OCTAVES = 0.3, 1.8, 0.55, 0.9
_STEADY = 60.0
_LONGEST_PIECE_S = 6 * 3600


@dataclass(frozen=True, slots=True)
class Beats:
    """Where the beats of a file are; a beat is a quarter note of the score.

    Attributes:
        kind: `WRITTEN`, `COUNTED` or `ESTIMATED`.
        ticks: ticks of the beats, ascending, at least two; equally far from each other unless estimated. The first
            one is beat `first`.
        first: number of the first of them; the score begins at beat 0.
        us_per_quarter: tempo of an estimated pulse, its average; 0 for the file's own tempi.
    """

    kind: str
    ticks: NDArray[np.float64]
    first: int = 0
    us_per_quarter: int = 0

    def at(self, ticks: NDArray[np.float64]) -> NDArray[np.float64]:
        """The beats at ticks, as real numbers; they go on evenly before the first and after the last."""
        numbers = np.arange(len(self.ticks), dtype=np.float64) + self.first
        beats = np.interp(ticks, self.ticks, numbers)
        before, after = ticks < self.ticks[0], ticks > self.ticks[-1]
        beats[before] = numbers[0] + (ticks[before] - self.ticks[0]) / (
            self.ticks[1] - self.ticks[0]
        )
        beats[after] = numbers[-1] + (ticks[after] - self.ticks[-1]) / (
            self.ticks[-1] - self.ticks[-2]
        )
        return beats

    def at_tick(self, tick: float) -> float:
        """The beat at one tick."""
        return float(self.at(np.array([tick], dtype=np.float64))[0])


def find_beats(file: MidiFile) -> Beats:
    """Find the beats of a file that has notes.

    Raises:
        PieceError: stage "source", reason "too-long": a pulse is to be estimated for more than six hours.
    """
    quarter = file.ticks_per_quarter
    own = np.array([0.0, quarter])
    onsets = np.unique([note.onset_tick for note in file.notes])
    if quarter <= _COARSE or _on_lines(onsets % quarter, quarter) >= _REGULAR:
        return Beats(WRITTEN, own)
    if max(_concentration(onsets / quarter, division) for division in (3, 4)) >= _REGULAR:
        return Beats(COUNTED, own)
    return _pulse(file)


def exact(tick: int, quarter: int, divisions: Sequence[int] = _TERNARY) -> Fraction | None:
    """The score time of a tick of a written file: the simple division of the quarter note that it stands for.

    Args:
        tick: of the file.
        quarter: ticks of its quarter note.
        divisions: those whose lines may be rounded to ticks, down or to the nearest; of others the tick must be
            one exactly.

    Returns:
        Quarter notes from the start; None where no division fits.
    """
    whole, rest = divmod(tick, quarter)
    given = Fraction(rest, quarter)
    if given.denominator in DIVISIONS:
        return whole + given
    for division in divisions:
        near = Fraction(round(given * division), division)
        if -1 < (given - near) * quarter <= Fraction(1, 2):
            return whole + near
    return None


def exact_onsets(ticks: Iterable[int], quarter: int) -> dict[int, Fraction]:
    """The score times of all onsets of a written file; those on no line are at the nearest 128th note.

    Lines that are no whole ticks, such as those of septuplets, count where two onsets of a beat are on them.
    """
    by_beat: dict[int, list[int]] = {}
    for tick in sorted(set(ticks)):
        by_beat.setdefault(tick // quarter, []).append(tick)
    times: dict[int, Fraction] = {}
    for members in by_beat.values():
        odd = [tick for tick in members if exact(tick, quarter) is None]
        rounded = [d for d in _ODD if sum(exact(t, quarter, (d,)) is not None for t in odd) > 1]
        for tick in members:
            found = exact(tick, quarter, (*_TERNARY, *rounded))
            times[tick] = Fraction(round(32 * tick / quarter), 32) if found is None else found
    return times


def _on_lines(ticks: NDArray[np.int64], quarter: int) -> float:
    """The share of ticks on lines of usual divisions of the quarter note, beyond what chance puts there.

    All lines are rounded in one way, whichever fits best.
    """
    lines = np.concatenate([np.arange(division) * quarter / division for division in _USUAL])
    best = 0.0
    for rounded in (np.floor, np.round, np.ceil):
        near = np.zeros(quarter, dtype=np.bool_)
        near[rounded(lines).astype(np.int64) % quarter] = True
        chance = float(near.mean())
        best = max(best, (float(near[ticks].mean()) - chance) / max(1 - chance, 1e-9))
    return best


def _concentration(beats: NDArray[np.float64], division: int) -> float:
    """How near onsets are to the lines of a division: 1 on all of them, 0 anywhere."""
    return float(np.cos(2 * np.pi * division * beats).mean())


def seconds_at(file: MidiFile, ticks: NDArray[np.float64]) -> NDArray[np.float64]:
    """The seconds at ticks, by the tempi of the file."""
    changes = dict(((0, DEFAULT_US_PER_QUARTER), *file.tempi))
    starts = np.array(sorted(changes), dtype=np.float64)
    rates = np.array([changes[int(at)] for at in starts]) / 1e6 / file.ticks_per_quarter
    passed = np.concatenate(([0.0], np.cumsum(np.diff(starts) * rates[:-1])))
    which = np.searchsorted(starts, ticks, side="right") - 1
    seconds: NDArray[np.float64] = passed[which] + (ticks - starts[which]) * rates[which]
    return seconds


def _pulse(file: MidiFile) -> Beats:
    onsets = np.array([note.onset_tick for note in file.notes], dtype=np.float64)
    seconds = seconds_at(file, onsets)
    start = float(seconds.min())
    if seconds.max() - start > _LONGEST_PIECE_S:
        hours = round(_LONGEST_PIECE_S / 3600)
        raise PieceError("source", "too-long", f"the notes spread over more than {hours} hours")
    loudness = np.array([note.velocity for note in file.notes]) / 64
    strength = _strength(seconds - start, loudness)
    beats = _track(strength, _period(strength)) * _FRAME_S + start
    ticks = np.array([0.0, *np.unique(onsets), float(file.end_tick) + 1])
    known = seconds_at(file, ticks)
    first = int(np.ceil((beats[0] - start) / (beats[1] - beats[0]) - 0.25))
    tempo = round(1e6 * (beats[-1] - beats[0]) / (len(beats) - 1))
    return Beats(ESTIMATED, np.interp(beats, known, ticks), max(first, 0), tempo)


def _strength(seconds: NDArray[np.float64], loudness: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much begins in each frame; a little of it in the frames beside."""
    frames = np.zeros(round(float(seconds.max()) / _FRAME_S) + 4)
    np.add.at(frames, np.round(seconds / _FRAME_S).astype(int), loudness)
    frames = np.sqrt(frames)
    window = np.exp(-0.5 * (np.arange(-6, 7) / 2.5) ** 2)
    strength = np.convolve(frames, window, mode="same")
    return strength / max(float(strength.std()), 1e-9)


def _period(strength: NDArray[np.float64]) -> int:
    """The likeliest period in frames: where the onsets agree with themselves, and a beat is usual."""
    lags = np.arange(round(_SHORTEST_S / _FRAME_S), round(_LONGEST_S / _FRAME_S) + 1)
    size = 1 << (2 * max(len(strength), len(lags) + int(lags[0]))).bit_length()
    spectrum = np.fft.rfft(strength - strength.mean(), size)
    agreement = np.fft.irfft(spectrum * spectrum.conj(), size)
    usual = np.exp(-0.5 * (np.log2(lags * _FRAME_S / _LIKELY_S) / _OCTAVES) ** 2)
    return int(lags[int(np.argmax(agreement[lags] * usual))])


def _track(strength: NDArray[np.float64], period: int) -> NDArray[np.float64]:
    """The frames of the beats, at least two."""
    lags = np.arange(max(period // 2, 1), 2 * period + 1)
    cost = _STEADY * np.log(lags / period) ** 2
    count = len(strength)
    score, before = strength.copy(), np.full(count, -1)
    for frame in range(int(lags[0]), count):
        usable = lags[: min(len(lags), frame - int(lags[0]) + 1)]
        reached = score[frame - usable] - cost[: len(usable)]
        best = int(np.argmax(reached))
        if reached[best] > 0:
            score[frame] += reached[best]
            before[frame] = frame - usable[best]
    frame = int(np.argmax(score[-2 * period :])) + max(count - 2 * period, 0)
    beats = [frame]
    while before[beats[-1]] >= 0:
        beats.append(int(before[beats[-1]]))
    if len(beats) < 2:
        beats.append(beats[0] - period)
    return np.array(beats[::-1], dtype=np.float64)
