"""Validate a dataset: read everything again, and check each piece from end to end.

The checks of tables are in `msmdtools.dataset.checks`, `tie_checks` and `layout_checks`, those of files in
`file_checks`, those of pictures and sound against the tables in `evidence`; this module runs them and makes the
report.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from msmdtools.base.damage import why
from msmdtools.base.pool import Call, Pool, Raised, Returned
from msmdtools.base.progress import Progress, silent
from msmdtools.base.quantities import how_many
from msmdtools.base.table import Table
from msmdtools.base.text_table import aligned
from msmdtools.dataset import (
    checks,
    evidence,
    file_checks,
    layout_checks,
    performed_checks,
    print_checks,
    reader,
    tables,
)
from msmdtools.dataset.checks import Finding, Findings
from msmdtools.dataset.evidence import Evidence
from msmdtools.dataset.files import Image, Pages, read_schema
from msmdtools.dataset.tie_checks import check_ties
from msmdtools.errors import DatasetError, MsmdError
from msmdtools.features.spectrogram import BANDS, SAMPLE_RATE, frame_count
from msmdtools.performance import ALIGNMENTS, DELETION, KINDS, RECORDED
from msmdtools.piece import MIDI

if TYPE_CHECKING:
    import pandas as pd

# Pieces that a worker takes at a time, neighbours in the tables.
CHUNK = 8
TIMEOUT_S = 3600.0

Checked = tuple[list[Finding], Counter[str]]


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a validation.

    Attributes:
        dataset: path of the dataset.
        pieces: ids of the pieces checked.
        failed: number of pieces that were not built, and are not checked.
        findings: the faults, in the order of the pieces; those of the dataset as a whole come first.
        evidence: how much of the pieces was compared with their pictures and sound.
    """

    dataset: str
    pieces: tuple[str, ...]
    failed: int
    findings: tuple[Finding, ...]
    evidence: Evidence

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def to_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return {
            "dataset": self.dataset,
            "ok": self.ok,
            "pieces": len(self.pieces),
            "failed": self.failed,
            "evidence": asdict(self.evidence),
            "findings": [asdict(finding) for finding in self.findings],
        }

    def to_text(self) -> str:
        """The report for people: the findings as a table by piece, and a summary."""
        rows = [[f.piece or "(dataset)", f.check, f.what, f.where] for f in self.findings]
        lines = []
        if rows:
            lines = [aligned([["piece", "check", "what", "where"], *rows], left=range(4)), ""]
        with_findings = len({f.piece for f in self.findings if f.piece})
        lines.append(f"{self.dataset}: {how_many(len(self.pieces), 'piece')} checked, ")
        if self.ok:
            lines[-1] += "all well"
        else:
            by_check = Counter(f.check for f in self.findings).most_common()
            counts = ", ".join(f"{check} {count}" for check, count in by_check)
            lines[-1] += f"{with_findings} with findings ({counts})"
        if self.failed:
            lines[-1] += f"; {self.failed:,} {'was' if self.failed == 1 else 'were'} not built"
        if self.pieces:
            lines.append(self.evidence.to_text())
        return "\n".join(lines)


def validate(
    path: str | Path,
    pieces: str = "*",
    jobs: int = 1,
    progress: Progress = silent,
) -> Report:
    """Check a dataset, or those of its pieces whose id matches a glob.

    Args:
        path: the dataset folder.
        pieces: glob for the ids of the pieces.
        jobs: number of worker processes; 1 works in this process.
        progress: called with the number of pieces checked, after every few.

    Returns:
        The faults that were found.

    Raises:
        DatasetError: there is no finished dataset, a table is missing or damaged, or no piece
            matches.
        MsmdError: a worker process was killed.
    """
    path = Path(path)
    dataset = reader.open(path)
    findings = [
        finding
        for table in _tables_of(dataset)
        for finding in checks.check_schema(table, read_schema(path / f"{table.name}.parquet"))
    ]
    if findings:  # rows in unknown columns cannot be checked
        return Report(str(path), (), 0, tuple(findings), Evidence())
    chosen = tuple(piece for piece in dataset.ids if fnmatchcase(piece, pieces))
    if not chosen:
        raise DatasetError(f"{path}: no piece matches {pieces!r} (there are {len(dataset)})")
    findings += check_dataset(dataset)
    checked = 0
    seen: Counter[str] = Counter()
    for (chunk_findings, chunk_seen), count in _in_chunks(path, chosen, jobs):
        findings += chunk_findings
        seen += chunk_seen
        checked += count
        progress("pieces", checked, len(chosen))
    failed = len(dataset.failed)
    return Report(str(path), chosen, failed, tuple(findings), Evidence(**seen))


