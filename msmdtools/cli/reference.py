"""Generate docs/cli.md from the commands' own help (`make docs`); tests/test_project.py compares."""

import click

from msmdtools.cli import COMMANDS, main

WIDTH = 96


def reference() -> str:
    """Make the command-line reference as Markdown: the help of `msmd` and of each command."""
    settings = main.context_settings
    with click.Context(main, info_name="msmd", terminal_width=WIDTH, **settings) as root:
        parts = [
            "# Command line",
            "The output of `--help` for each command. `make docs` writes this page.",
            "Exit codes: 0 all well; 1 error; 2 wrong usage; 3 finished, but some pieces failed; "
            "130 interrupted; 143 terminated.",
            _section("msmd", root),
        ]
        for name in COMMANDS:
            command = main.get_command(root, name)
            assert command is not None
            parts += _command(command, name, root)
    return "\n\n".join(parts) + "\n"


def _command(command: click.Command, name: str, parent: click.Context) -> list[str]:
    with click.Context(
        command, info_name=name, parent=parent, terminal_width=WIDTH, max_content_width=WIDTH
    ) as context:
        parts = [_section(context.command_path, context)]
        if isinstance(command, click.Group):
            for child_name in command.list_commands(context):
                child = command.get_command(context, child_name)
                assert child is not None
                parts += _command(child, child_name, context)
    return parts


def _section(title: str, context: click.Context) -> str:
    return f"## {title}\n\n```text\n{context.get_help()}\n```"


if __name__ == "__main__":
    click.echo(reference(), nl=False)
