"""Which pieces of a dataset are evaluated, and which performance of each.

A split is named as for `msmd snippets`, followed by a part of it: CSV:COLUMN:PART, such as
manifests/msmd-v1.1.csv:all_split:test; or COLUMN:PART for a column of a manifest that comes with
msmdtools. The part defaults to test. Without a split, all pieces of the dataset are selected.

The performance of a piece is the one that was named, if any (of a pattern, the first that matches). Otherwise
it is one that `msmd snippets` would put into that part of the split (for test, one whose soundfont is not for
training, where there is one): among these a synthetic one, whose tempo is nearest to 1, and among several of
them the first by name.
"""

from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase

from msmdtools.base.quantities import first_few, how_many
from msmdtools.dataset.reader import Dataset, DatasetPiece
from msmdtools.errors import ManifestError
from msmdtools.performance import SYNTHETIC
from msmdtools.splits import splits
from msmdtools.splits.performances import performances_by_split


@dataclass(frozen=True, slots=True)
class Selection:
    """Pieces to evaluate, with one performance each.

    Attributes:
        part: part of the split: train, valid or test.
        performances: name of each piece's performance, by the id of the piece, sorted by id.
    """

    part: str
    performances: dict[str, str]

    @property
    def pieces(self) -> list[str]:
        """The ids, sorted."""
        return list(self.performances)

    def without(self, pieces: Collection[str]) -> "Selection":
        """Return the selection without some pieces."""
        kept = {p: name for p, name in self.performances.items() if p not in pieces}
        return Selection(self.part, kept)


def select(dataset: Dataset, split: str | None = None, performance: str | None = None) -> Selection:
    """Select the pieces of a dataset that are in a part of a split, with one performance each.

    Args:
        dataset: the dataset.
        split: CSV:COLUMN:PART or COLUMN:PART, where PART defaults to test; None for all pieces.
        performance: name of the performance to take of every piece, or a pattern of names, of which the first
            is taken; None to choose as the module says.

    Returns:
        The pieces and their performances.

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
    """Choose the performance of each of some pieces.

    Args:
        dataset: the dataset.
        pieces: ids of the pieces.
        part: part of the split that they are in, "train", "valid" or "test".
        performance: name or pattern of the performance to take of every piece; None to choose as the module
            says.

    Returns:
        The name of each piece's performance, by the id of the piece, sorted by id.

    Raises:
        DatasetError: a piece has no such performance, or none at all.
    """
    if performance is not None:
        return {piece: _matching(dataset[piece], performance) for piece in sorted(pieces)}
    table = dataset.table("performances").to_pandas()
    fitting = performances_by_split(table, {}, lambda _: None)[part]
    table = table[table["performance"].isin(fitting)]
    table = table.assign(human=table["kind"] != SYNTHETIC, distance=(table["tempo"] - 1).abs())
    table = table.sort_values(["human", "distance", "performance"], kind="stable")
    first = table.drop_duplicates("piece").set_index("piece")["performance"]
    return {
        piece: str(first[piece]) if piece in first else dataset[piece].performance_name()
        for piece in sorted(pieces)
    }


def _matching(piece: DatasetPiece, performance: str) -> str:
    """The first performance of a piece whose name matches a pattern."""
    names = (str(name) for name in piece.performances.index)
    return next(
        (name for name in names if fnmatchcase(name, performance)), ""
    ) or piece.performance_name(performance)


def _named(dataset: Dataset, spec: str, part: str) -> list[str]:
    named = [piece for piece, value in splits.read(spec).items() if value == part]
    if not named:
        raise ManifestError(f"{spec}: no piece is in the part {part} of this split.")
    absent = sorted(piece for piece in named if piece not in dataset)
    if absent:
        raise ManifestError(
            f"{spec}: {dataset.path} lacks {len(absent):,} of the {how_many(len(named), f'{part} piece')}: "
            f"{first_few(absent)}. Build them, or name a split of pieces that are there."
        )
    return named
