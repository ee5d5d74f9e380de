"""Export a dataset as snippets: plan the shards, write them, and describe them at the end.

    SNIPPETS/data/train-00000-of-00012.parquet …   the shards
    SNIPPETS/split.csv                             piece, work, split: the split by itself
    SNIPPETS/README.md                             the card
    SNIPPETS/snippets.json                         written last: options, counts, checksums
    SNIPPETS/.export/                              until it is finished: the plan, prepared pieces

Each piece is prepared once and each shard written once, under a temporary name, and renamed when it
is on the disk. Whatever kills an export, the same command continues with what is not finished.
"""

import hashlib
import json
import logging
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from msmdtools.base import seal
from msmdtools.base.damage import why
from msmdtools.base.files import explained, json_bytes, put, write_atomically
from msmdtools.base.lock import locked
from msmdtools.base.pool import Call, Pool, Raised, Returned
from msmdtools.base.progress import Progress, silent
from msmdtools.dataset import reader, tables
from msmdtools.dataset.files import damaged
from msmdtools.errors import DatasetError, MsmdError
from msmdtools.snippets import prepare, shards
from msmdtools.snippets.card import card, left_out
from msmdtools.snippets.differences import check_same
from msmdtools.snippets.options import SnippetOptions
from msmdtools.snippets.prepare import PieceCounts, PieceTask
from msmdtools.snippets.schema import SnippetInfo
from msmdtools.snippets.shards import DATA, Shard, ShardTask
from msmdtools.splits import fingerprints, performances, splits
from msmdtools.splits.duplicates import REPORTED, crossing, leaks, near_duplicates
from msmdtools.splits.splits import SPLITS
from msmdtools.splits.works import works
from msmdtools.version import __version__

DESCRIPTION = "snippets.json"
CARD = "README.md"
SPLIT = "split.csv"
UNFINISHED = ".export"
PLAN = "plan.json"
PIECE_S, SHARD_S = 900.0, 3600.0
# One death may be an accident of the machine.
ATTEMPTS = 2

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ExportSummary:
    """The result of an export.

    Attributes:
        path: the folder of the snippets.
        description: the content of snippets.json.
        new: False if the snippets existed already.
    """

    path: Path
    description: dict[str, Any]
    new: bool

    def to_json(self) -> dict[str, Any]:
        """The summary as plain values."""
        return {"path": str(self.path), "new": self.new, **self.description["totals"]}

    def to_text(self) -> str:
        """The summary for people."""
        lines = [f"{'':8}{'pieces':>8}{'onsets':>10}{'snippets':>10}{'shards':>8}{'MB':>10}"]
        totals = self.description["totals"]
        for split, row in totals["splits"].items():
            lines.append(
                f"{split:8}{row['pieces']:8,}{row['onsets']:10,}{row['snippets']:10,}"
                f"{row['shards']:8,}{row['bytes'] / 1e6:10,.1f}"
            )
        dropped = totals["dropped"]
        lines += [f"onsets without a snippet: {sum(dropped.values()):,}"] if dropped else []
        lines += [f"  {reason:24}{count:10,}" for reason, count in dropped.items()]
        lines += left_out(self.description)
        if not self.new:
            lines.append("The snippets existed already.")
        return "\n".join(lines)


def export(
    dataset: Path,
    out: Path,
    options: SnippetOptions | None = None,
    *,
    progress: Progress = silent,
    warn: Callable[[str], None] = _log.warning,
) -> ExportSummary:
    """Cut the snippets of a dataset and write them as Parquet shards, or continue an interrupted export.

    Args:
        dataset: a finished dataset folder; only read.
        out: the folder for the snippets; created if needed.
        options: sizes of the windows, the split, the number of workers; None for the defaults.
        progress: called after each piece that is cut, and then after each shard that is written.
        warn: called with a message about a problem that does not stop the export.

    Returns:
        The description of the snippets, and whether they are new.

    Raises:
        DatasetError: there is no finished dataset, or it is damaged; the folder is in use, holds
            something else, cannot be written, or its disk is full. What is finished stays; the same
            command continues.
        ManifestError: the split cannot be read, or does not fit the dataset.
        MsmdError: an option is wrong, no onset is left, or a worker was killed, twice.
    """
    options = options or SnippetOptions()
    source = reader.open(dataset)
    if source.description.get("state") != "complete":
        raise DatasetError(
            f"{dataset} is unfinished: a build of it was stopped or is running. Finish it with the"
            " same `msmd build` command first"
        )
    info = options.info(int(source.description["options"]["width"]), identity(dataset))
    try:
        with locked(out, (DESCRIPTION, UNFINISHED), "a folder of snippets", "export") as work:
            wanted = _plan(source, options, info, warn)
            if (description := _finished(out)) is not None:
                check_same(out / DESCRIPTION, description["plan"], wanted)
                _check_shards(out, description)
                # The remains of an export that was killed at its very end.
                shutil.rmtree(out / UNFINISHED, ignore_errors=True)
                return ExportSummary(out, description, new=False)
            unfinished = out / UNFINISHED
            if (unfinished / PLAN).exists():
                check_same(unfinished / PLAN, _read(unfinished / PLAN), wanted)
            else:
                for folder in (unfinished / "pieces", unfinished / "shards", out / DATA):
                    folder.mkdir(parents=True, exist_ok=True)
                write_atomically(
                    unfinished / PLAN, json_bytes(seal.sealed(wanted)), work, durable=True
                )
            with Pool(options.workers) as pool:
                run = _Run(dataset.absolute(), out, work, info, wanted, pool, progress)
                counts = _pieces(run)
                if not any(count.rows for count in counts.values()):
                    raise MsmdError(
                        f"{dataset}: the split and the performances leave no onset to export; choose others"
                    )
                written = _shards(run, shards.plan(counts, info, options.shard_bytes, options.seed))
            description = _description(dataset, out, info, wanted, counts, written)
            prints = fingerprints.of_dataset(source, counts)
            description["fingerprints"] = fingerprints.encode(prints)
            split = {count.piece: count.split for count in counts.values()}
            write_atomically(
                out / SPLIT, splits.to_csv(split, wanted["works"]).encode(), work, durable=True
            )
            write_atomically(out / CARD, card(description).encode(), work, durable=True)
            write_atomically(
                out / DESCRIPTION, json_bytes(seal.sealed(description)), work, durable=True
            )
            shutil.rmtree(unfinished)
            return ExportSummary(out, description, new=True)
    except OSError as error:
        raise explained(error, out, "shards") from error


