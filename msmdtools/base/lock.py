"""One process at a time in a folder: its lock, and the place inside for unfinished files."""

import contextlib
import fcntl
import os
import re
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

from msmdtools.base.folders import remove_tree
from msmdtools.errors import DatasetError

LOCK = ".lock"
WORK = ".work"


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
def held(folder: Path, by: str) -> Iterator[None]:
    """Hold the lock of an existing folder.

    The lock is the kernel's: it ends with its process, however that ended.

    Raises:
        DatasetError: another process holds it.
    """
    with open(folder / LOCK, "a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise DatasetError(
                f"{folder} is in use by another {by} (process {holder}): "
                "wait until it has finished, or stop it"
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield
