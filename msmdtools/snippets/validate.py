"""Validating snippets: every shard is read again, and samples are compared with their dataset.

Each shard: size and checksum, schema, rows; every picture decodes to its size, every spectrogram
has its shape and only magnitudes; ids are unique and columns agree with each other. Together: the
split of split.csv, and the counts of snippets.json, so that no onset is missing without a reason.
Some rows of each shard, drawn by seed, are compared with page, spectrogram and events of the dataset
they were cut from, not by the code that cut them.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from msmdtools.base import parquet, seal
from msmdtools.base.damage import why
from msmdtools.base.files import file_sha256
from msmdtools.base.pool import Call, Pool, Raised, Returned
from msmdtools.base.progress import Progress, silent
from msmdtools.dataset import reader
from msmdtools.dataset.checks import Finding, Findings
from msmdtools.errors import DatasetError, ManifestError, MsmdError
from msmdtools.features.spectrogram import frame_of
from msmdtools.paper.axis import span, system_boxes
from msmdtools.paper.strip import WHITE, begin
from msmdtools.snippets.export import DESCRIPTION, SPLIT, UNFINISHED, identity
from msmdtools.snippets.prepare import STEP
from msmdtools.snippets.schema import SnippetInfo, arrow_schema, info_from, storage
from msmdtools.snippets.shards import DATA
from msmdtools.splits import splits

if TYPE_CHECKING:
    import pyarrow as pa

SAMPLES = 16
TIMEOUT_S = 3600.0
_COUNTED = ["snippet", "piece", "performance"]


@dataclass(frozen=True, slots=True)
class SnippetReport:
    """What validation found.

    Attributes:
        rows: how many rows were read.
        compared: how many of them were compared with the dataset.
        note: why none was; "" when some were.
    """

    snippets: str
    shards: int
    rows: int
    compared: int
    note: str
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def to_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return {**asdict(self), "ok": self.ok}

    def to_text(self) -> str:
        """The report for people."""
        lines = [f"{f.where}: {f.check}: {f.what}" for f in self.findings]
        state = f"{len(self.findings)} findings" if self.findings else "all well"
        lines.append(
            f"{self.snippets}: {self.shards} shards, {self.rows:,} snippets, "
            f"{self.compared:,} compared with the dataset: {state}"
        )
        return "\n".join([*lines, self.note] if self.note else lines)


@dataclass(frozen=True, slots=True)
class _Task:
    folder: Path
    row: Mapping[str, Any]
    info: SnippetInfo
    dataset: Path | None
    samples: int


@dataclass(frozen=True, slots=True)
class _Result:
    findings: list[Finding]
    compared: int
    ids: list[int]
    counts: Counter[tuple[str, str]]


def validate(
    path: str | Path,
    dataset: Path | None = None,
    jobs: int = 1,
    progress: Progress = silent,
    samples: int = SAMPLES,
) -> SnippetReport:
    """Check a folder of snippets.

    Args:
        dataset: that they were cut from; None for the place that snippets.json names.
        jobs: worker processes.
        progress: told of the shards.
        samples: how many rows of each shard to compare with the dataset.

    Raises:
        DatasetError: there are no finished snippets, or no dataset at the place given.
        MsmdError: a worker process was killed.
    """
    path = Path(path)
    description = read_description(path)
    info = info_from(description["plan"]["windows"], path / DESCRIPTION)
    source, note, findings = _source(path, description, dataset)
    listed = {Path(row["file"]).name for row in description["shards"]}
    for file in sorted((path / DATA).glob("*")):
        if file.name not in listed:
            where = f"{DATA}/{file.name}"
            findings.append(Finding("", "files", "is not in snippets.json", where))
    findings += check_split(path, description)
    tasks = [_Task(path, row, info, source, samples) for row in description["shards"]]
    ids: list[int] = []
    counts: Counter[tuple[str, str]] = Counter()
    compared = 0
    for done, result in enumerate(_results(tasks, jobs), 1):
        findings += result.findings
        ids += result.ids
        counts += result.counts
        compared += result.compared
        progress("shards", done, len(tasks))
    if len(set(ids)) != len(ids):
        what = f"{len(ids) - len(set(ids))} rows have the id of another"
        findings.append(Finding("", "keys", what, DATA))
    findings += check_counts(description, counts)
    return SnippetReport(str(path), len(tasks), len(ids), compared, note, tuple(findings))


def read_description(path: Path) -> dict[str, Any]:
    """The content of snippets.json.

    Raises:
        DatasetError: there are no snippets, they are not finished, or the file is damaged.
    """
    file = path / DESCRIPTION
    if not file.is_file():
        if (path / UNFINISHED).is_dir():
            raise DatasetError(
                f"{path}: this export is not finished; run the same msmd snippets again, "
                "it goes on where it stopped"
            )
        raise DatasetError(f"{path}: no snippets there (it has no {DESCRIPTION})")
    try:
        description = seal.read(file)
        description["plan"]["windows"], description["shards"], description["pieces"]
    except (ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"{file} is damaged ({why(error)}); export the snippets again"
        ) from error
    return description


def check_counts(
    description: Mapping[str, Any], counts: Mapping[tuple[str, str], int]
) -> list[Finding]:
    """Whether every onset is there or accounted for, and nothing else is there."""
    findings = []
    expected: dict[tuple[str, str], int] = {}
    for row in description["pieces"]:
        piece = row["piece"]
        if row["onsets"] != row["taken"] + sum(row["dropped"].values()):
            what = f"{row['onsets']} onsets, but {row['taken']} taken and {row['dropped']} dropped"
            findings.append(Finding(piece, "counts", what, DESCRIPTION))
        for performance in description["plan"]["performances"][row["split"]]:
            expected[piece, performance] = row["taken"]
    for key in sorted(expected.keys() | counts.keys()):
        if counts.get(key, 0) != expected.get(key, 0):
            what = f"{counts.get(key, 0)} snippets of {key[1]}, not {expected.get(key, 0)}"
            findings.append(Finding(key[0], "counts", what, DATA))
    return findings


def check_split(path: Path, description: Mapping[str, Any]) -> list[Finding]:
    """Whether split.csv is the split that the snippets were cut by."""
    try:
        written = splits.read(f"{path / SPLIT}:split")
    except ManifestError as error:
        return [Finding("", "split", str(error), SPLIT)]
    cut = {row["piece"]: row["split"] for row in description["pieces"]}
    differ = sorted(p for p in written.keys() | cut.keys() if written.get(p) != cut.get(p))
    return [
        Finding(piece, "split", f"{written.get(piece)}, cut as {cut.get(piece)}", SPLIT)
        for piece in differ
    ]


def check_shard(task: _Task) -> _Result:
    """All checks of one shard."""
    import pyarrow as pa

    where, path = str(task.row["file"]), task.folder / task.row["file"]
    result = _Result([], 0, [], Counter())

    def found(check: str, what: str) -> _Result:
        result.findings.append(Finding("", check, what, where))
        return result

    if not path.is_file():
        return found("files", "is missing")
    if (size := path.stat().st_size) != task.row["bytes"]:
        found("files", f"has {size} bytes, not {task.row['bytes']}: cut off or written again")
    elif file_sha256(path) != task.row["sha256"]:
        found("files", "is not the file that was written (sha256)")
    try:
        shard = parquet.File(path)
        if differ := _schema_difference(shard.schema, arrow_schema(task.info)):
            return found("schema", differ)
        compared = 0
        if shard.metadata.num_rows != task.row["rows"]:
            found("counts", f"{shard.metadata.num_rows} rows, not {task.row['rows']}")
        chosen = _chosen(task, shard.metadata.num_rows)
        start = 0
        for group in range(shard.groups):
            table = shard.read([group])
            result.findings.extend(check_rows(table, task, where))
            names = table.select(_COUNTED).to_pydict()
            result.ids.extend(map(hash_of, names["snippet"]))
            result.counts.update(zip(names["piece"], names["performance"], strict=True))
            here = [i - start for i in chosen if start <= i < start + len(table)]
            for row in table.take(pa.array(here, pa.int64())).to_pylist():
                result.findings.extend(compare(row, task, where))
                compared += 1
            start += len(table)
    except (pa.ArrowException, OSError, ValueError) as error:
        return found("files", f"cannot be read ({why(error)})")
    return _Result(result.findings, compared, result.ids, result.counts)


def hash_of(text: str) -> int:
    """64 bits that stand for a text, the same in every process."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


