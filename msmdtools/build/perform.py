"""Add performances by people to a finished dataset: what is there stays, and what is new gets files and rows.

The pieces are extended as by a build that adds performances (`msmdtools.build.additions`): new files first, the
record of the piece last. While this goes on the description has the state "performing"; the same command, or any
build, ends it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from msmdtools.base import failures, seal
from msmdtools.base.failures import Failure
from msmdtools.base.files import explained, json_bytes, write_atomically
from msmdtools.base.lock import locked
from msmdtools.base.progress import Progress, silent
from msmdtools.base.quantities import how_many
from msmdtools.build import additions, parts, provenance, schedule, store
from msmdtools.build.card import card
from msmdtools.build.human import HumanAddition, Planned, add_human
from msmdtools.build.perform_options import PerformOptions
from msmdtools.build.task import Outcome
from msmdtools.dataset import reader, records
from msmdtools.dataset.records import Record
from msmdtools.dataset.tables import CARD, DESCRIPTION
from msmdtools.errors import DatasetError
from msmdtools.performance import PERFORMANCES, SYNTHETIC
from msmdtools.performed.listing import Request, listed, pieces_by_name
from msmdtools.performed.recording import Recorder, model_name

COMPLETE, PERFORMING = "complete", "performing"


@dataclass(frozen=True, slots=True)
class PerformSummary:
    """What was added.

    Attributes:
        dataset: the dataset folder.
        listed: number of performances that the lists name, times the soundfonts.
        added: rows of the attempts table of those that were added now.
        there: number of those that were there already.
        failures: those that could not be added, now or before.
    """

    dataset: Path
    listed: int
    added: tuple[Mapping[str, Any], ...]
    there: int
    failures: tuple[Failure, ...]

    def to_json(self) -> dict[str, Any]:
        """The summary as plain JSON values."""
        return {
            "dataset": str(self.dataset),
            "listed": self.listed,
            "added": [dict(row) for row in self.added],
            "there": self.there,
            "failed": len(self.failures),
            "failures": [asdict(failure) for failure in self.failures],
        }

    def to_text(self) -> str:
        """The summary for people."""
        lines = [
            f"{how_many(self.listed, 'performance')} listed: {len(self.added):,} added, "
            f"{self.there:,} there already, {len(self.failures):,} failed."
        ]
        poor = sorted(self.added, key=lambda row: row["written_share"])[:3]
        for row in poor if poor and poor[0]["written_share"] < 0.9 else ():
            lines.append(
                f"  {row['piece']}, {row['performance']}: "
                f"{row['written_share']:.0%} of the written notes were played"
            )
        return "\n".join([*lines, *failures.lines(self.failures)])


def add_performances(
    dataset: Path,
    sources: Sequence[Path],
    options: PerformOptions | None = None,
    *,
    progress: Progress = silent,
    work_of: Callable[[HumanAddition], Outcome] = add_human,
    recorder: Recorder | None = None,
) -> PerformSummary:
    """Add the performances of lists, or folders, to a dataset; those that it has, from the same files, stay.

    A performance that fails becomes a row of the attempts table and stops nothing.

    Args:
        dataset: the dataset folder.
        sources: lists of performances, or folders; see `msmdtools.performed.listing`.
        options: the options; None: the default ones.
        progress: called with the number of pieces done, and how many performances have failed.
        work_of: the function that the workers call, for tests.
        recorder: reads and aligns recordings, which are refused without it; `msmdtools.recorded` has one.

    Returns:
        What was added, and what failed.

    Raises:
        ManifestError: a list cannot be read.
        SoundfontError, ToolError: a font, or a program that is needed, is missing.
        DatasetError: there is no finished dataset, it was made with another FluidSynth, or it cannot be
            written to. What is finished stays; the same command goes on.
    """
    options = options or PerformOptions()
    requests = [request for source in sources for request in listed(source)]
    opened = reader.open(dataset)  # before a lock is made in a folder that is none
    try:
        with locked(dataset, (DESCRIPTION,), "a dataset", "perform") as work:
            description = _description_of(dataset)
            fonts = options.soundfonts or _fonts_of(description)
            people = description.get(provenance.PEOPLE, {"soundfonts": {}})
            if not all(request.is_recording for request in requests):
                people = _checked_fonts(description, fonts)
            attempted = records.read_records(dataset)
            additions.require_current(dataset, attempted)
            run = _Run(dataset, work, options, fonts, description, attempted, recorder)
            todo, refused, there = run.plan(opened, requests)
            rows = list(refused)
            if todo or run.is_unfinished:
                description |= {provenance.PEOPLE: people, "state": PERFORMING}
                _write_json(dataset, description, work)
                store.mend_log(dataset)
                rows += run.add(todo, progress, work_of)
            if rows != _known(dataset, rows) or description["state"] != COMPLETE:
                _finish(dataset, work, description, rows)
    except OSError as error:
        raise explained(error, dataset, "performances") from error
    added = tuple(row for row in rows if row["status"] == "ok")
    failed = tuple(
        Failure(
            f"{row['piece']}, {row['performance']}",
            f"{row['stage']}, {row['reason']}",
            row["message"],
        )
        for row in rows
        if row["status"] != "ok"
    )
    return PerformSummary(dataset, len(added) + len(failed) + there, added, there, failed)


@dataclass(frozen=True, slots=True)
class _Run:
    dataset: Path
    work: Path
    options: PerformOptions
    fonts: tuple[tuple[str, int], ...]
    description: Mapping[str, Any]
    attempted: Mapping[str, Record]
    recorder: Recorder | None

    @property
    def is_unfinished(self) -> bool:
        """Whether an earlier command was stopped before it wrote the tables."""
        return bool(self.description["state"] != COMPLETE)

    @property
    def keep_audio(self) -> bool:
        return bool(self.description["options"]["keep_audio"])

    def plan(
        self, opened: reader.Dataset, requests: Iterable[Request]
    ) -> tuple[dict[str, list[Planned]], list[dict[str, Any]], int]:
        """What is to be added, by piece; rows of what cannot be; and how much is there already."""
        names = pieces_by_name(opened.pieces)
        todo: dict[str, list[Planned]] = defaultdict(list)
        before = {
            (row["piece"], row["performance"]): row for row in parts.read_attempts(self.dataset)
        }
        refused: list[dict[str, Any]] = []
        there = 0
        for request in requests:
            planned = Planned.of(request, self.fonts)
            found = names.get(request.piece, [])
            if len(found) != 1:
                if self.options.pieces == "*":
                    reason, message = _no_piece(request.piece, found, opened)
                    refused += planned.failed(request.piece, "list", reason, message)
                continue
            piece = found[0]
            if not fnmatchcase(piece, self.options.pieces):
                continue
            missing, failed = {}, []
            rows = self._rows(piece)
            for name, spec in planned.specs.items():
                row = before.get((piece, name))
                if self._is_there(piece, name, rows.get(name), planned):
                    there += 1
                elif (
                    row
                    and row["status"] != "ok"
                    and row["stage"] != "worker"
                    and (row["sha256"], row["alignment_sha256"])
                    == (planned.sha256, planned.alignment_sha256)
                    and not self.options.retry_failed
                ):
                    failed.append(row)
                else:
                    missing[name] = spec
            refused += failed
            if missing:
                todo[piece].append(
                    Planned(request, missing, planned.sha256, planned.alignment_sha256)
                )
        return todo, refused, there

    def add(
        self,
        todo: Mapping[str, Sequence[Planned]],
        progress: Progress,
        work_of: Callable[[HumanAddition], Outcome],
    ) -> list[dict[str, Any]]:
        """Add performances to pieces; the rows of the attempts table."""
        tasks = [
            HumanAddition(
                self.attempted[piece],
                self.dataset.absolute(),
                self.work.absolute() / f"played-{number}",
                tuple(planned),
                self.keep_audio,
                self.options.model,
                self.recorder,
            )
            for number, (piece, planned) in enumerate(todo.items())
        ]
        if not tasks:
            return []
        workers = min(self.options.workers, len(tasks))
        rows: list[dict[str, Any]] = []
        progress("pieces", 0, len(tasks), "")
        outcomes = schedule.add_performances(tasks, workers, work_of)
        with closing(outcomes):
            for done, (task, outcome) in enumerate(outcomes, 1):
                rows += self._put(task, outcome)
                failed = sum(row["status"] != "ok" for row in rows)
                progress("pieces", done, len(tasks), f"{failed:,} failed" if failed else "")
        return rows

    def _put(self, task: HumanAddition, outcome: Outcome) -> list[dict[str, Any]]:
        record, piece = outcome.record, task.record.piece
        assert record is not None
        if not record.ok:
            row = record.row
            return [
                entry
                for planned in task.planned
                for entry in planned.failed(piece, row["stage"], row["reason"], row["message"])
            ]
        if any(row["status"] == "ok" for row in outcome.attempts):
            new = {row["performance"] for row in outcome.attempts if row["status"] == "ok"}
            if new & additions.performed(task.record):  # made again: the old one goes first
                files = [
                    f
                    for f in task.record.files
                    if str(f["file"]).split("/")[1:2] not in ([n] for n in new)
                ]
                count = task.record.row["performances"] - len(
                    new & additions.performed(task.record)
                )
                store.rewrite(
                    self.dataset,
                    Record({**task.record.row, "performances": count}, tuple(files)),
                    self.work,
                )
            store.extend(self.dataset, record, task.result, self.work)
        return outcome.attempts

    def _rows(self, piece: str) -> dict[str, dict[str, Any]]:
        table = parts.read_part(self.dataset, piece, PERFORMANCES)
        return {row["performance"]: row for row in table.to_pylist()}

    def _is_there(
        self, piece: str, name: str, row: Mapping[str, Any] | None, planned: Planned
    ) -> bool:
        """Whether the piece has a performance from the same files, with audio if the dataset keeps it."""
        if row is None:
            return False
        if row["kind"] == SYNTHETIC:
            raise DatasetError(
                f"{piece} has a synthetic performance named {name}: give the other one a name of its own in the "
                "column name of the list"
            )
        file = additions.AUDIO if self.keep_audio else additions.SPECTROGRAM
        same = (row["source_sha256"], row["alignment_sha256"], row["licence"]) == (
            planned.sha256,
            planned.alignment_sha256,
            planned.request.licence,
        )
        if planned.is_recording and planned.request.alignment is None:
            same = same and row["aligned_by"] == model_name(self.options.model)
        return same and name in additions.performed(self.attempted[piece], file)


def _description_of(dataset: Path) -> dict[str, Any]:
    description = records.read_description(dataset)
    if description is None or description.get("state") not in (COMPLETE, PERFORMING):
        raise DatasetError(
            f"{dataset} is unfinished: finish it with the same msmd build command, and then add performances"
        )
    if "imported" in description:
        raise DatasetError(
            f"{dataset} was imported, and has no written music to link performances with: build its pieces with "
            "msmd build"
        )
    return description


def _fonts_of(description: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
    """The soundfonts of the dataset's synthetic performances, each with its program, or else a piano."""
    fonts = {
        p["soundfont"]: p["program"] if isinstance(p["program"], int) else 0
        for p in provenance.performances(description)
    }
    return tuple(sorted(fonts.items()))