def check_dataset(dataset: reader.Dataset) -> Findings:
    """Check the dataset as a whole: the pieces table, and rows and folders of pieces that it does not list."""
    attempted = dataset.attempted
    yield from checks.check_keys("", tables.PIECES, attempted)
    for piece, status, reason in zip(
        attempted["piece"], attempted["status"], attempted["reason"].astype(str), strict=True
    ):
        if status not in {"ok", "failed"}:
            yield Finding(
                piece, "counts", f"status is {status!r}, not ok or failed", "pieces.parquet"
            )
        elif (status == "ok") == bool(reason):
            what = f"status is {status}, and the reason {reason!r}"
            yield Finding(piece, "counts", what, "pieces.parquet")
    for table in tables.TABLES:
        if table not in _tables_of(dataset):
            what = "is missing: an earlier version built the dataset; run the same msmd build again"
            yield Finding("", "schema", what, f"{table.name}.parquet")
    built = set(dataset.ids)
    for table in _tables_of(dataset)[1:]:
        if (
            table is tables.ATTEMPTS
        ):  # which names what was listed, also where there is no such piece
            continue
        pieces = dataset.table(table.name)["piece"].to_pylist()
        where = f"{table.name}.parquet"
        if pieces != sorted(pieces):
            yield Finding("", "keys", "not sorted by piece", where)
        for piece in sorted(set(pieces) - built):
            yield Finding(piece, "counts", "rows of a piece that was not built", where)
    folders = {p.name for p in (dataset.path / "pieces").glob("[!.]*")}
    for piece in sorted(folders - built):
        yield Finding(piece, "files", "folder of a piece that was not built", f"pieces/{piece}")


def _tables_of(dataset: reader.Dataset) -> list[Table]:
    """The tables of a dataset, which of earlier versions lacks those that were added since."""
    return [
        table
        for table in tables.ALL_TABLES
        if not table.added or (dataset.path / f"{table.name}.parquet").exists()
    ]


def check_piece(dataset: reader.Dataset, piece: str, seen: Counter[str]) -> Findings:
    """Run all checks of one piece.

    Args:
        dataset: the dataset.
        piece: the piece id.
        seen: counts of what was compared (`Evidence`), to which this is added.

    Yields:
        A finding for each fault.
    """
    empty = {table.name: table.arrow_schema().empty_table() for table in tables.ALL_TABLES}
    present = {table.name: dataset.table(table.name, piece) for table in _tables_of(dataset)}
    rows = {name: table.to_pandas() for name, table in (empty | present).items()}
    for table in tables.ALL_TABLES[1:]:
        yield from checks.check_keys(piece, table, rows[table.name])
    folder = dataset.path / "pieces" / piece
    yield from file_checks.check_files(piece, folder, rows["files"])
    pages, unreadable = _pages(dataset[piece])
    yield from unreadable
    pictures = sum(fnmatchcase(file, "page-*.png") for file in rows["files"]["file"])
    row = rows["pieces"].iloc[0].to_dict()
    yield from checks.check_counts(piece, row, rows, pictures)
    if difference := row["upgrade_difference"]:
        yield Finding(piece, "upgrade", difference, "pieces.parquet")
    sizes = {number: page.shape for number, page in pages.items()}
    options = dataset.description.get("options", {})
    width = options.get("width")
    for number, (_, page_width) in sizes.items():
        if width and page_width != width:
            what = f"the page is {page_width} px wide, not {width}"
            yield Finding(piece, "files", what, f"page {number}")
    yield from layout_checks.check_systems(piece, rows["systems"])
    for name in ("systems", "noteheads", "measures"):
        yield from layout_checks.check_boxes(piece, name, rows[name], sizes)
    yield from layout_checks.check_places(piece, rows["noteheads"], rows["systems"])
    if "measures" in present and "imported" not in dataset.description:
        staves, heads = rows["systems"], rows["noteheads"]
        yield from layout_checks.check_measures(piece, rows["measures"], heads, staves)
    yield from checks.check_roles(piece, rows["noteheads"])
    performances = rows["performances"]
    first = next(iter(checks.by_performance(rows)), None)
    yield from check_ties(
        piece, rows["noteheads"], rows["events"].iloc[:0] if first is None else first[1]
    )
    durations = dict(zip(performances["performance"], performances["duration_s"], strict=True))
    yield from checks.check_events(piece, rows, durations)
    own_times = row.get("format") == MIDI and options.get("midi_timing") == "file"
    yield from checks.check_alignment(piece, rows, as_written=not own_times)
    yield from performed_checks.check_performed(piece, rows, durations)
    yield from performed_checks.check_timings(piece, rows, durations)
    yield from evidence.check_ink(piece, rows["noteheads"], pages, seen)
    yield from print_checks.check_prints(dataset[piece], rows)
    for performance in performances.to_dict("records"):
        name = performance["performance"]
        events = rows["events"][
            (rows["events"]["performance"] == name) & (rows["events"]["link"] != DELETION)
        ]
        yield from check_performance(dataset[piece], performance, rows["files"], events, seen)


