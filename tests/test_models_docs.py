"""docs/models.md says what the code does, and its examples run."""

import doctest
import re

import pytest

pytest.importorskip("torch")

from msmdtools.models import bundle, config
from msmdtools.models.network import TwoTower
from msmdtools.models.reference import with_tables

TINY = {
    "name": "tiny",
    "context_s": 2.1,
    "sheet_tower": {"kind": "residual", "stem": 4, "widths": [4, 8], "blocks": [1, 1]},
    "audio_tower": {"kind": "residual", "stem": 4, "widths": [4, 8], "blocks": [1, 1]},
    "projection": {"kind": "linear", "dim": 16},
    "loss": {"kind": "infonce"},
}


def test_the_tables_are_those_of_the_code(repository):
    text = (repository / "docs" / "models.md").read_text(encoding="utf-8")
    assert with_tables(text) == text, "docs/models.md is out of date: run `make docs`"
    assert (
        "| `cnn-2s` | 2.1 s | 200 px | vgg |  | cca, 32 | ranking | 662,000 | 188 M | 89 M |"
        in text
    )


def test_the_examples(repository, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = repository / "docs" / "models.md"
    c = config.from_mapping(TINY)
    bundle.save("tiny.safetensors", TwoTower(c), c, {"snippets": "none: random weights"})
    listing = re.search(r'mine.toml"\).read\(\)\)\n(.*?)\n<BLANKLINE>\n>>>', page.read_text(), re.S)
    (tmp_path / "mine.toml").write_text(listing[1].replace("<BLANKLINE>", "") + "\n")
    TwoTower(config.load("mine.toml"))
    failures, tried = doctest.testfile(str(page), module_relative=False)
    assert failures == 0
    assert tried > 12
