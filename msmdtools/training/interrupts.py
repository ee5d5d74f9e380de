"""Stopping a training where it can be gone on with: after its present step."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass
class Stop:
    """Whether the user or the system has asked for an end."""

    asked: bool = False


@contextmanager
def listening() -> Iterator[Stop]:
    """An interrupt or a termination signal asks for an end; a second one ends at once.

    Only the main thread of a process gets signals; in another one nothing asks.
    """
    stop = Stop()

    def handle(_: int, __: FrameType | None) -> None:
        if stop.asked:
            raise KeyboardInterrupt
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
