"""Check one shard of snippets: its file, its rows, and samples against the dataset they were cut from.

The comparison takes pages, spectrograms and events from the dataset by code of its own, not by the code
that cut the snippets.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from msmdtools.base import parquet
from msmdtools.base.damage import why
from msmdtools.base.files import file_sha256
from msmdtools.dataset import reader
from msmdtools.dataset.checks import Finding, Findings
from msmdtools.features.spectrogram import frame_of
from msmdtools.paper.axis import span, system_boxes
from msmdtools.paper.staff_height import SAME, usual_height
from msmdtools.paper.strip import WHITE, begin
from msmdtools.snippets.prepare import STEP
from msmdtools.snippets.schema import SnippetInfo, arrow_schema, storage

if TYPE_CHECKING:
    import pyarrow as pa

_COUNTED = ["snippet", "piece", "performance"]


@dataclass(frozen=True, slots=True)
class ShardCheck:
    """One shard to check.

    Attributes:
        folder: the folder of snippets.
        row: the shard's row in snippets.json.
        info: sizes of the windows by snippets.json.
        dataset: the dataset to compare with; None for no comparison.
        samples: how many rows to compare with it.
    """

    folder: Path
    row: Mapping[str, Any]
    info: SnippetInfo
    dataset: Path | None
    samples: int


@dataclass(frozen=True, slots=True)
class ShardResult:
    """What checking a shard has shown.

    Attributes:
        findings: the faults.
        compared: how many rows were compared with the dataset.
        ids: hashes of the rows' ids (`hash_of`).
        counts: rows by piece and performance.
    """

    findings: list[Finding]
    compared: int
    ids: list[int]
    counts: Counter[tuple[str, str]]


def check_shard(task: ShardCheck) -> ShardResult:
    """Check a shard: size and checksum, schema, number of rows, each row, samples against the dataset."""
    import pyarrow as pa

    where, path = str(task.row["file"]), task.folder / task.row["file"]
    result = ShardResult([], 0, [], Counter())

    def fault(check: str, what: str) -> ShardResult:
        result.findings.append(Finding("", check, what, where))
        return result

    if not path.is_file():
        return fault("files", "is missing")
    if (size := path.stat().st_size) != task.row["bytes"]:
        fault("files", f"has {size} bytes, not {task.row['bytes']}: cut off or written again")
    elif file_sha256(path) != task.row["sha256"]:
        fault("files", "is not the file that was written (sha256)")
    try:
        shard = parquet.File(path)
        if difference := _schema_difference(shard.schema, arrow_schema(task.info)):
            return fault("schema", difference)
        compared = 0
        if shard.metadata.num_rows != task.row["rows"]:
            fault("counts", f"{shard.metadata.num_rows} rows, not {task.row['rows']}")
        chosen = _chosen(task, shard.metadata.num_rows)
        start = 0
        for group in range(shard.groups):
            table = shard.read([group])
            result.findings.extend(check_rows(table, task, where))
            names = table.select(_COUNTED).to_pydict()
            result.ids.extend(map(hash_of, names["snippet"]))
            result.counts.update(zip(names["piece"], names["performance"], strict=True))
            sampled = [i - start for i in chosen if start <= i < start + len(table)]
            for row in table.take(pa.array(sampled, pa.int64())).to_pylist():
                result.findings.extend(compare(row, task, where))
                compared += 1
            start += len(table)
    except (pa.ArrowException, OSError, ValueError) as error:
        return fault("files", f"cannot be read ({why(error)})")
    return ShardResult(result.findings, compared, result.ids, result.counts)


def hash_of(text: str) -> int:
    """Hash a text to 64 bits, the same in every process."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


def check_rows(table: "pa.Table", task: ShardCheck, where: str) -> Findings:
    """Check the rows of a row group: pictures, spectrograms, and whether the columns fit each other.

    Args:
        table: the row group, with all columns.
        task: the shard that it belongs to.
        where: name of the shard, for the findings.

    Returns:
        The faults, one by one.
    """
    info = task.info
    for name, png in zip(
        table["snippet"].to_pylist(),
        table["sheet"].combine_chunks().field("bytes").to_pylist(),
        strict=True,
    ):
        image = cv2.imdecode(np.frombuffer(png or b"?", np.uint8), cv2.IMREAD_UNCHANGED)
        if image is None or image.shape != info.sheet_shape or image.dtype != np.uint8:
            shape = "no picture" if image is None else f"a picture {image.shape}"
            yield Finding(name, "sheet", f"{shape}, not {info.sheet_shape}", where)
    spectrograms = storage(table["spectrogram"])
    bands, frames = info.spectrogram_shape
    rows = spectrograms.flatten()
    values = rows.flatten().to_numpy(zero_copy_only=False)
    if not (
        (np.asarray(spectrograms.value_lengths()) == bands).all()
        and (np.asarray(rows.value_lengths()) == frames).all()
    ):
        yield Finding("", "spectrogram", f"not all are {bands} x {frames}", where)
    elif not (np.isfinite(values).all() and (values >= 0).all()):
        yield Finding("", "spectrogram", "has values that are no magnitudes", where)
    columns = table.select(["split", "second", "frame", "pitches", "snippet", "window_offsets"])
    for row in columns.to_pylist():
        offsets = row["window_offsets"]
        wrong = {
            "split": row["split"] != task.row["split"],
            "frame": row["frame"] != frame_of(row["second"]),
            "pitches": not row["pitches"] or row["pitches"] != sorted(row["pitches"]),
            "window_offsets": offsets != sorted(offsets) or 0.0 not in offsets,
        }
        for column in (name for name, is_wrong in wrong.items() if is_wrong):
            what = f"does not fit the other columns: {row[column]}"
            yield Finding(row["snippet"], column, what, where)


