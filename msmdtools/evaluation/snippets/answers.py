"""Kinds of wrong answers: how the first answer to a query is related to the right one.

The first answer is the right one where its rank is 1, and otherwise the most similar other candidate. The
kind of a wrong answer is the first of these that holds:

- adjacent: the onset before or after, in the same piece;
- overlapping: in the same piece, and the two sheet windows overlap in the strip of systems, or the two
  audio windows overlap in time: the answer shows part of the right one;
- same-notes: somewhere else, in this or another piece, with the same notes in the audio window
  (`msmdtools.evaluation.snippets.repetition`): nothing could tell them apart;
- same-piece: another place of the same piece;
- other-piece.
"""

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("adjacent", "overlapping", "same-notes", "same-piece", "other-piece")
MEANINGS = {
    "right": "the right one",
    "adjacent": "the onset before or after",
    "overlapping": "overlapping window",
    "same-notes": "same notes elsewhere",
    "same-piece": "other place of the piece",
    "other-piece": "other piece",
}


def kinds(
    table: "pd.DataFrame",
    right: NDArray[np.int64],
    answer: NDArray[np.int64],
    classes: NDArray[np.int64],
    context_s: float,
    columns: int,
) -> NDArray[np.object_]:
    """Return the kind of each answer.

    Args:
        table: the candidates, from `Candidates.table`.
        right: number of the right candidate for each query, (queries,).
        answer: number of the candidate that is the first answer, (queries,).
        classes: class of each candidate, the same for the same notes, from `repetition.classes`.
        context_s: length of the audio window in s.
        columns: width of the sheet window in px of the page.

    Returns:
        One of `KINDS` for each query, or "right" where the answer is the right one; (queries,).
    """

    def distance(name: str) -> NDArray[np.float64]:
        values = table[name].to_numpy()
        return np.asarray(np.abs(values[right] - values[answer]), np.float64)

    piece = table["piece"].to_numpy()
    same_piece = piece[right] == piece[answer]
    # Windows that only touch have nothing in common; distances are not exact.
    shared = (distance("strip_x") < columns - 0.5) | (distance("second") < context_s - 1e-3)
    return np.select(
        [
            right == answer,
            same_piece & (distance("onset") == 1),
            same_piece & shared,
            classes[right] == classes[answer],
            same_piece,
        ],
        ["right", *KINDS[:4]],
        default=KINDS[4],
    ).astype(np.object_)


def shares(kinds: NDArray[np.object_]) -> dict[str, float]:
    """Return the percentage of each of `KINDS` among all queries."""
    counts = Counter(kinds.tolist())
    return {kind: 100.0 * counts[kind] / len(kinds) for kind in KINDS}
