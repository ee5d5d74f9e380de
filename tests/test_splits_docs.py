"""The examples of docs/splits.md, run on the bundled pieces."""

import doctest

import pytest
from click.testing import CliRunner

from msmdtools.cli import main


@pytest.mark.slow
def test_the_examples_of_the_splits_page(repository, soundfont, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    build = ["build", "--sample", "--out", "sample", "--soundfonts", "TimGM6mb"]
    result = CliRunner().invoke(main, build)
    assert result.exit_code == 0, result.output
    failures, tried = doctest.testfile(
        str(repository / "docs" / "splits.md"),
        module_relative=False,
        optionflags=doctest.NORMALIZE_WHITESPACE,
    )
    assert failures == 0
    assert tried == 11
