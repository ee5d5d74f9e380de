"""The examples of docs/python.md, run on the bundled piece that they name."""

import doctest

from click.testing import CliRunner

from msmdtools.cli import main


def test_the_examples_of_the_python_page(repository, sample_root, soundfont, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ingest = ["ingest", str(sample_root), "--out", "m.csv"]
    build = ["build", "--manifest", "m.csv", "--root", str(sample_root), "--out", "sample"]
    build += ["--pieces", "PetzoldC*", "--soundfonts", "TimGM6mb", "--jobs", "1"]
    for arguments in (ingest, build):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, result.output
    failures, tried = doctest.testfile(
        str(repository / "docs" / "python.md"),
        module_relative=False,
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
    )
    assert failures == 0
    assert tried > 15
