"""Waiting for what happens in other processes, without a limit of its own.

A wait that never ends is a failure: pytest stops it (`faulthandler_timeout` in pyproject.toml) and
shows where it hangs. No test passes or fails by how fast the machine is.
"""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

from msmdtools.base import pool


def wait_for(condition: Callable[[], object], *running: subprocess.Popen) -> None:
    """Wait until something has come to pass; processes that end before it are a failure."""
    while not condition():
        ended = [process.args for process in running if process.poll() is not None]
        assert condition() or not ended, f"ended too early: {ended}"
        time.sleep(0.01)


class Clock:
    """The clock by which a pool stops its workers: no time passes until a file is there, then a day."""

    def __init__(self, monkeypatch, file: Path) -> None:
        self.file = file
        monkeypatch.setattr(pool, "time", SimpleNamespace(monotonic=self))
        wait = pool.wait
        monkeypatch.setattr(pool, "wait", lambda pipes, seconds: wait(pipes, min(seconds, 0.02)))

    def __call__(self) -> float:
        return 86_400.0 if self.file.exists() else 0.0
