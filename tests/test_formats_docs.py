"""The examples of docs/formats.md, run on what the commands of the page write."""

import doctest
import re

import pytest
from click.testing import CliRunner

from msmdtools.cli import main

PIECE = "PetzoldC__BWVAnh114__minuet-in-g"
LIBRARIES = ("pycocotools", "yaml", "mung", "datasets")


def test_the_examples_of_the_formats_page(repository, soundfont, tmp_path, monkeypatch):
    for library in LIBRARIES:
        pytest.importorskip(library, reason=f"needs {library}")
    monkeypatch.chdir(tmp_path)
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "split.csv").write_text(f"piece,split\n{PIECE},train\n", "utf-8")
    page = (repository / "docs" / "formats.md").read_text("utf-8")
    build = ["build", "--sample", "--out", "sample", "--pieces", f"{PIECE}*"]
    commands = [[*build, "--soundfonts", "TimGM6mb", "--jobs", "1"]]
    commands += [line.replace("'", "").split() for line in re.findall("^msmd (.*)", page, re.M)]
    for arguments in commands:
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, result.output
    failures, tried = doctest.testfile(
        str(repository / "docs" / "formats.md"),
        module_relative=False,
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
    )
    assert failures == 0
    assert tried > 15
