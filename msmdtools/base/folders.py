"""Measure and remove folders that an untrusted program has written.

Such a folder may be nested deeper than a path or a recursion allows, have links that lead out of it, and
lack every permission. Nothing here follows a link.
"""

import contextlib
import os
import stat
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Extent:
    """The size of a folder.

    Attributes:
        bytes: of its files.
        entries: number of files, folders and others in it, at any depth.
        depth: levels of folders in it.
    """

    bytes: int
    entries: int
    depth: int


def extent(folder: Path, most_entries: int, most_depth: int) -> Extent:
    """Measure the size of a folder; counting ends as soon as one of the two limits is exceeded.

    Args:
        folder: the folder.
        most_entries: limit of the number of entries.
        most_depth: limit of the levels of folders.

    Returns:
        The size, as far as it was counted.
    """
    size = entries = deepest = 0
    waiting = [(folder, 0)]
    while waiting:
        place, depth = waiting.pop()
        deepest = max(deepest, depth)
        # A file that is being written may vanish meanwhile.
        with contextlib.suppress(OSError), os.scandir(place) as listing:
            for entry in listing:
                entries += 1
                if entries > most_entries or deepest > most_depth:
                    return Extent(size, entries, deepest)
                with contextlib.suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append((Path(entry.path), depth + 1))
                    else:
                        size += entry.stat(follow_symlinks=False).st_size
    return Extent(size, entries, deepest)


def remove_tree(folder: Path) -> bool:
    """Remove a folder with everything in it, as far as possible; a link is removed as a link.

    Folders within its folders are moved up before they are emptied, so that no depth is too much.

    Returns:
        Whether nothing is left.
    """
    with contextlib.suppress(OSError):
        parent = os.open(folder.parent, _DIRECTORY)
        try:
            if not _is_folder(folder.name, parent):
                os.unlink(folder.name, dir_fd=parent)
                return True
            with _opened(folder.name, parent) as top:
                while any([_removed(name, top) for name in os.listdir(top)]):
                    pass
            os.rmdir(folder.name, dir_fd=parent)
        finally:
            os.close(parent)
    return not os.path.lexists(folder)


def _removed(name: str, top: int) -> bool:
    """Remove an entry of the folder `top`, moving its own folders up into `top`. False if that fails."""
    try:
        if not _is_folder(name, top):
            os.unlink(name, dir_fd=top)
            return True
        with _opened(name, top) as inner:
            for child in os.listdir(inner):
                with contextlib.suppress(OSError):
                    if not _is_folder(child, inner):
                        os.unlink(child, dir_fd=inner)
                        continue
                    with _opened(child, inner):  # without permissions of its own it cannot be moved
                        os.rename(child, uuid.uuid4().hex, src_dir_fd=inner, dst_dir_fd=top)
        os.rmdir(name, dir_fd=top)
    except OSError:
        return False
    return True


def _is_folder(name: str, folder: int) -> bool:
    return stat.S_ISDIR(os.lstat(name, dir_fd=folder).st_mode)


@contextlib.contextmanager
def _opened(name: str, folder: int) -> Iterator[int]:
    """A handle of a folder in a folder; if the folder is ours, it gets all permissions first."""
    flags = _DIRECTORY | os.O_NOFOLLOW
    try:
        handle = os.open(name, flags, dir_fd=folder)
    except PermissionError:
        os.chmod(name, stat.S_IRWXU, dir_fd=folder)
        handle = os.open(name, flags, dir_fd=folder)
    try:
        if os.fstat(handle).st_mode & stat.S_IRWXU != stat.S_IRWXU:
            os.fchmod(handle, stat.S_IRWXU)
        yield handle
    finally:
        os.close(handle)