def check_rows(table: "pa.Table", task: _Task, where: str) -> Findings:
    """The rows of one row group: pictures, spectrograms, and what the columns say of each other."""
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


def compare(row: Mapping[str, Any], task: _Task, where: str) -> Findings:
    """One row against the dataset: page, spectrogram, events and header of the piece."""
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
    sounding = sorted(set(events["pitch"][events["onset_s"] == row["second"]]))
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
    """The part of a picture that shows the onset's own system, against the page."""
    page = piece.pages[row["page"] - 1]
    box = system_boxes(piece.systems).to_dict("index")[row["system"]]
    rows, columns = info.sheet_shape
    # From the strip to the page it is a whole number of pixels.
    left = begin(row["strip_x"], columns) - round(row["strip_x"] - row["x"])
    top = begin(row["y"], rows)
    first, last = span(box["x0"], box["x1"], page.shape[1])
    around = np.pad(page, ((rows, rows), (0, 0)), constant_values=WHITE)
    first, last = max(first, left), min(last, left + columns)
    expected = around[top + rows : top + 2 * rows, first:last]
    picture = cv2.imdecode(
        np.frombuffer(row["sheet"]["bytes"] or b"?", np.uint8), cv2.IMREAD_UNCHANGED
    )
    if picture is None or not np.array_equal(picture[:, first - left : last - left], expected):
        yield Finding(row["snippet"], "sheet", "is not that of the page", where)


