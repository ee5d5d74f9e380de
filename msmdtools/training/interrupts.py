"""Stopping a training where it can be gone on with: after its present step."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from msmdtools.errors import Terminated


@dataclass
class Stop:
    """Whether the user or the system has asked for an end, and by which signal."""

    asked: bool = False
    number: int = signal.SIGINT

    def error(self) -> KeyboardInterrupt:
        """What to raise at the end."""
        return Terminated() if self.number == signal.SIGTERM else KeyboardInterrupt()


@contextmanager
def listening() -> Iterator[Stop]:
    """An interrupt or a termination signal asks for an end; a second one ends at once.

    Only the main thread of a process gets signals; in another one nothing asks.
    """
    stop = Stop()

    def handle(number: int, _: FrameType | None) -> None:
        stop.number = number
        if stop.asked:
            raise stop.error()
        stop.asked = True

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
