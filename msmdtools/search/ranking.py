"""Ranking pieces for a query of several windows: by votes, and by a path that keeps their order.

A query is a passage: its windows follow each other, and so must their answers in the right piece.
`paths` finds the best such path in every piece by subsequence dynamic time warping over the cosine
similarities. It may begin and end anywhere; from one query window to the next it advances by 0 to
`STEPS` - 1 windows of the piece, never back, and never from one piece into another. A piece's score
is the mean similarity along its best path, from -1 to 1. With strides of 0.5 s and 50 px this
allows up to 400 px a second.

`votes` is the simpler rule of the literature, for comparison: each query window votes for the
pieces of its nearest windows, wherever in the piece they are.

Method: M. Müller, "Fundamentals of Music Processing" (2015), section 7.2.2 (subsequence DTW); votes:
M. Dorfer et al., TISMIR 1 (2018), section 5.2. Without steps that stay on one query window, a row
of the matrix depends on the row above alone, so all pieces are processed at once.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STEPS = 5
NEAREST = 25
# Number of windows to which the line is fitted.
_NEAR = 8
# Query windows whose similarities are in memory at a time.
_BLOCK = 64


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """The best path of a query in each piece.

    Attributes:
        scores: (pieces,); mean similarity along the path, -inf for a piece without windows.
        windows: (pieces, query windows); the windows on the path, counted through all pieces, -1 for a piece
            without windows.
    """

    scores: NDArray[np.float64]
    windows: NDArray[np.int64]


def paths(
    similarities: NDArray[np.floating], bounds: NDArray[np.int64], steps: int = STEPS
) -> Paths:
    """Find the best path of a query through each piece.

    Args:
        similarities: cosine similarities, (query windows, windows of all pieces).
        bounds: (pieces + 1,); piece i has the windows bounds[i] … bounds[i + 1] - 1.
        steps: from one query window to the next a path advances by 0 … steps - 1 windows.

    Returns:
        The paths and their scores.

    Raises:
        ValueError: there is no query window, or the bounds do not fit the windows.
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
            shifted = np.where(inside[step:] >= step, best[:-step], -np.inf)
            better = shifted > before[step:]
            before[step:][better] = shifted[better]
            taken[row, step:][better] = step
        best = before + similarities[row]
    pieces = len(sizes)
    scores = np.full(pieces, -np.inf)
    windows = np.full((pieces, rows), -1, np.int64)
    for piece in np.flatnonzero(sizes):
        low, high = bounds[piece], bounds[piece + 1]
        windows[piece, -1] = low + int(np.argmax(best[low:high]))
        scores[piece] = best[windows[piece, -1]] / rows
    filled = np.flatnonzero(sizes)
    for row in range(rows - 1, 0, -1):
        windows[filled, row - 1] = windows[filled, row] - taken[row, windows[filled, row]]
    return Paths(scores, windows)


def straightened(path: NDArray[np.int64], edge: int, first: int, last: int) -> NDArray[np.int64]:
    """Return a path whose ends continue the course of the windows next to them.

    The windows at the ends of an excerpt are half silent, and similar to too many places. The first
    and last `edge` of them are put on the line through the windows next to them. Its slope is the
    median of the slopes between any two, which a few stray windows do not change (P. K. Sen, Journal of
    the American Statistical Association 63 (1968)).

    Args:
        path: windows of a piece, never falling, from `paths`; (query windows,).
        edge: number of windows at either end; 0 to leave the path as it is.
        first: first window of the piece.
        last: last window of the piece.

    Returns:
        The windows, (query windows,), between `first` and `last`.
    """
    inner = path[edge : len(path) - edge]
    if edge < 1 or len(inner) < 2:
        return path
    begin = np.minimum(_line(inner[:_NEAR], edge), inner[0])
    end = np.maximum(-_line(-inner[: -_NEAR - 1 : -1], edge)[::-1], inner[-1])
    straight: NDArray[np.int64] = np.clip(np.concatenate([begin, inner, end]), first, last)
    return straight


def _line(values: NDArray[np.int64], edge: int) -> NDArray[np.int64]:
    """Return the `edge` values, rounded, that precede rising values if they lie on a line."""
    place = np.arange(len(values))
    first, second = np.triu_indices(len(values), 1)
    slope = np.median((values[second] - values[first]) / (place[second] - place[first]))
    start = np.median(values - slope * place)
    line: NDArray[np.int64] = np.rint(start - slope * np.arange(edge, 0, -1)).astype(np.int64)
    return line


def path_scores(
    queries: NDArray[np.float32],
    vectors: NDArray[np.float32],
    bounds: NDArray[np.int64],
    steps: int = STEPS,
) -> NDArray[np.float32]:
    """Return the scores that `paths` gives, without the paths; this is many times faster.

    Args:
        queries: embeddings of the query's windows, of length 1; (query windows, dim).
        vectors: embeddings of the windows of all pieces, of length 1; (windows, dim).
        bounds: (pieces + 1,); piece i has the windows bounds[i] … bounds[i + 1] - 1.
        steps: from one query window to the next a path advances by 0 … steps - 1 windows.

    Returns:
        float32 (pieces,); -inf for a piece without windows.

    Raises:
        ValueError: there is no query window, or the bounds do not fit the windows.
    """
    rows, columns = len(queries), len(vectors)
    _check(rows, columns, bounds)
    # For each step size, the windows that it would reach from the piece before.
    starts = bounds[:-1][np.diff(bounds) > 0]
    outside = [starts]
    for step in range(1, steps):
        reached = starts + step
        ends = bounds[np.searchsorted(bounds, starts, side="right")]
        outside.append(np.concatenate([outside[-1], reached[reached < ends]]))
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
    """Return the `votes` for each piece, computed in little memory.

    Args:
        queries: embeddings of the query's windows, of length 1; (query windows, dim).
        vectors: embeddings of the windows of all pieces, of length 1; (windows, dim).
        bounds: (pieces + 1,); piece i has the windows bounds[i] … bounds[i + 1] - 1.
        nearest: number of windows that each query window votes for.

    Returns:
        Number of votes, int64 (pieces,).
    """
    counts = np.zeros(len(bounds) - 1, np.int64)
    for first in range(0, len(queries), _BLOCK):
        counts += votes(queries[first : first + _BLOCK] @ vectors.T, bounds, nearest)
    return counts


def votes(
    similarities: NDArray[np.floating], bounds: NDArray[np.int64], nearest: int = NEAREST
) -> NDArray[np.int64]:
    """Count the votes for each piece: each query window votes for the pieces of its nearest windows.

    Args:
        similarities: cosine similarities, (query windows, windows of all pieces).
        bounds: (pieces + 1,); piece i has the windows bounds[i] … bounds[i + 1] - 1.
        nearest: number of windows that each query window votes for; all if there are fewer.

    Returns:
        Number of votes, int64 (pieces,).
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
