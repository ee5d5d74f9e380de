"""What a worker process does to a piece that is there: perform it again from its written music."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msmdtools import perform
from msmdtools.base.files import sync_tree
from msmdtools.base.table import Table
from msmdtools.build import rows
from msmdtools.build.growth import PERFORMANCES_FOLDER, performed
from msmdtools.build.parts import read_part, write_part
from msmdtools.build.worker import Outcome, attempt, file_rows, stage
from msmdtools.dataset.records import PIECES_FOLDER, Record
from msmdtools.dataset.written import read_music
from msmdtools.errors import DatasetError
from msmdtools.performance import EVENTS, PERFORMANCES, Performance, PerformanceSpec


@dataclass(frozen=True, slots=True)
class Addition:
    """What one piece of a dataset is to get.

    Attributes:
        record: the piece as it is.
        dataset: the dataset folder, absolute.
        folder: does not exist yet; then `result` in it has what is to be moved to the piece.
        performances: those that it lacks, or of which it lacks the audio.
    """

    record: Record
    dataset: Path
    folder: Path
    performances: tuple[PerformanceSpec, ...]
    keep_audio: bool

    @property
    def result(self) -> Path:
        """The new performances, and the tables with their rows."""
        return self.folder / "piece"

    def failure(self, stage: str, reason: str, message: str) -> Record:
        """A record that says what went wrong; the piece keeps the one that it has."""
        found = {"status": "failed", "stage": stage, "reason": reason}
        return Record({**self.record.row, **found, "message": rows.one_line(message, self.folder)})


def add_performances(task: Addition) -> Outcome:
    """Perform a piece from its written music, and write what is new of it.

    On success `task.result` is whole and written through to the disk; the outcome has the record
    that the piece is to have.
    """
    outcome = Outcome()
    with attempt(task, outcome):
        piece, result = task.record.piece, task.result
        with stage(outcome, "perform"):
            music = read_music(task.dataset / PIECES_FOLDER / piece)
            result.mkdir(parents=True)
            made = []
            for spec in task.performances:
                folder = result / PERFORMANCES_FOLDER / spec.name
                folder.mkdir(parents=True)
                made.append(perform.perform(music, spec, folder, keep_audio=task.keep_audio))
            _check_same(task, made)
        with stage(outcome, "write"):
            replaced = {spec.name for spec in task.performances}
            kept = performed(task.record) - replaced
            for table, new in (
                (EVENTS, rows.event_rows(piece, music, made)),
                (PERFORMANCES, (rows.performance_row(piece, p) for p in made)),
            ):
                write_part(result, table, [*_rows_of(task, table, kept), *new])
            outcome.engine = str(task.record.row["engine"])
            outcome.record = _grown(task, len(kept) + len(made))
            sync_tree(result)
    return outcome


def _rows_of(task: Addition, table: Table, kept: Iterable[str]) -> Iterable[Mapping[str, Any]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    part = read_part(task.dataset, task.record.piece, table)
    rows: list[Mapping[str, Any]] = part.filter(
        pc.is_in(part["performance"], pa.array(sorted(kept), pa.string()))
    ).to_pylist()
    return rows


def _grown(task: Addition, performances: int) -> Record:
    new = tuple(file_rows(task.record.piece, task.result))
    replaced = {row["file"] for row in new}
    old = [row for row in task.record.files if row["file"] not in replaced]
    files = sorted([*old, *new], key=lambda row: str(row["file"]).split("/"))
    return Record({**task.record.row, "performances": performances}, tuple(files))


def _check_same(task: Addition, made: Iterable[Performance]) -> None:
    """Audio belongs to the spectrogram that is there only if both are made alike."""
    there = {str(row["file"]): row["sha256"] for row in task.record.files}
    for performance in made:
        file = f"{PERFORMANCES_FOLDER}/{performance.spec.name}/spectrogram.npy"
        if there.get(file, performance.spectrogram_sha256) != performance.spectrogram_sha256:
            raise DatasetError(
                f"{task.record.piece}: {performance.spec.name} performed again is not what it was "
                "(another FluidSynth library?): build into another folder"
            )
