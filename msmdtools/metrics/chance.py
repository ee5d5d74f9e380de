"""Whether ranks are better than those of a model that knows nothing.

Such a model gives the right one of m candidates every rank with equal probability: a query is a hit of R@k with
probability k / m, and the number of hits among n independent queries is binomial. Ranks are *above chance* if
for a k of 1, 5, 10 or 25, below m,

- that many hits or more have a probability of less than `LEVEL` / 4 (a one-sided exact test; divided by four
  after Bonferroni, as there are four k), and
- the 95 % interval of R@k from a bootstrap over pieces lies above k / m. Queries of a piece are not
  independent, and the test alone would take one lucky piece for knowledge. With a single piece there is no
  interval, and the test decides alone.

With a handful of pieces both tests are generous: ranks that fail them are certainly useless, ranks that pass
may still be luck.

*Positions* (`near_above`) are near enough by chance with a different probability for each query: the share of
the windows of the right piece that are near enough. Positions are above chance if, for one of the limits, the
mean of hits minus that probability has a 95 % interval over pieces above 0. Alignments are compared in the same
way, onset by onset, with a cursor of constant speed.
"""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from msmdtools.metrics import bootstrap
from msmdtools.metrics.bootstrap import Interval
from msmdtools.metrics.ranks import RECALLS

LEVEL = 0.01


def above(
    recalls: Mapping[int, float],
    queries: int,
    candidates: int,
    intervals: Mapping[str, Interval] | None = None,
) -> bool:
    """Say whether ranks are better than those of a random order of the candidates; the module has the test.

    Args:
        recalls: R@k in percent, by k of `RECALLS`.
        queries: number of queries.
        candidates: number of candidates.
        intervals: 95 % intervals of `recall_k` in percent, by these names, from `bootstrap.intervals`; None
            to let the exact test decide alone.

    Returns:
        True if the recall of at least one k is above chance.
    """
    for k in RECALLS:
        if k >= candidates or k not in recalls:
            continue
        hits = round(recalls[k] * queries / 100)
        unlikely = tail(hits, queries, k / candidates) < LEVEL / len(RECALLS)
        low = math.inf if intervals is None else intervals[f"recall_{k}"][0]
        if unlikely and low > 100 * k / candidates:
            return True
    return False


def near_above(
    hits: NDArray[np.bool_],
    guessed: NDArray[np.bool_] | NDArray[np.float64],
    pieces: NDArray[np.int64],
    seed: int = 0,
) -> bool:
    """Say whether more queries are hits than a guess, or another method, would hit.

    With a single piece there is no interval, and the mean decides alone.

    Args:
        hits: whether each query is a hit, (queries,).
        guessed: the probability that a guess at each query is a hit, from 0 to 1, or whether the other method
            hits it; (queries,).
        pieces: number of the piece that each query is from, (queries,).
        seed: seed of the bootstrap's draws.

    Returns:
        True if the 95 % interval of the mean difference lies above 0.
    """
    gains = hits.astype(np.float64) - guessed
    interval = bootstrap.share(gains, pieces, seed)
    return bool(gains.mean() > 0) if interval is None else interval[0] > 0


def tail(hits: int, queries: int, chance: float) -> float:
    """Return the probability of at least this many hits under a binomial distribution.

    Args:
        hits: number of hits.
        queries: number of independent queries.
        chance: probability of a hit for each, above 0 and below 1.

    Returns:
        The probability, from 0 to 1.
    """
    if hits <= 0:
        return 1.0
    count = np.arange(1, queries + 1)
    # Logarithms of the binomial coefficients: sums of those of (n - i + 1) / i.
    binomials = np.concatenate([[0.0], np.cumsum(np.log(queries - count + 1) - np.log(count))])
    number = np.arange(queries + 1)
    logs = binomials + number * math.log(chance) + (queries - number) * math.log1p(-chance)
    return float(min(np.exp(logs[hits:]).sum(), 1.0))
