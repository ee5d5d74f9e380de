"""What a recording plays: each written note and each bar, every time that it comes, at its time."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from msmdtools.performance import DELETION, INTERPOLATED
from msmdtools.performed.alignment import refuse
from msmdtools.performed.marks import Anchor, Bars
from msmdtools.performed.score_time import ScoreTime
from msmdtools.performed.stretches import Stretch, stretches


@dataclass(frozen=True, slots=True)
class NoteTiming:
    """One event of a recording.

    Attributes:
        link: interpolated, or deletion for a written note that is not played.
        note: number of the written note in `Music.notes`.
        turn: the pass of the music, from 1.
        onset_s: when it begins, in seconds; NaN for a deletion.
        offset_s: when it ends; NaN for a deletion.
        confidence: probability that these are right to half a second; 1 where a person marked them, 0 for a
            deletion.
    """

    link: str
    note: int
    turn: int
    onset_s: float
    offset_s: float
    confidence: float


@dataclass(frozen=True, slots=True)
class BarTiming:
    """One time that a bar is played.

    Attributes:
        measure: its number in the measures table.
        turn: the pass, from 1.
        second: when it begins.
        confidence: as of `NoteTiming`.
        is_marked: whether a mark stands there, or the time is interpolated.
    """

    measure: int
    turn: int
    second: float
    confidence: float
    is_marked: bool


@dataclass(frozen=True, slots=True)
class Playing:
    """What a recording plays.

    Attributes:
        notes: the played notes by onset, then those that are not played.
        bars: the bars in the order in which they are played.
    """

    notes: tuple[NoteTiming, ...]
    bars: tuple[BarTiming, ...]

    def count(self, link: str) -> int:
        """How many events have a link."""
        return sum(note.link == link for note in self.notes)

    @property
    def written_share(self) -> float:
        """The share of written notes, of the passes played, that are played."""
        return self.count(INTERPOLATED) / max(len(self.notes), 1)


def playing(anchors: Sequence[Anchor], bars: Bars, score: ScoreTime, duration: float) -> Playing:
    """What a recording plays, by the places of its score that are known.

    Args:
        anchors: the known places, in order of time.
        bars: the bars of the piece.
        score: its notes in score time.
        duration: length of the recording in seconds.

    Raises:
        PieceError: a mark is after the end of the recording, or no note is played (stage "align").
    """
    if anchors[-1].second > duration:
        raise refuse(
            "marks-of-another-recording",
            f"there is a mark at {anchors[-1].second:g} s, and the recording ends at {duration:.1f} s: name the "
            "marks of this recording",
        )
    ways = stretches(anchors, bars, duration)
    if not ways:
        raise refuse(
            "marks-going-back",
            "no mark is followed by one of a later place in the score: name the marks of this piece",
        )
    played = _played(ways, score)
    if not played:
        raise refuse(
            "no-notes", "no written note stands between the marks: mark bars that have notes"
        )
    found = {note.note for note in played}
    nan = float("nan")
    absent = [
        NoteTiming(DELETION, number, time.turn, nan, nan, 0.0)
        for number, time in enumerate(score.times)
        if number not in found
    ]
    played.sort(key=lambda note: (note.onset_s, note.note))
    return Playing((*played, *absent), tuple(_bars(ways, bars)))


def _played(ways: Sequence[Stretch], score: ScoreTime) -> list[NoteTiming]:
    """The notes of each stretch; of a head that repeats are unfolded for, that of the pass, or the last one."""
    by_place: dict[Fraction, list[int]] = defaultdict(list)
    for number, time in enumerate(score.times):
        by_place[time.at].append(number)
    result = []
    for at, numbers in by_place.items():
        for turn, way in enumerate((way for way in ways if way.holds(at)), 1):
            chosen = [n for n in numbers if score.times[n].turn == min(turn, score.times[n].turns)]
            begin = np.array([float(score.times[n].begin) for n in chosen])
            length = np.array([float(score.times[n].length) for n in chosen])
            onset, offset = way.seconds(begin), way.seconds(begin + length)
            confidence = way.confidence(at)
            result += [
                NoteTiming(INTERPOLATED, n, turn, float(start), float(max(start, stop)), confidence)
                for n, start, stop in zip(chosen, onset, offset, strict=True)
            ]
    return result


def _bars(ways: Sequence[Stretch], bars: Bars) -> list[BarTiming]:
    turns: dict[int, int] = defaultdict(int)
    result = []
    for way in ways:
        for bar in bars.bars:
            if not way.holds(bar.onset):
                continue
            turns[bar.measure] += 1
            second = float(way.seconds(float(bar.onset)))
            confidence, marked = way.confidence(bar.onset), way.is_marked(bar.onset)
            result.append(BarTiming(bar.measure, turns[bar.measure], second, confidence, marked))
    return result
