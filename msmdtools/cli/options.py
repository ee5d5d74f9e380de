"""Make the options of commands from their declarations (`msmdtools.base.options`)."""

from collections.abc import Callable, Collection
from typing import Any

import click
from click.core import ParameterSource

from msmdtools.base import options
from msmdtools.base.options import Declared


def together(*decorators: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Make one decorator of several, in the order in which they are to be listed in the help."""

    def decorate(command: Any) -> Any:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


def of(*kinds: type, but: Collection[str] = ()) -> Callable[[Any], Any]:
    """Add the options of dataclasses to a command, with their meanings as help and their defaults.

    The command gets from `specified` those that the user gave. Values with a parser of their own (`Option.read`)
    are still text.

    Args:
        kinds: the dataclasses.
        but: the names of options to leave out, since the command has them as arguments.
    """

    def decorate(command: Any) -> Any:
        for declaration in reversed(
            [declaration for kind in kinds for declaration in options.declared(kind)]
        ):
            command = command if declaration.name in but else _option(declaration)(command)
        return command

    return decorate


def specified(context: click.Context, *kinds: type) -> dict[str, Any]:
    """The values of the options that the user specified, by the options' names.

    Defaults are left out, so that they never override the values in a configuration file.
    """
    return {
        name: context.params[name]
        for name in (declaration.name for kind in kinds for declaration in options.declared(kind))
        if context.get_parameter_source(name) not in (None, ParameterSource.DEFAULT)
    }


def device(command: Any) -> Any:
    """Add the option --device: the parameter `device`, None if it is not given."""
    return click.option(
        "--device",
        metavar="NAME",
        show_default="a GPU if there is one, or else the CPU",
        help="What the model runs on, such as cpu, cuda or cuda:1.",
    )(command)


def _option(declaration: Declared) -> Callable[[Any], Any]:
    flag = f"--{declaration.name.replace('_', '-')}"
    shared: dict[str, Any]
    sentence = declaration.option.meaning[0].upper() + declaration.option.meaning[1:] + "."
    if declaration.type is bool:
        either = f"{flag}/--no-{flag[2:]}" if declaration.default else flag
        shared = {
            "is_flag": True,
            "default": declaration.default,
            "show_default": declaration.default,
        }
        return click.option(either, declaration.name, help=sentence, **shared)
    form = declaration.option.form or None
    shared = {"help": sentence, "metavar": form, "type": _type(declaration)}
    text = declaration.default_text
    # A description such as "one per core" is only shown: the parameter is None if it is not given.
    if isinstance(declaration.option.shown, str) and declaration.option.shown:
        return click.option(flag, declaration.name, show_default=text, **shared)
    return click.option(
        flag, declaration.name, default=text or None, show_default=bool(text), **shared
    )


def _type(declaration: Declared) -> Any:
    if declaration.option.choices:
        return click.Choice(declaration.option.choices)
    if declaration.is_path:
        return click.Path()
    return str if declaration.option.read else {int: int, float: float}.get(declaration.type, str)
