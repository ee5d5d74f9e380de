"""Read a dataset: `open` a folder, take a piece by its id, and use its tables, pages and sound.

Everything is read at its first use. A table is read by row groups and the last ones read are kept: one piece
of a large dataset is found fast, and going through all pieces in order reads each row group once.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from msmdtools.base.quantities import how_many, near
from msmdtools.dataset import tables
from msmdtools.dataset.files import TableFile, finished_description
from msmdtools.dataset.piece import DatasetPiece
from msmdtools.errors import DatasetError, NoSuchPiece
from msmdtools.prints import PRINT_TABLES

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["Dataset", "DatasetPiece", "open"]


def open(path: str | Path) -> "Dataset":
    """Open the dataset in the folder `path`.

    Raises:
        DatasetError: the folder has no dataset, one that is not finished, or one of an unknown format.
    """
    return Dataset(Path(path))


class Dataset(Mapping[str, "DatasetPiece"]):
    """A dataset folder: a mapping from piece ids to pieces, in the order of the ids.

    Pieces that failed are not among them; `failed` lists those with the reasons.

    Attributes:
        path: the folder.
        description: the content of dataset.json: format, versions, options, source, totals.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.description = finished_description(path)
        self._tables = {t.name: TableFile(path / f"{t.name}.parquet", t) for t in tables.ALL_TABLES}

    @cached_property
    def attempted(self) -> "pd.DataFrame":
        """The pieces table: one row per piece attempted, the index the piece ids."""
        frame: pd.DataFrame = self._tables["pieces"].read().to_pandas()
        return frame.set_index("piece", drop=False).rename_axis(None)

    @property
    def pieces(self) -> "pd.DataFrame":
        """The rows of the pieces table for the pieces that the dataset has."""
        return self.attempted[self.attempted["status"] == "ok"]

    @property
    def failed(self) -> "pd.DataFrame":
        """The rows of the pieces table for those that failed, with stage, reason and message."""
        return self.attempted[self.attempted["status"] != "ok"]

    @cached_property
    def ids(self) -> list[str]:
        """The ids of the pieces, sorted."""
        return sorted(self.pieces["piece"])

    @property
    def has_measures(self) -> bool:
        """Whether the bars of the pieces are recorded: not in datasets of earlier versions."""
        return self._tables["measures"].path.is_file()

    def table(self, name: str, piece: str | None = None) -> "pa.Table":
        """A table as in its file: pieces, systems, measures, parts, noteheads, events, performances, files, and
        prints, print_systems, print_measures, print_noteheads, which are empty where no prints are linked.

        Args:
            name: name of the table.
            piece: a piece id, for the rows of this piece alone; None for all rows.

        Raises:
            DatasetError: there is no such table, or its file is missing or damaged.
        """
        if name not in self._tables:
            raise DatasetError(f"{self.path}: no table {name!r}{near(name, self._tables)}")
        file = self._tables[name]
        if file.table in PRINT_TABLES and not file.path.exists():
            return file.table.arrow_schema().empty_table()
        return file.read(piece)

    def __getitem__(self, piece: str) -> "DatasetPiece":
        if piece in self:
            return DatasetPiece(self, piece)
        if piece in self.attempted.index:
            row = self.attempted.loc[piece]
            raise NoSuchPiece(
                f"{self.path}: {piece} was not built: {row['reason']} ({row['message']})"
            )
        raise NoSuchPiece(f"{self.path}: no piece {piece!r}{near(str(piece), self.ids)}")

    def __contains__(self, piece: object) -> bool:
        return piece in self.attempted.index and bool(self.attempted.at[piece, "status"] == "ok")

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids)

    # Two datasets are never equal, whatever they hold.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        failed = f", {len(self.failed)} failed" if len(self.failed) else ""
        return f"<Dataset {str(self.path)!r}: {how_many(len(self), 'piece')}{failed}>"