def _checked_fonts(
    description: Mapping[str, Any], fonts: Sequence[tuple[str, int]]
) -> dict[str, Any]:
    """The soundfonts of people's performances, as dataset.json has them, with those that are used now.

    Raises:
        SoundfontError: a font is unknown or missing.
        DatasetError: a font, or the FluidSynth library, is not that of the dataset.
    """
    from msmdtools.perform import synth

    now, before = synth.fluidsynth_version(), description["tools"].get("fluidsynth")
    if now != before:
        raise DatasetError(
            f"the dataset was played with FluidSynth {before}, and this is {now}: all of its performances must be "
            "made alike. Use that version, or build the dataset anew with --out"
        )
    used = provenance.soundfonts(fonts)
    known = {
        **description["soundfonts"],
        **description.get(provenance.PEOPLE, {}).get("soundfonts", {}),
    }
    for name, font in used.items():
        if name in known and known[name]["sha256"] != font["sha256"]:
            raise DatasetError(
                f"soundfont {name} is not the file that the dataset was played with (its sha256 differs): restore "
                "that file, or give this one another name"
            )
    people = description.get(provenance.PEOPLE, {}).get("soundfonts", {})
    return {"soundfonts": dict(sorted({**people, **used}.items()))}


def _no_piece(name: str, found: Sequence[str], opened: reader.Dataset) -> tuple[str, str]:
    if found:
        return (
            "several-pieces",
            f"{name!r} may be any of {', '.join(sorted(found)[:3])}: name the id of one",
        )
    example = f", such as {opened.ids[0]}" if opened.ids else ""
    return (
        "no-such-piece",
        f"the dataset has no piece {name!r}: build it first, or name the id of a piece{example}",
    )


def _known(dataset: Path, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those of the rows that the attempts table has already."""
    before = parts.read_attempts(dataset)
    return [row for row in rows if row in before]


def _finish(
    dataset: Path, work: Path, description: dict[str, Any], rows: Sequence[Mapping[str, Any]]
) -> None:
    attempted = records.read_records(dataset)
    totals = parts.write_tables(dataset, attempted, work, rows)
    description = {**description, "state": COMPLETE, "totals": totals}
    write_atomically(dataset / CARD, card(description, attempted).encode(), work, durable=True)
    _write_json(dataset, description, work)


def _write_json(dataset: Path, description: Mapping[str, Any], work: Path) -> None:
    content = json_bytes(seal.sealed(description))
    write_atomically(dataset / DESCRIPTION, content, work, durable=True)
