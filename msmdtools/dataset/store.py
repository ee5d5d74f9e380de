"""The dataset folder on disk: its lock, its description, and how a finished piece gets into it.

The state of a build is its finished pieces, nothing else. A piece is made in `.work`, written
through to the disk, and moved to `pieces/` by one rename, together with its rows of every table; a
failed one leaves its row in `failed/`. Whatever kills a build, each piece is there as a whole or
not at all. The tables at the top are made from those rows when all pieces are done (see
`msmdtools.dataset.parts`).
"""

import contextlib
import errno
import fcntl
import json
import os
import re
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msmdtools import seal
from msmdtools.dataset.tables import BUILD_LOG, DESCRIPTION, PIECE_FILE
from msmdtools.engrave.folders import remove_tree
from msmdtools.errors import DatasetError

LOCK = ".lock"
WORK = ".work"
PIECES_FOLDER = "pieces"
FAILED_FOLDER = "failed"


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of one attempted piece: its rows of the pieces and of the files table."""

    row: Mapping[str, Any]
    files: tuple[Mapping[str, Any], ...] = ()

    @property
    def piece(self) -> str:
        """The piece id."""
        return str(self.row["piece"])

    @property
    def ok(self) -> bool:
        """Whether the piece was built."""
        return bool(self.row["status"] == "ok")

    def to_json(self) -> bytes:
        """The record as the content of its file."""
        return to_json(seal.sealed({"row": self.row, "files": self.files}))


def to_json(value: object) -> bytes:
    """`value` as readable JSON, the same bytes for the same value."""
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def explained(error: OSError, out: Path, finished: str) -> Exception:
    """The error as something that the user can mend; unchanged where the program is at fault.

    Args:
        finished: what is safe in `out`, such as "pieces".
    """
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DatasetError(
            f"No space is left on the disk of {out}. The finished {finished} are safe: "
            "free some space and give the same command again."
        )
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST}:
        return DatasetError(
            f"{out} cannot be written to ({error.filename or out}: {error.strerror}). "
            "Give a folder that you may write to with --out."
        )
    return error


@contextlib.contextmanager
def locked(
    dataset: Path,
    marks: Collection[str] = (DESCRIPTION,),
    what: str = "a dataset",
    by: str = "build",
    unfinished: str = r"(?!)",
) -> Iterator[Path]:
    """Make the folder if need be, hold its lock, and give an empty folder for work inside it.

    Args:
        marks: names of which the folder has one unless it is new.
        what: what such a folder is called.
        by: what is done to it.
        unfinished: a pattern of the names that may be there, without any of `marks`, after the
            very first run was stopped. Our lock shows that it was a run of ours.

    Raises:
        DatasetError: another process holds the lock, or the folder is something else.
    """
    dataset.mkdir(parents=True, exist_ok=True)
    foreign = [path.name for path in dataset.iterdir() if path.name not in {LOCK, WORK}]
    if (dataset / LOCK).is_file():
        foreign = [name for name in foreign if not re.fullmatch(unfinished, name)]
    if foreign and not any((dataset / mark).exists() for mark in marks):
        raise DatasetError(
            f"{dataset} is not {what}, and not empty (it has {min(foreign)}): "
            "give a new or empty folder with --out"
        )
    with held(dataset, by):
        work = dataset / WORK
        remove_tree(work)  # what a killed build has left
        work.mkdir(exist_ok=True)
        try:
            # A name of its own: a worker of a killed build may still be writing for a moment.
            yield Path(tempfile.mkdtemp(dir=work))
        finally:
            remove_tree(work)


@contextlib.contextmanager
def held(folder: Path, by: str) -> Iterator[None]:
    """Hold the lock of a folder that is there.

    The lock is the kernel's: it is gone when its process is, however that ended.

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


