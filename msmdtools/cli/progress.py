"""Show the progress of a command: a bar if standard error is a terminal, else a line every half minute."""

import sys
import threading
import time
from contextlib import ExitStack
from typing import Any

from msmdtools.base.progress import Progress
from msmdtools.cli import output

INTERVAL_S = 30.0


class Bar(Progress):
    """Shows people the progress of one step after the other.

    Without a terminal, a line is printed every `INTERVAL_S` seconds, even if nothing has changed, so that
    a log shows that the command is running. With -q nothing is printed.
    """

    def __init__(self) -> None:
        self._what, self._done, self._total, self._note = "", 0.0, 0.0, ""
        self._begun = time.monotonic()
        self._bar: Any = None
        self._open = ExitStack()
        self._over = threading.Event()
        self._quiet = output.is_quiet()

    def __call__(self, what: str, done: float, total: float, note: str = "") -> None:
        """Show the progress of a step; another `what` begins a new bar.

        Args:
            what, done, total, note: as `Progress` has them.
        """
        another = what != self._what
        self._what, self._done, self._total, self._note = what, done, total, note
        if not self._quiet and sys.stderr.isatty():
            self._draw(another)

    def line(self, text: str) -> None:
        """Print a line that stays, such as the result of a validation."""
        output.note(text)
        if not self._quiet:
            output.line(text)

    def __enter__(self) -> "Bar":
        threading.Thread(target=self._tell, name="msmd-progress", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._open.close()

    def _draw(self, another: bool) -> None:
        if another or self._bar is None:
            from tqdm import tqdm

            self._open.close()
            share = isinstance(self._total, float)  # not a count: see `Progress`
            form = "{desc}: {percentage:3.0f} %|{bar}| {elapsed}<{remaining}{postfix}"
            self._bar = tqdm(
                total=self._total or None,
                desc=self._what,
                dynamic_ncols=True,
                bar_format=form if share else None,
            )
            self._open.callback(self._bar.close)
            self._open.enter_context(
                output.lines_through(lambda text: self._bar.write(text, file=sys.stderr))
            )
        if self._note:
            self._bar.set_postfix_str(self._note, refresh=False)
        self._bar.update(self._done - self._bar.n)

    def _tell(self) -> None:
        """Print and log the progress again and again, without a terminal or with a log file."""
        while not self._over.wait(INTERVAL_S):
            text = self._text()
            output.note(text)
            if not self._quiet and not sys.stderr.isatty():
                output.line(text)

    def _text(self) -> str:
        spent = f"after {_time(time.monotonic() - self._begun)}"
        if not self._what:
            return f"starting, {spent}"
        share = 100 * self._done / self._total if self._total else 0.0
        if not self._total:
            amount = ""
        elif isinstance(self._total, float):
            amount = f": {share:.0f} %"
        else:
            amount = f": {self._done:,.0f} of {self._total:,.0f} ({share:.0f} %)"
        return ", ".join(part for part in (f"{self._what}{amount}", self._note, spent) if part)


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
