"""What musical repetition makes impossible: onsets that cannot be told apart by the notes around them.

Two onsets have *the same notes* if in the audio window of the model, from −context / 2 to context / 2
around the onset (open at the right end), the same pitches start at the same times after the onset: as
many notes, in the order of (time, pitch) the same pitches, and times that differ by `TOLERANCE` = 5 ms
at most, a tenth of a frame of the spectrogram. What has started before the window and still sounds, and
how long notes last, is not compared. Pieces are not either: the same notes may be in two of them.

The relation is made transitive by going through the pairs in order and comparing each with the first
of every class: a pair belongs to the first class whose first pair has the same notes.

The ceiling is the R@1 that is to be expected from an oracle that knows the notes in the window, and
nothing else, and guesses among those that are the same: the mean over queries of 1 / size of the class,
in percent. It is the same in both directions. A model can be above it: sheet windows show another range
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
    """What repetition leaves.

    Attributes:
        recall_1: the highest R@1 to be expected, in percent.
        repeated: percent of queries whose notes are those of another candidate too.
        classes: how many different windows there are.
    """

    recall_1: float
    repeated: float
    classes: int


def classes(
    pitches: Sequence[NDArray[np.int32]], offsets: Sequence[NDArray[np.float32]], context_s: float
) -> NDArray[np.int64]:
    """A number for each pair, the same for pairs with the same notes: int64, (pairs,).

    Args:
        pitches: MIDI numbers of the notes around each onset, by (offset, pitch).
        offsets: when they start, in seconds from the onset.
        context_s: the length of the window; notes outside of it do not count.
    """
    known: dict[bytes, list[tuple[int, NDArray[np.float32]]]] = {}
    result = np.empty(len(pitches), np.int64)
    count = 0
    for pair, (pitch, offset) in enumerate(zip(pitches, offsets, strict=True)):
        inside = slice(*np.searchsorted(offset, [-context_s / 2 - _EDGE, context_s / 2 - _EDGE]))
        alike = known.setdefault(pitch[inside].tobytes(), [])
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
    """The ceiling of candidates with these classes, every one of them a query."""
    sizes = np.bincount(classes)[classes]
    return Ceiling(
        recall_1=100.0 * float(np.mean(1.0 / sizes)),
        repeated=100.0 * float(np.mean(sizes > 1)),
        classes=int(classes.max()) + 1,
    )
