"""Files of MuseScore's own: listed by themselves, and built where a program converts them."""

import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import score_fakes as fakes
from click.testing import CliRunner

from msmdtools.cli import main
from msmdtools.engrave import Limits, convert_musescore, find_musescore, sandbox_available
from msmdtools.engrave.musescore import PROGRAMS
from msmdtools.errors import PieceError, ToolError
from msmdtools.sources.gather import gather

MSCX = """<?xml version="1.0" encoding="UTF-8"?>
<museScore version="4.20"><Score>
<metaTag name="composer">Clara Schumann</metaTag><metaTag name="copyright">CC BY 4.0</metaTag>
<metaTag name="workTitle">Romanze</metaTag><metaTag name="workNumber">Op. 11</metaTag>
<Part><Staff id="1"/><Staff id="2"/><trackName>Piano</trackName>
<Instrument id="piano"><longName>Pianoforte</longName><Channel><program value="0"/></Channel></Instrument></Part>
<Staff id="1"><Measure/></Staff></Score></museScore>
"""


def program(folder: Path, script: str, name: str = "mscore") -> Path:
    """A stand-in for MuseScore: called as mscore -o RESULT SOURCE."""
    folder.mkdir(exist_ok=True)
    (folder / "result.xml").write_text(fakes.musicxml(), encoding="utf-8")
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


CONVERTS = 'grep -q museScore "$3" && cp "$(dirname "$0")/result.xml" "$2"'


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "a.mscx").write_text(MSCX, encoding="utf-8")
    (folder / "b.mscz").write_bytes(fakes.mxl(MSCX, name="b.mscx"))
    return folder


def build(tree: Path, *arguments: object) -> dict[str, dict[str, object]]:
    out = tree.parent / "ds"
    options = ["--out", str(out), "--soundfonts", "TimGM6mb", "--jobs", "1", *map(str, arguments)]
    run = CliRunner().invoke(main, ["build", str(tree / "a.mscx"), *options])
    assert run.exit_code in (0, 3), run.output
    return {row["piece"]: row for row in pq.read_table(out / "pieces.parquet").to_pylist()}


def test_the_heading_needs_no_musescore(tree):
    first, second = gather([tree]).pieces
    assert (first.piece, second.piece) == ("a", "b")
    for piece in (first, second):
        assert (piece.title, piece.composer, piece.opus) == ("Romanze", "Clara Schumann", "Op. 11")
        assert (piece.format, piece.licence) == ("musescore", "CC-BY-4.0")
        assert (piece.instrument, piece.instruments) == ("Pianoforte", ("piano",))


def test_without_musescore_the_row_says_what_to_install_and_with_it_the_piece_is_built(
    tree, tmp_path, monkeypatch
):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    row = build(tree)["a"]
    assert (row["stage"], row["reason"]) == ("source", "no-musescore")
    assert str(row["message"]).startswith(
        "a.mscx: only MuseScore can read its own files: install MuseScore (musescore.org;"
    )
    row = build(tree, "--retry-failed", "--musescore", program(tmp_path / "bin", CONVERTS))["a"]
    assert (row["status"], row["noteheads"], row["format"]) == ("ok", 1, "musescore")


def test_the_program_is_found_on_the_path(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"/usr/bin:{tmp_path / 'bin'}")
    assert find_musescore() is None
    for name in reversed(PROGRAMS):
        path = program(tmp_path / "bin", CONVERTS, name)
        assert find_musescore() == path
    with pytest.raises(ToolError, match="--musescore /no/mscore: there is no such program"):
        find_musescore(Path("/no/mscore"))


@pytest.mark.parametrize("sandbox", [False, pytest.param(True, marks=pytest.mark.skipif(
    not sandbox_available(), reason="no bubblewrap"))])  # fmt: skip
@pytest.mark.parametrize(
    ("script", "reason", "message"),
    [
        ("echo cannot read >&2; exit 20", "conversion-failed", "(exit code 20; cannot read)"),
        ("exit 0", "conversion-failed", "(exit code 0; no message)"),
        ('ln -s /etc/passwd "$2"', "conversion-failed", "wrote no MusicXML"),
        ("sleep 60", "timeout", "MuseScore exceeded a limit (timeout)"),
    ],
)
def test_a_conversion_that_fails(tmp_path, tree, sandbox, script, reason, message):
    path = program(tmp_path / "bin", script)
    work = tmp_path / "work"
    work.mkdir()
    limits = Limits(timeout_s=0.5 if reason == "timeout" else 20)
    with pytest.raises(PieceError) as error:
        convert_musescore(tree / "a.mscx", work, program=path, limits=limits, sandbox=sandbox)
    assert (error.value.stage, error.value.reason) == ("source", reason)
    assert message in str(error.value)


@pytest.mark.skipif(not sandbox_available(), reason="no bubblewrap")
def test_the_program_sees_only_the_score(tmp_path, tree):
    (tree / "secret").write_text("secret")
    path = program(tmp_path / "bin", f'{CONVERTS}; ls "{tree}" > "$HOME/seen"; env | wc -l')
    work = tmp_path / "work"
    work.mkdir()
    result = convert_musescore(
        tree / "a.mscx", work, program=path, limits=Limits(timeout_s=20), sandbox=True
    )
    assert result.read_text(encoding="utf-8") == fakes.musicxml()
    assert (work / "musescore" / "seen").read_text().split() == ["a.mscx"]
    assert os.path.commonpath([result, work / "musicxml"]) == str(work / "musicxml")
