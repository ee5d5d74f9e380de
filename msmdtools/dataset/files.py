"""The files of a dataset as they are read: tables, piece by piece, and page images."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, overload

import numpy as np
from numpy.typing import NDArray

from msmdtools.base import parquet
from msmdtools.base.damage import Damage, why
from msmdtools.base.table import Table
from msmdtools.dataset.tables import DESCRIPTION
from msmdtools.errors import DatasetError

if TYPE_CHECKING:
    import pyarrow as pa

Image = NDArray[np.uint8]


class Pages(Sequence[Image]):
    """The page images of a piece, read from their files when asked for."""

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

    def _read(self, path: Path) -> Image:
        return read_page(path, self._sums.get(path.name))

    def __len__(self) -> int:
        return len(self._paths)

    def __repr__(self) -> str:
        return f"<{len(self)} pages>"


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
    """A Parquet file sorted by piece, of which the last rows read are kept."""

    def __init__(self, path: Path, table: Table) -> None:
        self.path = path
        self.table = table
        self._kept: tuple[tuple[int, ...], pa.Table] | None = None

    @cached_property
    def _file(self) -> parquet.File:
        import pyarrow as pa

        try:
            file = parquet.File(self.path)
        except FileNotFoundError as error:
            raise DatasetError(f"{self.path} is missing; run the same msmd build again") from error
        except (pa.ArrowException, Damage, ValueError) as error:
            raise damaged(self.path, why(error)) from error
        if missing := [n for n in self.table.names if n not in file.schema.names]:
            raise damaged(self.path, f"it has no column {', '.join(missing)}")
        return file

    @cached_property
    def _ranges(self) -> list[tuple[str, str]]:
        """The first and the last piece of each row group; an empty one has none between."""
        metadata = self._file.metadata
        column = metadata.schema.names.index("piece")
        chunks = (metadata.row_group(g).column(column) for g in range(metadata.num_row_groups))
        found = [chunk.statistics for chunk in chunks]
        return [(s.min, s.max) if s and s.has_min_max else ("~", "") for s in found]

    def read(self, piece: str | None = None) -> "pa.Table":
        """All rows, or those of one piece.

        Raises:
            DatasetError: the file is missing, damaged, or lacks a column.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        try:
            if piece is None:
                return self._file.read()
            groups = tuple(g for g, (a, b) in enumerate(self._ranges) if a <= piece <= b)
            if self._kept is None or self._kept[0] != groups:
                self._kept = groups, self._file.read(groups)
            return self._kept[1].filter(pc.field("piece") == piece)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise damaged(self.path, why(error)) from error


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
    """The content of a file of a piece.

    Args:
        sha256: what the files table says of it; None where it says nothing.

    Raises:
        DatasetError: the file is missing, or not what was written.
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


def missing(path: Path) -> DatasetError:
    """The error for a file of a piece that is not there."""
    return DatasetError(
        f"{path} is missing; delete the piece's folder and build again (msmd validate says what else is)"
    )


def damaged(path: Path, reason: str) -> DatasetError:
    """The error for a file that cannot be read as what it should be."""
    what = "this file"
    if path.name == DESCRIPTION:
        what = "the dataset's folder"  # without it nobody knows how the pieces were made
    elif path.suffix != ".parquet":
        what = "the piece's folder"  # tables are made again from the pieces, their files are not
    state = f"damaged ({reason})" if path.exists() else "missing"
    return DatasetError(
        f"{path} is {state}; copy the dataset again, or delete {what} and build again"
    )