def _schema_difference(found: "pa.Schema", expected: "pa.Schema") -> str:
    if found.names != expected.names:
        missing = [name for name in expected.names if name not in found.names]
        more = [name for name in found.names if name not in expected.names]
        return f"other columns (missing: {', '.join(missing)}; more: {', '.join(more)})"
    for field in expected:
        kind = found.field(field.name).type
        if getattr(kind, "storage_type", kind) != field.type:
            return f"{field.name} is {kind}, not {field.type}"
    if dict(found.metadata or {}) != dict(expected.metadata):
        return "its metadata is not what snippets.json says of the windows"
    return ""


def _source(
    path: Path, description: Mapping[str, Any], dataset: Path | None
) -> tuple[Path | None, str, list[Finding]]:
    """The dataset to compare with, or why there is none."""
    recorded = description["dataset"]
    place = dataset or path / recorded["path"]
    if dataset is None and not place.is_dir():
        return None, f"Not compared with the dataset: {place} is not there (--dataset names it)", []
    reader.open(place)
    if identity(place) != recorded["sha256"]:
        what = f"{place} is not the dataset that these were cut from, or has changed since"
        return None, "Not compared with the dataset.", [Finding("", "dataset", what, DESCRIPTION)]
    return place.absolute(), "", []


def _chosen(task: _Task, rows: int) -> list[int]:
    """The rows of a shard to compare, the same ones each time."""
    if task.dataset is None or not rows:
        return []
    generator = np.random.default_rng(hash_of(str(task.row["file"])))
    return sorted(generator.choice(rows, min(task.samples, rows), replace=False).tolist())


def _results(tasks: list[_Task], jobs: int) -> Iterator[_Result]:
    if jobs == 1 or len(tasks) == 1:
        yield from map(check_shard, tasks)
        return
    with Pool(jobs) as pool:
        for task in tasks:
            pool.submit(Call(check_shard, task, TIMEOUT_S))
        for result in pool.results():
            if isinstance(result, Returned):
                yield result.value
            elif isinstance(result, Raised):
                raise result.error
            else:
                raise MsmdError(
                    "a worker process was killed (out of memory?); try again with --jobs 1"
                )


@lru_cache(maxsize=1)
def _opened(path: Path) -> reader.Dataset:
    return reader.open(path)
