"""Run calls in a pool of worker processes that survives the death of any of them.

`concurrent.futures` gives up when a worker is killed and cannot say which call was to blame. Here
each worker has a pipe of its own, so that a death belongs to one call; the worker is replaced and the
caller decides what to do. Workers are spawned, not forked: FluidSynth's threads do not survive a fork.
"""

import contextlib
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import ModuleType, TracebackType
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """One call for a worker: `function(argument)`.

    Attributes:
        function: the function, picklable by its name.
        argument: its argument, picklable.
        timeout_s: seconds after which the worker is killed.
    """

    function: Callable[[Any], Any]
    argument: Any
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Returned:
    """The call returned.

    Attributes:
        call: the call.
        value: the value that the function returned.
    """

    call: Call
    value: Any


@dataclass(frozen=True, slots=True)
class Raised:
    """The function raised an exception.

    Attributes:
        call: the call.
        error: the exception.
        trace: the traceback in the worker.
    """

    call: Call
    error: Exception
    trace: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The worker died during the call, or was killed because the time was up.

    Attributes:
        call: the call.
        timed_out: whether the time was up.
        exitcode: of the process; negative for a signal.
    """

    call: Call
    timed_out: bool
    exitcode: int | None


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    connection: Connection
    call: Call | None = None
    deadline: float = 0.0


class Pool:
    """Up to `size` worker processes, started when needed and killed on leaving the context.

    Args:
        size: largest number of workers.
        main: whether workers import the program's main module, as spawned processes do. Without it, a
            script needs no `if __name__ == "__main__"`; functions must then be from other modules.
    """

    def __init__(self, size: int, *, main: bool = True) -> None:
        self.size = size
        self._main = main
        self._context = multiprocessing.get_context("spawn")
        self._waiting: deque[Call] = deque()
        self._workers: list[_Worker] = []

    @property
    def waiting(self) -> int:
        """Number of calls that no worker has taken yet."""
        return len(self._waiting)

    def submit(self, call: Call) -> None:
        """Queue a call. Calls are taken in the order in which they were submitted."""
        self._waiting.append(call)

    def results(self) -> Iterator[Returned | Raised | Lost]:
        """Yield the outcome of each call as it ends, until no call waits or runs.

        The caller may submit more calls while it iterates.
        """
        while True:
            self._assign()
            busy = [w for w in self._workers if w.call is not None]
            if not busy:
                return
            first = min(w.deadline for w in busy)
            ready = wait([w.connection for w in busy], max(0.0, first - time.monotonic()))
            for worker in busy:
                if worker.connection in ready:
                    yield self._receive(worker)
                elif time.monotonic() >= worker.deadline:
                    yield self._lose(worker, timed_out=True)

    def __enter__(self) -> "Pool":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill the workers, whatever they do."""
        for worker in self._workers:
            _kill(worker)
        self._workers.clear()
        self._waiting.clear()

    def _assign(self) -> None:
        while self._waiting:
            worker = next((w for w in self._workers if w.call is None), None)
            if worker is None:
                if len(self._workers) >= self.size:
                    return
                worker = self._start()
            call = self._waiting[0]
            worker.deadline = time.monotonic() + call.timeout_s
            try:
                worker.connection.send(call)
            except (BrokenPipeError, ConnectionResetError):  # it died idle: no call is to blame
                self._remove(worker)
                continue
            self._waiting.popleft()
            worker.call = call

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs,), name="msmd-worker")
        # Ctrl-C and SIGTERM are the parent's to handle, also before the worker has a group of its
        # own; it keeps them blocked, and so does what it starts.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        try:
            with contextlib.nullcontext() if self._main else _no_main():
                process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        theirs.close()  # so that the death of the worker is the end of the pipe
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker

    def _receive(self, worker: _Worker) -> Returned | Raised | Lost:
        assert worker.call is not None
        try:
            kind, *rest = worker.connection.recv()
        except (EOFError, ConnectionResetError):
            return self._lose(worker, timed_out=False)
        call, worker.call = worker.call, None
        return Returned(call, *rest) if kind == "returned" else Raised(call, *rest)

    def _lose(self, worker: _Worker, *, timed_out: bool) -> Lost:
        assert worker.call is not None
        self._remove(worker)
        return Lost(worker.call, timed_out, worker.process.exitcode)

    def _remove(self, worker: _Worker) -> None:
        _kill(worker)
        self._workers.remove(worker)


@contextlib.contextmanager
def _no_main() -> Iterator[None]:
    """Replace the main module by an empty one, so that a started process has nothing to import."""
    kept = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = kept


def _kill(worker: _Worker) -> None:
    """Kill a worker and the programs that it has started: they share its process group."""
    pid = worker.process.pid
    assert pid is not None
    with contextlib.suppress(ProcessLookupError):  # no group yet in a worker's first moments
        os.killpg(pid, signal.SIGKILL)
    worker.process.kill()
    worker.process.join()
    worker.connection.close()


def _serve(connection: Connection) -> None:
    os.setpgid(0, 0)  # a group of its own: Ctrl-C goes to the parent alone, and `_kill` gets all
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    while True:
        try:
            call: Call = connection.recv()
        except EOFError:
            return
        reply: tuple[Any, ...]
        try:
            reply = ("returned", call.function(call.argument))
        except Exception as error:  # a fault in the program costs one call, never the pool
            reply = ("raised", _picklable(error), traceback.format_exc())
        connection.send(reply)


def _picklable(error: Exception) -> Exception:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # an exception's pickling is its own code, and may fail in any way
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _die_with_parent() -> None:
    """Kill this worker's group once the parent is gone: kill -9 leaves no other sign."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.killpg(0, signal.SIGKILL)
