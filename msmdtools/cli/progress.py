"""Progress bars on standard error, where that is a terminal."""

import sys
from typing import Any


class Bars:
    """One bar after the other: a new one whenever what is done has another name."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._what = ""

    def update(self, what: str, done: int, total: int) -> None:
        """So much of `what` is done."""
        if not sys.stderr.isatty():
            return
        if what != self._what:
            from tqdm import tqdm

            self.__exit__()
            self._what = what
            self._bar = tqdm(total=total, desc=what, dynamic_ncols=True)
        self._bar.update(done - self._bar.n)

    def __enter__(self) -> "Bars":
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
