"""A folder that gets its name once all that it is to hold is written.

It is made beside its place, under a name that begins with a dot and ends in `.unfinished`, and renamed at the
end. What a killed export has left there is removed by the next one.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msmdtools.base.files import explained, put, sync_tree
from msmdtools.base.folders import remove_tree
from msmdtools.base.lock import LOCK, held
from msmdtools.errors import DatasetError


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Give an empty folder to write to, which becomes `out` at the end, or is removed after an error.

    Args:
        out: the folder; it must be new or empty.

    Yields:
        The folder to write to, on the same disk.

    Raises:
        DatasetError: `out` is a file or holds something, another process is writing it, it cannot be written, or
            the disk is full.
    """
    check_new(out)
    unfinished = out.absolute().with_name(f".{out.absolute().name}.unfinished")
    try:
        unfinished.mkdir(parents=True, exist_ok=True)
        with held(unfinished, "export"):
            for name in [path for path in unfinished.iterdir() if path.name != LOCK]:
                remove_tree(name)
            try:
                yield unfinished
                (unfinished / LOCK).unlink()
                sync_tree(unfinished)
                put(unfinished, out.absolute())
            finally:
                remove_tree(unfinished)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DatasetError(
                f"No space is left on the disk of {out}, and nothing was written there: "
                "free some space and run the same command again."
            ) from error
        raise explained(error, out, "files") from error


def check_new(out: Path) -> None:
    """Make sure that a folder is new or empty.

    Raises:
        DatasetError: it is a file, or holds something.
    """
    if out.is_dir():
        if there := sorted(path.name for path in out.iterdir()):
            raise DatasetError(
                f"{out} is not empty (it has {there[0]}): give a new or empty folder with --out"
            )
    elif out.exists():
        raise DatasetError(f"{out} is a file: give a new or empty folder with --out")
