"""Which hand plays each note of a keyboard part that has one track: a line between the hands, moving in time.

Where notes begin, the line is at a pitch; what lies above it is for the right hand. The line found is the cheapest
(dynamic programming over all times) by these rules:

- a hand that has to span more than a major seventh at one time costs the square of what is beyond;
- a line through the middle of a wide gap between neighbouring notes is cheap, one beside a note is dear;
- the line should move little, and not stray far from middle C.

Notes that sound already count for the span of the hand that holds them only while they are held.
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from msmdtools.notate.quantise import Placed

_LOWEST, _HIGHEST = 36, 84
_MIDDLE = 60.0
_SPAN = 11
_BEYOND, _GAP, _MOVE, _STRAY = 2.0, 3.0, 4.0, 0.01


def right_hand(notes: Sequence[Placed]) -> set[int]:
    """The indices (`Placed.index`) of the notes for the right hand."""
    by_onset: dict[Fraction, list[Placed]] = {}
    for note in sorted(notes, key=lambda n: (n.onset, n.pitch)):
        by_onset.setdefault(note.onset, []).append(note)
    # A line at `place` has the pitches below it to its left: it lies between two keys.
    places: NDArray[np.float64] = np.arange(_LOWEST, _HIGHEST + 1, dtype=np.float64) - 0.5
    held: list[Placed] = []
    costs = []
    for onset, begun in by_onset.items():
        held = [note for note in held if note.offset > onset] + begun
        costs.append(_cost(places, np.array(sorted(n.pitch for n in held), dtype=np.float64)))
    lines = places[_cheapest(np.array(costs))]
    return {
        note.index
        for line, begun in zip(lines, by_onset.values(), strict=True)
        for note in begun
        if note.pitch > line
    }


def _cost(places: NDArray[np.float64], pitches: NDArray[np.float64]) -> NDArray[np.float64]:
    """The cost of each place while these pitches, ascending, are sounding."""
    below = np.searchsorted(pitches, places)
    count = len(pitches)
    left = np.where(below > 0, pitches[np.maximum(below - 1, 0)] - pitches[0], 0)
    right = np.where(below < count, pitches[-1] - pitches[np.minimum(below, count - 1)], 0)
    beyond = np.maximum(left - _SPAN, 0) ** 2 + np.maximum(right - _SPAN, 0) ** 2
    nearest = np.abs(places[:, None] - pitches[None, :]).min(axis=1)
    cost: NDArray[np.float64] = (
        _BEYOND * beyond + _GAP / (nearest + 0.5) + _STRAY * (places - _MIDDLE) ** 2
    )
    return cost


def _cheapest(costs: NDArray[np.float64]) -> NDArray[np.int64]:
    """The cheapest way through the places: one index for each time."""
    count = costs.shape[1]
    moves = _MOVE * np.abs(np.arange(count)[:, None] - np.arange(count)[None, :])
    best = costs[0]
    before = np.zeros(costs.shape, dtype=np.int64)
    for time in range(1, len(costs)):
        reached = best[None, :] + moves
        before[time] = reached.argmin(axis=1)
        best = reached.min(axis=1) + costs[time]
    way = np.zeros(len(costs), dtype=np.int64)
    way[-1] = int(best.argmin())
    for time in range(len(costs) - 1, 0, -1):
        way[time - 1] = before[time, way[time]]
    return way
