"""The option `--limit` of the commands that read files from outside."""

from typing import TYPE_CHECKING, Any

import click

from msmdtools.errors import MsmdError

if TYPE_CHECKING:
    from msmdtools.inputs.limits import Limits


def _parsed(ctx: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> "Limits":
    from msmdtools.inputs import limits

    try:
        return limits.parse(texts)
    except MsmdError as error:
        raise click.BadParameter(str(error)) from error


def option(command: Any) -> Any:
    """Add the option: the parameter `limits`."""
    return click.option(
        "--limit",
        "limits",
        metavar="NAME=NUMBER",
        multiple=True,
        callback=_parsed,
        help="A limit for reading a file: pixels of a page, pages, seconds of sound, time in s, "
        "memory in MB; repeatable. "
        "[default: pixels=150000000, pages=1000, seconds=21600, time=900, memory=3000]",
    )(command)
