"""Schedule the pieces of a build on worker processes, and handle workers that are killed or stuck.

Sources are upgraded in batches, as most of convert-ly's time is its start; the pieces of
a batch follow as soon as it is done. Long pieces come first, so that none is left for the end.
"""

import itertools
import signal
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from msmdtools.base.folders import remove_tree
from msmdtools.base.pool import Call, Pool, Raised, Returned
from msmdtools.build import performing, worker
from msmdtools.build.performing import Addition, Extension
from msmdtools.build.rows import failed_row
from msmdtools.build.task import Outcome, Settings, Task
from msmdtools.build.worker import DiskFull
from msmdtools.dataset.records import Record
from msmdtools.errors import MsmdError
from msmdtools.piece import LILYPOND, Piece
from msmdtools.sources.manifest import source_files

BATCH = 32

# Time for all but engraving, in seconds, before a worker counts as stuck.
GRACE_S = 120.0
PERFORMANCE_S = 60.0
CONVERT_S = 20.0

# One death may be an accident of the machine; a second one on the same piece is the piece's.
ATTEMPTS = 2


W = TypeVar("W", bound=Extension)


class Steps(NamedTuple):
    """The functions that workers call, by names that can be pickled.

    Attributes:
        prepare: copies and upgrades the sources of a batch.
        make_piece: makes one piece.
        add: adds performances to one piece.
    """

    prepare: Callable[[Sequence[Task]], list[Outcome]] = worker.prepare
    make_piece: Callable[[tuple[Task, Outcome]], Outcome] = worker.make_piece
    add: Callable[[Addition], Outcome] = performing.add_performances


def make_pieces(
    pieces: Sequence[Piece], settings: Settings, work: Path, workers: int, steps: Steps
) -> Generator[tuple[Task, Outcome]]:
    """Make pieces, and give each with its outcome when it is finished, whether it succeeded or failed.

    Args:
        pieces: the pieces.
        settings: the settings of the build.
        work: an empty folder; a task's folder in it is removed when the next outcome is taken.
        workers: number of worker processes.
        steps: the functions that they call.

    Yields:
        The task and the outcome of each piece.

    Raises:
        MsmdError, DiskFull: a problem that concerns all pieces.
    """
    numbers = itertools.count(1)
    attempts: Counter[str] = Counter()
    queue = deque(sorted(pieces, key=lambda p: (-source_bytes(p, settings.root), p.piece)))
    size = max(1, min(BATCH, -(-len(queue) // workers)))
    with Pool(workers) as pool:

        def prepare(batch: Sequence[Piece]) -> None:
            tasks = [Task(piece, work / str(next(numbers)), settings) for piece in batch]
            pool.submit(Call(steps.prepare, tasks, GRACE_S + CONVERT_S * len(tasks)))

        def retry(
            tasks: Sequence[Task], reason: str, message: str
        ) -> Iterator[tuple[Task, Outcome]]:
            for task in tasks:
                # In a batch the culprit is not known: each goes on alone, and none is blamed.
                if len(tasks) == 1:
                    attempts[task.piece.piece] += 1
                if attempts[task.piece.piece] < ATTEMPTS and reason != "worker-timeout":
                    prepare([task.piece])
                else:
                    row = failed_row(task.piece, "worker", reason, message)
                    yield task, Outcome(Record(row), stage="worker")
                remove_tree(task.folder)

        def refill() -> None:
            while queue and pool.waiting < workers:
                prepare([queue.popleft() for _ in range(min(size, len(queue)))])

        refill()
        for result in pool.results():
            call = result.call
            batch = call.function is steps.prepare
            tasks = call.argument if batch else [call.argument[0]]
            if isinstance(result, Returned):
                outcomes = result.value if batch else [result.value]
                for task, outcome in zip(tasks, outcomes, strict=True):
                    if outcome.record is None:
                        pool.submit(
                            Call(steps.make_piece, (task, outcome), _limit(settings, task.piece))
                        )
                    else:
                        yield task, outcome
                        remove_tree(task.folder)
            elif isinstance(result, Raised):
                if isinstance(result.error, MsmdError | DiskFull):
                    raise result.error
                yield from retry(tasks, "internal-error", str(result.error))
            elif result.exitcode == -signal.SIGALRM and not batch:
                message = f"Verovio was stopped after {settings.limits.timeout_s:g} s"
                yield tasks[0], Outcome(tasks[0].failure("engrave", "timeout", message))
                remove_tree(tasks[0].folder)
            elif result.timed_out and len(tasks) == 1:
                yield from retry(tasks, "worker-timeout", "the worker was stuck and was stopped")
            else:
                yield from retry(tasks, "worker-killed", "the worker was killed, twice")
            refill()


def add_performances(
    additions: Sequence[W], workers: int, add: Callable[[W], Outcome]
) -> Generator[tuple[W, Outcome]]:
    """Add performances to pieces, and give each with its outcome when it is finished.

    Args:
        additions: the pieces with the performances to add.
        workers: number of worker processes.
        add: the function that they call.

    Yields:
        The addition and the outcome of each piece.

    Raises:
        MsmdError, DiskFull: a problem that concerns all pieces.
    """
    attempts: Counter[str] = Counter()
    with Pool(workers) as pool:

        def submit(task: W) -> None:
            limit = GRACE_S + PERFORMANCE_S * task.renditions
            pool.submit(Call(add, task, limit))

        for task in sorted(additions, key=lambda a: (-a.record.row["events"], a.record.piece)):
            submit(task)
        for result in pool.results():
            task = result.call.argument
            attempts[task.record.piece] += 1
            if isinstance(result, Returned):
                yield task, result.value
            elif isinstance(result, Raised):
                raise result.error
            elif result.timed_out or attempts[task.record.piece] == ATTEMPTS:
                code, state = (
                    ("timeout", "stuck") if result.timed_out else ("killed", "killed, twice")
                )
                record = task.failure("worker", f"worker-{code}", f"the worker was {state}")
                yield task, Outcome(record, stage="worker")
            else:
                submit(task)
            remove_tree(task.folder)


def source_bytes(piece: Piece, root: Path) -> int:
    """The size of a piece's sources, which tells roughly how long it takes; missing files are 0."""
    total = 0
    for file in source_files(piece, root):
        try:
            total += (root / file).stat().st_size
        except OSError:
            continue
    return total


def _limit(settings: Settings, piece: Piece) -> float:
    """Seconds after which a worker counts as stuck on a piece, which LilyPond may try with each engine."""
    tries = len(settings.engines) if piece.format == LILYPOND else 1
    engraving = settings.limits.timeout_s * tries
    return engraving + GRACE_S + PERFORMANCE_S * len(settings.performances)
