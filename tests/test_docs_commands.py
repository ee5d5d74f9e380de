"""Every command line of the README and of docs/ is run, or a table here says why it is not.

A page's lines are run in their order, in a copy of the folder that docs_folder.py makes. `STAND_INS` says what
is small there and large on the page.
"""

import argparse
import glob
import re
import runpy
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import docs_folder as folder
import pytest
from click.testing import CliRunner

from msmdtools.cli import main
from msmdtools.models.model import bundled
from msmdtools.perform.soundfonts import registry

STAND_INS = {
    r"build …": "build --manifest msmd-v1.1 --root mutopia/ftp",
    r"--manifest msmd-v1\.1(?= )": "--manifest manifests/msmd-v1.1.csv",  # four pieces there
    r"--split all_split": "--split manifests/msmd-v1.1.csv:all_split",
    r"--sample(?! .*--pieces)": "--sample --pieces [PS]*",
    r"fetch mutopia": "fetch mutopia --commit HEAD",  # from a repository on this machine
    r"\$MUTOPIA": "mutopia/ftp",
    r"--soundfonts \S+": "--soundfonts TimGM6mb",
    r"(train .*)--model \S+": r"\1--config tiny.toml",
    r" (?:compact|large)-4s(?= |$)": " tiny",
    r"msmd (index|align) (?!.*--model)": r"msmd \1 --model tiny ",
    r"eval (pieces|position)": r"eval \1 --excerpts 2",
    r"--budget \S+": "--pairs 64",
    r"--pairs [\d_]+": "--pairs 64",
    r"--memory device": "--memory in-memory",  # the memory of a GPU
    r"--devices 4": "--devices 1",
    r"--robustness": "--robustness --robustness-candidates 20",
    r"BurgmullerJFF__O100__25EF-\d+": folder.PIECE,
    r"\[(--[^]]+)\]": r"\1",  # what may be left out is given
    r"--pieces GLOB": "--pieces P*",
    r"--jobs N": "--jobs 1",
}
"""What the pages say, as a pattern, and what stands for it here."""

NOT_RUN = {
    "msmd fetch soundfonts": "downloads",
    "msmd import-msmd": "needs a folder of the original MSMD; tests of its own make one",
    "git clone": "downloads",
    "python3 -m venv": "downloads",
    "MSMD_LILYPOND_TESTS=": "needs LilyPond's regression tests",
}
"""How a line begins, and why it is not run."""

READ = ("make", "python benchmarks/", "torchrun", "srun")
"""How a line begins that installs, takes long or needs several machines: it is only read by its program."""

ROAD = [f"docs/experiments/{name}.md" for name in ("compact-4s", "context-length", "large-models")]
"""Pages of which each goes on with what the one before has made."""

SLOW = {"README.md", "docs/cli.md", "docs/dataset.md", "docs/evaluation.md", "docs/following.md"}
SLOW |= {"docs/results.md", "docs/retrieval.md", "docs/splits.md"}

PROGRAMS = "msmd|make|git|pip|python3?|pytest|torchrun|srun|curl|apt|apt-get|uv|cd"
COMMAND = re.compile(rf"(?:[A-Z_]+=\S+ )*(?:{PROGRAMS}) .*|msmd")
REPOSITORY = Path(__file__).resolve().parent.parent
FILES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
PAGES = [file.relative_to(REPOSITORY).as_posix() for file in FILES]


def lines(page: str) -> list[str]:
    """The command lines of a page: in its blocks, in its sentences and tables, and below help."""
    fence, found = None, []
    text = (REPOSITORY / page).read_text("utf-8").replace("\\\n", " ")
    text = re.sub(r"(`(?:msmd|python) [^`\n]+)\n", r"\1 ", text)  # code goes on in the next line
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


def _is_whole(text: str) -> bool:
    """Whether code in a sentence is a command line, and not the name of a command or of an option."""
    words = shlex.split(text)
    if "…" in words or words[0] != "msmd":
        return words[0] != "msmd" and len(words) > 2
    if "--help" in words:
        return True
    try:
        given = parsed(words[1:])
    except click.MissingParameter:
        return False
    except click.UsageError:  # it is run, and fails
        return True
    named = [one.name for one in given.command.params if isinstance(one, click.Argument)]
    return any(given.params.get(name) for name in ["out", *named])


def parsed(words: list[str]) -> click.Context:
    """The options and arguments of a command, converted. Raises what click raises."""
    command: click.Command = main
    context = click.Context(main, info_name="msmd")
    while isinstance(command, click.Group):
        if not words:
            return context
        name, found, words = command.resolve_command(context, words)
        assert found is not None
        command, context = found, click.Context(found, context, name)
    return command.make_context(context.info_name, words, context.parent)


def with_stand_ins(line: str) -> str:
    for said, small in STAND_INS.items():
        line = re.sub(said, small, line)
    return line


def is_run(line: str) -> bool:
    return line.startswith("msmd ") and not line.startswith(tuple(NOT_RUN))


def roads() -> Iterator[Any]:
    """The pages with lines to run, and those that belong together."""
    for page in PAGES:
        if page not in ROAD[:-1] and any(map(is_run, lines(page))):
            slow = page in SLOW or page.startswith("docs/experiments/")
            pages = ROAD if page in ROAD else [page]
            yield pytest.param(pages, id=page, marks=[pytest.mark.slow] if slow else [])


