"""The command `msmd show`: draw pictures, each kind by a command of its own."""

from collections.abc import Sequence
from pathlib import Path

import click

from msmdtools.cli.kinds import Kinds
from msmdtools.cli.show import attention, page, snippets

_ATTENTION = "--attention"


def _translate(args: Sequence[str]) -> list[str]:
    """The kind first, which was told by --attention or by what the folder holds."""
    if _ATTENTION in args:
        return ["attention", *(arg for arg in args if arg != _ATTENTION)]
    return ["snippets" if any(map(_is_snippets, args)) else "page", *args]


def _is_snippets(folder: str) -> bool:
    return any((Path(folder) / name).exists() for name in ("snippets.json", ".export", "data"))


@click.group(
    "show",
    cls=Kinds,
    translate=_translate,
    min_arguments=1,
    old_options=[click.Option([_ATTENTION], is_flag=True)],
    short_help="Draw a page with its onsets, pairs of snippets, or attention.",
)
def command() -> None:
    """Draw a page of a dataset, pairs of snippets, or a model's attention.

    Each kind of picture is a command with options of its own: msmd show KIND --help lists them.

    Example: msmd show page sample PetzoldC__BWVAnh114__minuet-in-g -o minuet.png
    """


for kind in (page.command, snippets.command, attention.command):
    command.add_command(kind)
