"""Fetched collections: which of their files are scores, and under which licence."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from msmdtools.cli import main
from msmdtools.errors import ManifestError
from msmdtools.sources.gather import gather
from msmdtools.sources.ingest import ingest
from msmdtools.sources.repositories import REPOSITORIES, collection_of

SCORE = """<?xml version="1.0"?>
<score-partwise version="4.0"><identification>{rights}</identification>
<part-list><score-part id="P1"><part-name>{name}</part-name></score-part></part-list>
<part id="P1"><measure number="1"><note><rest/><duration>1</duration></note></measure></part></score-partwise>
"""


def add(root: Path, path: str, name: str = "P", rights: str = "") -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(SCORE.format(name=name, rights=rights))


@pytest.fixture
def asap(tmp_path: Path) -> Path:
    root = tmp_path / "asap"
    add(root, "Bach/Fugue/bwv_846/xml_score.musicxml")
    add(root, "Bach/Fugue/bwv_848/xml_score.musicxml", rights="<rights>Public Domain</rights>")
    add(root, "Bach/Fugue/bwv_848/other.musicxml")
    add(root, "Chopin/Etudes_op_10/8/xml_score.musicxml", rights="<rights>CC BY 4.0</rights>")
    (root / "Bach/Fugue/bwv_848/Shi05M.mid").write_bytes(b"MThd")
    (root / "SOURCE_COLLECTION").write_text("asap\n")
    return root


def test_scores_of_asap_have_their_folders_as_ids_and_its_licence(asap):
    pieces = ingest(asap)
    assert [(p.piece, p.path, p.licence, p.licence_text, p.instruments) for p in pieces] == [
        (
            "Bach__Fugue__bwv_846",
            "Bach/Fugue/bwv_846/xml_score.musicxml",
            "CC-BY-NC-SA-4.0",
            "",
            ("piano",),
        ),
        (
            "Bach__Fugue__bwv_848",
            "Bach/Fugue/bwv_848/xml_score.musicxml",
            "CC-BY-NC-SA-4.0",
            "the file states: CC-PDDC",
            ("piano",),
        ),
        (
            "Chopin__Etudes_op_10__8",
            "Chopin/Etudes_op_10/8/xml_score.musicxml",
            "CC-BY-NC-SA-4.0",
            "the file states: CC-BY-4.0",
            ("piano",),
        ),
    ]


def test_a_folder_in_a_collection_and_a_file_that_is_named(asap):
    assert [p.path for p in ingest(asap / "Chopin")] == ["Etudes_op_10/8/xml_score.musicxml"]
    named = gather([asap / "Bach" / "Fugue" / "bwv_848" / "other.musicxml"]).pieces
    assert [(p.path, p.licence) for p in named] == [("other.musicxml", "CC-BY-NC-SA-4.0")]


def test_only_instruments_that_are_asked_for(asap):
    assert ingest(asap, ["violin"]) == []
    assert len(ingest(asap, ["keyboard"])) == 3


def test_songs_are_listed_by_default_and_keep_their_instruments(tmp_path):
    add(tmp_path, "scores/A/_/One/lc1.mxl")
    add(tmp_path, "scores/A/_/One/lc1.mscx")
    (tmp_path / "SOURCE_COLLECTION").write_text("openscore-lieder\n")
    pieces = ingest(tmp_path)
    assert [(p.path, p.licence, p.instruments) for p in pieces] == [
        ("scores/A/_/One/lc1.mxl", "CC0-1.0", ("p",))
    ]


def test_mutopia_is_as_without_the_mark(tmp_path):
    file = tmp_path / "ftp" / "BachJS" / "BWV1" / "air" / "air.ly"
    file.parent.mkdir(parents=True)
    file.write_text(
        '\\version "2.24.0" \\header { instrument = "Piano" license = "CC-BY-4.0" } { c }'
    )
    before = ingest(tmp_path / "ftp")
    (tmp_path / "SOURCE_COLLECTION").write_text("mutopia\n")
    assert ingest(tmp_path / "ftp") == before
    assert [p.licence for p in before] == ["CC-BY-4.0"]


def test_scans_without_scores_say_what_to_do(tmp_path):
    (tmp_path / "midi").mkdir()
    (tmp_path / "midi" / "a.mid").write_bytes(b"MThd")
    (tmp_path / "SOURCE_COLLECTION").write_text("sheet-midi-sync\n")
    result = CliRunner().invoke(main, ["ingest", str(tmp_path), "--out", str(tmp_path / "x.csv")])
    assert result.exit_code == 1
    assert "and no scores to build: build the pieces from another source" in result.output


def test_an_unknown_collection_is_named(tmp_path):
    (tmp_path / "SOURCE_COLLECTION").write_text("maestro\n")
    with pytest.raises(ManifestError, match="names the collection 'maestro', which msmdtools does"):
        collection_of(tmp_path / "deep")


def test_every_collection_is_pinned():
    for name, repository in REPOSITORIES.items():
        assert name == repository.name
        assert len(repository.commit) == 40 and set(repository.commit) <= set("0123456789abcdef")
        assert repository.url.startswith("https://")
