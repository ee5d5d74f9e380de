"""Read the files of a dataset: its description, its tables piece by piece, and page images."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from msmdtools.base import parquet, seal
from msmdtools.base.damage import Damage, no_folder, why
from msmdtools.base.quantities import how_many
from msmdtools.base.table import Table
from msmdtools.dataset.tables import DESCRIPTION, FORMAT
from msmdtools.errors import DatasetError

if TYPE_CHECKING:
    import pyarrow as pa

Image = NDArray[np.uint8]


class Pages(Sequence[Image]):
    """The page images of a piece: a sequence of which each is read from its file when it is used."""

    def __init__(self, folder: Path, count: int, sums: Mapping[str, str]) -> None:
        self._paths = [folder / f"page-{n:02d}.png" for n in range(1, count + 1)]
        self._sums = sums

    @overload
    def __getitem__(self, index: int) -> Image: ...
    @overload
    def __getitem__(self, index: slice) -> list[Image]: ...
    def __getitem__(self, index: int | slice) -> Image | list[Image]:
        if isinstance(index, slice):
            return [self._read(path) for path in self._paths[index]]
        return self._read(self._paths[index])

    def content(self, index: int) -> bytes:
        """The PNG file of a page, compared with its checksum.

        Raises:
            DatasetError: it is missing, or not the one that was written.
        """
        path = self._paths[index]
        return read_verified(path, self._sums.get(path.name))

    def _read(self, path: Path) -> Image:
        return read_page(path, self._sums.get(path.name))

    def __len__(self) -> int:
        return len(self._paths)

    def __repr__(self) -> str:
        return f"<{how_many(len(self), 'page')}>"


def read_page(path: Path, sha256: str | None = None) -> Image:
    """A page image: uint8, (height, width), 255 is white.

    Raises:
        DatasetError: the file is missing, no picture, or not the one with this checksum.
    """
    import cv2

    content = np.frombuffer(read_verified(path, sha256), np.uint8)
    try:
        image = cv2.imdecode(content, cv2.IMREAD_UNCHANGED) if content.size else None
    except cv2.error as error:
        raise damaged(path, why(error)) from error
    if image is None or image.ndim != 2 or image.dtype != np.uint8:
        raise damaged(path, "it is not an 8-bit grey picture")
    return np.asarray(image)


class TableFile:
    """A Parquet file sorted by piece, which keeps the rows that it read last.

    Attributes:
        path: the file.
        table: the declaration of its columns.
    """

    def __init__(self, path: Path, table: Table) -> None:
        self.path = path
        self.table = table
        self._last_rows: tuple[tuple[int, ...], pa.Table] | None = None

    @cached_property
    def _file(self) -> parquet.File:
        import pyarrow as pa

        try:
            file = parquet.File(self.path)
        except FileNotFoundError as error:
            raise _no_table(self.path, self.table) from error
        except (pa.ArrowException, Damage, ValueError) as error:
            raise damaged(self.path, why(error)) from error
        required = [column.name for column in self.table.columns if not column.added]
        if absent := [name for name in required if name not in file.schema.names]:
            raise damaged(self.path, f"it has no column {', '.join(absent)}")
        return file

    @cached_property
    def _ranges(self) -> list[tuple[str, str]]:
        """The first and the last piece of each row group; an empty one has none between."""
        metadata = self._file.metadata
        column = metadata.schema.names.index("piece")
        chunks = (metadata.row_group(g).column(column) for g in range(metadata.num_row_groups))
        statistics = [chunk.statistics for chunk in chunks]
        return [(s.min, s.max) if s and s.has_min_max else ("~", "") for s in statistics]

    def read(self, piece: str | None = None) -> "pa.Table":
        """Read all rows, or those of one piece.

        Raises:
            DatasetError: the file is missing, damaged, or lacks a column.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        try:
            if piece is None:
                return self.table.completed(self._file.read())
            groups = tuple(g for g, (a, b) in enumerate(self._ranges) if a <= piece <= b)
            if self._last_rows is None or self._last_rows[0] != groups:
                self._last_rows = groups, self.table.completed(self._file.read(groups))
            return self._last_rows[1].filter(pc.field("piece") == piece)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise damaged(self.path, why(error)) from error


def _no_table(path: Path, table: Table) -> DatasetError:
    if table.added:
        return DatasetError(
            f"{path} is missing: this dataset was built by a version of msmdtools that did not record "
            f"{table.name}; run the same msmd build again, which engraves its pieces anew"
        )
    return DatasetError(f"{path} is missing; run the same msmd build again")


def read_schema(path: Path) -> "pa.Schema":
    """The Arrow schema of a Parquet file.

    Raises:
        DatasetError: the file is missing or damaged.
    """
    import pyarrow as pa

    try:
        return parquet.File(path).schema
    except FileNotFoundError as error:
        raise DatasetError(f"{path} is missing; run the same msmd build again") from error
    except (pa.ArrowException, OSError, ValueError) as error:
        raise damaged(path, why(error)) from error


def read_verified(path: Path, sha256: str | None) -> bytes:
    """Read a file of a piece, and compare it with its checksum.

    Args:
        path: the file.
        sha256: its checksum in the files table; None where the table does not list it.

    Returns:
        The content of the file.

    Raises:
        DatasetError: the file is missing, or not the one that was written.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise missing(path) from error
    except IsADirectoryError as error:
        raise damaged(path, why(error)) from error
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        raise damaged(path, "its checksum does not match")
    return content


def finished_description(path: Path) -> dict[str, Any]:
    """Read dataset.json of a finished dataset.

    Raises:
        DatasetError: the folder has no dataset, one that is not finished, or one of an unknown format.
    """
    file = path / DESCRIPTION
    if not path.is_dir():
        raise DatasetError(f"{path}: {no_folder(path)}; name the folder that msmd build --out made")
    if not (path / "pieces.parquet").is_file():
        if (path / "pieces").is_dir() and not file.is_file():
            raise damaged(file, "it is missing")
        if file.is_file():
            raise DatasetError(
                f"{path}: this dataset is not finished; run the same msmd build again, "
                "it goes on where it stopped"
            )
        raise DatasetError(f"{path}: not a dataset (it has no {DESCRIPTION})")
    try:
        description = seal.read(file)
    except FileNotFoundError as error:
        raise damaged(file, "it is missing") from error
    except ValueError as error:
        raise damaged(file, why(error)) from error
    version = description.get("format")
    if version != FORMAT:
        raise DatasetError(
            f"{file}: format {version!r}, and this msmdtools reads {FORMAT}; "
            "give the same msmd build again, which engraves its pieces anew, or use the msmdtools it was "
            "built with"
        )
    return description


def missing(path: Path) -> DatasetError:
    """The error for a file of a piece that is missing."""
    return DatasetError(
        f"{path} is missing; delete the piece's folder and build again (msmd validate lists all that is missing)"
    )


def damaged(path: Path, reason: str) -> DatasetError:
    """The error for a file that is damaged, or missing."""
    part = "this file"
    if path.name == DESCRIPTION:
        part = "the dataset's folder"  # it alone records how the pieces were made
    elif path.suffix != ".parquet":
        part = "the piece's folder"  # tables are made again from the pieces, their files are not
    state = f"damaged ({reason})" if path.exists() else "missing"
    return DatasetError(
        f"{path} is {state}; copy the dataset again, or delete {part} and build again"
    )
