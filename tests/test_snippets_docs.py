"""docs/snippets.md says what the code does, and its examples of reading run."""

import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from msmdtools.cli import main
from msmdtools.snippets.reference import with_columns


def test_the_documented_columns_are_those_of_the_code(repository: Path) -> None:
    text = (repository / "docs" / "snippets.md").read_text(encoding="utf-8")
    assert with_columns(text) == text, "docs/snippets.md is out of date: run `make docs`"
    assert "| `spectrogram` |" in text


def test_the_examples_of_the_snippets_page(repository, soundfont, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    build = ["build", "--sample", "--out", "sample", "--pieces", "P*", "--soundfonts", "TimGM6mb"]
    Path("pieces.csv").write_text("piece,split\nPetzoldC__BWVAnh114__minuet-in-g,train\n")
    export = ["snippets", "sample", "--out", "snippets", "--split", "pieces.csv:split"]
    for arguments in (build, export):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, result.output
    # A process of its own: importing `datasets` changes what pandas makes of the spectrograms.
    page = repository / "docs" / "snippets.md"
    assert page.read_text(encoding="utf-8").count(">>>") > 15
    done = subprocess.run(
        [sys.executable, "-m", "doctest", "-o", "NORMALIZE_WHITESPACE", str(page)],
        env={**os.environ, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
