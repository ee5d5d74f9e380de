"""How often the right piece is found: piece identification, measured on an index.

Queries are passages of the index's own pieces: recordings and excerpts of recordings ask for the
sheet, sheets and passages of sheets ask for the recording. Recordings and sheets share nothing but
the music, so each is a fair query for the other; all pieces of the side asked for are candidates,
pieces without a query as well.

- An excerpt has the windows that lie *wholly* inside of it: nothing outside of it is heard or seen.
  An excerpt of 10 s with windows of 4.2 s every 0.5 s thus has 12 windows.
- Excerpts begin at a window drawn at random, `draws` a piece, with a seed. A piece that is shorter
  than the excerpt gives its whole once for each draw.
- The rank of the right piece is 1 + the number of other pieces with the same or a higher score:
  a piece that is never found ranks last. Two different ids are two pieces, near-identical or not.

Source of the task: M. Dorfer et al., TISMIR 1 (2018), section 5.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from msmdtools.retrieval.index import Side
from msmdtools.retrieval.ranking import rank_of

# From similarities (query windows, windows of all pieces) and bounds to a score per piece.
Scores = Callable[[NDArray[np.floating], NDArray[np.int64]], NDArray[np.floating]]
DRAWS = 20


@dataclass(frozen=True, slots=True)
class Identification:
    """Ranks of the right piece, summed up.

    Attributes:
        queries, candidates: how many.
        recall_1, recall_5, recall_10: percent of queries with the right piece at such a rank or
            better.
        mrr: mean of 1 / rank.
        at_most_1, at_most_5, at_most_10, beyond_10: the numbers of queries.
    """

    queries: int
    candidates: int
    recall_1: float
    recall_5: float
    recall_10: float
    mrr: float
    at_most_1: int
    at_most_5: int
    at_most_10: int
    beyond_10: int


def summary(ranks: NDArray[np.int64], candidates: int) -> Identification:
    """The figures of ranks from 1 to `candidates`.

    Raises:
        ValueError: there are no ranks, or one is outside of that range.
    """
    if not len(ranks):
        raise ValueError("there are no ranks to sum up")
    if ranks.min() < 1 or ranks.max() > candidates:
        raise ValueError(f"ranks must be from 1 to {candidates}")
    first, fifth, tenth = (int((ranks <= k).sum()) for k in (1, 5, 10))
    return Identification(
        queries=len(ranks),
        candidates=candidates,
        recall_1=100 * first / len(ranks),
        recall_5=100 * fifth / len(ranks),
        recall_10=100 * tenth / len(ranks),
        mrr=float((1 / ranks).mean()),
        at_most_1=first,
        at_most_5=fifth,
        at_most_10=tenth,
        beyond_10=len(ranks) - tenth,
    )


def excerpt_windows(length: float, window: float, stride: float) -> int:
    """How many windows lie wholly inside an excerpt, at least 1; all three in s or in px."""
    return max(int((length - window) / stride + 1e-9) + 1, 1)


def excerpts(windows: int, wanted: int | None, draws: int, seed: int) -> list[slice]:
    """Which windows of a piece are its queries.

    Args:
        windows: of the piece.
        wanted: of an excerpt; None for one query, the whole piece.
    """
    if wanted is None:
        return [slice(0, windows)]
    draw = np.random.default_rng(seed)
    starts = draw.integers(0, max(windows - wanted, 0) + 1, size=draws)
    return [slice(int(start), int(start) + min(wanted, windows)) for start in starts]


def ranks(
    queries: Side,
    candidates: Side,
    scores: Scores,
    wanted: int | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> NDArray[np.int64]:
    """The rank of the right piece for every query, in the order of the pieces.

    Args:
        queries, candidates: the two sides of an index. Of several recordings of a candidate piece
            the best counts; each recording of a piece that asks is a piece of its own.
        wanted: windows of an excerpt; None for whole pieces.
        seed: of the draws; piece n of the queries has a generator of its own, from seed and n.

    Raises:
        ValueError: no piece is on both sides.
    """
    pieces = sorted({piece for piece, _ in candidates.names})
    number = {piece: i for i, piece in enumerate(pieces)}
    group = np.array([number[piece] for piece, _ in candidates.names], np.int64)
    found: list[int] = []
    for n, (piece, _) in enumerate(queries.names):
        if piece not in number:
            continue
        own = queries.vectors[queries.bounds[n] : queries.bounds[n + 1]]
        for part in excerpts(len(own), wanted, draws, seed * 1_000_003 + n):
            best = np.full(len(pieces), -np.inf)
            values = scores(own[part] @ candidates.vectors.T, candidates.bounds)
            np.maximum.at(best, group, values)
            found.append(rank_of(best, number[piece]))
    if not found:
        raise ValueError("no piece has both a sheet and a recording")
    return np.array(found, np.int64)
