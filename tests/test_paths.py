"""A folder where a file is needed, and a file where a folder is: each command says which, in words."""

import pytest
from click.testing import CliRunner

from msmdtools.base import resources
from msmdtools.cli import main

PIECES = str(resources.pieces())
A_FILE = "this is a file, and a folder is needed"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("hello\n")
    (tmp_path / "folder").mkdir()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ingest file --out x.csv", f"file: {A_FILE}. Name the root of a tree of scores."),
        (
            f"ingest {PIECES} --list folder --out x.csv",
            "Cannot read the manifest folder: it is a folder.",
        ),
        (
            f"ingest {PIECES} --out file/x.csv",
            "Cannot write the manifest file/x.csv: there is a file where a folder is needed.",
        ),
        (
            f"build --manifest folder --root {PIECES} --out ds",
            "Cannot read the manifest folder: it is a folder.",
        ),
        ("build --sample --out ds --config folder", "folder: it is a folder"),
        ("snippets file --out s", f"file: {A_FILE}; name the folder that msmd build --out made"),
        ("validate file", f"file: {A_FILE}; name the folder that msmd build --out made"),
        ("show page file a", f"file: {A_FILE}; name the folder that msmd build --out made"),
        ("show snippets file", f"file: {A_FILE}; name the folder that msmd snippets --out made"),
        ("index file --out i", f"file: {A_FILE}; name a dataset, or a folder of sheets and audio"),
        ("align folder folder", "folder: this is a folder, and a file is needed"),
        (
            "fetch soundfonts TimGM6mb --out file",
            "Cannot put soundfonts into file: there is a file where a folder is needed.",
        ),
    ],
)
def test_what_is_of_the_other_kind_is_named(here, line, said):
    result = CliRunner().invoke(main, line.split())
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (1, f"Error: {said}")


def test_a_configuration_that_is_a_folder(here):
    pytest.importorskip("lightning_fabric")
    result = CliRunner().invoke(main, ["train", "synthetic", "--config", "folder", "--out", "run"])
    said = "Error: folder: this is a folder, and a file is needed\n"
    assert (result.exit_code, result.stderr) == (1, said)
