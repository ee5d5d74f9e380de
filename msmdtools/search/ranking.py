"""Ranking pieces for a query of several windows: by votes, and by a path that keeps their order.

A query is a passage: its windows follow each other, and so must their answers in the right piece.
`paths` finds in every piece the best such path by subsequence dynamic time warping over the cosine
similarities: it may begin and end anywhere; from one query window to the next it goes on by 0 to
`STEPS` - 1 windows of the piece, never back, and never from one piece into another. A piece's score
is the mean similarity along its best path, from -1 to 1. With strides of 0.5 s and 50 px this
allows up to 400 px a second.

`votes` is the simpler rule of the literature, for comparison: each query window votes for the
pieces of its nearest windows, wherever in the piece they are.

Method: M. Müller, "Fundamentals of Music Processing" (2015), section 7.2.2 (subsequence DTW); votes:
M. Dorfer et al., TISMIR 1 (2018), section 5.2. Without steps that stay on one query window, a row
of the matrix depends on the row above alone: all pieces are gone through at once.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STEPS = 5
NEAREST = 25
# So many windows are looked at to go on in a line.
_NEAR = 8
# Query windows whose similarities are in memory at a time.
_BLOCK = 64


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """The best path of a query in each piece.

    Attributes:
        scores: (pieces,) mean similarity along the path; -inf for a piece without windows.
        windows: (pieces, query windows) the windows on the path, counted through all pieces; -1 for
            a piece without windows.
    """

    scores: NDArray[np.float64]
    windows: NDArray[np.int64]


def paths(
    similarities: NDArray[np.floating], bounds: NDArray[np.int64], steps: int = STEPS
) -> Paths:
    """The best path through each piece.

    Args:
        similarities: (query windows, windows of all pieces).
        bounds: (pieces + 1,) piece i has the windows bounds[i] … bounds[i + 1] - 1.

    Raises:
        ValueError: there is no query window, or the bounds are not those of the windows.
    """
    rows, columns = similarities.shape
    _check(rows, columns, bounds)
    sizes = np.diff(bounds)
    inside = np.arange(columns) - np.repeat(bounds[:-1], sizes)  # position in its own piece
    best = similarities[0].astype(np.float64)
    taken = np.zeros((rows, columns), np.int8)
    for row in range(1, rows):
        before = best.copy()
        for step in range(1, min(steps, columns)):
            further = np.where(inside[step:] >= step, best[:-step], -np.inf)
            better = further > before[step:]
            before[step:][better] = further[better]
            taken[row, step:][better] = step
        best = before + similarities[row]
    pieces = len(sizes)
    scores = np.full(pieces, -np.inf)
    windows = np.full((pieces, rows), -1, np.int64)
    for piece in np.flatnonzero(sizes):
        low, high = bounds[piece], bounds[piece + 1]
        windows[piece, -1] = low + int(np.argmax(best[low:high]))
        scores[piece] = best[windows[piece, -1]] / rows
    found = np.flatnonzero(sizes)
    for row in range(rows - 1, 0, -1):
        windows[found, row - 1] = windows[found, row] - taken[row, windows[found, row]]
    return Paths(scores, windows)


def straightened(path: NDArray[np.int64], edge: int, first: int, last: int) -> NDArray[np.int64]:
    """A path whose ends go on as what is next to them does.

    The windows at the ends of an excerpt are half silent, and similar to too many places. The first
    and last `edge` of them are put on the line through the windows next to them: its slope is the
    median of the slopes between any two, which a few stray windows do not change (P. K. Sen, Journal of
    the American Statistical Association 63 (1968)).

    Args:
        path: (query windows,) windows of a piece, never falling, of `paths`.
        edge: how many windows at either end; 0 to leave the path as it is.
        first, last: the first and last window of the piece.
    """
    inner = path[edge : len(path) - edge]
    if edge < 1 or len(inner) < 2:
        return path
    begin = np.minimum(_line(inner[:_NEAR], edge), inner[0])
    end = np.maximum(-_line(-inner[: -_NEAR - 1 : -1], edge)[::-1], inner[-1])
    found: NDArray[np.int64] = np.clip(np.concatenate([begin, inner, end]), first, last)
    return found


def _line(values: NDArray[np.int64], edge: int) -> NDArray[np.int64]:
    """What stands before rising values if they go on in a line: so many, rounded."""
    place = np.arange(len(values))
    one, other = np.triu_indices(len(values), 1)
    slope = np.median((values[other] - values[one]) / (place[other] - place[one]))
    start = np.median(values - slope * place)
    found: NDArray[np.int64] = np.rint(start - slope * np.arange(edge, 0, -1)).astype(np.int64)
    return found


def path_scores(
    queries: NDArray[np.float32],
    vectors: NDArray[np.float32],
    bounds: NDArray[np.int64],
    steps: int = STEPS,
) -> NDArray[np.float32]:
    """The scores of `paths` without the paths, and so many times faster: float32, (pieces,).

    Args:
        queries: (query windows, dim), of length 1.
        vectors: (windows of all pieces, dim), of length 1.
        bounds, steps: as for `paths`.

    Raises:
        ValueError: as `paths` does.
    """
    rows, columns = len(queries), len(vectors)
    _check(rows, columns, bounds)
    # Where a step of so many windows would come from the piece before.
    starts = bounds[:-1][np.diff(bounds) > 0]
    outside = [starts]
    for step in range(1, steps):
        further = starts + step
        ends = bounds[np.searchsorted(bounds, starts, side="right")]
        outside.append(np.concatenate([outside[-1], further[further < ends]]))
    best = np.zeros(columns, np.float32)
    before, shifted = np.empty_like(best), np.empty_like(best)
    for first in range(0, rows, _BLOCK):
        for row, similarity in enumerate(queries[first : first + _BLOCK] @ vectors.T, first):
            if row:
                np.copyto(before, best)
                for step in range(1, min(steps, columns)):
                    shifted[step:] = best[:-step]
                    shifted[outside[step - 1]] = -np.inf
                    np.maximum(before[step:], shifted[step:], out=before[step:])
                np.add(before, similarity, out=best)
            else:
                best[:] = similarity
    scores = np.full(len(bounds) - 1, -np.inf, np.float32)
    if len(starts):
        scores[np.diff(bounds) > 0] = np.maximum.reduceat(best, starts) / rows
    return scores


def vote_scores(
    queries: NDArray[np.float32],
    vectors: NDArray[np.float32],
    bounds: NDArray[np.int64],
    nearest: int = NEAREST,
) -> NDArray[np.int64]:
    """The `votes` of query windows, in little memory: (pieces,). Arguments as for `path_scores`."""
    found = np.zeros(len(bounds) - 1, np.int64)
    for first in range(0, len(queries), _BLOCK):
        found += votes(queries[first : first + _BLOCK] @ vectors.T, bounds, nearest)
    return found


def votes(
    similarities: NDArray[np.floating], bounds: NDArray[np.int64], nearest: int = NEAREST
) -> NDArray[np.int64]:
    """How many of the query windows' nearest windows each piece has: (pieces,).

    Args:
        similarities, bounds: as for `paths`.
        nearest: so many windows have a vote of each query window; all if there are fewer.
    """
    count = min(nearest, similarities.shape[1])
    best = np.argpartition(-similarities, count - 1, axis=1)[:, :count]
    pieces = np.searchsorted(bounds, best.ravel(), side="right") - 1
    return np.bincount(pieces, minlength=len(bounds) - 1).astype(np.int64)


def _check(rows: int, columns: int, bounds: NDArray[np.int64]) -> None:
    if not rows:
        raise ValueError("a query has at least one window")
    if bounds[0] != 0 or bounds[-1] != columns or (np.diff(bounds) < 0).any():
        raise ValueError(f"bounds must rise from 0 to {columns}")
