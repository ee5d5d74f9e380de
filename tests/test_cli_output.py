"""-v, -q, --log and progress: what commands say while they run, on a terminal and without one."""

import logging
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from msmdtools import cli
from msmdtools.cli import output, progress
from msmdtools.errors import DatasetError

LOG = logging.getLogger("msmdtools.made_up")
OPTIONS = {"--verbose", "--quiet", "--log"}


def leaves(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for child, inner in command.commands.items():
            yield from leaves(inner, f"{name} {child}")
    else:
        yield name, command


def call(work: Any, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    """Run `msmd doctor` with `work` in the place of what the real one does."""

    @click.command("doctor")
    def command() -> None:
        work()

    monkeypatch.setitem(sys.modules, "msmdtools.cli.doctor", SimpleNamespace(command=command))
    return CliRunner().invoke(cli.main, ["doctor", *arguments])


def slow_work(ticks: int = 3) -> None:
    """Something that takes longer than a few intervals of progress."""
    with progress.Bar() as bar:
        bar("pieces", 5, 20, "1 failed")
        seen = threading.Event()
        for _ in range(ticks):
            seen.wait(progress.INTERVAL_S * 1.5)
        LOG.info("b: ok")
        bar.line("a line that stays")
    output.warn("the sandbox is off")
    click.echo("result")


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "INTERVAL_S", 0.05)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_the_same_three_options(name: str) -> None:
    with click.Context(cli.main) as root:
        command = cli.main.get_command(root, name)
    assert command is not None
    for path, leaf in leaves(command, name):
        given = [option for p in leaf.params for option in p.opts]
        assert {o for o in given if o in OPTIONS} == OPTIONS, path
        assert len(given) == len(set(given)), path


def test_without_a_terminal_lines_tell_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    result = call(slow_work, monkeypatch)
    assert result.stdout == "result\n"
    lines = result.stderr.splitlines()
    told = [
        line for line in lines if line.startswith("pieces: 5 of 20 (25 %), 1 failed, after 0:00")
    ]
    assert len(told) >= 2
    assert [line for line in lines if line not in told] == [
        "a line that stays",
        "Warning: the sandbox is off",
    ]


def test_before_anything_is_counted_a_line_says_that_it_began(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def work() -> None:
        with progress.Bar():
            threading.Event().wait(0.2)

    assert call(work, monkeypatch).stderr.splitlines()[0] == "starting, after 0:00"


@pytest.mark.parametrize(
    ("what", "done", "total", "text"),
    [
        ("training", 0.5, 1.0, "training: 50 %, after 0:00"),
        ("cloning", 0, 0, "cloning, after 0:00"),
        ("windows", 1_234, 5_000, "windows: 1,234 of 5,000 (25 %), after 0:00"),
    ],
)
def test_what_a_line_says(what: str, done: float, total: float, text: str) -> None:
    bar = progress.Bar()
    bar(what, done, total)
    assert bar._text() == text


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00"), (75, "1:15"), (3_725, "1:02:05")])
def test_time(seconds: float, text: str) -> None:
    assert progress._time(seconds) == text


def test_quiet_leaves_results_and_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    result = call(slow_work, monkeypatch, "-q")
    assert (result.stdout, result.stderr) == ("result\n", "Warning: the sandbox is off\n")


def test_verbose_tells_each_step_once(monkeypatch: pytest.MonkeyPatch) -> None:
    result = call(slow_work, monkeypatch, "-v")
    assert result.stderr.splitlines().count("b: ok") == 1


def test_a_terminal_has_a_bar_and_no_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress.sys, "stderr", Terminal())
    drawn = progress.sys.stderr
    with progress.Bar() as bar:
        bar("pieces", 5, 20, "1 failed")
        bar.line("a line that stays")
        threading.Event().wait(0.2)
    text = "".join(drawn.written)  # type: ignore[attr-defined]
    assert "pieces:  25%" in text and "1 failed" in text and "a line that stays\n" in text
    assert "after 0:00" not in text


class Terminal:
    """A standard error that says it is a terminal."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self.written: list[str] = []

    def write(self, text: str) -> int:
        self.written.append(text)
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return True


def test_log_file_has_everything_with_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "run.log"
    result = call(slow_work, monkeypatch, "--log", str(log), "-q")
    assert result.stderr == "Warning: the sandbox is off\n"
    lines = log.read_text().splitlines()
    assert all(
        re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} (INFO|WARNING) ", x) for x in lines
    )
    texts = [line.split(" ", 2)[2] for line in lines]
    assert texts[0].split()[0] == "msmd"
    assert "pieces: 5 of 20 (25 %), 1 failed, after 0:00" in texts
    assert texts[-3:] == ["b: ok", "a line that stays", "the sandbox is off"]


def test_log_file_has_the_error_and_is_added_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise DatasetError("out: no such folder")

    def break_down() -> None:
        raise RuntimeError("a fault of ours")

    log = tmp_path / "run.log"
    assert call(fail, monkeypatch, "--log", str(log)).exit_code == 1
    assert isinstance(call(break_down, monkeypatch, "--log", str(log)).exception, RuntimeError)
    text = log.read_text()
    assert re.search(r"^\S+ ERROR out: no such folder$", text, re.MULTILINE)
    assert re.search(r"^\S+ ERROR RuntimeError$", text, re.MULTILINE)
    assert "Traceback" in text and "a fault of ours" in text
    assert output.LOGGER.handlers == []


def test_a_log_file_that_cannot_be_written_is_wrong_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = call(slow_work, monkeypatch, "--log", str(tmp_path / "no" / "run.log"))
    assert result.exit_code == 2
    assert "No such file or directory" in result.stderr
