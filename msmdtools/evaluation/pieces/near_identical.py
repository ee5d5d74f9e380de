"""Which pieces hold the same music, so that an answer that takes one for the other is not wrong.

Two pieces are near-identical if their near-duplicate score (`msmdtools.splits.duplicates`: how much
of the shorter piece's skyline is in the other, note for note, in the same key) is at least `THRESHOLD`.
Two editions of a piece are, and a dance is with the file that holds its whole suite. Another version of
a piece, a variation or a transposition is not.

Near-identical pieces are neither right answers nor wrong ones: when one of them is sought, the
others are taken out of the ranking. So they can neither improve a figure nor spoil it. The
relation is between pairs: two dances of a suite are near-identical to the suite, not to each other.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from msmdtools.dataset.reader import Dataset
from msmdtools.splits import duplicates

if TYPE_CHECKING:
    import pandas as pd

# In the 467 pieces of MSMD and 183 others, no pair has a score between 0.68, which is two versions of
# a promenade, and 0.78, a polonaise and the same in a collection.
THRESHOLD = 0.75

Others = Mapping[str, frozenset[str]]


def find(pieces: Iterable[tuple[Dataset, Iterable[str]]]) -> dict[str, frozenset[str]]:
    """Find the near-identical others of each piece that has any, by its id.

    Args:
        pieces: datasets, each with the ids of its pieces; an id is in only one of them.

    Raises:
        DatasetError: a table is missing or damaged.
    """
    import pandas as pd

    frames = []
    for dataset, names in pieces:
        heads = dataset.table("noteheads").select(list(duplicates.COLUMNS)).to_pandas()
        frames.append(heads[heads["piece"].isin(list(names))])
    return among(pd.concat(frames, ignore_index=True))


def among(heads: "pd.DataFrame") -> dict[str, frozenset[str]]:
    """Find near-identical pieces as `find` does, in rows of the note heads table with `duplicates.COLUMNS`."""
    others: dict[str, set[str]] = {}
    for first, second, _ in duplicates.compare(heads, threshold=THRESHOLD):
        others.setdefault(first, set()).add(second)
        others.setdefault(second, set()).add(first)
    return {piece: frozenset(alike) for piece, alike in sorted(others.items())}
