"""The `msmd` command itself: its help, its lazy commands, its messages and exit codes."""

import errno
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner, Result

import msmdtools
from msmdtools import cli
from msmdtools.errors import DatasetError, PieceError

RUN_MSMD = [sys.executable, "-c", "from msmdtools.cli import main; main(prog_name='msmd')"]
HEAVY = ("numpy", "pandas", "pyarrow", "cv2", "fluidsynth", "pypdfium2", "PIL", "mido", "lilypond")


def call_failing_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> Result:
    """Run `msmd doctor` with a command that raises `error` in the place of the real one."""

    @click.command("doctor")
    def command() -> None:
        raise error

    monkeypatch.setitem(sys.modules, "msmdtools.cli.doctor", SimpleNamespace(command=command))
    return CliRunner().invoke(cli.main, ["doctor"])


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_listed_help_is_the_commands_own(name: str) -> None:
    command = import_module(cli.module_of(name)).command
    assert isinstance(command, click.Command)
    assert command.name == name
    assert command.get_short_help_str(limit=100) == cli.COMMANDS[name]


def test_help_lists_all_commands_in_order() -> None:
    result = CliRunner().invoke(cli.main, ["--help"])
    assert result.exit_code == 0
    lines = result.output.split("Commands:\n")[1].splitlines()
    assert [line.split()[0] for line in lines] == list(cli.COMMANDS)


def test_help_states_what_is_fixed_elsewhere() -> None:
    """Names of soundfonts and lengths of excerpts: declared once, told in a help."""
    from msmdtools.evaluation.pieces.excerpts import PIXELS, SECONDS
    from msmdtools.perform.soundfonts import registry

    fonts = CliRunner().invoke(cli.main, ["fetch", "soundfonts", "--help"]).output
    assert f"The names are {', '.join(registry())}." in fonts
    excerpts = " ".join(CliRunner().invoke(cli.main, ["eval", "pieces", "--help"]).output.split())
    (*first, last), (*narrow, widest) = (map("{:g}".format, of) for of in (SECONDS, PIXELS))
    assert f"of {', '.join(first)} and {last} s of its recording" in excerpts
    assert f"of {', '.join(narrow)} and {widest} px of its sheet" in excerpts


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_version(option: str) -> None:
    result = CliRunner().invoke(cli.main, [option], prog_name="msmd")
    assert (result.exit_code, result.output) == (0, f"msmd {msmdtools.__version__}\n")


def test_help_imports_nothing_heavy_and_is_quick() -> None:
    program = (
        "import sys, click\n"
        "from msmdtools.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        f"print('HEAVY', [m for m in {HEAVY!r} if m in sys.modules])\n"
        "print('LOADED', sorted(m for m in sys.modules if m.startswith('msmdtools')))\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "HEAVY []" in answer.stdout
    assert (
        "LOADED ['msmdtools', 'msmdtools.cli', 'msmdtools.errors', 'msmdtools.version']"
        in answer.stdout
    )


def test_package_lists_what_it_offers() -> None:
    assert {"open", "load_model", "MsmdError"} <= set(dir(msmdtools))


def test_package_offers_open_lazily() -> None:
    program = (
        "import sys, msmdtools\n"
        "assert 'msmdtools.dataset' not in sys.modules\n"
        "assert callable(msmdtools.open)\n"
        "assert 'msmdtools.dataset' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    with pytest.raises(AttributeError, match="module 'msmdtools' has no attribute 'close'"):
        _ = msmdtools.close


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bild"], "No such command 'bild'"),
        (["--frobnicate"], "No such option"),
        (["doctor", "--frobnicate"], "No such option"),
    ],
)
def test_wrong_usage_exits_2(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(cli.main, arguments)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize(
    "error",
    [
        DatasetError("out: made with other options"),
        PieceError("engrave", "timeout", "out: made with other options"),
    ],
)
def test_own_errors_are_one_line_and_exit_1(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = call_failing_with(error, monkeypatch)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: out: made with other options\n"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (errno.ENOSPC, "no space left on device"),
        (errno.EROFS, "read-only file system"),
        (errno.EISDIR, "it is a folder; give the name of a file"),
        (errno.ENOTDIR, "there is a file where a folder is needed"),
        (errno.EEXIST, "there is a file where a folder is needed"),
    ],
)
def test_a_full_or_read_only_disk_is_a_message(
    number: int, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = OSError(number, os.strerror(number), "out/pieces.parquet")
    result = call_failing_with(error, monkeypatch)
    assert (result.exit_code, result.stderr) == (1, f"Error: out/pieces.parquet: {text}\n")


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    error = FileNotFoundError(errno.ENOENT, "No such file", "x")
    assert call_failing_with(error, monkeypatch).exception is error


def test_interrupt_exits_130(monkeypatch: pytest.MonkeyPatch) -> None:
    result = call_failing_with(KeyboardInterrupt(), monkeypatch)
    assert (result.exit_code, result.stderr) == (130, "Interrupted.\n")


def test_a_closed_pipe_is_quiet() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        answer = subprocess.run(
            [*RUN_MSMD, "--help"], stdout=write, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(write)
    assert answer.stderr == ""


def test_project_and_package_have_one_version(repository: Path) -> None:
    assert re.search(
        rf"^version: {re.escape(msmdtools.__version__)}$",
        (repository / "CITATION.cff").read_text(),
        re.MULTILINE,
    )
