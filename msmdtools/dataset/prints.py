"""Prints of a piece beside its engraving: scans that `msmd link` has linked to it."""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from msmdtools.base.quantities import how_many, near
from msmdtools.base.table import Table
from msmdtools.dataset.files import Pages
from msmdtools.errors import DatasetError
from msmdtools.paper.staff_height import staff_heights
from msmdtools.prints import PRINT_MEASURES, PRINT_NOTEHEADS, PRINT_SYSTEMS, PRINTS

if TYPE_CHECKING:
    import pandas as pd

FOLDER = "prints"


class Engraved(Protocol):
    """What a print needs of its piece; see `msmdtools.dataset.piece.DatasetPiece`."""

    piece: str
    path: Path

    @property
    def measures(self) -> "pd.DataFrame": ...  # noqa: D102

    @property
    def noteheads(self) -> "pd.DataFrame": ...  # noqa: D102


class Prints(Mapping[str, "DatasetPrint"]):
    """The prints that are linked to a piece, by name; its engraving is not among them.

    Attributes:
        of: the piece.
    """

    def __init__(
        self, of: Engraved, rows: "Callable[[Table], pd.DataFrame]", sums: Mapping[str, str]
    ) -> None:
        self.of = of
        self._rows = rows
        self._sums = sums

    @cached_property
    def table(self) -> "pd.DataFrame":
        """The rows of the prints table, the index the names."""
        return self._rows(PRINTS).set_index("print", drop=False).rename_axis(None)

    def rows(self, table: Table, name: str) -> "pd.DataFrame":
        """The rows of a print in a table.

        Args:
            table: the table.
            name: name of the print.

        Returns:
            The rows, numbered from 0.

        Raises:
            DatasetError: a file of the dataset is missing or damaged.
        """
        rows = self._rows(table)
        return rows[rows["print"] == name].reset_index(drop=True)

    def pages(self, name: str) -> Pages:
        """The page images of a print."""
        start = f"{FOLDER}/{name}/"
        sums = {k.removeprefix(start): v for k, v in self._sums.items() if k.startswith(start)}
        count: Any = self.table.at[name, "pages"]
        return Pages(self.of.path / FOLDER / name, int(count), sums)

    def __getitem__(self, name: str) -> "DatasetPrint":
        if name not in self.table.index:
            raise DatasetError(f"{self.of.piece}: no print {name!r}{near(name, self)}")
        return DatasetPrint(self, name)

    def __contains__(self, name: object) -> bool:
        return name in self.table.index

    def __iter__(self) -> Iterator[str]:
        return iter(self.table.index)

    def __len__(self) -> int:
        return len(self.table)

    # Two of them are never equal, whatever they hold.
    __eq__ = object.__eq__
    __hash__ = object.__hash__


class DatasetPrint:
    """One print of a piece. Its tables and pages are read when they are used.

    Attributes:
        piece: id of the piece.
        name: name of the print.
    """

    def __init__(self, prints: Prints, name: str) -> None:
        self._prints = prints
        self.piece = prints.of.piece
        self.name = name

    @property
    def header(self) -> dict[str, Any]:
        """The row of the prints table."""
        return dict(self._prints.table.loc[self.name])

    @property
    def pages(self) -> Pages:
        """The page images: uint8 arrays (height, width), staff lines 7 px apart; page n is `pages[n - 1]`."""
        return self._prints.pages(self.name)

    @cached_property
    def systems(self) -> "pd.DataFrame":
        """One row per staff of each system, as in the systems table."""
        return self._prints.rows(PRINT_SYSTEMS, self.name)

    @cached_property
    def staff_heights(self) -> dict[int, float]:
        """The height of the staves of each page in px, by its number."""
        return staff_heights(self.systems)

    @cached_property
    def measures(self) -> "pd.DataFrame":
        """One row per bar, in the order in which they stand on the print.

        The columns of the measures table, with the place on the print, the whole length of the bar, `place` and
        `confidence`.
        """
        of_bar = self._prints.of.measures.groupby("measure")
        names = ("number", "onset_quarters", "onset_fraction", "time_signature", "plays")
        whole = of_bar[list(names)].first()
        whole["duration_quarters"] = of_bar["duration_quarters"].sum()
        return self._prints.rows(PRINT_MEASURES, self.name).join(whole, on="measure")

    @cached_property
    def noteheads(self) -> "pd.DataFrame":
        """One row per head that was found: the columns of the noteheads table, `head`, `place` and `confidence`.

        `notehead` is the number of the head in the engraving; where it stands is that on the print.
        """
        own = self._prints.rows(PRINT_NOTEHEADS, self.name)
        engraved = self._prints.of.noteheads.set_index("notehead")
        return own.join(engraved.drop(columns=own.columns, errors="ignore"), on="notehead")

    def __repr__(self) -> str:
        row = self.header
        pages, bars = how_many(int(row["pages"]), "page"), how_many(int(row["measures"]), "bar")
        return f"<DatasetPrint {self.piece}, {self.name}: {pages}, {bars}>"
