"""Validate snippets: read every shard again, and compare samples with the dataset they were cut from.

Each shard: size and checksum, schema, rows; every picture decodes to its size, every spectrogram
has its shape and only magnitudes; ids are unique and columns agree with each other. Together: the
split of split.csv, and the counts of snippets.json, so that no onset is missing without a reason.
Some rows of each shard, drawn by seed, are compared with page, spectrogram and events of the dataset.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from msmdtools.base import seal
from msmdtools.base.damage import why
from msmdtools.base.pool import Call, Pool, Raised, Returned
from msmdtools.base.progress import Progress, silent
from msmdtools.base.quantities import how_many
from msmdtools.dataset import reader
from msmdtools.dataset.checks import Finding
from msmdtools.errors import DatasetError, ManifestError, MsmdError
from msmdtools.snippets.checks import ShardCheck, ShardResult, check_shard
from msmdtools.snippets.export import DESCRIPTION, SPLIT, UNFINISHED, identity
from msmdtools.snippets.schema import info_from
from msmdtools.snippets.shards import DATA
from msmdtools.splits import splits

SAMPLES = 16
TIMEOUT_S = 3600.0


@dataclass(frozen=True, slots=True)
class SnippetReport:
    """The result of validating a folder of snippets.

    Attributes:
        snippets: path of the folder.
        shards: number of shards.
        rows: number of rows that were read.
        compared: number of rows that were compared with the dataset.
        note: why no row was compared; "" if some were.
        findings: the faults.
    """

    snippets: str
    shards: int
    rows: int
    compared: int
    note: str
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether there are no findings."""
        return not self.findings

    def to_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return {**asdict(self), "ok": self.ok}

    def to_text(self) -> str:
        """The report for people."""
        lines = [f"{f.where}: {f.check}: {f.what}" for f in self.findings]
        state = how_many(len(self.findings), "finding") if self.findings else "all well"
        lines.append(
            f"{self.snippets}: {how_many(self.shards, 'shard')}, {how_many(self.rows, 'snippet')}, "
            f"{self.compared:,} compared with the dataset: {state}"
        )
        return "\n".join([*lines, self.note] if self.note else lines)


def validate(
    path: str | Path,
    dataset: Path | None = None,
    jobs: int = 1,
    progress: Progress = silent,
    samples: int = SAMPLES,
) -> SnippetReport:
    """Check a folder of snippets.

    Args:
        path: the folder.
        dataset: the dataset that the snippets were cut from; None for the path recorded in snippets.json.
        jobs: number of worker processes.
        progress: called after each shard.
        samples: how many rows of each shard to compare with the dataset.

    Returns:
        The report, with all faults.

    Raises:
        DatasetError: there are no finished snippets, or no dataset at the given path.
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
    tasks = [ShardCheck(path, row, info, source, samples) for row in description["shards"]]
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
        what = f"the id of another row occurs in {how_many(len(ids) - len(set(ids)), 'row')}"
        findings.append(Finding("", "keys", what, DATA))
    findings += check_counts(description, counts)
    return SnippetReport(str(path), len(tasks), len(ids), compared, note, tuple(findings))


def read_description(path: Path) -> dict[str, Any]:
    """Read snippets.json.

    Args:
        path: the folder of snippets.

    Raises:
        DatasetError: there are no snippets, they are not finished, or the file is damaged.
    """
    file = path / DESCRIPTION
    if not file.is_file():
        if (path / UNFINISHED).is_dir():
            raise DatasetError(
                f"{path}: this export is not finished; run the same msmd snippets command again: "
                "it goes on where it stopped"
            )
        raise DatasetError(f"{path}: not a folder of snippets (it has no {DESCRIPTION})")
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
    """Check that every onset has its snippets or a reason for having none, and that there are no others.

    Args:
        description: the content of snippets.json.
        counts: rows in the shards, by piece and performance.
    """
    findings = []
    expected: dict[tuple[str, str], int] = {}
    # A human performance is one of a single piece.
    human = {name for row in description["pieces"] for name in row.get("human", ())}
    for row in description["pieces"]:
        piece = row["piece"]
        if row["onsets"] != row["taken"] + sum(row["dropped"].values()):
            what = f"{row['onsets']} onsets, but {row['taken']} taken and {row['dropped']} dropped"
            findings.append(Finding(piece, "counts", what, DESCRIPTION))
        for performance in description["plan"]["performances"][row["split"]]:
            if performance not in human:
                expected[piece, performance] = row["taken"]
        expected |= {(piece, name): count for name, count in row.get("human", {}).items()}
    for key in sorted(expected.keys() | counts.keys()):
        if counts.get(key, 0) != expected.get(key, 0):
            what = f"{counts.get(key, 0)} snippets of {key[1]}, not {expected.get(key, 0)}"
            findings.append(Finding(key[0], "counts", what, DATA))
    return findings


def check_split(path: Path, description: Mapping[str, Any]) -> list[Finding]:
    """Check that split.csv is the split that the snippets were cut by."""
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


def _source(
    path: Path, description: Mapping[str, Any], dataset: Path | None
) -> tuple[Path | None, str, list[Finding]]:
    """The dataset to compare with, or a note why there is none, and what is wrong with it."""
    recorded = description["dataset"]
    place = dataset or path / recorded["path"]
    if dataset is None and not place.is_dir():
        return (
            None,
            f"Not compared with the dataset: {place} does not exist (--dataset names it)",
            [],
        )
    reader.open(place)
    if identity(place) != recorded["sha256"]:
        what = (
            f"{place} is not the dataset that the snippets were cut from, or it has changed since"
        )
        return None, "Not compared with the dataset.", [Finding("", "dataset", what, DESCRIPTION)]
    return place.absolute(), "", []


def _results(tasks: list[ShardCheck], jobs: int) -> Iterator[ShardResult]:
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
