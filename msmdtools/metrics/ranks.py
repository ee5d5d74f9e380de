"""Retrieval by similarity: the rank of the right answer among all candidates, and what follows from ranks.

Input. `queries` (n, dim) and `candidates` (m, dim), m ≥ n. Row i of the queries and row i of the candidates
are the two sides of one pair, so candidate i is the only right answer to query i. Rows need not have length
1, but they must be finite: an embedding with NaN has no rank.

Similarity. The cosine, calculated in 32 bits from rows that are normalised to length 1 in 64 bits. A row
of zeros has similarity 0 to everything. The order is that of the cosine distance used in the papers,
1 − cosine.

Rank. 1 + the number of other candidates at least as similar to the query as the right one, where
similarities up to `TIE` = 10⁻⁶ below it count as equal. Among tied candidates the right one is ranked last.
The rule is pessimistic on purpose: a network that maps everything to one point gets rank m for every query
and recall 0. If ties favoured the right answer that network would look perfect, and with an unstable sort it
could get any figure. The tolerance is eight times the distance of neighbouring 32-bit numbers at 1;
it makes ranks independent of the size of chunks and of the batch in which a window was embedded.

Metrics, of the ranks r_i of n queries:

- R@k = 100 · |{i : r_i ≤ k}| / n, in percent, for k = 1, 5, 10, 25.
- MRR = mean of 1 / r_i, the mean reciprocal rank, from 0 to 1.
- median rank: of an even number the mean of the two in the middle. Mean rank.
- Chance, for m candidates in random order: R@k = 100 · min(k / m, 1), MRR = H_m / m with the m-th
  harmonic number H_m, median and mean rank (m + 1) / 2.

References. M. Dorfer et al., TISMIR 1 (2018), and S. Balke et al., ISMIR 2019:
recall, mean reciprocal rank and median rank on 10,000 candidates.

Other implementations. The code of Dorfer et al. sorts the distances of each query and looks up the position
of the right answer, so the sort breaks ties. Its median is computed from the same ranks; its recalls are
counts, not percentages. `open_clip` sorts too, and gives recall as a fraction. TREC's evaluation breaks
ties by document name. Without ties all of them agree with this module.

Memory. Only `chunk` × `CANDIDATES` similarities are held at a time, 64 MB by default, whatever n and m are.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

TIE = 1e-6
CHUNK = 1024
CANDIDATES = 16_384

Embeddings = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class RetrievalMetrics:
    """How well queries retrieve their right answers; the module has the definitions.

    Attributes:
        recall_1: percentage of queries whose right answer has rank 1.
        recall_5: percentage with a rank of at most 5.
        recall_10: percentage with a rank of at most 10.
        recall_25: percentage with a rank of at most 25.
        mrr: mean reciprocal rank, from 0 to 1.
        median_rank: median of the ranks, which count from 1, the best.
        mean_rank: mean of the ranks.
        queries: number of queries.
        candidates: number of candidates.
    """

    recall_1: float
    recall_5: float
    recall_10: float
    recall_25: float
    mrr: float
    median_rank: float
    mean_rank: float
    queries: int
    candidates: int

    def to_json(self) -> dict[str, Any]:
        """Return the values by name, as JSON can hold them."""
        return asdict(self)


METRICS = ("recall_1", "recall_5", "recall_10", "recall_25", "mrr", "median_rank", "mean_rank")
RECALLS = (1, 5, 10, 25)


def ranks_of_pairs(
    queries: Embeddings, candidates: Embeddings, chunk: int = CHUNK
) -> NDArray[np.int64]:
    """Return the rank of candidate i as the answer to query i, for every i.

    Args:
        queries: embeddings, (n, dim).
        candidates: embeddings, (m, dim) with m ≥ n.
        chunk: number of queries that are compared at a time.

    Returns:
        int64 (n,), from 1, the best; among tied candidates the right one is ranked last.

    Raises:
        ValueError: the shapes do not match, or a number is not finite.
    """
    queries, candidates = _checked(queries, candidates)
    count = len(queries)
    # The right answer's similarity comes from a sum in another order than the matrix product's; the
    # tolerance is for that too. Itself it is never counted.
    own = np.einsum("ij,ij->i", queries, candidates[:count])
    result = np.ones(count, np.int64)
    for rows, columns, similarity in _blocks(queries, candidates, chunk):
        mine = np.arange(max(rows.start, columns.start), min(rows.stop, columns.stop))
        similarity[mine - rows.start, mine - columns.start] = -np.inf
        result[rows] += (similarity >= own[rows, None] - np.float32(TIE)).sum(axis=1)
    return result


def most_similar(
    queries: Embeddings, candidates: Embeddings, count: int = 1, chunk: int = CHUNK
) -> NDArray[np.int64]:
    """Return the candidates most similar to each query, *without its right answer*.

    Args:
        queries: embeddings, (n, dim).
        candidates: embeddings, (m, dim) with m ≥ n; candidate i is the right answer to query i.
        count: number of candidates to return for each query.
        chunk: number of queries that are compared at a time.

    Returns:
        int64 (n, count), row numbers of `candidates`, best first. Among those that are equal in 32 bits, the
        one that stands first in `candidates` comes first.

    Raises:
        ValueError: as `ranks_of_pairs` does, or there are fewer than `count` other candidates.
    """
    queries, candidates = _checked(queries, candidates)
    if not 1 <= count < len(candidates):
        raise ValueError(f"count is {count}; it must be from 1 to {len(candidates) - 1}")
    values = np.full((len(queries), count), -np.inf, np.float32)
    numbers = np.zeros((len(queries), count), np.int64)
    for rows, columns, similarity in _blocks(queries, candidates, chunk):
        mine = np.arange(max(rows.start, columns.start), min(rows.stop, columns.stop))
        similarity[mine - rows.start, mine - columns.start] = -np.inf
        largest, place = _largest(similarity, min(count, similarity.shape[1]))
        # What came from earlier columns stands first, so that a stable sort keeps their order.
        both = np.concatenate([values[rows], largest], axis=1)
        which = np.concatenate([numbers[rows], place + columns.start], axis=1)
        order = np.argsort(-both, axis=1, kind="stable")[:, :count]
        values[rows] = np.take_along_axis(both, order, axis=1)
        numbers[rows] = np.take_along_axis(which, order, axis=1)
    return numbers


def retrieval_metrics(ranks: NDArray[np.int64], candidates: int | None = None) -> RetrievalMetrics:
    """Return the metrics of ranks.

    Args:
        ranks: rank of the right answer to each query, from 1; (n,).
        candidates: number of candidates; None for as many as there are ranks.

    Raises:
        ValueError: there are no ranks, or one is not within 1 … candidates.
    """
    count = len(ranks) if candidates is None else candidates
    if not len(ranks):
        raise ValueError("no ranks: there was no query")
    if ranks.min() < 1 or ranks.max() > count:
        raise ValueError(f"ranks from {ranks.min()} to {ranks.max()} of {count} candidates")
    recalls = {f"recall_{k}": 100.0 * float(np.mean(ranks <= k)) for k in RECALLS}
    return RetrievalMetrics(
        **recalls,
        mrr=float(np.mean(1.0 / ranks)),
        median_rank=float(np.median(ranks)),
        mean_rank=float(np.mean(ranks)),
        queries=len(ranks),
        candidates=count,
    )


def chance_metrics(candidates: int) -> RetrievalMetrics:
    """Return the metrics that a random order of this many candidates has on average."""
    recalls = {f"recall_{k}": 100.0 * min(k / candidates, 1.0) for k in RECALLS}
    middle = (candidates + 1) / 2
    mrr = float(np.sum(1.0 / np.arange(1, candidates + 1)) / candidates)
    return RetrievalMetrics(
        **recalls,
        mrr=mrr,
        median_rank=middle,
        mean_rank=middle,
        queries=candidates,
        candidates=candidates,
    )


def _checked(
    queries: Embeddings, candidates: Embeddings
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    if queries.ndim != 2 or candidates.ndim != 2 or queries.shape[1] != candidates.shape[1]:
        raise ValueError(
            f"queries {queries.shape} and candidates {candidates.shape} must be (n, dim) and (m, dim)"
        )
    if len(candidates) < len(queries):
        raise ValueError(f"{len(queries)} queries, but only {len(candidates)} candidates")
    for name, rows in (("queries", queries), ("candidates", candidates)):
        bad = ~np.isfinite(rows).all(axis=1)
        if bad.any():
            raise ValueError(f"{name}: {bad.sum()} of {len(rows)} embeddings are not finite")
    return _unit(queries), _unit(candidates)


def _unit(rows: Embeddings) -> NDArray[np.float32]:
    # Calculated in 64 bits piece by piece: no copy of a million rows in 64 bits.
    length = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))[:, None]
    unit = np.empty(rows.shape, np.float32)
    np.divide(rows, np.where(length > 0, length, 1.0), out=unit, casting="same_kind")
    return unit


def _blocks(
    queries: NDArray[np.float32], candidates: NDArray[np.float32], chunk: int
) -> Iterator[tuple[slice, slice, NDArray[np.float32]]]:
    """Yield the matrix of similarities block by block: the queries, the candidates, and the block."""
    if chunk < 1:
        raise ValueError(f"chunk is {chunk}; it must be at least 1")
    for first in range(0, len(queries), chunk):
        rows = slice(first, min(first + chunk, len(queries)))
        for left in range(0, len(candidates), CANDIDATES):
            columns = slice(left, min(left + CANDIDATES, len(candidates)))
            yield rows, columns, queries[rows] @ candidates[columns].T


def _largest(
    similarity: NDArray[np.float32], count: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the largest values of each row, largest first, and their columns; the first of equal ones."""
    values = np.empty((len(similarity), count), np.float32)
    places = np.empty((len(similarity), count), np.int64)
    row = np.arange(len(similarity))
    for k in range(count):
        places[:, k] = similarity.argmax(axis=1)
        values[:, k] = similarity[row, places[:, k]]
        similarity[row, places[:, k]] = -np.inf
    return values, places
