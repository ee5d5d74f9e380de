"""The option `--limit` of the commands that read files of users."""

from typing import Any

import click

from msmdtools.base.options import declared
from msmdtools.errors import MsmdError
from msmdtools.inputs import limits


def _parsed(
    ctx: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> limits.Limits:
    try:
        return limits.parse(texts)
    except MsmdError as error:
        raise click.BadParameter(str(error)) from error


def option(command: Any) -> Any:
    """Add the option --limit: the parameter `limits`."""
    options = declared(limits.Limits)
    meanings = ", ".join(
        f"{declaration.name} ({declaration.option.meaning})" for declaration in options
    )
    return click.option(
        "--limit",
        "limits",
        metavar="NAME=NUMBER",
        multiple=True,
        callback=_parsed,
        show_default=", ".join(
            f"{declaration.name}={declaration.default_text}" for declaration in options
        ),
        help="Set a limit on each file that is read, such as pages=2000; a file above it is refused. "
        f"The names are {meanings}. Repeatable.",
    )(command)
