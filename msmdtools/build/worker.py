"""The work of a worker process: upgrade a batch of sources, and make one piece.

Both functions return an error with a piece instead of raising it, so that no piece stops the others. They
raise only errors that concern all pieces: a full disk, a tool that has vanished.
"""

import errno
import os
import resource
import shutil
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msmdtools import engrave, perform
from msmdtools.base.files import file_sha256, sync_tree
from msmdtools.build import rows
from msmdtools.build.engraving import score_of
from msmdtools.build.parts import write_part
from msmdtools.build.task import Outcome, Task, Work
from msmdtools.build.upgrade import (
    Copy,
    Upgrade,
    finish_copy,
    name_versions,
    read_copy,
)
from msmdtools.dataset.music_file import MUSIC_FILE, to_bytes
from msmdtools.dataset.records import Record
from msmdtools.dataset.tables import PDF, PDF_SUM, PIECE_FILE
from msmdtools.errors import MsmdError, PieceError
from msmdtools.performance import EVENTS, PERFORMANCES, Performance
from msmdtools.piece import LILYPOND, Piece
from msmdtools.score import MEASURES, NOTEHEADS, PARTS, SYSTEMS, Score
from msmdtools.sources import manifest as sources

# With less than this free when a piece fails, the full disk is to blame, not the piece.
FULL_DISK_BYTES = 1 << 20


class DiskFull(OSError):
    """No space is left on the disk; the failure is not the piece's fault."""


def prepare(tasks: Sequence[Task]) -> list[Outcome]:
    """Copy the sources of each task, and upgrade LilyPond's to its version, with one call for all.

    Returns:
        One outcome for each task; without a record when the piece can now be made.
    """
    outcomes = [Outcome() for _ in tasks]
    owner: dict[Path, Outcome] = {}
    copies: list[tuple[Task, Outcome, Copy]] = []
    for task, outcome in zip(tasks, outcomes, strict=True):
        with attempt(task, outcome), outcome.timed("source"):
            sources.check_source(task.piece, task.settings.root)
            task.source.mkdir(parents=True)
            sources.copy_sources(task.piece, task.settings.root, task.source)
            if task.piece.format != LILYPOND:
                continue
            copy = read_copy(task.source, task.piece)
            if task.settings.upgrade:
                name_versions(copy)
                copies.append((task, outcome, copy))
                owner |= dict.fromkeys(copy.lilypond_files, outcome)
    if owner:
        start, cpu = time.perf_counter(), _cpu_s()
        messages = engrave.convert(list(owner), tasks[0].settings.engines[0])
        share = len(owner)
        for path, outcome in owner.items():
            outcome.seconds["convert"] = (
                outcome.seconds.get("convert", 0.0) + (time.perf_counter() - start) / share
            )
            outcome.cpu_s += (_cpu_s() - cpu) / share
            if messages.get(path):
                outcome.warnings.append(f"convert-ly: {messages[path]}")
    for task, outcome, copy in copies:
        with attempt(task, outcome), outcome.timed("correct"):
            outcome.upgrade = finish_copy(copy)
    return outcomes


def make_piece(argument: tuple[Task, Outcome]) -> Outcome:
    """Engrave, match and perform one piece whose source is prepared, and write its folder.

    On success `task.result` is whole and written through to the disk, ready to be moved.
    """
    task, outcome = argument
    with attempt(task, outcome):
        settings, piece = task.settings, task.piece
        score, difference = score_of(task, outcome)
        result = task.result
        result.mkdir()
        with outcome.timed("perform"):
            performances = []
            for spec in settings.performances:
                folder = result / "performances" / spec.name
                folder.mkdir(parents=True)
                performances.append(
                    perform.perform(score.music, spec, folder, keep_audio=settings.keep_audio)
                )
        with outcome.timed("write"):
            upgrade = (outcome.upgrade, difference)
            outcome.record = write_piece(piece, score, performances, upgrade, result)
    return outcome


def write_piece(
    piece: Piece,
    score: Score,
    performances: list[Performance],
    upgrade: tuple[Upgrade, str],
    result: Path,
) -> Record:
    """Write what a piece's folder holds beside its performances, through to the disk.

    Args:
        piece: the piece.
        score: its score; the files of its pages and its PDF are moved.
        performances: its performances, whose files are in `result / "performances"`.
        upgrade: the changes that were made in its source, and what they changed in the music.
        result: the folder.

    Returns:
        Its record.
    """
    for number, page in enumerate(score.pages, start=1):
        shutil.move(page, result / f"page-{number:02d}.png")
    shutil.move(score.pdf, result / PDF)
    # Beside it and not in the tables: equal runs write different PDF files, and equal tables.
    digest = file_sha256(result / PDF)
    (result / PDF_SUM).write_text(f"{digest}  {PDF}\n", encoding="ascii")
    write_part(result, SYSTEMS, rows.system_rows(piece.piece, score))
    write_part(result, MEASURES, rows.measure_rows(piece.piece, score))
    write_part(result, PARTS, rows.part_rows(piece.piece, score.music))
    write_part(result, NOTEHEADS, rows.notehead_rows(piece.piece, score))
    write_part(result, EVENTS, rows.event_rows(piece.piece, score.music, performances))
    write_part(result, PERFORMANCES, (rows.performance_row(piece.piece, p) for p in performances))
    (result / MUSIC_FILE).write_bytes(to_bytes(score.music))
    record = Record(
        rows.ok_row(piece, score, len(performances), *upgrade),
        tuple(file_rows(piece.piece, result)),
    )
    (result / PIECE_FILE).write_bytes(record.to_bytes())
    sync_tree(result)
    return record


def file_rows(piece: str, folder: Path) -> Iterator[dict[str, Any]]:
    """The rows of the files table for the files in a piece's folder, sorted."""
    performed = (folder / "performances").rglob("*")
    music = [path for path in (folder / MUSIC_FILE,) if path.is_file()]
    pages = folder.glob("page-*.png")
    for path in sorted([*music, *pages, *(p for p in performed if p.is_file())]):
        yield {
            "piece": piece,
            "file": path.relative_to(folder).as_posix(),
            "bytes": path.stat().st_size,
            "sha256": file_sha256(path),
        }


@contextmanager
def attempt(task: Work, outcome: Outcome) -> Iterator[None]:
    """Turn an error with this piece into its record; raise an error that concerns all pieces."""
    start = _cpu_s()
    try:
        yield
    except PieceError as error:
        _raise_if_disk_full(error, task)
        outcome.keep_log(error.log)
        outcome.record = task.failure(error.stage, error.reason, str(error))
    except MsmdError:
        raise
    except Exception as error:  # a fault of ours must not cost more than this piece
        _raise_if_disk_full(error, task)
        outcome.log = traceback.format_exc()
        message = f"{type(error).__name__}: {error}"
        reason = "out-of-memory" if isinstance(error, MemoryError) else "internal-error"
        outcome.record = task.failure(outcome.stage, reason, message)
    finally:
        outcome.cpu_s += _cpu_s() - start
        outcome.memory_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _raise_if_disk_full(error: BaseException, task: Work) -> None:
    """Raise `DiskFull` if the disk is full, which a program that was run may not have reported."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DiskFull(cause.errno, os.strerror(cause.errno)) from error
        cause = cause.__cause__ or cause.__context__
    free = shutil.disk_usage(task.folder.parent).free
    if free < FULL_DISK_BYTES:
        raise DiskFull(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error


def _cpu_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
