"""Every command line of the README and of docs/ is run, or a table here says why it is not.

A page's lines (docs_lines.py) are run in their order, in a copy of the folder that docs_folder.py makes.
`STAND_INS` says what is small there and large on the page. What comes to the same command is run once.
"""

import argparse
import glob
import itertools
import re
import runpy
import shlex
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import click
import docs_folder as folder
import pytest
from click.testing import CliRunner
from docs_lines import PAGES, REPOSITORY, lines, lines_of, parsed, words

from msmdtools.cli import main
from msmdtools.models.model import bundled
from msmdtools.perform.soundfonts import registry
from msmdtools.sources.repositories import REPOSITORIES

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
    r"(eval \w+) MODEL SNIPPETS": r"\1 tiny snippets",
    r"(eval \w+) MODEL DATASET": r"\1 tiny msmd",
    r"eval (pieces|position)": r"eval \1 --excerpts 2",
    r"--dataset DATASET": "--dataset msmd",
    r"(eval (?:alignment|following) \S+ \S+)(?: --split \S+)?": r"\1 --split pieces.csv:split:train",
    r"--budget \S+": "--pairs 64",
    r"--pairs [\d_]+": "--pairs 64",
    r"--memory device": "--memory in-memory",  # the memory of a GPU
    r"--devices 4": "--devices 1",
    r"--robustness": "--robustness --robustness-candidates 20",
    r"BurgmullerJFF__O100__25EF-\d+": folder.PIECE,
    # These folders are there, with windows of the usual sizes.
    r"(--out (?:snippets|wide) \S+ \S+) --staff-height none(?: --sheet \S+)?": r"\1",
    r"link scan\.pdf --dataset \S+ --piece ID": f"link scans/minuet.png --dataset msmd --piece {folder.PIECE}",
    r"\[(--[^]]+)\]": r"\1",  # what may be left out is given
    r"--pieces GLOB": "--pieces P*",
    r"--jobs N": "--jobs 1",
}
"""What the pages say, as a pattern, and what stands for it here."""

NOT_RUN = {
    "msmd fetch soundfonts": "downloads",
    "git clone": "downloads",
    "pip install": "downloads",
    "python3 -m venv": "downloads",
    **dict.fromkeys(("msmd build ASAP", "msmd build asap", "msmd build $ASAP"), "needs (n)ASAP"),
    "msmd validate data": "needs a dataset of (n)ASAP",
    "msmd perform": "needs (n)ASAP, or recordings",
    "msmd eval alignment compact-4s D ": "needs performances of (n)ASAP",
    "msmd build --manifest test.csv": "needs the test pieces of MSMD",
    **{
        f"msmd fetch {name}": "downloads"
        for name in REPOSITORIES
        if name not in {"mutopia", "openscore-lieder"}
    },
    "MSMD_LILYPOND_TESTS=": "needs LilyPond's regression tests",
}
"""How a line begins, and why it is not run."""

READ = ("make", "python benchmarks/", "torchrun", "srun")
"""How a line begins that installs, takes long or needs several machines: it is only read by its program."""

ROAD = [f"docs/experiments/{name}.md" for name in ("compact-4s", "context-length", "large-models")]
"""Pages of which each goes on with what the one before has made."""

FAST = {
    f"docs/{name}.md" for name in ("architecture", "formats", "loader", "manifests", "validation")
}
"""Pages whose lines take a second or two together, and need no model."""

OUT = ("--out", "-o")


def is_run(line: str) -> bool:
    return line.startswith("msmd ") and not line.startswith(tuple(NOT_RUN))


def with_stand_ins(line: str) -> str:
    for said, small in STAND_INS.items():
        line = re.sub(said, small, line)
    return line


def command_of(line: str) -> list[str]:
    return words(with_stand_ins(line))


def lines_to_run(pages: list[str]) -> list[str]:
    return [line for page in pages for line in lines(page) if is_run(line)]


