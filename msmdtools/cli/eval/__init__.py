"""The command `msmd eval`: measure a model at one of several tasks, each a command of its own."""

from collections.abc import Sequence

import click

from msmdtools.cli.eval import following, pieces, snippets
from msmdtools.cli.kinds import Kinds


def _translate(args: Sequence[str]) -> list[str]:
    """The kind first, which was the value of --task."""
    task, rest, awaited = "snippets", [], False
    for arg in args:
        name, _, value = arg.partition("=")
        if awaited or (name == "--task" and value):
            task, awaited = value or arg, False
        elif name == "--task":
            awaited = True
        else:
            rest.append(arg)
    return [task, *rest]


@click.group(
    "eval",
    cls=Kinds,
    translate=_translate,
    min_arguments=2,
    old_options=[click.Option(["--task"])],
    short_help="Measure how well a model finds sheet by sound and back.",
)
def command() -> None:
    """Measure how well a model finds sheet music by sound, and sound by sheet music.

    Each task is a command with options of its own: msmd eval TASK --help lists them.

    Example: msmd eval snippets compact-4s snippets -o report
    """


for kind in (
    snippets.command,
    pieces.pieces,
    pieces.position,
    following.alignment,
    following.following,
):
    command.add_command(kind)
