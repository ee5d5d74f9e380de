"""Which pieces of a dataset are evaluated, and which performance of each.

Pieces are named as for `msmd snippets`, with the part of the split behind it: CSV:COLUMN:PART, such as
manifests/msmd-v1.1.csv:all_split:test; or COLUMN:PART for a column of a manifest that comes with
msmdtools. Without the part it is test. Without a split it is all pieces of the dataset.

The performance of a piece is the one that is asked for. Otherwise it is one that `msmd snippets` would
have in that part of the split (of test, one whose soundfont is not for training, where there is one):
of these the one with the tempo that is nearest to 1, and of several the first by name.
"""

from collections.abc import Collection
from dataclasses import dataclass

from msmdtools.dataset.reader import Dataset
from msmdtools.errors import ManifestError
from msmdtools.splits import splits
from msmdtools.splits.performances import choose as performances_of_splits

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Selection:
    """Pieces with one performance each.

    Attributes:
        part: of the split: train, valid or test.
        performances: the name of each piece's performance, by the piece's id, sorted by it.
    """

    part: str
    performances: dict[str, str]

    @property
    def pieces(self) -> list[str]:
        """The ids, sorted."""
        return list(self.performances)

    def without(self, pieces: Collection[str]) -> "Selection":
        """The same without some pieces."""
        kept = {p: name for p, name in self.performances.items() if p not in pieces}
        return Selection(self.part, kept)


def select(dataset: Dataset, split: str | None = None, performance: str | None = None) -> Selection:
    """The pieces of a dataset that a split names.

    Args:
        split: CSV:COLUMN:PART or COLUMN:PART, the part test if it is left out; None for all pieces.
        performance: its name, the same for all pieces.

    Raises:
        ManifestError: there is no such split, it has no pieces in that part, or the dataset lacks some.
        DatasetError: a piece has no such performance.
    """
    spec, _, part = (split or "").rpartition(":")
    if part not in splits.SPLITS:
        spec, part = split or "", "test"
    pieces = _named(dataset, spec, part) if spec else dataset.ids
    return Selection(part, performances(dataset, pieces, part, performance))


def performances(
    dataset: Dataset, pieces: list[str], part: str, performance: str | None = None
) -> dict[str, str]:
    """The name of the performance of each of the pieces, sorted by their ids.

    Raises:
        DatasetError: a piece has no such performance, or none.
    """
    if performance is not None:
        return {piece: dataset[piece].performance_name(performance) for piece in sorted(pieces)}
    table = dataset.table("performances").to_pandas()
    fitting = performances_of_splits(table, {}, lambda _: None)[part]
    table = table[table["performance"].isin(fitting)]
    table = table.assign(distance=(table["tempo"] - 1).abs())
    table = table.sort_values(["distance", "performance"], kind="stable")
    first = table.drop_duplicates("piece").set_index("piece")["performance"]
    return {
        piece: str(first[piece]) if piece in first else dataset[piece].performance_name()
        for piece in sorted(pieces)
    }


def _named(dataset: Dataset, spec: str, part: str) -> list[str]:
    named = [piece for piece, value in splits.read(spec).items() if value == part]
    if not named:
        raise ManifestError(f"{spec}: no piece is in the part {part} of this split.")
    absent = sorted(piece for piece in named if piece not in dataset)
    if absent:
        more = len(absent) - _SHOWN
        shown = ", ".join(absent[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
        raise ManifestError(
            f"{spec}: {len(absent)} of the {len(named)} {part} pieces are missing in {dataset.path}: "
            f"{shown}. Build them, or name a split of pieces that are there."
        )
    return named
