"""The tables of an index: its windows in Parquet, one row group for each sheet or recording.

A part is a file of sheet windows or of audio windows. Its row groups are read one by one, through a
memory map and with their checksums verified, so a search reads only the few that it needs. A vector is a list
of float32; nothing is compressed, as compression does not make embeddings smaller.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.base import parquet
from msmdtools.base.damage import why
from msmdtools.base.table import Column, Table
from msmdtools.errors import MsmdError
from msmdtools.score import PIECE

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_ENTRY = Column("entry", "int64", "", "number of the sheet or recording; never given twice")
_PERFORMANCE = Column("performance", "string", "", "recording of the piece; empty for a sheet")
_VECTOR = Column("vector", "list<float>", "", "embedding, of length 1")
ENTRIES = Table(
    "entries",
    "One row per sheet or recording that was to be indexed.",
    ("entry",),
    (
        _ENTRY,
        Column("side", "string", "", "sheet or audio"),
        PIECE,
        _PERFORMANCE,
        Column("source", "string", "", "the dataset, file or folder that it is from"),
        Column("status", "string", "", "ok or failed"),
        Column("message", "string", "", "why it failed, or what was not found"),
        Column("windows", "int64", "", "how many it has"),
        Column("part", "string", "", "file that has them"),
        Column("row_group", "int64", "", "row group of that file, from 0"),
    ),
)
SHEET = Table(
    "sheet",
    "One row per sheet window, from left to right through the piece.",
    ("piece", "system", "x"),
    (
        _ENTRY,
        PIECE,
        Column("page", "int32", "", "page, from 1"),
        Column("system", "int32", "", "system in the piece, from 1"),
        Column("x", "float64", "px", "centre of the window on the page"),
        Column("y", "float64", "px", "middle of the system on the page"),
        _VECTOR,
    ),
)
AUDIO = Table(
    "audio",
    "One row per audio window, in time.",
    ("piece", "performance", "second"),
    (
        _ENTRY,
        PIECE,
        _PERFORMANCE,
        Column("second", "float64", "s", "middle of the window"),
        _VECTOR,
    ),
)
SIDES = {table.name: table for table in (SHEET, AUDIO)}


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """Sheet windows or audio windows in memory, grouped by sheet or by recording.

    Attributes:
        places: where each window is: the table without the vectors.
        vectors: embeddings, float32 (windows, dim).
        bounds: (groups + 1,); group i has the windows bounds[i] … bounds[i + 1] - 1.
        names: (piece, performance) of each group; performance is "" for sheets.
    """

    places: "pd.DataFrame"
    vectors: NDArray[np.float32]
    bounds: NDArray[np.int64]
    names: Sequence[tuple[str, str]]


def rows(
    side: str, entry: int, piece: str, places: dict[str, Any], vectors: NDArray[np.float32]
) -> "pa.Table":
    """Return the windows of a sheet or of a recording as a table.

    Args:
        side: "sheet" or "audio".
        entry: number of the sheet or recording.
        piece: id of its piece.
        places: the other columns of the side's table; a single text is repeated.
        vectors: embeddings, float32 (windows, dim).

    Returns:
        One row per window.
    """
    import pyarrow as pa

    schema = SIDES[side].arrow_schema()
    offsets = np.arange(len(vectors) + 1, dtype=np.int32) * vectors.shape[1]
    lists = pa.ListArray.from_arrays(
        pa.array(offsets), pa.array(vectors.ravel(), pa.float32()), schema.field("vector").type
    )
    values = {"entry": entry, "piece": piece, **places}
    arrays = []
    for field in schema:
        value = lists if field.name == "vector" else values[field.name]
        if isinstance(value, int | str):
            value = pa.repeat(pa.scalar(value, field.type), len(vectors))
        arrays.append(value if isinstance(value, pa.Array) else pa.array(value, field.type))
    return pa.table(arrays, schema=schema)


def write(path: Path, side: str, tables: Iterable["pa.Table"]) -> None:
    """Write a part of an index.

    Args:
        path: the file.
        side: "sheet" or "audio".
        tables: the windows of one sheet or recording each; every table becomes a row group.
    """
    with parquet.writer(
        path,
        SIDES[side].arrow_schema(),
        compression="none",
        use_dictionary=["piece", "performance"],
        write_statistics=["entry", "piece"],
    ) as writer:
        for table in tables:
            writer.write_table(table, row_group_size=max(len(table), 1))


def open_part(path: Path, side: str) -> parquet.File:
    """Open a part for `read`. Raises MsmdError if it is missing, damaged, or not a part of this side."""
    import pyarrow as pa

    try:
        file = parquet.File(path, mapped=True)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise damaged(path, why(error)) from error
    if file.schema.names != SIDES[side].names:
        raise damaged(path, "it has the wrong columns")
    return file


def read(path: Path, file: parquet.File, groups: Sequence[int]) -> "pa.Table":
    """Read the rows of some row groups.

    Args:
        path: the file, for the error.
        file: the opened file.
        groups: numbers of the row groups, from 0.

    Returns:
        The rows, in the order of `groups`.

    Raises:
        MsmdError: they are damaged.
    """
    import pyarrow as pa

    try:
        table = file.read(groups)
    except (OSError, IndexError, ValueError, pa.ArrowException) as error:
        raise damaged(path, why(error)) from error
    return table


def vectors_of(table: "pa.Table") -> NDArray[np.float32]:
    """Return the vectors of a table: float32 (rows, dim)."""
    if not len(table):
        return np.zeros((0, 0), np.float32)
    lists = table["vector"].combine_chunks()
    flat: NDArray[np.float32] = lists.flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(len(table), -1)


def damaged(file: Path, reason: str) -> MsmdError:
    """Return the error for a file of an index that cannot be read."""
    what = f"damaged ({reason})" if file.exists() else "missing"
    return MsmdError(f"{file} is {what}; remove the index and make it again")
