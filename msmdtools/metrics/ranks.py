"""Retrieval by similarity: the rank of the right answer among all candidates, and what follows from ranks.

Input. `queries` (n, dim) and `candidates` (m, dim), m ≥ n: row i of the one and row i of the other
are two sides of one pair; candidate i is the only right answer to query i. Rows need not have length
1. They must be finite: a network that gave NaN has no rank.

Similarity. The cosine, calculated in 32 bits from rows that are brought to length 1 in 64 bits. A row
of zeros has similarity 0 to everything. The order is that of the cosine distance of the papers,
1 − cosine.

Rank. 1 + the number of other candidates at least as similar to the query as the right one, where
similarities up to `TIE` = 10⁻⁶ below it count as equal. So of tied places the right answer has the
last one. The rule is pessimistic on purpose: a network that maps everything to one point gets rank m
for every query and recall 0; with ties in favour of the right answer it would be perfect, and with an
unstable sort anything. The tolerance is eight times the distance of neighbouring 32-bit numbers at 1:
it makes ranks independent of the size of chunks and of which batch a window was embedded in.

Metrics, of the ranks r_i of n queries:

- R@k = 100 · |{i : r_i ≤ k}| / n, in percent, for k = 1, 5, 10, 25.
- MRR = mean of 1 / r_i, the mean reciprocal rank, from 0 to 1.
- median rank: of an even number the mean of the two in the middle. Mean rank.
- Chance, for m candidates in random order: R@k = 100 · min(k / m, 1), MRR = H_m / m with the m-th
  harmonic number H_m, median and mean rank (m + 1) / 2.

References. M. Dorfer et al., TISMIR 1 (2018), and S. Balke et al., ISMIR 2019:
recall, mean reciprocal rank and median rank on 10,000 candidates.

Other implementations. The code of Dorfer et al. sorts the distances of a query and looks up where the
right one is, so that the sort breaks ties; its median is that of the same ranks; its recalls are
counts, not percentages. `open_clip` sorts too, and gives recall as a fraction. TREC's evaluation breaks
ties by the documents' names. Without ties all of them agree with what is here.

Memory. Only `chunk` × `CANDIDATES` similarities are held at a time, 64 MB by default, whatever n and m.
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
    """How well the right answers were found; the module has the definitions.

    Attributes:
        recall_1, recall_5, recall_10, recall_25: percent of queries with a rank so good.
        mrr: mean reciprocal rank, 0 to 1.
        median_rank, mean_rank: from 1, the best.
        queries, candidates: how many there were.
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
        """The values by name."""
        return asdict(self)


METRICS = ("recall_1", "recall_5", "recall_10", "recall_25", "mrr", "median_rank", "mean_rank")
RECALLS = (1, 5, 10, 25)


def ranks_of_pairs(
    queries: Embeddings, candidates: Embeddings, chunk: int = CHUNK
) -> NDArray[np.int64]:
    """The rank of candidate i for query i, int64 (n,), 1 the best; of tied places the last.

    Args:
        queries: (n, dim).
        candidates: (m, dim), m ≥ n.
        chunk: queries that are compared at a time.

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
    """The `count` candidates most similar to each query *besides the right one*: int64 (n, count).

    Best first; of those that are equal in 32 bits the first in the order of candidates comes first.

    Raises:
        ValueError: as `ranks_of_pairs` does, or there are not so many other candidates.
    """
    queries, candidates = _checked(queries, candidates)
    if not 1 <= count < len(candidates):
        raise ValueError(f"{count} others of {len(candidates)} candidates")
    values = np.full((len(queries), count), -np.inf, np.float32)
    numbers = np.zeros((len(queries), count), np.int64)
    for rows, columns, similarity in _blocks(queries, candidates, chunk):
        mine = np.arange(max(rows.start, columns.start), min(rows.stop, columns.stop))
        similarity[mine - rows.start, mine - columns.start] = -np.inf
        found, place = _largest(similarity, min(count, similarity.shape[1]))
        # What came from earlier columns stands first, so that a stable sort keeps their order.
        both = np.concatenate([values[rows], found], axis=1)
        which = np.concatenate([numbers[rows], place + columns.start], axis=1)
        order = np.argsort(-both, axis=1, kind="stable")[:, :count]
        values[rows] = np.take_along_axis(both, order, axis=1)
        numbers[rows] = np.take_along_axis(which, order, axis=1)
    return numbers


def retrieval_metrics(ranks: NDArray[np.int64], candidates: int | None = None) -> RetrievalMetrics:
    """The metrics of ranks.

    Args:
        ranks: (n,), from 1.
        candidates: how many there were; None for as many as ranks.

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
    """What a random order of so many candidates gives on average."""
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
        raise ValueError(f"{len(queries)} queries, but right answers to {len(candidates)} only")
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
    """The matrix of similarities in blocks, rows by rows: which queries, which candidates, and it."""
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
    """The largest values of each row, largest first, and their columns; of equal ones the first."""
    values = np.empty((len(similarity), count), np.float32)
    places = np.empty((len(similarity), count), np.int64)
    row = np.arange(len(similarity))
    for k in range(count):
        places[:, k] = similarity.argmax(axis=1)
        values[:, k] = similarity[row, places[:, k]]
        similarity[row, places[:, k]] = -np.inf
    return values, places
