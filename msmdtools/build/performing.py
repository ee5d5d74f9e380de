"""Add performances to a finished piece, in a worker process: perform it again from its written music."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msmdtools import perform
from msmdtools.base.files import sync_tree
from msmdtools.base.table import Table
from msmdtools.build import rows
from msmdtools.build.additions import PERFORMANCES_FOLDER, performed
from msmdtools.build.parts import read_part, write_part
from msmdtools.build.task import Outcome, Work
from msmdtools.build.worker import attempt, file_rows
from msmdtools.dataset.music_file import read_music
from msmdtools.dataset.records import PIECES_FOLDER, Record
from msmdtools.errors import DatasetError
from msmdtools.performance import EVENTS, PERFORMANCES, Performance, PerformanceSpec


class Extension(Work):
    """Work that adds performances to a piece of a dataset; if it fails, the piece keeps the record that it has."""

    __slots__ = ()

    if TYPE_CHECKING:  # at run time they are fields of the dataclasses

        @property
        def record(self) -> Record: ...  # noqa: D102
        @property
        def dataset(self) -> Path: ...  # noqa: D102

    @property
    def result(self) -> Path:
        """The new performances, and the tables with their rows."""
        return self.folder / "piece"

    @property
    def renditions(self) -> int:
        """How many performances are to be made."""
        raise NotImplementedError

    def _failed(self, stage: str, reason: str, message: str) -> Record:
        failure = {"status": "failed", "stage": stage, "reason": reason}
        return Record(
            {**self.record.row, **failure, "message": rows.one_line(message, self.folder)}
        )


@dataclass(frozen=True, slots=True)
class Addition(Extension):
    """The performances to be added to one piece of a dataset.

    Attributes:
        record: the record of the piece as it is.
        dataset: the dataset folder, absolute.
        folder: a folder for the work, which does not exist yet; the new files go to `result` in it.
        performances: the performances that the piece lacks, or whose audio it lacks.
        keep_audio: whether to keep audio.
    """

    record: Record
    dataset: Path
    folder: Path
    performances: tuple[PerformanceSpec, ...]
    keep_audio: bool

    @property
    def renditions(self) -> int:
        """How many performances are to be made."""
        return len(self.performances)


def add_performances(task: Addition) -> Outcome:
    """Perform a piece from its written music, and write the new files and tables.

    On success `task.result` is whole and written through to the disk; the outcome has the record
    that the piece is to have.
    """
    outcome = Outcome()
    with attempt(task, outcome):
        piece, result = task.record.piece, task.result
        with outcome.timed("perform"):
            music = read_music(task.dataset / PIECES_FOLDER / piece)
            result.mkdir(parents=True)
            performances = []
            for spec in task.performances:
                folder = result / PERFORMANCES_FOLDER / spec.name
                folder.mkdir(parents=True)
                performances.append(
                    perform.perform(music, spec, folder, keep_audio=task.keep_audio)
                )
            _check_same(task, performances)
        with outcome.timed("write"):
            replaced = {spec.name for spec in task.performances}
            unchanged = performed(task.record) - replaced
            tables = {
                EVENTS: rows.event_rows(piece, music, performances),
                PERFORMANCES: (rows.performance_row(piece, p) for p in performances),
            }
            outcome.record = extended(task, unchanged, tables, len(performances))
            outcome.engine = str(task.record.row["engine"])
    return outcome


def extended(
    task: Extension,
    unchanged: Collection[str],
    tables: Mapping[Table, Iterable[Mapping[str, Any]]],
    added: int,
) -> Record:
    """Write the tables of a piece to which performances are added, and all of the result through to the disk.

    Args:
        task: the work, whose new performances are in `task.result`.
        unchanged: names of the performances that the piece keeps.
        tables: the new rows of its tables.
        added: number of new performances.

    Returns:
        The record that the piece is to have.
    """
    for table, new_rows in tables.items():
        write_part(task.result, table, [*_rows_of(task, table, unchanged), *new_rows])
    new_files = tuple(file_rows(task.record.piece, task.result))
    replaced = {row["file"] for row in new_files}
    old_files = [row for row in task.record.files if row["file"] not in replaced]
    files = sorted([*old_files, *new_files], key=lambda row: str(row["file"]).split("/"))
    sync_tree(task.result)
    return Record({**task.record.row, "performances": len(unchanged) + added}, tuple(files))


def _rows_of(
    task: Extension, table: Table, performances: Iterable[str]
) -> Iterable[Mapping[str, Any]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    part = read_part(task.dataset, task.record.piece, table)
    rows: list[Mapping[str, Any]] = part.filter(
        pc.is_in(part["performance"], pa.array(sorted(performances), pa.string()))
    ).to_pylist()
    return rows


def _check_same(task: Addition, performances: Iterable[Performance]) -> None:
    """Check that a performance has the same spectrogram as before: else new audio would not belong to it."""
    digests = {str(row["file"]): row["sha256"] for row in task.record.files}
    for performance in performances:
        file = f"{PERFORMANCES_FOLDER}/{performance.spec.name}/spectrogram.npy"
        if digests.get(file, performance.spectrogram_sha256) != performance.spectrogram_sha256:
            raise DatasetError(
                f"{task.record.piece}: {performance.spec.name}, performed again, differs from before (perhaps by "
                "another FluidSynth library): build into another folder with --out"
            )