def read_description(dataset: Path) -> dict[str, Any] | None:
    """The content of dataset.json, or None when there is no such file.

    Raises:
        DatasetError: it is damaged.
    """
    path = dataset / DESCRIPTION
    try:
        return seal.opened(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise _damaged(path, "remove the folder and build again") from error


def write_atomically(path: Path, content: bytes, work: Path) -> None:
    """Replace a file: at every moment it has all of its old content or all of the new one.

    The new content is written through to the disk in the folder `work`, so that nothing else than
    `.work` has to be cleaned after a kill.
    """
    new = work / path.name
    with open(new, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
    sync_folder(path.parent)


def records(dataset: Path) -> dict[str, Record]:
    """Every piece attempted so far, in the order of the ids.

    Raises:
        DatasetError: a piece's file is damaged; the message says what to remove.
    """
    found = {}
    for path in (dataset / FAILED_FOLDER).glob("*.json"):
        found[path.stem] = read_record(path, path)
    for folder in (dataset / PIECES_FOLDER).glob(
        "[!.]*"
    ):  # last: a piece that is there did not fail
        found[folder.name] = read_record(folder / PIECE_FILE, folder)
    return dict(sorted(found.items()))


def commit(dataset: Path, piece: str, folder: Path) -> None:
    """Move a finished piece, already written through to the disk, to its place.

    An older version of the piece is moved away first. Killed between the two, the dataset lacks the
    piece, and the next build makes it again.
    """
    pieces = dataset / PIECES_FOLDER
    pieces.mkdir(exist_ok=True)
    replaced = _move_away(pieces / piece, folder.parent)
    os.rename(folder, pieces / piece)
    sync_folder(pieces)
    remove_tree(replaced)
    (dataset / FAILED_FOLDER / f"{piece}.json").unlink(missing_ok=True)


def extend(dataset: Path, record: Record, new: Path, work: Path) -> None:
    """Add to a piece what is in the folder `new`, already written through to the disk.

    Performances are moved as a whole, of those that are there the audio alone; the tables with all
    of their rows take the place of the old ones; the record comes last. Killed between, the piece
    has what its record says, and more that no one asks for.
    """
    piece = dataset / PIECES_FOLDER / record.piece
    listed = {row["file"] for row in read_record(piece / PIECE_FILE, piece).files}
    for folder in sorted((new / "performances").iterdir()):
        place = piece / "performances" / folder.name
        if f"performances/{folder.name}/spectrogram.npy" in listed:
            for file in sorted(folder.iterdir()):
                os.replace(file, place / file.name)
            sync_folder(place)
        else:
            _move_away(place, work)  # what a killed build has left
            os.rename(folder, place)
    sync_folder(piece / "performances")
    for table in sorted((new / "tables").iterdir()):
        os.replace(table, piece / "tables" / table.name)
    sync_folder(piece / "tables")
    rewrite(dataset, record, work)


def commit_failure(dataset: Path, record: Record, work: Path) -> None:
    """Write the row of a failed piece, and then take away an older version of the piece."""
    failed = dataset / FAILED_FOLDER
    failed.mkdir(exist_ok=True)
    write_atomically(failed / f"{record.piece}.json", record.to_json(), work)
    remove_tree(_move_away(dataset / PIECES_FOLDER / record.piece, work))


def rewrite(dataset: Path, record: Record, work: Path) -> None:
    """Replace the record of a piece of which the manifest says something new."""
    if record.ok:
        path = dataset / PIECES_FOLDER / record.piece / PIECE_FILE
    else:
        path = dataset / FAILED_FOLDER / f"{record.piece}.json"
    write_atomically(path, record.to_json(), work)


def mend_log(dataset: Path) -> None:
    """Cut off a last line of the build log that a killed build has not finished."""
    path = dataset / BUILD_LOG
    if path.exists():
        content = path.read_bytes()
        if not content.endswith(b"\n"):
            os.truncate(path, content.rfind(b"\n") + 1)


def append_log(dataset: Path, entry: Mapping[str, Any]) -> None:
    """Add one line to the build log."""
    with open(dataset / BUILD_LOG, "a", encoding="utf-8") as log:
        log.write(json.dumps(entry, ensure_ascii=False) + "\n")


def sync_tree(folder: Path) -> None:
    """Write a folder and all that is in it through to the disk."""
    for parent, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(parent, name), "rb") as file:
                os.fsync(file.fileno())
        sync_folder(Path(parent))


def sync_folder(folder: Path) -> None:
    """Write a folder's list of names through to the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_record(path: Path, remove: Path) -> Record:
    """The record in a file.

    Args:
        remove: what to remove, so that the piece is built again.

    Raises:
        DatasetError: it is missing or damaged.
    """
    try:
        content = seal.opened(path.read_bytes())
        return Record(content["row"], tuple(content["files"]))
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, f"remove {remove} and build again") from error


def _move_away(old: Path, work: Path) -> Path:
    away = Path(tempfile.mkdtemp(dir=work, prefix="replaced-"))
    if old.exists():
        os.rename(old, away / old.name)
    return away


def _damaged(path: Path, cure: str) -> DatasetError:
    return DatasetError(f"{path} is missing or damaged: {cure}")
