"""Writes small folders of made-up snippets for the tests of the loader.

The picture of onset o of piece p and its spectrograms can be told from all others: the middle of the
window has the grey level `level(p, o)`, and the onset's frame the magnitude `level / 100`.
"""

import json
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from msmdtools.loading.loader import Stream
from msmdtools.snippets.schema import SnippetInfo, arrow_schema

INFO = SnippetInfo(
    format=1,
    page_width=835,
    rows=160,
    columns=200,
    margin_rows=12,
    margin_columns=20,
    context_s=4.2,
    frames=84,
    margin_frames=4,
    frames_per_second=20,
    bands=92,
    edge="next",
    onsets="all",
    seed=0,
    dataset_sha256="0" * 64,
)


def level(piece: int, onset: int) -> int:
    return (piece * 37 + onset * 5) % 200 + 20


def picture(piece: int, onset: int, info: SnippetInfo = INFO) -> np.ndarray:
    """White, a black frame around the nominal window, a grey square at its centre."""
    image = np.full(info.sheet_shape, 255, np.uint8)
    top, left = info.margin_rows, info.margin_columns
    image[top, left : left + info.columns] = 0
    image[top + info.rows - 1, left : left + info.columns] = 0
    image[top : top + info.rows, left] = 0
    image[top : top + info.rows, left + info.columns - 1] = 0
    y, x = top + info.rows // 2, left + info.columns // 2
    image[y - 4 : y + 4, x - 4 : x + 4] = level(piece, onset)
    return image


def spectrogram(piece: int, onset: int, performance: int, info: SnippetInfo = INFO) -> np.ndarray:
    """Each frame has its number in thousandths, the onset's frame the level besides."""
    bands, frames = info.spectrogram_shape
    array = np.tile((np.arange(frames) / 1000).astype(np.float16), (bands, 1))
    array[:, info.onset_frame] = level(piece, onset) / 100
    array[0] = performance / 10
    return array


def write(
    folder: Path,
    *,
    pieces: int = 4,
    onsets: int = 30,
    performances: int = 2,
    shards: int = 3,
    group: int = 16,
    split: str = "train",
    info: SnippetInfo = INFO,
    seed: int = 0,
    licence: str = "CC0-1.0",
) -> Path:
    """A folder of snippets: all onsets of all pieces in all performances, shuffled."""
    keys = [(p, o, f) for p in range(pieces) for o in range(onsets) for f in range(performances)]
    np.random.default_rng(seed).shuffle(keys)
    (folder / "data").mkdir(parents=True, exist_ok=True)
    schema = arrow_schema(info)
    for number, part in enumerate(np.array_split(np.array(keys), shards)):
        rows = [
            _row(int(p), int(o), int(f), split, info) | {"licence": licence} for p, o, f in part
        ]
        path = folder / "data" / f"{split}-{number:05d}-of-{shards:05d}.parquet"
        sounds = _nested(np.stack([spectrogram(int(p), int(o), int(f), info) for p, o, f in part]))
        table = pa.Table.from_pylist(rows, schema=pa.schema(list(schema)[:-1]))
        table = pa.table([*table.columns, sounds], schema=schema)
        pq.write_table(table, path, row_group_size=group, use_dictionary=False)
    (folder / "snippets.json").write_text(json.dumps({"format": 1}))
    return folder


def _nested(arrays: np.ndarray) -> pa.Array:
    count, bands, frames = arrays.shape
    bands_of = np.arange(0, count * bands + 1, bands, dtype=np.int32)
    values = np.arange(0, arrays.size + 1, frames, dtype=np.int32)
    inner = pa.ListArray.from_arrays(values, pa.array(arrays.reshape(-1)))
    return pa.ListArray.from_arrays(bands_of, inner)


def _row(p: int, o: int, f: int, split: str, info: SnippetInfo) -> dict:
    names = {"piece": f"piece-{p}", "performance": f"performance-{f}"}
    png = cv2.imencode(".png", picture(p, o, info))[1].tobytes()
    return {
        "snippet": f"piece-{p}/performance-{f}/{o}",
        **names,
        "split": split,
        "onset": o,
        "page": 1,
        "system": 1,
        "x": 10.0 * o,
        "y": 100.0,
        "strip_x": 10.0 * o,
        "second": o / 2,
        "frame": 10 * o,
        "tempo": 1.0 + f / 10,
        "soundfont": f"font-{f}",
        "program": 0,
        "composer": "somebody",
        "heads": 1,
        "pitches": [60 + p],
        "window_pitches": [60 + p, 64],
        "window_offsets": [0.0, 0.5],
        "sheet": {"bytes": png, "path": None},
    }


def stream(source: object, batch_size: int = 16, **options: object) -> Stream:
    return Stream(source, "train", batch_size, **{"threads": 0, **options})
