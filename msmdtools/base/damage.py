"""Files that are not what was written: the error for it, and what is wrong in words for people."""

import json


class Damage(OSError, ValueError):
    """A file is not what was written. The message says what is wrong with it, for people."""


def why(error: BaseException) -> str:
    """What is wrong with a file, to stand in brackets after its name.

    The words of libraries are for programmers; they stay in the chain of exceptions.

    Args:
        error: what reading the file raised.
    """
    if isinstance(error, Damage):
        return str(error)
    if isinstance(error, IsADirectoryError):
        return "it is a folder"
    if isinstance(error, json.JSONDecodeError):
        return "it is not JSON"
    if isinstance(error, UnicodeDecodeError):
        return "it is not text"
    if isinstance(error, KeyError):
        return f"it lacks {error}"
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "its content cannot be read"