def identity(dataset: Path) -> str:
    """Hash the description and the tables of a dataset, which hold the checksums of all its files.

    Returns:
        A sha256 in hexadecimal digits.

    Raises:
        DatasetError: one of these files is missing.
    """
    total = hashlib.sha256()
    present = [
        f"{table.name}.parquet"
        for table in tables.ALL_TABLES
        if not table.added or (dataset / f"{table.name}.parquet").exists()
    ]
    for name in (tables.DESCRIPTION, *present):
        try:
            with open(dataset / name, "rb") as file:
                total.update(hashlib.file_digest(file, "sha256").digest())
        except FileNotFoundError as error:
            cure = "run the same msmd build command again"
            if name == tables.DESCRIPTION:
                cure = "copy the dataset again, or build it into another folder"
            raise DatasetError(f"{dataset / name} is missing; {cure}") from error
        except IsADirectoryError as error:
            raise damaged(dataset / name, why(error)) from error
    return total.hexdigest()


@dataclass(frozen=True, slots=True)
class _Run:
    dataset: Path
    out: Path
    work: Path
    info: SnippetInfo
    plan: Mapping[str, Any]
    pool: Pool
    progress: Progress

    @property
    def prepared(self) -> Path:
        return self.out / UNFINISHED / "pieces"


def _plan(
    source: reader.Dataset,
    options: SnippetOptions,
    info: SnippetInfo,
    warn: Callable[[str], None],
) -> dict[str, Any]:
    """Decide everything that determines the content of the shards, as JSON values."""
    split = splits.resolve(source, options.split, options.missing_ok)
    work_of = works(source.pieces)
    pairs = near_duplicates(source, split, options.transpose)
    dropped = leaks(pairs, split, options.leak_threshold) if options.drop_leaks else []
    chosen = performances.performances_by_split(
        source.table("performances").to_pandas(), options.performances, warn
    )
    split_by = options.split if isinstance(options.split, str) else asdict(options.split)
    plan = {
        "msmdtools": __version__,
        "windows": info.to_json(),
        "split_by": split_by,
        "split": split,
        "works": {piece: work_of[piece] for piece in split},
        "transpose": options.transpose,
        "leaks": dropped,
        "near_duplicates": crossing(pairs, split, REPORTED),
        "performances": chosen,
        "shard_bytes": options.shard_bytes,
        "min_confidence": options.min_confidence,
    }
    return dict(json.loads(json.dumps(plan)))  # as it will be read from its file


def _pieces(run: _Run) -> dict[str, PieceCounts]:
    """Prepare the pieces that are not prepared yet; the counts of all pieces, by their folder's name."""
    names = [piece for piece in run.plan["split"] if piece not in run.plan["leaks"]]
    todo = [piece for piece in names if not (run.prepared / piece).is_dir()]
    table = reader.open(run.dataset).table("performances").to_pandas()
    tasks = [
        PieceTask(
            run.dataset,
            piece,
            split := run.plan["split"][piece],
            performances.of_piece(table, piece, run.plan["performances"][split]),
            run.info,
            run.work / piece,
            run.plan["min_confidence"],
        )
        for piece in todo
    ]
    done = len(names) - len(tasks)
    for task, _ in _results(run.pool, prepare.prepare, tasks, PIECE_S):
        put(task.folder, run.prepared / task.piece)
        done += 1
        _log.info("%s: windows cut", task.piece)
        run.progress("pieces", done, len(names))
    return {piece: prepare.read_counts(run.prepared / piece) for piece in sorted(names)}


