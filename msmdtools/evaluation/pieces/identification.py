"""Piece identification: how often the right piece is found by a recording or sheet, or part of one.

Task. A query (`msmdtools.evaluation.pieces.excerpts`) is a recording whose sheet is sought, or a sheet whose
recording is sought. Both hold the same music and share nothing else. All pieces of a collection
(`msmdtools.evaluation.pieces.collection`) are candidates, including those without a query, with one sheet and
one recording each. The one right answer to a query is the other side of its own piece.

Score of a piece, by two methods (`msmdtools.search.ranking`):

- paths: the mean similarity along the best path through the piece that keeps the query's order;
- votes: how many of the 25 nearest windows of each query window are in the piece; for comparison, and
  only with recordings as they are in the dataset.

Rank. 1 + the number of other pieces with a score at least as high as that of the right one, less
`TIE`, where near-identical pieces (`msmdtools.evaluation.pieces.near_identical`) are not counted. So among
tied pieces the right one is ranked last, and a piece without votes or without windows ranks behind all others.

Metrics. R@1, R@5, R@10 and MRR as in `msmdtools.metrics.ranks`, intervals of a bootstrap over pieces
(`msmdtools.metrics.bootstrap`), and how many queries have the right piece at rank 1, at most at 5, at
most at 10, and beyond.

References. M. Dorfer et al., TISMIR 1 (2018), section 5.2: the task, and ranking by votes. Their queries are
whole recordings and sheets; near-identical pieces are not mentioned.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.base.processors import processors
from msmdtools.base.progress import Progress, silent
from msmdtools.evaluation.pieces.collection import Collection
from msmdtools.evaluation.pieces.excerpts import Query
from msmdtools.evaluation.pieces.near_identical import Others
from msmdtools.evaluation.snippets.retrieval import AUDIO_TO_SHEET
from msmdtools.metrics import bootstrap, chance
from msmdtools.metrics.bootstrap import Interval
from msmdtools.metrics.ranks import RECALLS, TIE, RetrievalMetrics, retrieval_metrics
from msmdtools.search.parts import Side
from msmdtools.search.ranking import path_scores, vote_scores

# From query windows, windows of all pieces and their bounds to a score per piece.
Scores = Callable[[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]], NDArray[Any]]
METHODS: dict[str, Scores] = {"paths": path_scores, "votes": vote_scores}
COUNTED = (1, 5, 10)


@dataclass(frozen=True, slots=True, eq=False)
class Identification:
    """How well queries of one kind identify their pieces.

    Attributes:
        direction: "audio-to-sheet" or "sheet-to-audio".
        speed: speed of the recordings; 1 as they are in the dataset.
        length: length of the excerpts in s or px; None for whole pieces.
        method: "paths" or "votes", one of `METHODS`.
        pieces: id of the piece of each query, (queries,).
        ranks: rank of the right piece for each query, from 1; (queries,).
        retrieval: the metrics.
        intervals: their 95 % intervals; None with a single piece.
        counts: number of queries with a rank of at most 1, 5 and 10, and beyond.
    """

    direction: str
    speed: float
    length: float | None
    method: str
    pieces: Sequence[str]
    ranks: NDArray[np.int64]
    retrieval: RetrievalMetrics
    intervals: dict[str, Interval] | None
    counts: tuple[int, ...]

    @property
    def above_chance(self) -> bool:
        """Whether the ranks are better than chance; see `msmdtools.metrics.chance`."""
        recalls = {k: float(getattr(self.retrieval, f"recall_{k}")) for k in RECALLS}
        return chance.above(recalls, len(self.ranks), self.retrieval.candidates, self.intervals)


def rank(scores: NDArray[Any], right: int, alike: Iterable[int] = ()) -> int:
    """Return the rank of a piece among all pieces; among equal scores it is ranked last.

    Args:
        scores: score of each piece, higher is better, -inf for a piece that cannot be found; (pieces,).
        right: number of the piece.
        alike: numbers of near-identical pieces, which are not counted.

    Returns:
        The rank, from 1.
    """
    before = scores >= scores[right] - TIE
    before[list(alike)] = False
    before[right] = True
    return int(before.sum())


def ranks(
    queries: Sequence[Query],
    candidates: Side,
    alike: Others,
    method: str = "paths",
    progress: Progress = silent,
) -> NDArray[np.int64]:
    """Rank the right piece for every query.

    Args:
        queries: the queries.
        candidates: windows of the candidates, a group for each piece; the pieces of the queries are among them.
        alike: the other pieces that are near-identical to a piece; they are not counted.
        method: "paths" or "votes", one of `METHODS`.
        progress: called with what is counted, how much of it is done, and how much there is.

    Returns:
        The rank of the right piece for each query, from 1; int64 (queries,).
    """
    number = {piece: n for n, (piece, _) in enumerate(candidates.names)}
    scores = METHODS[method]

    def rank_of(query: Query) -> int:
        piece_scores = scores(query.vectors, candidates.vectors, candidates.bounds)
        others = (number[p] for p in alike.get(query.piece, ()) if p in number)
        return rank(piece_scores, number[query.piece], others)

    result = np.empty(len(queries), np.int64)
    # NumPy lets other threads run while it goes through large arrays.
    with ThreadPoolExecutor(processors()) as pool:
        for done, query_rank in enumerate(pool.map(rank_of, queries)):
            result[done] = query_rank
            progress(method, done + 1, len(queries))
    return result


def evaluate(
    queries: Sequence[Query],
    collection: Collection,
    direction: str,
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> list[Identification]:
    """Measure how often the pieces of queries are found, by length and method.

    Args:
        queries: queries of this direction, from `msmdtools.evaluation.pieces.excerpts.queries`.
        collection: the candidates.
        direction: "audio-to-sheet" or "sheet-to-audio".
        seed: seed of the intervals' draws.
        progress: called with what is counted, how much of it is done, and how much there is.

    Returns:
        One result for each length and method.
    """
    from_audio = direction == AUDIO_TO_SHEET
    candidates = collection.sheets if from_audio else collection.recordings.side
    speed = collection.recordings.speed
    methods = METHODS if speed == 1 else ("paths",)
    ranks_by_method = {
        m: ranks(queries, candidates, collection.alike, m, progress) for m in methods
    }
    results = []
    for length in dict.fromkeys(query.length for query in queries):
        rows = [n for n, query in enumerate(queries) if query.length == length]
        pieces = [queries[n].piece for n in rows]
        for method, all_ranks in ranks_by_method.items():
            of_length = all_ranks[rows]
            results.append(
                Identification(
                    direction=direction,
                    speed=speed,
                    length=length,
                    method=method,
                    pieces=pieces,
                    ranks=of_length,
                    retrieval=retrieval_metrics(of_length, len(candidates.names)),
                    intervals=bootstrap.intervals(of_length, numbers(pieces), seed),
                    counts=counts(of_length),
                )
            )
    return results


def counts(ranks: NDArray[np.int64]) -> tuple[int, ...]:
    """Count the ranks of at most 1, 5 and 10, and those beyond."""
    within = [int((ranks <= k).sum()) for k in COUNTED]
    return (*within, len(ranks) - within[-1])


def numbers(pieces: Sequence[str]) -> NDArray[np.int64]:
    """Return a number for the piece of each query, (queries,)."""
    return np.unique(np.array(pieces), return_inverse=True)[1].astype(np.int64)
