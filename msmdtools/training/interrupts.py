"""Stop a training where it can be resumed: after the present step."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from msmdtools.errors import Terminated


@dataclass
class Stop:
    """Whether the user or the system has requested an end, and by which signal.

    Attributes:
        requested: whether the training is to end.
        number: number of the signal.
    """

    requested: bool = False
    number: int = signal.SIGINT

    def error(self) -> KeyboardInterrupt:
        """The exception to raise at the end."""
        return Terminated() if self.number == signal.SIGTERM else KeyboardInterrupt()


@contextmanager
def listening() -> Iterator[Stop]:
    """Listen for interrupts and termination signals: the first requests an end, a second ends at once.

    Only the main thread of a process gets signals; in other threads nothing is requested.
    """
    stop = Stop()

    def handle(number: int, _: FrameType | None) -> None:
        stop.number = number
        if stop.requested:
            raise stop.error()
        stop.requested = True

    try:
        old = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread
        yield stop
        return
    try:
        yield stop
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
