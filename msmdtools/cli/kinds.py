"""Groups whose commands were once kinds of a single command: `msmd eval` and `msmd show`.

In that old form, an option or the content of a folder decided the kind: `msmd eval MODEL SNIPPETS --task snippets`
is now `msmd eval snippets MODEL SNIPPETS`. An old command line still works: it is translated into a new one,
which a warning shows.
"""

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from msmdtools.cli import output

# The most arguments, options apart, that an old line had.
_MOST = 2


class Kinds(click.Group):
    """A group whose commands were kinds of one command, with one or two arguments.

    Args:
        translate: translates an old line into a new one, which begins with the kind.
        min_arguments: how many arguments, options apart, an old line had at least.
        old_options: options that only old lines had.
    """

    def __init__(
        self,
        *args: Any,
        translate: Callable[[Sequence[str]], list[str]],
        min_arguments: int,
        old_options: Sequence[click.Option] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._translate, self._min_arguments, self._old_options = (
            translate,
            min_arguments,
            old_options,
        )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse a new line, or the translation of an old one."""
        if self._is_old(ctx, args):
            args = self._translate(args)
            line = shlex.join(["msmd", str(self.name), *args])
            if args[0] in self.commands:
                output.warn(f"This way of writing the command is deprecated. Write: {line}")
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the kind's command. If an option is another kind's, the error says whose."""
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

    def _is_old(self, ctx: click.Context, args: Sequence[str]) -> bool:
        old = {name for option in self._old_options for name in option.opts}
        if old & {arg.partition("=")[0] for arg in args}:
            return True
        named = self._arguments(ctx, args)
        if not self._min_arguments <= len(named) <= _MOST:
            return False
        if args[0] not in self.commands:
            return True
        # A folder may be named like a kind. If the arguments after it are too few for the kind, the line is an
        # old one. (`named` counts the kind's name, too.)
        needed = [p for p in self.commands[args[0]].params if isinstance(p, click.Argument)]
        helps = set(ctx.help_option_names) & set(args)
        return not helps and len(named) <= len(needed) and Path(args[0]).exists()

    def _arguments(self, ctx: click.Context, args: Sequence[str]) -> list[str]:
        """What is neither an option of any kind nor the value of one."""
        every = [p for command in self.commands.values() for p in command.params]
        options = {tuple(p.opts): p for p in every if isinstance(p, click.Option)}
        parser = click.Command(
            self.name, params=[*options.values(), *self._old_options]
        ).make_parser(ctx)
        parser.allow_interspersed_args = parser.ignore_unknown_options = True
        return [arg for arg in parser.parse_args(list(args))[1] if not arg.startswith("-")]


def _names(command: click.Command) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts}
