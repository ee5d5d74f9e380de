"""Intervals for retrieval metrics: how much they would change with other pieces of the same kind.

Onsets of a piece are not independent: a piece that a model reads well gives many good ranks. So pieces
are drawn, not onsets: as many as there are, with replacement, each with all of its queries. The
metrics of `DRAWS` such draws are calculated from the ranks that the queries have among all
candidates, and the interval runs from their 2.5th to their 97.5th percentile.

The candidates stay the same in all draws, so the intervals do not say what other candidates would do.
With few pieces they are too narrow; with one piece they are empty, and None.

Reference: B. Efron and R. Tibshirani, An Introduction to the Bootstrap (1993), chapter 13
(percentile intervals); A. Davison and D. Hinkley, Bootstrap Methods and their Application (1997),
section 3.8 (drawing whole clusters).
"""

import numpy as np
from numpy.typing import NDArray

from msmdtools.metrics.ranks import METRICS, RECALLS

DRAWS = 2000
LEVEL = 95.0
# Draws at a time: the matrix of weights by rank is to fit in a processor's cache.
_CHUNK = 50

Interval = tuple[float, float]


def intervals(
    ranks: NDArray[np.int64], pieces: NDArray[np.int64], seed: int = 0, draws: int = DRAWS
) -> dict[str, Interval] | None:
    """Return the 95 % bootstrap interval of each metric in `METRICS`, drawing whole pieces.

    Args:
        ranks: rank of the right answer to each query, from 1; shape (queries,).
        pieces: number of the piece that each query is from, (queries,).
        seed: seed of the random draws; the same seed gives the same intervals.
        draws: number of bootstrap samples.

    Returns:
        The lower and the upper bound of each metric, by its name; None with fewer than two pieces.
    """
    names, piece = np.unique(pieces, return_inverse=True)
    if len(names) < 2:
        return None
    random = np.random.Generator(np.random.PCG64(seed))
    order = np.argsort(ranks, kind="stable")
    piece, ranks = piece[order], ranks[order]
    samples = []
    for first in range(0, draws, _CHUNK):
        count = min(_CHUNK, draws - first)
        drawn = random.multinomial(len(names), np.full(len(names), 1 / len(names)), count)
        # How often each query is there, by rising rank: (draws, queries).
        samples.append(_metrics(ranks, drawn[:, piece].astype(np.float64)))
    edges = np.percentile(np.concatenate(samples), [(100 - LEVEL) / 2, (100 + LEVEL) / 2], axis=0)
    return {
        name: (float(low), float(high)) for name, low, high in zip(METRICS, *edges, strict=True)
    }


def share(
    hits: NDArray[np.bool_] | NDArray[np.float64],
    pieces: NDArray[np.int64],
    seed: int = 0,
    draws: int = DRAWS,
) -> Interval | None:
    """Return the 95 % bootstrap interval of the percentage of queries that are hits, drawing whole pieces.

    Args:
        hits: whether each query is a hit, (queries,); or a number for each, such as the difference of two
            probabilities.
        pieces: number of the piece that each query is from, (queries,).
        seed: seed of the random draws; the same seed gives the same interval.
        draws: number of bootstrap samples.

    Returns:
        The lower and the upper bound in percent; None with fewer than two pieces.
    """
    names, piece = np.unique(pieces, return_inverse=True)
    if len(names) < 2:
        return None
    random = np.random.Generator(np.random.PCG64(seed))
    drawn = random.multinomial(len(names), np.full(len(names), 1 / len(names)), draws)
    percentages = 100 * (drawn @ np.bincount(piece, hits)) / (drawn @ np.bincount(piece))
    low, high = np.percentile(percentages, [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
    return float(low), float(high)


def _metrics(ranks: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The metrics of ascending ranks that count as often as `weights` say: (draws, metrics)."""
    total = weights.sum(axis=1)
    columns = [100 * weights[:, ranks <= k].sum(axis=1) / total for k in RECALLS]
    columns.append(weights @ (1.0 / ranks) / total)
    upto = np.cumsum(weights, axis=1)
    # The middle of an odd number of queries, or the mean of the two in the middle.
    lower = (upto < (np.floor((total - 1) / 2) + 1)[:, None]).sum(axis=1)
    upper = (upto < (np.floor(total / 2) + 1)[:, None]).sum(axis=1)
    columns.append((ranks[lower] + ranks[upper]) / 2)
    columns.append(weights @ ranks / total)
    return np.stack(columns, axis=1)
