"""docs/snippets.md and docs/loader.md say what the code does, and their examples of reading run."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from click.testing import CliRunner

from msmdtools.cli import main
from msmdtools.loading.augment import load
from msmdtools.loading.reference import with_augmentations, with_columns


def test_the_documented_columns_are_those_of_the_code(repository: Path) -> None:
    text = (repository / "docs" / "snippets.md").read_text(encoding="utf-8")
    assert with_columns(text) == text, "docs/snippets.md is out of date: run `make docs`"
    assert "| `spectrogram` |" in text


def test_the_documented_augmentations_are_those_of_the_code(repository: Path) -> None:
    text = (repository / "docs" / "loader.md").read_text(encoding="utf-8")
    assert with_augmentations(text) == text, "docs/loader.md is out of date: run `make docs`"
    assert "| `audio.stretch` |" in text


def test_the_documented_file_of_augmentations_is_read(repository: Path, tmp_path: Path) -> None:
    text = (repository / "docs" / "loader.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "mine.toml").write_text(example)
    assert load(tmp_path / "mine.toml").audio.stretch == 0.1


def test_the_examples_of_the_pages(repository, soundfont, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    build = ["build", "--sample", "--out", "sample", "--pieces", "P*", "--soundfonts", "TimGM6mb"]
    Path("pieces.csv").write_text("piece,split\nPetzoldC__BWVAnh114__minuet-in-g,train\n")
    export = ["snippets", "sample", "--out", "snippets", "--split", "pieces.csv:split"]
    for arguments in (build, export):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, result.output
    # A process of its own: importing `datasets` changes what pandas makes of the spectrograms.
    names = ["snippets.md"] if find_spec("torch") is None else ["loader.md", "snippets.md"]
    pages = [repository / "docs" / name for name in names]
    for page in pages:
        assert page.read_text(encoding="utf-8").count(">>>") > 15
    done = subprocess.run(
        [sys.executable, "-m", "doctest", "-o", "NORMALIZE_WHITESPACE", *map(str, pages)],
        env={**os.environ, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
