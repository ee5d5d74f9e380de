"""From marks to the way of a recording through its score: stretches that are played without a leap.

Between two marks the time goes evenly through the score. Where marks go back, or leave bars out, a stretch ends:

- Going back ends a stretch at the end of the bar that was marked last. Where only some bars are marked, it is the
  end of a later one if that fits the pace around better, though no later one than the usual distance of marks.
- Bars between two marks are left out if more of them are unmarked than usual, and if the music would be faster by
  `HASTE` or more with them than it is around, and nearer to the pace around without them.

The first stretch begins with the bar of the first mark, and with a pickup before it. The last one ends with the
bar of the last mark, or with the recording; where only some bars are marked, the bars after it belong to it, too.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import ArrayLike, NDArray

from msmdtools.performed.marks import Anchor, Bars

HASTE = 1.6
AROUND = 8
"""The pace around is the median over so many steps from mark to mark on either side."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the score that is played without a leap.

    Attributes:
        anchors: places and seconds, both rising; at least two. The first and the last are its ends.
        computed: the places of those that are no marks, but ends that were computed.
    """

    anchors: tuple[Anchor, ...]
    computed: frozenset[Fraction]

    @property
    def begin(self) -> Fraction:
        """Its first moment in quarter notes."""
        return self.anchors[0].quarters

    @property
    def end(self) -> Fraction:
        """Where it ends, in quarter notes."""
        return self.anchors[-1].quarters

    def holds(self, quarters: Fraction) -> bool:
        """Whether a moment of the score is played in it."""
        return self.begin <= quarters < self.end

    def seconds(self, quarters: ArrayLike) -> Floats:
        """When moments of the score sound; those before its begin at its first pace, later ones at its end."""
        places = np.array([float(a.quarters) for a in self.anchors])
        times = np.array([a.second for a in self.anchors])
        at = np.asarray(quarters, np.float64)
        pace = (times[1] - times[0]) / (places[1] - places[0])
        before = times[0] + pace * (at - places[0])
        found = np.where(at < places[0], np.maximum(before, 0.0), np.interp(at, places, times))
        return np.asarray(found, np.float64)

    def confidence(self, quarters: Fraction) -> float:
        """How sure the time of a moment is: as that of the mark before it, or of the first one."""
        known = [a for a in self.anchors if a.quarters not in self.computed] or list(self.anchors)
        before = [a for a in known if a.quarters <= quarters]
        return (before[-1] if before else known[0]).confidence

    def is_marked(self, quarters: Fraction) -> bool:
        """Whether a mark stands at this moment."""
        return quarters not in self.computed and any(a.quarters == quarters for a in self.anchors)


def stretches(anchors: Sequence[Anchor], bars: Bars, duration: float) -> list[Stretch]:
    """The stretches of a recording.

    Args:
        anchors: the marks, in order of time; at least two.
        bars: the bars of the piece.
        duration: length of the recording in seconds, after the last mark.

    Returns:
        The stretches in the order in which they are played; none where no mark is before another in the score.
    """
    paces = [
        (b.second - a.second) / float(b.quarters - a.quarters) if b.quarters > a.quarters else None
        for a, b in pairwise(anchors)
    ]
    known = [pace for pace in paces if pace is not None]
    if not known:
        return []
    around = [
        median([p for p in paces[max(0, i - AROUND) : i + AROUND + 1] if p is not None] or known)
        for i in range(len(paces))
    ]
    usual = _usual(anchors, bars)
    result: list[Stretch] = []
    current = [anchors[0]]
    computed: set[Fraction] = set()
    for (a, b), pace, pace_around in zip(pairwise(anchors), paces, around, strict=True):
        end = _end(a, b, pace, pace_around, bars, usual)
        if end is not None:
            if end > a.quarters:
                current.append(Anchor(b.second, end, a.confidence))
            if len(current) > 1:
                result.append(Stretch(tuple(current), frozenset({end} - {a.quarters})))
            current = []
        current.append(b)
    last, pace_last = anchors[-1], around[-1]
    end, second = _last(last, pace_last, bars, usual, duration)
    if end > last.quarters and second > last.second:
        current.append(Anchor(second, end, last.confidence))
        computed = {end}
    if len(current) > 1:
        result.append(Stretch(tuple(current), frozenset(computed)))
    if result[0].anchors[0] is anchors[0]:
        result[0] = _from_bar(result[0], around[0], bars)
    return result


def _usual(anchors: Sequence[Anchor], bars: Bars) -> int:
    """How many bars it usually is from mark to mark, at least 1."""
    steps = [
        bars.index_at(b.quarters) - bars.index_at(a.quarters)
        for a, b in pairwise(anchors)
        if b.quarters > a.quarters
    ]
    return max(round(median(steps)), 1)


def _end(
    a: Anchor, b: Anchor, pace: float | None, around: float, bars: Bars, usual: int
) -> Fraction | None:
    """Where a stretch ends between two marks, in quarter notes; None where it goes on."""
    first = bars.index_at(a.quarters)
    if pace is None:
        ends = [bar.end for bar in bars.bars[first : first + usual]]
        if ends[0] <= a.quarters:  # the mark is the end of the piece
            return a.quarters
        return min(ends, key=lambda end: _misfit(a, b, end, around))
    skipped = bars.index_at(b.quarters) - first - usual
    if skipped < 1 or pace * HASTE > around:
        return None
    ends = [bar.end for bar in bars.bars[first : first + usual] if bar.end < b.quarters]
    end = min(ends, key=lambda end: _misfit(a, b, end, around))
    return end if _misfit(a, b, end, around) < _misfit(a, b, b.quarters, around) else None


def _misfit(a: Anchor, b: Anchor, end: Fraction, around: float) -> float:
    """How far the pace between two marks is from that around, if the score is played up to there."""
    return abs(math.log((b.second - a.second) / float(end - a.quarters) / around))


def _last(
    last: Anchor, pace: float, bars: Bars, usual: int, duration: float
) -> tuple[Fraction, float]:
    """Where the last stretch ends: quarter notes and seconds."""
    first = bars.index_at(last.quarters)
    end = bars.bars[first].end
    for bar in bars.bars[first + 1 : first + usual]:
        middle = (bar.onset + bar.end) / 2
        if last.second + pace * float(middle - last.quarters) > duration:
            break
        end = bar.end
    return end, min(last.second + pace * float(end - last.quarters), duration)


def _from_bar(stretch: Stretch, pace: float, bars: Bars) -> Stretch:
    """The stretch from the beginning of its first bar on, and from a pickup before that."""
    first = bars.index_at(stretch.begin)
    begin = bars.bars[first].onset
    if first == 1 and bars.bars[0].is_short:
        begin = bars.bars[0].onset
    if begin >= stretch.begin:
        return stretch
    mark = stretch.anchors[0]
    second = max(mark.second - pace * float(mark.quarters - begin), 0.0)
    if second >= mark.second:  # the recording begins with the mark
        return stretch
    anchors = (Anchor(second, begin, mark.confidence), *stretch.anchors)
    return Stretch(anchors, stretch.computed | {begin})
