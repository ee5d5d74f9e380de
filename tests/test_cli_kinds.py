"""`msmd eval` and `msmd show` as groups, and the lines of before, when each was one command."""

import shlex
from pathlib import Path

import click
import pytest
import snippet_shards
from click.testing import CliRunner, Result

from msmdtools import cli
from msmdtools.cli import eval as eval_group
from msmdtools.cli import show as show_group

KINDS = {"eval": eval_group.command, "show": show_group.command}
SAID = "Warning: This way of writing the command is deprecated. Write: "


def run(line: str) -> Result:
    return CliRunner().invoke(cli.main, shlex.split(line), prog_name="msmd")


@pytest.fixture(autouse=True)
def called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kinds that are run, in a folder with a run, a dataset and snippets."""
    monkeypatch.chdir(tmp_path)
    for name in ("run", "msmd", "empty"):
        Path(name).mkdir()
    snippet_shards.write(Path("snippets"), pieces=1, onsets=2, performances=1, shards=1)
    calls: list[str] = []
    for group in KINDS.values():
        for kind, command in group.commands.items():
            monkeypatch.setattr(command, "callback", lambda kind=kind, **_: calls.append(kind))
    return calls


@pytest.mark.parametrize(
    ("before", "today"),
    [
        ("eval run snippets", "eval snippets run snippets"),
        ("eval run msmd --task pieces", "eval pieces run msmd"),
        ("eval --task=position run msmd --seed 3", "eval position run msmd --seed 3"),
        ("eval -q run --task following msmd", "eval following -q run msmd"),
        ("eval --candidates 9 run snippets", "eval snippets --candidates 9 run snippets"),
        # Folders with the names of kinds.
        ("eval snippets snippets --task snippets", "eval snippets snippets snippets"),
        ("eval snippets msmd", "eval snippets snippets msmd"),
        ("show msmd Bach --page 2", "show page msmd Bach --page 2"),
        ("show --page 2 msmd 'Bach 1'", "show page --page 2 msmd 'Bach 1'"),
        ("show msmd", "show page msmd"),
        ("show ./snippets --augment", "show snippets ./snippets --augment"),
        ("show snippets", "show snippets snippets"),
        ("show snippets --augment strong", "show snippets snippets --augment strong"),
        ("show run --attention --pairs 2", "show attention run --pairs 2"),
        ("show --attention run --snippets snippets", "show attention run --snippets snippets"),
    ],
)
def test_a_line_of_before_does_what_it_did(before: str, today: str, called: list[str]) -> None:
    result = run(before)
    assert (result.exit_code, result.stdout) == (0, ""), result.output
    assert result.stderr == f"{SAID}msmd {today}\n"
    assert called == [today.split()[1]]
    result = run(today)
    assert (result.exit_code, result.output) == (0, "")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("eval snipets run snippets", "No such command 'snipets'"),
        ("eval run", "No such command 'run'"),
        ("eval run msmd --task piece", "No such command 'piece'"),
        ("eval position nowhere", "Missing argument 'DATASET'"),
        ("eval alignment run msmd --excerpts 3", "--excerpts is for msmd eval pieces or position."),
        ("eval pieces run msmd --excerpt 3", "No such option"),
        ("show pge msmd Bach", "No such command 'pge'"),
        ("show attention", "Missing argument 'MODEL'"),
        ("show snippets snippets --color role", "--color is for msmd show page."),
    ],
)
def test_wrong_usage_is_told_in_the_words_of_today(
    line: str, message: str, called: list[str]
) -> None:
    result = run(line)
    assert result.exit_code == 2
    assert message in result.output
    assert SAID not in result.output
    assert not called


@pytest.mark.parametrize("name", KINDS)
def test_the_help_of_a_group_has_a_line_for_each_kind(name: str) -> None:
    lines = run(f"{name} --help").stdout.split("Commands:\n")[1].splitlines()
    assert [line.split()[0] for line in lines] == list(KINDS[name].commands)
    assert all(line.endswith(".") for line in lines)


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_has_an_example_of_its_own(name: str) -> None:
    for kind in KINDS[name].commands:
        assert f"Example: msmd {name} {kind} " in " ".join(run(f"{name} {kind} -h").stdout.split())


def test_no_option_speaks_of_other_kinds() -> None:
    for name, group in KINDS.items():
        for kind, command in group.commands.items():
            for parameter in command.params:
                if isinstance(parameter, click.Option):
                    first = (parameter.help or "").split()[0].rstrip(":,").lower()
                    assert first not in {"not", *group.commands} - {kind}, f"{name} {kind}"
