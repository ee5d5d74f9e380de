"""docs/training.md says what the code does, and its examples run."""

import doctest
import re

import click
import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")

from msmdtools.cli.train import command
from msmdtools.training import batches, checkpoints, record


def test_every_option_is_explained(repository):
    page = (repository / "docs" / "training.md").read_text(encoding="utf-8")
    names = {o.opts[-1] for o in command.params if isinstance(o, click.Option)}
    assert names - set(re.findall(r"--[a-z-]+", page)) == set()


def test_every_file_of_a_run_is_explained(repository):
    page = (repository / "docs" / "training.md").read_text(encoding="utf-8")
    files = [record.CONFIG, record.ENVIRONMENT, record.RESULTS, record.CURVES]
    files += [checkpoints.LAST, checkpoints.PREVIOUS, checkpoints.BEST]
    assert [name for name in files if name not in page] == []
    assert f"{batches._SHARE:g} of the memory" in page
    assert f"buffer of {batches._STREAM_BUFFER:,} rows" in page


def test_the_examples(repository, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = repository / "docs" / "training.md"
    listing = re.search(
        r"read_text\(\)\)\n(.*?)\n<BLANKLINE>\n>>>", page.read_text(encoding="utf-8"), re.S
    )
    (tmp_path / "mine.toml").write_text(listing[1].replace("<BLANKLINE>", "") + "\n")
    failures, tried = doctest.testfile(str(page), module_relative=False)
    assert failures == 0
    assert tried > 10
