"""Copy the output files of a program in the sandbox safely: they are untrusted, whatever their names.

The program may leave a link that leads out of its folder, a pipe that never ends, or a folder under any
name that is expected of it, and may go on writing for a moment. So a file is opened once, in its folder and
without following links, must be a regular file that has no other name, and is copied, up to a limit, to a
folder that the program could not write to; only the copy is read.
"""

import errno
import os
import stat
from pathlib import Path

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CHUNK = 1 << 20


class Untrusted(ValueError):
    """An output file is not what its name promises."""


def take_over(name: str, folder: Path, target: Path, most_bytes: int) -> Path:
    """Copy a file that an untrusted program wrote, after checking that it is a regular file.

    Args:
        name: name of the file in `folder`.
        folder: the program's folder.
        target: folder for the copy, which must not hold that name yet.
        most_bytes: largest size.

    Returns:
        The copy.

    Raises:
        Untrusted: it is a link, a folder, a pipe or a socket, has a second name, or is too large.
        FileNotFoundError: there is nothing of that name.
    """
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        source = os.open(name, _FLAGS, dir_fd=place)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise Untrusted(f"{name} is a link, not a file that was written there") from error
        if error.errno == errno.ENXIO:
            raise Untrusted(f"{name} is a socket, not a file that was written there") from error
        raise
    finally:
        os.close(place)
    try:
        _check(name, os.fstat(source), most_bytes)
    except Untrusted:
        os.close(source)
        raise
    with open(source, "rb") as file:
        copy = target / name
        with open(copy, "xb") as copied:
            room = most_bytes
            while chunk := file.read(min(_CHUNK, room + 1)):
                room -= len(chunk)
                if room < 0:
                    raise Untrusted(_too_large(name, most_bytes))
                copied.write(chunk)
    return copy


def _check(name: str, status: os.stat_result, most_bytes: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe or a device"
        raise Untrusted(f"{name} is {kind}, not a file that was written there")
    if status.st_nlink != 1:
        raise Untrusted(f"{name} is a file with several names (hard links)")
    if status.st_size > most_bytes:
        raise Untrusted(_too_large(name, most_bytes))


def _too_large(name: str, most_bytes: int) -> str:
    return f"{name} has more than {most_bytes >> 20} MiB"
