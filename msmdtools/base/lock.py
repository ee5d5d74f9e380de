"""One process at a time in a folder: its lock, and the place inside for unfinished files."""

import contextlib
import fcntl
import logging
import os
import re
import tempfile
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO

from msmdtools.base.folders import remove_tree
from msmdtools.errors import DatasetError, MsmdError

LOCK = ".lock"
WORK = ".work"

# How often to look whether a lock is free, in seconds.
_PAUSE_S = 0.1
_log = logging.getLogger(__name__)


@contextlib.contextmanager
def locked(
    folder: Path,
    marks: Collection[str],
    what: str,
    by: str,
    unfinished: str = r"(?!)",
) -> Iterator[Path]:
    """Lock a folder, which is created if needed, and make an empty folder for unfinished work inside it.

    Args:
        folder: the folder.
        marks: names of files; a folder of the right kind has at least one of them, unless it is new.
        what: the noun of such a folder, with its article, for messages.
        by: the noun of the work that is done in it, for messages.
        unfinished: a pattern of names that may exist without any of `marks` after the very first run
            was stopped. Our lock shows that it was a run of ours.

    Yields:
        The empty folder, which is removed at the end.

    Raises:
        DatasetError: another process holds the lock, or the folder is something else.
    """
    folder.mkdir(parents=True, exist_ok=True)
    foreign = [path.name for path in folder.iterdir() if path.name not in {LOCK, WORK}]
    if (folder / LOCK).is_file():
        foreign = [name for name in foreign if not re.fullmatch(unfinished, name)]
    if foreign and not any((folder / mark).exists() for mark in marks):
        raise DatasetError(
            f"{folder} is not {what}, and not empty (it has {min(foreign)}): "
            "give a new or empty folder with --out"
        )
    with held(folder, by):
        work = folder / WORK
        remove_tree(work)  # the remains of a killed build
        work.mkdir(exist_ok=True)
        try:
            # A new name each time: a worker of a killed build may still write to the old one.
            yield Path(tempfile.mkdtemp(dir=work))
        finally:
            remove_tree(work)


@contextlib.contextmanager
def held(
    folder: Path, by: str, *, name: str = LOCK, inherited: bool = False, patience_s: float = 0.0
) -> Iterator[bool]:
    """Hold the lock of an existing folder.

    The lock is the kernel's: it ends with its process, however that ended, or with the last of those that inherit
    it. While it is held, its file has the number of the process.

    Args:
        folder: the folder.
        by: the noun of the work that is done in it, for messages.
        name: of the file, in the folder.
        inherited: whether programs that are started meanwhile, with `close_fds=False`, hold the lock, too.
        patience_s: how long to wait, in seconds, for programs of a process that was killed.

    Yields:
        Whether the process that held it last was killed: it has left its number.

    Raises:
        DatasetError: another process holds it, or programs that a killed one has started.
    """
    with open(folder / name, "a+", encoding="utf-8") as lock:
        _take(lock, folder, by, patience_s)
        os.set_inheritable(lock.fileno(), inherited)
        lock.seek(0)
        killed = bool(lock.read())
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        try:
            yield killed
        except MsmdError:  # what was started has ended by itself
            lock.truncate(0)
            raise
        lock.truncate(0)


def _take(lock: IO[str], folder: Path, by: str, patience_s: float) -> None:
    """Take a lock; if its process was killed and left programs at work, wait until these have ended."""
    for turn in range(int(patience_s / _PAUSE_S) + 1):
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip()
        if not (patience_s and holder.isdigit() and not _runs(int(holder))):
            break
        if turn == 0:
            _log.info("waiting for what a %s that was killed has started", by)
        time.sleep(_PAUSE_S)
    else:
        raise DatasetError(
            f"{folder}: what a {by} that was killed has started is still at work there: stop it, and try again"
        )
    raise DatasetError(
        f"{folder} is in use by another {by} (process {holder or 'unknown'}): "
        "wait until it has finished, or stop it"
    )


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True
