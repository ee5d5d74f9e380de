"""A group of commands that was one command before, with kinds: `msmd eval` and `msmd show`.

Before, the kind was told by an option, or by what a folder holds. Such a line still works: it is
turned into the line of today, which a warning shows.
"""

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from msmdtools.cli import output

_MOST = 2


class Kinds(click.Group):
    """A group whose commands were kinds of one command, with one or two arguments.

    Args:
        renewed: the arguments of today for those of a line as it was before, the kind first.
        fewest: how many arguments, options apart, such a line had at least.
        former: options that only such a line had.
    """

    def __init__(
        self,
        *args: Any,
        renewed: Callable[[Sequence[str]], list[str]],
        fewest: int,
        former: Sequence[click.Option] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._renewed, self._fewest, self._former = renewed, fewest, former

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse a line of today, or the one that says the same as a line of before."""
        if self._is_former(ctx, args):
            args = self._renewed(args)
            line = shlex.join(["msmd", str(self.name), *args])
            if args[0] in self.commands:
                output.warn(f"This way of writing the command is deprecated. Write: {line}")
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the kind's command; of another kind's option, say which kind it is for."""
        try:
            return super().invoke(ctx)
        except click.NoSuchOption as error:
            others = [name for name, c in self.commands.items() if error.option_name in _names(c)]
            if not others:
                raise
            one_of = " or ".join(others)
            raise click.UsageError(
                f"{error.option_name} is for msmd {self.name} {one_of}.", error.ctx
            ) from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The kinds, in the order in which they were added."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the kinds, each with the whole of its short help."""
        with formatter.section("Commands"):
            formatter.write_dl([(n, c.get_short_help_str(99)) for n, c in self.commands.items()])

    def _is_former(self, ctx: click.Context, args: Sequence[str]) -> bool:
        former = {name for option in self._former for name in option.opts}
        if former & {arg.partition("=")[0] for arg in args}:
            return True
        named = self._arguments(ctx, args)
        if not self._fewest <= len(named) <= _MOST:
            return False
        if args[0] not in self.commands:
            return True
        # The name of a kind may be that of a folder; then the kind has an argument too few.
        needed = [p for p in self.commands[args[0]].params if isinstance(p, click.Argument)]
        helps = set(ctx.help_option_names) & set(args)
        return not helps and len(named) <= len(needed) and Path(args[0]).exists()

    def _arguments(self, ctx: click.Context, args: Sequence[str]) -> list[str]:
        """What is neither an option of any kind nor the value of one."""
        every = [p for command in self.commands.values() for p in command.params]
        options = {tuple(p.opts): p for p in every if isinstance(p, click.Option)}
        parser = click.Command(self.name, params=[*options.values(), *self._former]).make_parser(
            ctx
        )
        parser.allow_interspersed_args = parser.ignore_unknown_options = True
        return [arg for arg in parser.parse_args(list(args))[1] if not arg.startswith("-")]


def _names(command: click.Command) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts}
