"""Plan which rows go into which shard, and write a shard as a Parquet file.

All rows of a split are put into one order by the seed, and cut into shards of equal length. A shard
is written by row groups, so that it takes the memory of one row group however large it is. Its bytes
depend on the plan alone, not on the process that writes it or the time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.base import parquet
from msmdtools.base.files import file_sha256, sync_file
from msmdtools.snippets.prepare import (
    ROW_COLUMNS,
    ROWS,
    SHEET_OF,
    SHEETS,
    SOUND_OF,
    PieceCounts,
    audio_window,
)
from msmdtools.snippets.schema import SnippetInfo, arrow_schema
from msmdtools.splits.splits import SPLITS

if TYPE_CHECKING:
    import pyarrow as pa

DATA = "data"
# Uncompressed. To read one row a reader reads its row group; a viewer shows one row group at first.
ROW_GROUP_BYTES = 8 << 20
# The share that compression leaves of a rounded spectrogram, and the bytes of the other columns, to
# estimate the number of shards, which must be known before the first is written.
_COMPRESSED, _OTHER_BYTES = 0.65, 400
_ZSTD_LEVEL = 3
# Columns with few different values, stored as a dictionary and numbers.
_REPEATED = [
    *("piece", "performance", "split", "soundfont", "composer", "licence", "tempo", "program"),
    *("page", "system", "heads", "pitches.list.element", "window_pitches.list.element"),
]


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard to be written.

    Attributes:
        name: such as "train-00000-of-00012.parquet".
        split: train, valid or test.
        pieces: folders of prepared pieces.
        piece: for each row, the index of its piece in `pieces`: (rows,).
        row: for each row, its number in the prepared piece: (rows,).
    """

    name: str
    split: str
    pieces: Sequence[str]
    piece: NDArray[np.int32] = field(repr=False)
    row: NDArray[np.int32] = field(repr=False)

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True, slots=True)
class ShardTask:
    """A shard, where to write it, and where the prepared pieces are.

    Attributes:
        shard: the shard.
        prepared: folder of the prepared pieces.
        path: file to write.
        info: sizes of the windows.
    """

    shard: Shard
    prepared: Path
    path: Path
    info: SnippetInfo


def plan(
    counts: Mapping[str, PieceCounts], info: SnippetInfo, shard_bytes: int, seed: int
) -> list[Shard]:
    """Deal the rows of each split out to shards, in an order drawn by the seed.

    Args:
        counts: counts of the prepared pieces, by folder; sorted.
        info: sizes of the windows.
        shard_bytes: approximate size of a shard.
        seed: of the order of rows.

    Returns:
        The shards of all splits, in the order of their names.
    """
    shards = []
    bands, frames = info.spectrogram_shape
    for number, split in enumerate(SPLITS):
        folders = [folder for folder in counts if counts[folder].split == split]
        rows = [counts[folder].rows for folder in folders]
        total = sum(rows)
        if not total:
            continue
        size = sum(counts[folder].sheet_bytes for folder in folders)
        size += round(total * (2 * bands * frames * _COMPRESSED + _OTHER_BYTES))
        piece = np.repeat(np.arange(len(folders), dtype=np.int32), rows)
        row = np.concatenate([np.arange(n, dtype=np.int32) for n in rows])
        order = np.random.default_rng([seed, number]).permutation(total)
        parts = np.array_split(order, min(total, -(-size // shard_bytes)))
        shards += [
            Shard(f"{split}-{k:05d}-of-{len(parts):05d}.parquet", split, folders, *rows_of)
            for k, rows_of in enumerate((piece[part], row[part]) for part in parts)
        ]
    return shards


def write_shard(task: ShardTask) -> dict[str, Any]:
    """Write a shard through to the disk.

    Returns:
        Its row of snippets.json: file, split, rows, bytes, sha256.

    Raises:
        OSError: it cannot be written.
    """
    shard, info = task.shard, task.info
    schema = arrow_schema(info)
    bands, frames = info.spectrogram_shape
    group = max(1, ROW_GROUP_BYTES // (2 * bands * frames + 4096))
    with parquet.writer(
        task.path,
        schema,
        compression="zstd",
        compression_level=_ZSTD_LEVEL,
        use_dictionary=_REPEATED,
        write_statistics=[name for name in ROW_COLUMNS.names if name not in {"snippet"}],
        write_page_index=True,
    ) as writer:
        for start in range(0, len(shard), group):
            stop = start + group
            table = _rows(task, shard.piece[start:stop], shard.row[start:stop], schema)
            writer.write_table(table, row_group_size=group)
    sync_file(task.path)
    return {
        "file": f"{DATA}/{shard.name}",
        "split": shard.split,
        "rows": len(shard),
        "bytes": task.path.stat().st_size,
        "sha256": file_sha256(task.path),
    }


def _rows(
    task: ShardTask, piece: NDArray[np.int32], row: NDArray[np.int32], schema: "pa.Schema"
) -> "pa.Table":
    """Make a table of some rows of a shard."""
    import pyarrow as pa

    order = np.argsort(piece, kind="stable")
    shape = (len(row), *task.info.spectrogram_shape)
    spectrograms = np.empty(shape, np.float16)
    tables, sheets = [], []
    for number in np.unique(piece):
        prepared = _opened(task.prepared / task.shard.pieces[number])
        of_piece = order[piece[order] == number]
        table = prepared.rows.take(pa.array(row[of_piece]))
        tables.append(table.drop_columns([SHEET_OF, SOUND_OF]))
        sheets.append(prepared.sheets.take(table[SHEET_OF].combine_chunks()))
        frames = table["frame"].to_pylist()
        performances = table[SOUND_OF].to_pylist()
        for i, frame, performance in zip(of_piece, frames, performances, strict=True):
            source = prepared.spectrograms[performance]
            spectrograms[i] = audio_window(source, frame, task.info)
    back = pa.array(np.argsort(order, kind="stable"))
    table = pa.concat_tables(tables).take(back).combine_chunks()
    png = pa.concat_arrays(sheets).take(back)
    paths = pa.nulls(len(row), pa.string())
    sheet = pa.StructArray.from_arrays([png, paths], fields=list(schema.field("sheet").type))
    columns = [*table.columns, sheet, _nested(spectrograms)]
    return pa.table(columns, schema=schema)


def _nested(arrays: NDArray[np.float16]) -> "pa.Array":
    """An array (n, rows, columns) as n lists of lists."""
    import pyarrow as pa

    n, rows, columns = arrays.shape
    inner = pa.ListArray.from_arrays(
        np.arange(0, n * rows * columns + 1, columns, dtype=np.int32), pa.array(arrays.reshape(-1))
    )
    return pa.ListArray.from_arrays(np.arange(0, n * rows + 1, rows, dtype=np.int32), inner)


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    rows: "pa.Table"
    sheets: "pa.Array"
    spectrograms: list[NDArray[np.float16]]


# Memory-mapped: what is kept is addresses, and the system's page cache decides about the rest.
@lru_cache(maxsize=4096)
def _opened(folder: Path) -> _Prepared:
    rows = _mapped(folder / ROWS)
    sheets = _mapped(folder / SHEETS)["png"].combine_chunks()
    count = len(list(folder.glob("*.npy")))
    spectrograms = [
        np.load(folder / f"{n}.npy", mmap_mode="r", allow_pickle=False) for n in range(count)
    ]
    return _Prepared(rows, sheets, spectrograms)


def _mapped(path: Path) -> "pa.Table":
    import pyarrow as pa

    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()
