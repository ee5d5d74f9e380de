"""The way of a performance through the score: which stretches it plays and in which order, with all repeats.

The cheapest way is found by dynamic programming over the onsets of the score: each performed note is at one of
them. A note that is not of its onset costs 1, an onset that is left out `LEFT_OUT`, and a leap to another place
`LEAP`, so that it is worth it only where what follows fits better by that many notes. Leaps lead to the first
onset of a bar; to others at `WITHIN_BAR` more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NEAR = 3
LEFT_OUT = 0.7
LEAP = 12.0
WITHIN_BAR = 4.0


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of the score that is played without a leap: its first and last onset."""

    first: int
    last: int


def way(
    onsets: Sequence[frozenset[int]],
    begins_bar: NDArray[np.bool_],
    pitches: Sequence[int],
) -> list[Stretch]:
    """The way of a performance through a score.

    Args:
        onsets: the pitches of each onset of the score, in order of score time.
        begins_bar: whether each of them begins a bar: (onsets,).
        pitches: the pitches of the performed notes, in order of time.

    Returns:
        The stretches in the order in which they are played, each to the end of its last bar.
    """
    count = len(onsets)
    if not count or not pitches:
        return []
    misses = np.ones((128, count), np.float32)
    for state, chord in enumerate(onsets):
        for pitch in chord:
            misses[pitch, state] = 0
    into = np.where(begins_bar, LEAP, LEAP + WITHIN_BAR).astype(np.float32)
    into[0] = LEAP
    cost = np.minimum(np.arange(count) * LEFT_OUT, into).astype(np.float32)
    cost += misses[pitches[0]]
    # How many states each came forward; -1 for a leap from the best state of that moment.
    back = np.zeros((len(pitches), count), np.int8)
    best = np.zeros(len(pitches), np.int64)
    for t, pitch in enumerate(pitches[1:], 1):
        best[t] = int(cost.argmin())
        arrived = cost.copy()
        for step in range(1, min(NEAR, count - 1) + 1):
            moved = cost[:-step] + np.float32(LEFT_OUT * (step - 1))
            better = moved < arrived[step:]
            arrived[step:][better] = moved[better]
            back[t, step:][better] = step
        leapt = cost[best[t]] + into
        better = leapt < arrived
        arrived[better] = leapt[better]
        back[t][better] = -1
        cost = arrived + misses[pitch]
    return _stretches(_states(cost, back, best), begins_bar)


def _states(
    cost: NDArray[np.float32], back: NDArray[np.int8], best: NDArray[np.int64]
) -> list[tuple[int, bool]]:
    """The state of each note, and whether a leap leads to it."""
    state = int(cost.argmin())
    states = []
    for t in range(len(back) - 1, -1, -1):
        leap = t > 0 and back[t, state] < 0
        states.append((state, bool(leap)))
        if t:
            state = int(best[t]) if leap else state - int(back[t, state])
    return states[::-1]


def _stretches(states: Sequence[tuple[int, bool]], begins_bar: NDArray[np.bool_]) -> list[Stretch]:
    bounds: list[list[int]] = []
    for state, leap in states:
        if leap or not bounds:
            bounds.append([state, state])
        bounds[-1][1] = state
    starts = np.flatnonzero(begins_bar)
    result = []
    for first, last in bounds:
        later = starts[starts > last]
        end = int(later[0]) - 1 if len(later) else len(begins_bar) - 1
        result.append(Stretch(first, end))
    if result[0].first <= NEAR:
        result[0] = Stretch(0, result[0].last)
    return result
