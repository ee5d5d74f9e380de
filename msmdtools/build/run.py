"""Run a build: workers make pieces or add to them, and each is put in its place when it is finished."""

import logging
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msmdtools.base.progress import Progress
from msmdtools.build import schedule, store
from msmdtools.build.performing import Addition
from msmdtools.build.task import Outcome, Settings
from msmdtools.dataset.records import Record
from msmdtools.performance import PerformanceSpec
from msmdtools.piece import Piece

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class BuildRun:
    """The work in a dataset folder, and how much of it is done.

    Attributes:
        out: the dataset folder.
        work: an empty folder in it.
        workers: the largest number of worker processes.
        total: number of pieces to make or add to.
        progress: called with the number of pieces done, and how many have failed.
        steps: the functions that the workers call.
        done: number of pieces done so far.
        failed: number of these that failed.
        lacking: "piece: reason" for each piece that an addition failed for.
    """

    out: Path
    work: Path
    workers: int
    total: int
    progress: Progress
    steps: schedule.Steps
    done: int = 0
    failed: int = 0
    lacking: list[str] = field(default_factory=list)

    def make(self, pieces: Sequence[Piece], settings: Settings) -> None:
        """Make each piece; one that fails leaves a row with the reason."""
        if not pieces:
            return
        workers = min(self.workers, len(pieces))
        outcomes = schedule.make_pieces(pieces, settings, self.work.absolute(), workers, self.steps)
        self._report()
        with closing(outcomes):  # whatever happens here, the workers are stopped before we go on
            for task, outcome in outcomes:
                record = outcome.record
                assert record is not None
                if record.ok:
                    store.commit(self.out, record.piece, task.result)
                else:
                    store.commit_failure(self.out, record, self.work)
                self._count(record, outcome)

    def add(
        self, additions: Sequence[tuple[Record, tuple[PerformanceSpec, ...]]], keep_audio: bool
    ) -> None:
        """Add to pieces the performances, or audio, that they lack; a piece that fails stays as it is."""
        if not additions:
            return
        dataset, work = self.out.absolute(), self.work.absolute()
        tasks = [
            Addition(record, dataset, work / f"added-{number}", specs, keep_audio)
            for number, (record, specs) in enumerate(additions)
        ]
        outcomes = schedule.add_performances(tasks, min(self.workers, len(tasks)), self.steps.add)
        self._report()
        with closing(outcomes):
            for task, outcome in outcomes:
                record = outcome.record
                assert record is not None
                if record.ok:
                    store.extend(self.out, record, task.result, self.work)
                else:
                    self.lacking.append(f"{record.piece}: {record.row['message']}")
                self._count(record, outcome)

    def _count(self, record: Record, outcome: Outcome) -> None:
        store.append_log(self.out, _log_entry(record, outcome))
        _log.info("%s: %s", record.piece, _short_text(record, outcome))
        self.done += 1
        self.failed += not record.ok
        self._report()

    def _report(self) -> None:
        note = f"{self.failed:,} failed" if self.failed else ""
        self.progress("pieces", self.done, self.total, note)


def _short_text(record: Record, outcome: Outcome) -> str:
    if record.ok:
        return f"ok, {sum(outcome.seconds.values()):.1f} s"
    return f"failed, {record.row['stage']}, {record.row['reason']}: {record.row['message']}"


def _log_entry(record: Record, outcome: Outcome) -> dict[str, Any]:
    row = record.row
    return {
        "piece": record.piece,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "status": row["status"],
        "stage": row["stage"],
        "reason": row["reason"],
        "engine": outcome.engine,
        "seconds": {stage: round(seconds, 3) for stage, seconds in outcome.seconds.items()},
        "cpu_s": round(outcome.cpu_s, 3),
        "worker_memory_bytes": outcome.memory_bytes,
        "warnings": outcome.warnings,
        "log": "" if record.ok else outcome.log,
    }
