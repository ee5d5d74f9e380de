"""Reading files in a separate process, so that no file can hang, crash or exhaust this one.

A library that decodes a picture, a PDF or sound may take hours or gigabytes for a file of a few bytes, or
crash. Here it runs in a worker process that is started for the first file and kept for the next ones. The
worker is killed when its time is up, may use only a limited amount of extra memory, and is replaced when it
dies. Every failure is an `MsmdError` that names the file.
"""

import atexit
import contextlib
import os
import signal
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from msmdtools.base.pool import Call, Lost, Pool, Raised, Returned
from msmdtools.errors import MsmdError
from msmdtools.inputs.limits import LIMITS, Limits

_MB = 1_000_000


def read(
    function: Callable[..., Any], path: str | Path, *rest: Any, limits: Limits = LIMITS
) -> Any:
    """Call `function(path, *rest, limits)` in the worker process and return its result.

    Args:
        function: a function at the top level of a module; it, its arguments and its result must be picklable.
        path: the file to read; errors name it.
        rest: further positional arguments of the function.
        limits: what may be read, and how much time (s) and memory (MB) it may take.

    Returns:
        What the function returns.

    Raises:
        MsmdError: as the function does, or reading took too much time or memory, or failed in a way that the
            function does not handle.
    """
    pool = _pool()
    arguments = (function, (path, *rest, limits), limits.memory, _folder())
    pool.submit(Call(_limited, arguments, limits.time))
    (result,) = pool.results()
    if isinstance(result, Returned):
        return result.value
    if isinstance(result, Raised):
        raise _known(result.error, path, limits) from result.error
    raise _lost(result, path, limits)


def close() -> None:
    """End the worker, if there is one, which frees its memory; the next read starts a new one."""
    if _pool.cache_info().currsize:
        pool = _pool()
        _pool.cache_clear()
        atexit.unregister(pool.close)
        pool.close()


@cache
def _pool() -> Pool:
    pool = Pool(1, main=False)
    atexit.register(pool.close)
    return pool


def _folder() -> str:
    """The working folder of this process; "" if it has been removed."""
    with contextlib.suppress(OSError):
        return os.getcwd()
    return ""


def _limited(call: tuple[Callable[..., Any], Sequence[Any], int, str]) -> Any:
    """Call a function in the worker, allowing it a number of MB more memory than it has now.

    The worker may be older than a change of the working folder that paths are relative to.
    """
    function, arguments, memory, folder = call
    if folder:
        os.chdir(folder)
    _allow(memory)
    return function(*arguments)


def _allow(memory: int) -> None:
    try:
        import resource
    except ImportError:  # not on this system: the limit of time is left
        return
    with contextlib.suppress(OSError, ValueError):
        # What is mapped already differs from machine to machine: libraries map much for many processors.
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = pages * resource.getpagesize() + memory * _MB
        resource.setrlimit(resource.RLIMIT_AS, (most if hard < 0 else min(most, hard), hard))


def _known(error: Exception, path: str | Path, limits: Limits) -> MsmdError:
    if isinstance(error, MsmdError):
        return error
    reason = f"{type(error).__name__}: {error}".rstrip(": ")
    if isinstance(error, MemoryError) or "memory" in reason.lower():
        return limits.exceeded("memory", f"{path}: reading it takes too many MB of memory")
    return MsmdError(f"{path}: it cannot be read, and may be damaged ({reason})")


def _lost(lost: Lost, path: str | Path, limits: Limits) -> MsmdError:
    if lost.timed_out:
        return limits.exceeded("time", f"{path}: reading it takes too many seconds")
    code = lost.exitcode
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            name = signal.Signals(-code).name
            return MsmdError(f"{path}: it cannot be read: its reader was ended by {name}")
    return MsmdError(f"{path}: it cannot be read: its reader ended with code {code}")
