"""The `msmd` command: its subcommands by name, and the messages and exit codes of its errors.

Exit codes: 0 all well; 1 error; 2 wrong usage; 3 finished, but some pieces failed (returned by the
commands themselves); 130 interrupted; 143 terminated.

In: a command line. Out: text, or JSON with --json, on standard output; progress and messages on standard error.
Keep: command lines that worked keep working, or the message says what to write instead.
"""

import errno
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import FrameType
from typing import Any

import click

from msmdtools.errors import MsmdError, Terminated
from msmdtools.version import __version__

# A command is loaded only when it is called: `msmd --help` shows these lines and imports nothing.
# tests/test_cli_root.py checks that each is the command's own short help.
COMMANDS = {
    "ingest": "List the pieces of a TREE of scores in a manifest.",
    "fetch": "Fetch a collection of music, or soundfonts.",
    "build": "Build a dataset from scores.",
    "perform": "Add performances by people to a dataset.",
    "snippets": "Cut a dataset into paired snippets, as Parquet shards.",
    "train": "Train a model on snippets.",
    "eval": "Measure how well a model finds sheet by sound and back.",
    "index": "Index sheets and recordings for search.",
    "search": "Find the piece of a recording or of a sheet, and the place.",
    "align": "Follow a recording on its sheet, in a table, picture or player.",
    "link": "Find the bars and note heads of a piece on a scan of it.",
    "export": "Export a dataset as COCO, YOLO, MuNG, MSMD or for OMR.",
    "import-msmd": "Make a dataset of the folders of the original MSMD.",
    "validate": "Check a dataset or snippets from end to end.",
    "show": "Draw a page with its onsets, pairs of snippets, or attention.",
    "info": "Describe a dataset, snippets, index, run, weights or manifest.",
    "doctor": "Check what msmd needs on this machine.",
}

# Faults of the environment, not of the program: a message helps more than a traceback.
_ENVIRONMENT = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT}
# Faults of the name of an output.
_ENVIRONMENT |= {errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP}


def module_of(command: str) -> str:
    """The module of a command."""
    return f"msmdtools.cli.{command.replace('-', '_')}"


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        from msmdtools.cli import output

        command: click.Command = import_module(module_of(cmd_name)).command
        return output.equip(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        from msmdtools.base import damage
        from msmdtools.cli import output

        with output.reporting():
            try:
                return super().invoke(ctx)
            except MsmdError as error:
                raise click.ClickException(str(error)) from error
            except OSError as error:
                if error.errno not in _ENVIRONMENT:
                    raise
                place = f"{damage.where(error)}: " if error.filename else ""
                cure = "; give the name of a file" if error.errno == errno.EISDIR else ""
                raise click.ClickException(f"{place}{damage.why(error)}{cure}") from error
            except KeyboardInterrupt as error:
                terminated = isinstance(error, Terminated)
                message = "Terminated." if terminated else "Interrupted."
                output.note(message)
                click.echo(message, err=True)
                ctx.exit(143 if terminated else 130)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        with _terminable():
            return super().main(*args, **kwargs)


@contextmanager
def _terminable() -> Iterator[None]:
    """A termination signal ends a command as an interrupt does: what it has begun is cleaned up."""

    def stop(_: int, __: FrameType | None) -> None:
        # Once: a second one would end the cleaning.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Terminated

    # Only the main thread gets signals, and who starts us may want to have them ignored.
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", message="%(prog)s %(version)s")
def main() -> None:
    """From scores to exactly aligned pairs of sheet music image and audio.

    Example: msmd build --sample --out sample
    """