def compare(row: Mapping[str, Any], task: ShardCheck, where: str) -> Findings:
    """Compare a row with the dataset: page, spectrogram, events and header of its piece.

    Args:
        row: all columns of the row, as plain values.
        task: the shard that it belongs to; its `dataset` is not None.
        where: name of the shard, for the findings.

    Returns:
        The faults, one by one.
    """
    assert task.dataset is not None
    info, name = task.info, row["snippet"]
    piece = _opened(task.dataset)[row["piece"]]
    performance = piece.performances.loc[row["performance"]]
    for column, value in (
        ("tempo", performance["tempo"]),
        ("soundfont", performance["soundfont"]),
        ("licence", piece.licence),
        ("composer", piece.composer),
    ):
        if row[column] != value:
            yield Finding(name, column, f"{row[column]!r}, in the dataset {value!r}", where)
    events = piece.events(row["performance"])
    together = events["onset_s"] == row["second"]
    if piece.is_human(row["performance"]):
        struck = piece.struck(row["performance"])
        together = events["event"].isin(struck["event"][struck["onset_s"] == row["second"]])
    sounding = sorted(set(events["pitch"][together]))
    if row["pitches"] != sounding:
        yield Finding(name, "pitches", f"{row['pitches']}, in the dataset {sounding}", where)
    yield from _compare_sheet(row, piece, info, where)
    original = piece.spectrogram(row["performance"]).astype(np.float32)
    expected = np.zeros(info.spectrogram_shape, np.float32)
    start = row["frame"] - info.onset_frame
    first, last = max(start, 0), min(start + expected.shape[1], original.shape[1])
    if first < last:
        expected[:, first - start : last - start] = original[:, first:last]
    stored = np.array(row["spectrogram"], np.float32)
    if stored.shape != expected.shape or np.abs(stored - expected).max() > STEP / 2:
        yield Finding(name, "spectrogram", "is not that of the dataset", where)


def _compare_sheet(
    row: Mapping[str, Any], piece: reader.DatasetPiece, info: SnippetInfo, where: str
) -> Findings:
    """Compare the part of a picture that shows the onset's own system with the page."""
    page = piece.pages[row["page"] - 1]
    across, down = 1.0, 1.0
    height = piece.staff_heights.get(row["page"], usual_height(page.shape[1]))
    if info.staff_height and abs(info.staff_height / height - 1) > SAME:
        old, scale = page.shape, info.staff_height / height
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        size = round(old[1] * scale), round(old[0] * scale)
        page = np.asarray(cv2.resize(page, size, interpolation=method), np.uint8)
        across, down = page.shape[1] / old[1], page.shape[0] / old[0]
    box = system_boxes(piece.systems).to_dict("index")[row["system"]]
    rows, columns = info.sheet_shape
    # From the strip to the page it is a whole number of pixels.
    left = begin(row["strip_x"], columns) - round(row["strip_x"] - row["x"] * across)
    top = begin(row["y"] * down, rows)
    first, last = span(box["x0"] * across, box["x1"] * across, page.shape[1])
    around = np.pad(page, ((rows, rows), (0, 0)), constant_values=WHITE)
    first, last = max(first, left), min(last, left + columns)
    expected = around[top + rows : top + 2 * rows, first:last]
    picture = cv2.imdecode(
        np.frombuffer(row["sheet"]["bytes"] or b"?", np.uint8), cv2.IMREAD_UNCHANGED
    )
    if picture is None or not np.array_equal(picture[:, first - left : last - left], expected):
        yield Finding(row["snippet"], "sheet", "is not that of the page", where)


def _schema_difference(schema: "pa.Schema", expected: "pa.Schema") -> str:
    if schema.names != expected.names:
        missing = [name for name in expected.names if name not in schema.names]
        more = [name for name in schema.names if name not in expected.names]
        return f"other columns (missing: {', '.join(missing)}; more: {', '.join(more)})"
    for field in expected:
        kind = schema.field(field.name).type
        if getattr(kind, "storage_type", kind) != field.type:
            return f"{field.name} is {kind}, not {field.type}"
    if dict(schema.metadata or {}) != dict(expected.metadata):
        return "its metadata is not what snippets.json says of the windows"
    return ""


def _chosen(task: ShardCheck, rows: int) -> list[int]:
    """Rows of a shard to compare with the dataset, the same rows in each run."""
    if task.dataset is None or not rows:
        return []
    generator = np.random.default_rng(hash_of(str(task.row["file"])))
    return sorted(generator.choice(rows, min(task.samples, rows), replace=False).tolist())


@lru_cache(maxsize=1)
def _opened(path: Path) -> reader.Dataset:
    return reader.open(path)