def _shards(run: _Run, planned: list[Shard]) -> list[dict[str, Any]]:
    """Write the shards that are not written yet; the rows of all, in the order of their names."""
    rows: dict[str, dict[str, Any]] = {}
    for shard in planned:
        record = run.out / UNFINISHED / "shards" / f"{shard.name}.json"
        if record.exists() and (run.out / DATA / shard.name).exists():
            rows[shard.name] = _read(record)
    tasks = [
        ShardTask(shard, run.prepared.absolute(), run.work.absolute() / shard.name, run.info)
        for shard in planned
        if shard.name not in rows
    ]
    for task, row in _results(run.pool, shards.write_shard, tasks, SHARD_S):
        name = task.shard.name
        put(task.path, run.out / DATA / name)
        record = run.out / UNFINISHED / "shards" / f"{name}.json"
        write_atomically(record, json_bytes(seal.sealed(row)), run.work, durable=True)
        rows[name] = row
        _log.info("%s: written", name)
        run.progress("shards", len(rows), len(planned))
    return [rows[shard.name] for shard in planned]


def _results(
    pool: Pool, function: Callable[[Any], Any], tasks: Iterable[Any], timeout_s: float
) -> Iterator[tuple[Any, Any]]:
    """Yield each task with the function's result, in the order in which they finish.

    Raises:
        MsmdError: the function raised one, or a worker was killed twice on the same task.
        OSError: the function raised one.
    """
    lost: Counter[int] = Counter()
    for task in tasks:
        pool.submit(Call(function, task, timeout_s))
    for result in pool.results():
        task = result.call.argument
        if isinstance(result, Returned):
            yield task, result.value
        elif isinstance(result, Raised):
            raise result.error
        else:
            lost[id(task)] += 1
            name = task.piece if isinstance(task, PieceTask) else task.shard.name
            if lost[id(task)] == ATTEMPTS or result.timed_out:
                fate = "took too long" if result.timed_out else "was killed, twice (out of memory?)"
                raise MsmdError(
                    f"{name}: the worker process {fate}. What is finished is safe: run the same "
                    "command again, with --jobs 1 if memory is short"
                )
            if isinstance(task, PieceTask):
                shutil.rmtree(task.folder, ignore_errors=True)
            pool.submit(result.call)


def _description(
    dataset: Path,
    out: Path,
    info: SnippetInfo,
    plan: Mapping[str, Any],
    counts: Mapping[str, PieceCounts],
    written: list[dict[str, Any]],
) -> dict[str, Any]:
    """The content of snippets.json."""
    totals: dict[str, Any] = {"splits": {}}
    for split in SPLITS:
        pieces = [count for count in counts.values() if count.split == split]
        files = [row for row in written if row["split"] == split]
        totals["splits"][split] = {
            "pieces": len(pieces),
            "onsets": sum(count.onsets for count in pieces),
            "taken": sum(count.taken for count in pieces),
            "snippets": sum(row["rows"] for row in files),
            "shards": len(files),
            "bytes": sum(row["bytes"] for row in files),
        }
    dropped: Counter[str] = Counter()
    for count in counts.values():
        dropped.update(count.dropped)
    totals["dropped"] = dict(dropped.most_common())
    totals["unsure"] = sum(sum(count.unsure.values()) for count in counts.values())
    return {
        "format": info.format,
        "dataset": {"path": os.path.relpath(dataset, out), "sha256": info.dataset_sha256},
        "plan": plan,
        "totals": totals,
        "shards": written,
        "pieces": [count.to_json() for count in counts.values()],
    }


def _finished(out: Path) -> dict[str, Any] | None:
    path = out / DESCRIPTION
    if not path.exists():
        return None
    try:
        description = seal.read(path)
        description["plan"], description["totals"]
    except (ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"{path} is damaged ({why(error)}); remove {out} and run the same command again"
        ) from error
    return description


def _check_shards(out: Path, description: Mapping[str, Any]) -> None:
    """Check that the shards of finished snippets exist, by their names and sizes.

    Raises:
        DatasetError: a shard is missing or cut off.
    """
    for row in description["shards"]:
        path = out / row["file"]
        if not path.is_file() or path.stat().st_size != row["bytes"]:
            state = "cut off" if path.is_file() else "missing"
            raise DatasetError(f"{path} is {state}; remove {out} and run the same command again")


def _read(path: Path) -> dict[str, Any]:
    """Read a file of an unfinished export. Raises DatasetError if it is damaged."""
    try:
        return seal.read(path)
    except ValueError as error:
        raise DatasetError(
            f"{path} is damaged ({why(error)}); remove it and run the same command again"
        ) from error
