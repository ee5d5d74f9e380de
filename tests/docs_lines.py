"""The command lines that the README and docs/ show."""

import re
import shlex
from pathlib import Path

import click

from msmdtools.cli import main

REPOSITORY = Path(__file__).resolve().parent.parent
FILES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
PAGES = [file.relative_to(REPOSITORY).as_posix() for file in FILES]
PROGRAMS = "msmd|make|git|pip|python3?|pytest|torchrun|srun|curl|apt|apt-get|uv|cd"
COMMAND = re.compile(rf"(?:[A-Z_]+=\S+ )*(?:{PROGRAMS}) .*|msmd")


def lines(page: str) -> list[str]:
    """The command lines of a page: in its blocks, in its sentences and tables, and below help."""
    text = (REPOSITORY / page).read_text("utf-8").replace("\\\n", " ")
    text = re.sub(r"(`(?:msmd|python) [^`\n]+)\n", r"\1 ", text)  # code goes on in the next line
    fence, found = None, []
    for line in text.splitlines():
        if line.startswith("```"):
            fence = None if fence is not None else line[3:]
        elif fence in ("sh", "bash", "console"):
            found.append(line.removeprefix("$ "))
        elif fence != "python" and (line.startswith("    ") or fence is not None):
            text = re.sub(r"^ +(Example: )?", "", line)
            found += [text] if COMMAND.fullmatch(text) else []
        elif fence is None:
            inline = re.findall(r"`((?:msmd|python benchmarks/\w+\.py) [^`]+)`", line)
            found += [text for text in inline if _is_whole(text)]
    return list(
        dict.fromkeys(re.sub(" +", " ", line.partition(" # ")[0]).strip() for line in found)
    )


def lines_of(program: str) -> list[str]:
    """The lines of all pages that begin so."""
    return sorted({line for page in PAGES for line in lines(page) if line.startswith(program)})


def words(line: str) -> list[str]:
    """What a command line gives to its program."""
    return shlex.split(line)[1:]


def parsed(words: list[str]) -> click.Context:
    """The options and arguments of a command, converted. Raises what click raises."""
    command: click.Command = main
    context = click.Context(main, info_name="msmd", **main.context_settings)
    while isinstance(command, click.Group):
        if not words:
            return context
        name, found, words = command.resolve_command(context, words)
        assert found is not None
        command, context = found, click.Context(found, context, name)
    return command.make_context(context.info_name, words, context.parent)


def _is_whole(text: str) -> bool:
    """Whether code in a sentence is a command line, and not the name of a command or of an option."""
    words = shlex.split(text)
    if "…" in words or words[0] != "msmd":
        return words[0] != "msmd" and len(words) > 2
    if "--help" in words:
        return True
    try:
        given = parsed(words[1:])
    except (click.MissingParameter, click.BadOptionUsage):  # it names an option without its value
        return False
    except click.UsageError:  # it is run, and fails
        return True
    named = [one.name for one in given.command.params if isinstance(one, click.Argument)]
    return any(given.params.get(name) for name in ["out", *named])