def test_every_line_is_run_or_read_or_its_reason_is_told() -> None:
    written = {line: page for page in PAGES for line in lines(page)}
    assert sum(map(is_run, written)) > 80
    known = (*NOT_RUN, *READ)
    assert [
        one for one in written.items() if not is_run(one[0]) and not one[0].startswith(known)
    ] == []
    assert [start for start in known if not any(line.startswith(start) for line in written)] == []


def test_every_stand_in_is_used() -> None:
    written = [line for page in PAGES for line in lines(page) if is_run(line)]
    for said, small in STAND_INS.items():
        changed = [re.sub(said, small, line) for line in written]
        assert changed != written, f"no page says {said}"
        written = changed


def test_soundfonts_are_those_of_the_registry() -> None:
    written = "\n".join(line for page in PAGES for line in lines(page))
    named = re.findall(r"--soundfonts? (\S+)", written)
    fonts = {font for names in named for font in names.split(",")}
    assert {"TimGM6mb", "FluidR3_GM"} <= fonts <= set(registry())


def test_no_run_has_the_name_of_bundled_weights() -> None:
    """As these are what the name then means."""
    written = [words(line) for page in PAGES for line in lines(page) if "msmd train " in line]
    runs = {line[line.index("--out") + 1] for line in written}
    assert {"run", "compact-2s"} <= runs
    assert runs & set(bundled()) == set()


@pytest.mark.parametrize("pages", list(roads()))
def test_lines_run(pages, docs_folder, tmp_path, monkeypatch) -> None:
    for needed in ("torch", "lightning_fabric", "faiss"):
        pytest.importorskip(needed)
    monkeypatch.chdir(folder.copy(docs_folder, tmp_path / "here"))
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0}, raising=False)  # one core
    monkeypatch.setenv("MSMD_MUTOPIA_URL", Path("origin").absolute().as_uri())
    written = [line for page in pages for line in lines(page) if is_run(line)]
    commands = [words(with_stand_ins(line)) for line in written]
    take_away_what_is_made(commands)
    for line, command in zip(written, commands, strict=True):
        if command[0] == "train":
            read_training(words(line), monkeypatch)
        result = CliRunner().invoke(main, expanded(command))
        assert result.exit_code == 0, f"{line}\n{result.output}"


def words(line: str) -> list[str]:
    return shlex.split(line)[1:]


def expanded(command: list[str]) -> list[str]:
    """A command with the files that its patterns match, as a shell gives it."""
    found = [sorted(glob.glob(word)) if "/" in word else [] for word in command]
    return [path for word, paths in zip(command, found, strict=True) for path in paths or [word]]


def take_away_what_is_made(commands: list[list[str]]) -> None:
    """What a line makes, and no line before it names, is not there yet."""
    named: set[str] = set()
    for command in commands:
        command = command[2:] if command[0] in ("eval", "show") else command[1:]  # noqa: PLW2901
        for option, word in zip(["", *command], command, strict=False):
            path = Path(word)
            if option in ("--out", "-o") and word not in named:
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                path.unlink(missing_ok=True)
            named.add(word)


def read_training(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is printed, up to the training itself."""
    begun = []

    def train(*arguments: object, **_: object) -> SimpleNamespace:
        begun.append(arguments)
        return SimpleNamespace(best=None)

    with monkeypatch.context() as patch:
        patch.setattr("msmdtools.training.run.train", train)
        result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    assert len(begun) == 1


def lines_of(program: str) -> list[str]:
    return sorted({line for page in PAGES for line in lines(page) if line.startswith(program)})


@pytest.mark.parametrize("line", lines_of("python benchmarks/"))
def test_benchmarks_know_their_options(line, monkeypatch) -> None:
    pytest.importorskip("torch")
    script, *options = words(line)
    read = argparse.ArgumentParser.parse_args

    class Read(Exception):
        pass

    def parse_args(self: argparse.ArgumentParser, *given: object) -> None:
        read(self, *given)  # exits when it does not know one
        raise Read

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_args)
    monkeypatch.setattr("sys.argv", [script, *options])
    monkeypatch.syspath_prepend(REPOSITORY / "benchmarks")
    with pytest.raises(Read):
        runpy.run_path(str(REPOSITORY / script), run_name="__main__")


@pytest.mark.parametrize("line", [*lines_of("torchrun"), *lines_of("srun")])
def test_processes_are_given_a_training_that_is_one(line, monkeypatch, tmp_path) -> None:
    pytest.importorskip("lightning_fabric")
    monkeypatch.chdir(tmp_path)
    read_training(words("msmd" + line.partition("msmd")[2]), monkeypatch)


@pytest.mark.parametrize("line", lines_of("make"))
def test_make_has_what_the_pages_tell_to_make(line) -> None:
    """Its recipes are printed, not run, and the commands in them are ones."""
    if shutil.which("make") is None:
        pytest.skip("no make on PATH")
    make = ["make", "--dry-run", *words(line)]
    done = subprocess.run(make, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    variables = re.findall(r"(\w+)=", line)
    assert [name for name in variables if name not in (REPOSITORY / "Makefile").read_text()] == []
    for command in re.findall(r"\.venv/bin/msmd ([^|\n]*)", done.stdout):
        parsed([word for word in shlex.split(command) if word != "${resume[@]}"])
