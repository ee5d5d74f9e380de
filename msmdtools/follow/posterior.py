"""How much of what could have been played speaks for a path: the posterior probability of the places near it.

The path is the best way through the similarities of sheet and audio. Here all ways count, each by how likely it
is: a hidden Markov model whose states are the places on the sheet. From one moment to the next the music stays or
advances by up to `steps` - 1 places, all equally likely, or with the probability `LEAP` jumps to any place. What
is heard at a moment speaks for a place by exp(`SHARPNESS` · similarity). The forward-backward algorithm gives the
probability of each place at each moment from all of the recording. `SHARPNESS` is that of 2, 3, 4, 8 and 16 which
foretold best which places are right (benchmarks/confidence.py).

It is computed on a coarse grid of moments and places, so that an hour of music on sixty pages takes no more memory
than `CELLS` cells, and some seconds.

Source: L. R. Rabiner, "A tutorial on hidden Markov models and selected applications in speech recognition",
Proceedings of the IEEE 77 (1989), section III.
"""

import math

import numpy as np
from numpy.typing import NDArray

from msmdtools.follow.similarity import Similarities

CELLS = 4_000_000
LEAP = 1e-4
SHARPNESS = 4.0
# Moments and places are at most as dense as this: windows beside each other hold nearly the same.
_EVERY = 3

Floats = NDArray[np.float64]


def near(similarities: Similarities, path: NDArray[np.int64], steps: int, reach: int) -> Floats:
    """The posterior probability that the music is near the path, for each moment.

    Args:
        similarities: cosine similarities, (moments, sheet windows).
        path: the sheet window of each moment, (moments,).
        steps: from one moment to the next the music advances by 0 … steps - 1 windows.
        reach: how many windows away from the path are near it.

    Returns:
        Probabilities, (moments,).
    """
    rows, columns = similarities.shape
    every = max(_EVERY, math.ceil(math.sqrt(rows * columns / CELLS)))
    heard = _heard(similarities, every)
    ahead = _forward(heard, steps)
    after: NDArray[np.floating] = np.ones(heard.shape[1])
    found = np.empty(len(heard))
    centre = path[::every] / every
    for row in range(len(heard) - 1, -1, -1):
        weights = ahead[row] * after
        low = max(math.ceil(centre[row] - reach / every), 0)
        high = math.floor(centre[row] + reach / every) + 1
        found[row] = weights[low:high].sum() / weights.sum()
        after = _before(heard[row] * after, steps)
        after /= after.max()
    moments = np.arange(0, rows, every)
    return np.interp(np.arange(rows), moments, np.clip(found, 0.0, 1.0))


def _heard(similarities: Similarities, every: int) -> NDArray[np.float32]:
    """How much what is heard at every nth moment speaks for every nth place; (moments, places)."""
    values = np.array(similarities.every(every), np.float32)
    values -= values.max(axis=1, keepdims=True)
    values *= SHARPNESS
    heard: NDArray[np.float32] = np.exp(values, out=values)
    return heard


def _forward(heard: NDArray[np.float32], steps: int) -> NDArray[np.float32]:
    """The probability of each place at each moment from what was heard until then."""
    ahead = np.empty_like(heard)
    here = heard[0] / heard[0].sum()
    ahead[0] = here
    for row in range(1, len(heard)):
        here = _after(here, steps) * heard[row]
        here /= here.sum()
        ahead[row] = here
    return ahead


def _after(here: NDArray[np.floating], steps: int) -> NDArray[np.floating]:
    """The probability of each place one moment later."""
    sums = np.concatenate([[0.0], np.cumsum(here, dtype=np.float64)])
    index = np.arange(1, len(here) + 1)
    moved = (sums[index] - sums[np.maximum(index - steps, 0)]) / steps
    return np.asarray(np.maximum(moved, 0.0) * (1 - LEAP) + LEAP * sums[-1] / len(here))


def _before(weights: NDArray[np.floating], steps: int) -> NDArray[np.floating]:
    """What is heard from the next moment on, as it speaks for each place at this one."""
    sums = np.concatenate([[0.0], np.cumsum(weights, dtype=np.float64)])
    index = np.arange(len(weights))
    moved = (sums[np.minimum(index + steps, len(weights))] - sums[index]) / steps
    return np.asarray(np.maximum(moved, 0.0) * (1 - LEAP) + LEAP * sums[-1] / len(weights))
