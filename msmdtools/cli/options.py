"""Options of commands, made from their declarations (`msmdtools.base.options`)."""

from collections.abc import Callable, Collection
from typing import Any

import click
from click.core import ParameterSource

from msmdtools.base import options
from msmdtools.base.options import Declared


def of(*kinds: type, but: Collection[str] = ()) -> Callable[[Any], Any]:
    """Add the options of dataclasses to a command, with their meanings as help and their defaults.

    The command asks `given` for the values, which are as the user gave them.

    Args:
        kinds: the dataclasses.
        but: the names of options that the command has as arguments.
    """

    def decorate(command: Any) -> Any:
        for one in reversed([one for kind in kinds for one in options.declared(kind)]):
            command = command if one.name in but else _option(one)(command)
        return command

    return decorate


def given(context: click.Context, *kinds: type) -> dict[str, Any]:
    """The values of the options of dataclasses that the user gave, by the options' names."""
    return {
        name: context.params[name]
        for name in (one.name for kind in kinds for one in options.declared(kind))
        if context.get_parameter_source(name) not in (None, ParameterSource.DEFAULT)
    }


def device(command: Any) -> Any:
    """Add the option --device: the parameter `device`, None if it is not given."""
    return click.option(
        "--device", show_default="a GPU if there is one", help="Such as cpu or cuda."
    )(command)


def _option(one: Declared) -> Callable[[Any], Any]:
    flag = f"--{one.name.replace('_', '-')}"
    shared: dict[str, Any]
    sentence = one.option.meaning[0].upper() + one.option.meaning[1:] + "."
    if one.type is bool:
        either = f"{flag}/--no-{flag[2:]}" if one.default else flag
        shared = {"is_flag": True, "default": one.default, "show_default": one.default}
        return click.option(either, one.name, help=sentence, **shared)
    form = one.option.form or None
    shared = {"help": sentence, "metavar": form, "type": _type(one)}
    text = one.default_text
    if isinstance(one.option.shown, str) and one.option.shown:
        return click.option(flag, one.name, show_default=text, **shared)
    return click.option(flag, one.name, default=text or None, show_default=bool(text), **shared)


def _type(one: Declared) -> Any:
    if one.option.choices:
        return click.Choice(one.option.choices)
    if one.is_path:
        return click.Path()
    return str if one.option.read else {int: int, float: float}.get(one.type, str)
