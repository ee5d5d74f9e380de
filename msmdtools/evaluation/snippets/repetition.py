"""The limit that musical repetition sets: onsets that cannot be told apart by the notes around them.

Two onsets have *the same notes* if in the audio window of the model, from −context / 2 to context / 2
around the onset (open at the right end), the same pitches start at the same times after the onset: the same
number of notes, the same pitches in the order of (time, pitch), and times that differ by at most
`TOLERANCE` = 5 ms, a tenth of a frame of the spectrogram. Notes that started before the window and still
sound are not compared, nor are the lengths of notes, nor the pieces: the same notes may be in two of them.

The relation is made transitive by comparing each pair in turn with the first pair of every class: a pair
belongs to the first class whose first pair has the same notes.

The ceiling is the R@1 to be expected of an oracle that knows the notes in the window and nothing else, and
guesses among equal ones: the mean over queries of 1 / size of the class,
in percent. It is the same in both directions. A model can exceed it: sheet windows show another range
than the audio windows, and a performance may differ where the notes do not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 0.005
# Notes that start exactly at the edge are half a window away but for rounding: the window is taken a
# little earlier, so that those at its left end are in and those at its right end are not.
_EDGE = 1e-4


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The recall that repetition leaves to be reached.

    Attributes:
        recall_1: the highest R@1 to be expected, in percent.
        repeated: percentage of queries whose notes are also those of another candidate.
        classes: number of windows with different notes.
    """

    recall_1: float
    repeated: float
    classes: int


def classes(
    pitches: Sequence[NDArray[np.int32]], offsets: Sequence[NDArray[np.float32]], context_s: float
) -> NDArray[np.int64]:
    """Sort pairs into classes with the same notes.

    Args:
        pitches: MIDI numbers of the notes around each onset, sorted by (offset, pitch).
        offsets: their onsets, in s from the pair's onset.
        context_s: length of the window in s; notes outside of it do not count.

    Returns:
        The number of each pair's class, int64 (pairs,).
    """
    by_pitches: dict[bytes, list[tuple[int, NDArray[np.float32]]]] = {}
    result = np.empty(len(pitches), np.int64)
    count = 0
    for pair, (pitch, offset) in enumerate(zip(pitches, offsets, strict=True)):
        inside = slice(*np.searchsorted(offset, [-context_s / 2 - _EDGE, context_s / 2 - _EDGE]))
        alike = by_pitches.setdefault(pitch[inside].tobytes(), [])
        times = offset[inside]
        for number, first in alike:
            if np.abs(first - times).max(initial=0) <= TOLERANCE:
                result[pair] = number
                break
        else:
            alike.append((count, times))
            result[pair] = count
            count += 1
    return result


def ceiling(classes: NDArray[np.int64]) -> Ceiling:
    """Return the ceiling for candidates with these classes, each of which is a query."""
    sizes = np.bincount(classes)[classes]
    return Ceiling(
        recall_1=100.0 * float(np.mean(1.0 / sizes)),
        repeated=100.0 * float(np.mean(sizes > 1)),
        classes=int(classes.max()) + 1,
    )
