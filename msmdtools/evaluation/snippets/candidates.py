"""The pairs on which a model is evaluated: evenly spaced over the onsets of a split.

Order. Shards are shuffled, so the order of the source is restored: pieces by id, in each piece the onsets in
playing order. This is the order in which the papers' code concatenates the test pieces.

Performances. One row is taken for each onset, that of one performance: the one that was named, or the first
by name of each piece. (Two performances of an onset have the same sheet window. Both among the
candidates, they would be two right answers.)

Choice. With N onsets and n candidates, those at int(i · (N − 1) / (n − 1)), i = 0 … n − 1: the first,
the last and evenly spaced between them, as `numpy.linspace(0, N - 1, n).astype(int)` in the papers'
code (Dorfer et al., TISMIR 2018). With n ≥ N, all of them. The queries are the same onsets.
"""

import difflib
import fnmatch
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from msmdtools.base.quantities import first_few
from msmdtools.errors import DatasetError, MsmdError
from msmdtools.models.seen import Seen
from msmdtools.snippets.reader import Snippets, Split

_COLUMNS = (
    "piece",
    "performance",
    "onset",
    "system",
    "second",
    "strip_x",
    "tempo",
    "soundfont",
    "composer",
    "window_pitches",
    "window_offsets",
)


@dataclass(frozen=True, eq=False)
class Candidates:
    """Pairs of a split, sorted by piece and onset.

    Attributes:
        snippets: the snippets.
        split: their split.
        table: one row per pair, the index 0 … n − 1: the columns of the snippets without windows and
            notes, and `row`, the number in the split.
        pitches: MIDI numbers of the notes in each pair's longest window, sorted by (offset, pitch).
        offsets: onsets of these notes, in s from the pair's onset.
        onsets: number of onsets in the split, from which these were taken.
        seen: which of the split's pieces the evaluated model has seen; None if that was not examined.
    """

    snippets: Snippets
    split: Split
    table: pd.DataFrame
    pitches: list[NDArray[np.int32]]
    offsets: list[NDArray[np.float32]]
    onsets: int
    seen: Seen | None = None

    def __len__(self) -> int:
        return len(self.table)

    @property
    def pieces(self) -> NDArray[np.int64]:
        """A number for the piece of each pair, 0 … pieces − 1 in the order of the pairs."""
        return np.asarray(pd.factorize(self.table["piece"])[0], np.int64)


def choose_candidates(
    snippets: Snippets,
    split: str,
    count: int,
    performance: str | None = None,
    without: Collection[str] = (),
) -> Candidates:
    """Choose the candidates of an evaluation.

    Args:
        snippets: the snippets.
        split: name of the split.
        count: the most candidates to take, at least 2.
        performance: name of the performance to take of every piece; None for the first by name of each.
        without: ids of pieces to leave out.

    Returns:
        The candidates.

    Raises:
        DatasetError: there is no such split or it is empty, a piece lacks the performance, or a shard is
            damaged.
        MsmdError: `count` is below 2.
    """
    if count < 2:
        raise MsmdError(f"candidates is {count}; it must be at least 2")
    opened = snippets[split]
    if not len(opened):
        raise DatasetError(
            f"{opened.where}: there are no pairs in this split; choose another with --split"
        )
    parts = [opened.read(group, _COLUMNS).to_pandas() for group in range(len(opened.sizes))]
    rows = pd.concat(parts, ignore_index=True)
    rows["row"] = np.arange(len(rows))
    rows = rows[~rows["piece"].isin(list(without))]
    performance_of = _performances(rows, opened, performance)
    rows = rows[rows["performance"] == rows["piece"].map(performance_of)]
    rows = rows.sort_values(["piece", "onset"], kind="stable")
    chosen = np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(np.int64)
    table = rows.iloc[chosen].reset_index(drop=True)
    return Candidates(
        snippets,
        opened,
        table.drop(columns=["window_pitches", "window_offsets"]),
        table["window_pitches"].tolist(),
        table["window_offsets"].tolist(),
        len(rows),
    )


def _performances(
    rows: pd.DataFrame, split: Split, performance: str | None
) -> "pd.Series[str] | dict[str, str]":
    """Return the performance to take of each piece."""
    if performance is None:
        return rows.groupby("piece")["performance"].min()
    names_of = {
        str(piece): fnmatch.filter(sorted(names), performance)
        for piece, names in rows.groupby("piece")["performance"].unique().items()
    }
    lacking = [piece for piece, names in names_of.items() if not names]
    if lacking:
        names = sorted(set(rows["performance"]))
        similar = difflib.get_close_matches(performance, names, n=1)
        hint = f"did you mean {similar[0]}?" if similar else f"there are {', '.join(names)}"
        raise DatasetError(
            f"{split.where}: no performance {performance!r} of {first_few(lacking, 1)}; {hint}"
        )
    return {piece: names[0] for piece, names in names_of.items()}
