"""Write files so that they get their final name only when they are whole, and survive a loss of power."""

import errno
import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msmdtools.base.damage import where, why
from msmdtools.errors import DatasetError

# Names that `replacing` gives to unfinished files: .NAME.PROCESS.tmp, and the ending of the name.
_TEMPORARY = re.compile(r"\..+\.\d+\.tmp(\.[^.]*)?")


def write_atomically(
    path: Path, content: bytes, work: Path | None = None, *, durable: bool = False
) -> str:
    """Replace a file: at every moment it has all of its old content or all of the new.

    Args:
        path: the file.
        content: its new content.
        work, durable: as for `replacing`.

    Returns:
        The content's sha256, in hexadecimal digits.
    """
    with replacing(path, work, durable=durable) as temporary:
        temporary.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


@contextmanager
def replacing(path: Path, work: Path | None = None, *, durable: bool = False) -> Iterator[Path]:
    """Give a name to write to: the file becomes `path` at the end, and is removed after an error.

    Args:
        path: the final name; an existing file is replaced.
        work: a folder on the same disk for the unfinished file; None for the folder of `path`.
        durable: write the file, and its name, through to the disk.

    Yields:
        The name to write to.
    """
    # Its suffix stays, since libraries choose a format by it.
    temporary = (work or path.parent) / f".{path.stem}.{os.getpid()}.tmp{path.suffix}"
    try:
        yield temporary
        if durable:
            sync_file(temporary)
            put(temporary, path)
        else:
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def put(finished: Path, path: Path) -> None:
    """Give a file or folder its name, once it is whole and written through to the disk.

    It replaces a file of that name. Whatever stops the program, `path` is the old file or the new one.

    Args:
        finished: the file or folder, on the same disk.
        path: its name; for a folder it must not exist.
    """
    os.replace(finished, path)
    sync_folder(path.parent)


def is_temporary(name: str) -> bool:
    """Whether a name is one of an unfinished file of `replacing`, which a killed process left behind."""
    return _TEMPORARY.fullmatch(name) is not None


def remove_temporaries(*folders: Path) -> None:
    """Remove unfinished files of killed processes from folders; no other process may be writing there."""
    for folder in folders:
        for path in folder.iterdir() if folder.is_dir() else ():
            if is_temporary(path.name):
                path.unlink(missing_ok=True)


def file_sha256(path: Path) -> str:
    """The sha256 of a file's content, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_tree(folder: Path) -> None:
    """Write a folder and everything in it through to the disk."""
    for parent, _, names in os.walk(folder):
        for name in names:
            sync_file(Path(parent, name))
        sync_folder(Path(parent))


def sync_file(path: Path) -> None:
    """Write a file's content through to the disk."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Write a folder's list of names through to the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def json_bytes(value: object) -> bytes:
    """`value` as readable JSON, the same bytes for the same value."""
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def explained(error: OSError, out: Path, finished: str) -> Exception:
    """Translate an error of the operating system into one that tells users what to do.

    Args:
        error: the error.
        out: the folder that was written to.
        finished: the noun of the finished parts in `out`, such as "pieces".

    Returns:
        The translated error; the error itself if the user cannot do anything about it.
    """
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DatasetError(
            f"No space is left on the disk of {out}. The finished {finished} are safe: "
            "free some space and run the same command again."
        )
    if error.errno == errno.EISDIR:
        return DatasetError(
            f"{where(error) or out} is a folder, and a file is to be written there: "
            "remove or rename the folder and run the same command again"
        )
    if error.errno == errno.EEXIST:
        return DatasetError(f"{where(error) or out} is a file: give a folder with --out")
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR}:
        return DatasetError(
            f"{out} cannot be written to ({where(error) or out}: {why(error)}). "
            "Give a folder that you may write to with --out."
        )
    return error