def check_performance(
    piece: reader.DatasetPiece,
    row: Mapping[str, object],
    files: "pd.DataFrame",
    events: "pd.DataFrame",
    seen: Counter[str],
) -> Findings:
    """Check one performance: checksums in both tables, the spectrogram's form, and its rise at onsets.

    Args:
        piece: the piece.
        row: the row of the performance in the performances table.
        files: the piece's rows of the files table.
        events: the rows of the performance in the events table.
        seen: counts of what was compared, to which this is added.

    Yields:
        A finding for each fault.
    """
    name = str(row["performance"])
    if row["alignment"] not in ALIGNMENTS:
        what = f"alignment is {row['alignment']!r}, not {' or '.join(ALIGNMENTS)}"
        yield Finding(piece.piece, "counts", what, name)
    if row["kind"] not in KINDS:
        what = f"kind is {row['kind']!r}, not {' or '.join(KINDS)}"
        yield Finding(piece.piece, "counts", what, name)
    listed = dict(zip(files["file"], files["sha256"], strict=True))
    for column, base in (
        ("midi_sha256", "performance.mid"),
        ("spectrogram_sha256", "spectrogram.npy"),
        ("audio_sha256", "audio.flac"),
    ):
        file = f"performances/{name}/{base}"
        if listed.get(file, "") != row[column]:
            what = f"{column} is not that of the files table"
            yield Finding(piece.piece, "files", what, file)
    where = f"performances/{name}/spectrogram.npy"
    try:
        spectrogram = np.load(piece.path / where, allow_pickle=False)
    # A damaged header can ask for any amount of memory.
    except (OSError, ValueError, EOFError, MemoryError, OverflowError, SyntaxError) as error:
        yield Finding(piece.piece, "spectrogram", f"cannot be read ({why(error)})", where)
        return
    expected = (BANDS, row["frames"])
    if spectrogram.dtype != np.float16 or spectrogram.shape != expected:
        what = f"{spectrogram.dtype} of shape {spectrogram.shape}, not float16 of {expected}"
        yield Finding(piece.piece, "spectrogram", what, where)
        return
    frames = frame_count(round(float(str(row["duration_s"])) * SAMPLE_RATE))
    if frames != row["frames"]:
        what = f"{row['frames']} frames, but the duration makes {frames}"
        yield Finding(piece.piece, "spectrogram", what, where)
    if not (np.isfinite(spectrogram).all() and (spectrogram >= 0).all()):
        yield Finding(piece.piece, "spectrogram", "has values that are no magnitudes", where)
        return
    if row["kind"] != RECORDED:  # whose notes have the times of their bars
        yield from evidence.check_onsets(piece.piece, name, events, spectrogram, seen)


def _pages(piece: reader.DatasetPiece) -> tuple[dict[int, Image], list[Finding]]:
    """The page images that can be read, by number, and a finding for each other one."""
    pages, findings = {}, []
    # Without their checksums, which were compared before: a changed page is still checked.
    images = Pages(piece.path, int(piece.header["pages"]), {})
    for number in range(1, len(images) + 1):
        try:
            pages[number] = images[number - 1]
        except DatasetError as error:
            findings.append(Finding(piece.piece, "files", str(error), f"page {number}"))
    return pages, findings


def _in_chunks(path: Path, pieces: Sequence[str], jobs: int) -> Iterator[tuple[Checked, int]]:
    """What was found and seen, and the number of pieces, chunk by chunk in order."""
    chunks = [pieces[k : k + CHUNK] for k in range(0, len(pieces), CHUNK)]
    tasks = [(path, chunk) for chunk in chunks]
    if jobs == 1 or len(chunks) == 1:
        yield from ((_check_chunk(task), len(task[1])) for task in tasks)
        return
    finished: dict[Sequence[str], Checked] = {}
    waiting = list(reversed(chunks))
    with Pool(min(jobs, len(chunks))) as pool:
        for task in tasks:
            pool.submit(Call(_check_chunk, task, TIMEOUT_S))
        for result in pool.results():
            if isinstance(result, Raised):
                raise result.error
            if not isinstance(result, Returned):
                raise MsmdError(
                    "a worker process was killed (out of memory?); try again with --jobs 1"
                )
            finished[result.call.argument[1]] = result.value
            while waiting and waiting[-1] in finished:
                chunk = waiting.pop()
                yield finished.pop(chunk), len(chunk)


def _check_chunk(task: tuple[Path, Sequence[str]]) -> Checked:
    path, pieces = task
    dataset = _opened(path)
    seen: Counter[str] = Counter()
    return [finding for piece in pieces for finding in check_piece(dataset, piece, seen)], seen


@lru_cache(maxsize=1)
def _opened(path: Path) -> reader.Dataset:
    return reader.open(path)
