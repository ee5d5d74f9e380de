"""Describe damaged files and unusable paths in words for people."""

import errno
import json
from pathlib import Path

_WORDS = {
    errno.EISDIR: "it is a folder",
    errno.ENOTDIR: "there is a file where a folder is needed",
    errno.EEXIST: "there is a file where a folder is needed",
    errno.ENAMETOOLONG: "its name is too long",
    errno.ELOOP: "its links lead in a circle",
}


class Damage(OSError, ValueError):
    """A file is damaged. The message says what is wrong with it, for people."""


def why(error: BaseException) -> str:
    """Describe what is wrong with a file, in words that can stand in brackets after its name.

    The words of libraries are for programmers; they stay in the chain of exceptions.

    Args:
        error: the exception that reading the file raised.
    """
    if isinstance(error, Damage):
        return str(error)
    if isinstance(error, json.JSONDecodeError):
        return "it is not JSON"
    if isinstance(error, UnicodeDecodeError):
        return "it is not text"
    if isinstance(error, KeyError):
        return f"it lacks {error}"
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, OSError) and error.strerror:
        return _WORDS.get(error.errno or 0, error.strerror[:1].lower() + error.strerror[1:])
    return "its content cannot be read"


def no_file(path: str | Path) -> str:
    """Describe why a path is not a file, in words that can stand after it."""
    return "this is a folder, and a file is needed" if Path(path).is_dir() else "no such file"


def no_folder(path: str | Path) -> str:
    """Describe why a path is not a folder, in words that can stand after it."""
    return "this is a file, and a folder is needed" if Path(path).exists() else "no such folder"


def where(error: OSError) -> str:
    """The path of an operating-system error; of a renaming, the new name; "" for none."""
    return str(error.filename2 or error.filename or "")
