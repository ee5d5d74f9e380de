"""Control how much a command prints, and where: the options -v, -q and --log, which every command has.

The package's modules use Python's logging. Here their records go to standard error (warnings always, the
rest with -v) and, with --log, to a file, with the time of each.
"""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

LOGGER = logging.getLogger("msmdtools")
_QUIET = "msmdtools.quiet"

# Progress and errors reach the terminal by other means: records with this mark go to log files only.
_FILE_ONLY = {"file_only": True}

# While a progress bar is on the terminal, other lines must be printed by the bar, so that they stand
# above it. The innermost of the functions that do so comes last.
_write_line: list[Callable[[str], None]] = []


def is_quiet() -> bool:
    """Whether the running command was called with -q."""
    context = click.get_current_context(silent=True)
    return bool(context and context.meta.get(_QUIET))


def warn(message: str) -> None:
    """Warn of a problem that does not stop the command."""
    LOGGER.warning("%s", message)


@contextmanager
def lines_through(write: Callable[[str], None]) -> Iterator[None]:
    """Until the context ends, let `write` print the lines for standard error."""
    _write_line.append(write)
    try:
        yield
    finally:
        _write_line.remove(write)


def line(text: str) -> None:
    """Print a line on standard error."""
    if _write_line:
        _write_line[-1](text)
    else:
        click.echo(text, err=True)


@contextmanager
def reporting() -> Iterator[None]:
    """Print the log records of the package while a command runs, and log the error that stops it."""
    handler = _Terminal()
    handler.setLevel(logging.WARNING)
    handler.setFormatter(_Plain())
    level, propagate = LOGGER.level, LOGGER.propagate
    LOGGER.addHandler(handler)
    try:
        yield
    except (click.exceptions.Exit, click.Abort):
        raise
    except click.ClickException as error:
        LOGGER.error("%s", error.format_message(), extra=_FILE_ONLY)
        raise
    except BaseException as error:
        LOGGER.error("%s", type(error).__name__, exc_info=True, extra=_FILE_ONLY)
        raise
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(level)
        LOGGER.propagate = propagate


def equip(command: click.Command) -> click.Command:
    """Give a command and its own commands the options of this module, once."""
    if isinstance(command, click.Group):
        for child in command.commands.values():
            equip(child)
    elif not any(parameter.name == "log" for parameter in command.params):
        command.params += _options()
    return command


def note(text: str) -> None:
    """Write a line into the log file, if there is one."""
    LOGGER.info("%s", text, extra=_FILE_ONLY)


class _Terminal(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        if not hasattr(record, "file_only"):
            line(self.format(record))


class _Plain(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        return f"{record.levelname.capitalize()}: {text}" if record.levelno > logging.INFO else text


def _options() -> list[click.Parameter]:
    shared: dict[str, Any] = {"expose_value": False}
    return [
        click.Option(
            ["-v", "--verbose"],
            is_flag=True,
            callback=_verbose,
            help="Print a line for each piece or file when it is done.",
            **shared,
        ),
        click.Option(
            ["-q", "--quiet"],
            is_flag=True,
            callback=_quiet,
            help="Print results, warnings and errors only, no progress.",
            **shared,
        ),
        click.Option(
            ["--log"],
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            callback=_log_file,
            help="Append all messages, each with the time, to this file.",
            **shared,
        ),
    ]


def _verbose(_: click.Context, __: click.Parameter, value: bool) -> None:
    if value:
        LOGGER.setLevel(logging.INFO)
        for handler in LOGGER.handlers:
            if isinstance(handler, _Terminal):
                handler.setLevel(logging.INFO)


def _quiet(context: click.Context, _: click.Parameter, value: bool) -> None:
    context.meta[_QUIET] = value


def _log_file(context: click.Context, parameter: click.Parameter, value: Path | None) -> None:
    if value is None:
        return
    try:
        handler = logging.FileHandler(value, encoding="utf-8")
    except OSError as error:
        raise click.BadParameter(f"{value}: {error.strerror}", context, parameter) from error
    line_format = "%(asctime)s %(levelname)s %(message)s"
    handler.setFormatter(logging.Formatter(line_format, "%Y-%m-%dT%H:%M:%S%z"))
    LOGGER.setLevel(logging.INFO)
    LOGGER.addHandler(handler)
    root = context.find_root()
    root.call_on_close(lambda: _close(handler))
    note(" ".join(["msmd", *sys.argv[1:]]))


def _close(handler: logging.Handler) -> None:
    LOGGER.removeHandler(handler)
    handler.close()
