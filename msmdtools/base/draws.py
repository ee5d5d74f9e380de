"""Draw random numbers that belong to a pair, not to the order in which pairs happen to be read.

Each number is a hash of (seed, epoch, index of the pair, stream, position), so it is the same in every
batch, worker and process that reads the pair. Every kind of augmentation has a stream of its own:
switching one on does not change the numbers of the others. The hash is the finaliser of SplitMix64
(Steele, Lea and Flood, OOPSLA 2014), applied once per coordinate.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

_GAMMA = np.uint64(0x9E3779B97F4A7C15)


def hashes(*coordinates: ArrayLike) -> NDArray[np.uint64]:
    """Hash integer coordinates: uint64, of the shape that the coordinates broadcast to."""
    state = np.zeros(np.broadcast_shapes(*(np.shape(c) for c in coordinates)), np.uint64)
    with np.errstate(over="ignore"):
        for coordinate in coordinates:
            state = _mix(state + _GAMMA + _mix(np.asarray(coordinate).astype(np.uint64) + _GAMMA))
    return state


def uniforms(
    seed: int, epoch: int, index: NDArray[np.int64], stream: int, count: int
) -> NDArray[np.float64]:
    """Draw numbers in [0, 1) for each pair.

    Args:
        seed, epoch: of the training.
        index: indices of the pairs in their split, (pairs,).
        stream: number of the augmentation that draws.
        count: numbers for each pair.

    Returns:
        float64, (pairs, count).
    """
    bits = hashes(seed, epoch, stream, index[:, None], np.arange(count)[None, :])
    return np.asarray((bits >> np.uint64(11)) * 2.0**-53, np.float64)


def between(
    low: float, high: float, seed: int, epoch: int, index: NDArray[np.int64], stream: int
) -> NDArray[np.float64]:
    """Draw one number in [low, high) for each pair.

    Args:
        low, high: the limits.
        seed, epoch: of the training.
        index: indices of the pairs in their split, (pairs,).
        stream: number of the augmentation that draws.

    Returns:
        float64, (pairs,).
    """
    return low + (high - low) * uniforms(seed, epoch, index, stream, 1)[:, 0]


def generator(seed: int, epoch: int, position: int) -> np.random.Generator:
    """Make a generator for numbers that are drawn once for many pairs, such as the order of an epoch.

    Args:
        seed, epoch: of the training.
        position: distinguishes generators of one epoch.

    Returns:
        A generator that depends on these numbers alone.
    """
    return np.random.Generator(np.random.PCG64([seed, epoch, position]))


def _mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)), np.uint64)