def roads() -> list[list[str]]:
    """The pages with lines to run, those that belong together in one list; the fast ones come first."""
    found = [ROAD if page == ROAD[0] else [page] for page in PAGES if page not in ROAD[1:]]
    found = [pages for pages in found if lines_to_run(pages)]
    return sorted(found, key=lambda pages: pages[0] not in FAST)


def not_run_before(pages: list[str]) -> list[str]:
    """Lines of these pages; of those that ran before only the ones that make what is lacking and needed."""
    earlier = roads()[: roads().index(pages)]
    done = [command_of(line) for one in earlier for line in lines_to_run(one)]
    written, found = lines_to_run(pages), []
    for i, line in enumerate(written, start=1):
        command = command_of(line)
        later = {word for other in written[i:] for word in inputs(command_of(other))}
        lacks = any(path in later and not Path(path).exists() for path in outputs(command))
        if command not in done or lacks:
            found.append(line)
        done.append(command)
    return found


def test_every_line_is_run_or_read_or_its_reason_is_told() -> None:
    written = {line: page for page in PAGES for line in lines(page)}
    assert sum(map(is_run, written)) > 80
    known = (*NOT_RUN, *READ)
    assert [
        one for one in written.items() if not is_run(one[0]) and not one[0].startswith(known)
    ] == []
    assert [start for start in known if not any(line.startswith(start) for line in written)] == []


def test_every_option_of_every_line_is_known() -> None:
    """As it is printed, and as it is run."""
    written = [line for page in PAGES for line in lines(page)]
    written = [line for line in written if line.startswith("msmd ") and "--help" not in line]
    for line in written:
        printed = [] if re.search(r"…|\[|--jobs N", line) else [words(line)]
        for command in [*printed, command_of(line)]:
            try:
                parsed(command)
            except click.UsageError as error:
                pytest.fail(f"{line}: {error.format_message()}")


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


ROADS = [
    pytest.param(pages, id=pages[0], marks=[] if pages[0] in FAST else pytest.mark.slow)
    for pages in roads()
]


@pytest.mark.parametrize("pages", ROADS)
def test_lines_run(pages, request, tmp_path, monkeypatch) -> None:
    for needed in ("torch", "lightning_fabric", "faiss", "verovio"):
        pytest.importorskip(needed)
    name = "docs_folder" if pages[0] in FAST else "docs_folder_with_model"
    monkeypatch.chdir(folder.copy(request.getfixturevalue(name), tmp_path / "here"))
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0}, raising=False)  # one core
    for collection in ("MUTOPIA", "OPENSCORE_LIEDER"):
        monkeypatch.setenv(f"MSMD_{collection}_URL", Path("origin").absolute().as_uri())
    for line in lines_to_run(pages):
        if line.startswith("msmd train "):
            read_training(words(line), monkeypatch)
    written = not_run_before(pages)
    take_away_what_is_made([command_of(line) for line in written])
    for line in written:
        result = CliRunner().invoke(main, expanded(command_of(line)))
        assert result.exit_code == 0, f"{line}\n{result.output}"


def expanded(command: list[str]) -> list[str]:
    """A command with the files that its patterns match, as a shell gives it."""
    found = [sorted(glob.glob(word)) if "/" in word else [] for word in command]
    return [path for word, paths in zip(command, found, strict=True) for path in paths or [word]]


def outputs(command: list[str]) -> list[str]:
    """The files and folders that a command makes."""
    return [word for option, word in itertools.pairwise(command) if option in OUT]


def inputs(command: list[str]) -> list[str]:
    """The other words after the name of a command."""
    return [word for option, word in itertools.pairwise(command) if option not in OUT]


def take_away_what_is_made(commands: list[list[str]]) -> None:
    """What a line makes, and neither it nor a line before it names, is not there yet."""
    named: set[str] = set()
    for command in commands:
        named.update(inputs(command))
        for path in map(Path, set(outputs(command)) - named):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            path.unlink(missing_ok=True)
        named.update(outputs(command))


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
