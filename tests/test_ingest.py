"""`msmd ingest`, on small trees and on the Mutopia Project."""

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from msmdtools.cli import main
from msmdtools.errors import ManifestError
from msmdtools.sources.ids import piece_ids
from msmdtools.sources.ingest import ListedPiece, ingest
from msmdtools.sources.manifest import read_list, read_manifest, write_manifest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    def add(path: str, instrument: str, composer: str, licence: str) -> None:
        file = tmp_path / "tree" / path
        file.parent.mkdir(parents=True)
        file.write_text(
            f'\\version "2.24.0" \\header {{ title = "{file.stem}" mutopiacomposer = "{composer}"'
            f' instrument = "{instrument}" copyright = "{licence}" }} {{ c }}'
        )

    add("BachJS/BWV1/air/air.ly", "Harpsichord, Piano", "BachJS", "Public Domain")
    add("BachJS/BWV2/duo/duo.ly", "Violin, Piano", "BachJS", "Creative Commons Attribution 4.0")
    add("SorF/O35/one/one.ly", "Guitar", "SorF", "all mine")
    return tmp_path / "tree"


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({}, ["air"]),
        ({"instruments": ["all"]}, ["air", "duo", "one"]),
        ({"instruments": ["keyboard", "guitar"]}, ["air", "one"]),
        ({"instruments": ["violin"]}, ["duo"]),
        ({"instruments": ["all"], "composers": ["bach*"]}, ["air", "duo"]),
        ({"instruments": ["all"], "licences": ["CC-BY-*", "unknown"]}, ["duo", "one"]),
    ],
)
def test_selection(root, selection, expected):
    assert [piece.title for piece in ingest(root, **selection)] == expected


def test_a_row(root):
    (piece,) = ingest(root)
    assert (piece.piece, piece.path) == ("BachJS__BWV1__air", "BachJS/BWV1/air/air.ly")
    assert (piece.composer, piece.instruments) == ("BachJS", ("harpsichord", "piano"))
    assert (piece.licence, piece.licence_text, piece.lilypond) == ("CC-PDDC", "", "2.24.0")
    assert piece.edition == "BachJS/BWV1/air"
    assert ingest(root, ["guitar"])[0].licence_text == "all mine"


def test_a_header_that_nothing_includes_counts_for_its_edition(tmp_path):
    folder = tmp_path / "LullyJB" / "A" / "A-lys"
    folder.mkdir(parents=True)
    (folder / "A.ly").write_text("{ c }")
    (folder / "A-header.ly").write_text(
        '\\header { mutopiacomposer = "LullyJB" mutopiainstrument = "Voice" license = "CC0" }'
    )
    (piece,) = ingest(tmp_path, ["all"])
    assert (piece.composer, piece.instrument, piece.licence) == ("LullyJB", "Voice", "CC0-1.0")


def test_errors(root, tmp_path):
    with pytest.raises(ManifestError, match="no such folder"):
        ingest(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ManifestError, match="empty makes a score"):
        ingest(tmp_path / "empty")
    with pytest.raises(ManifestError, match=r"lacks 1 listed file: x\.ly\. Give the tree"):
        ingest(root, listed=[ListedPiece("x", "x.ly")])


def test_command(root, tmp_path):
    out = tmp_path / "m.csv"
    result = CliRunner().invoke(main, ["ingest", str(root), "--out", str(out)])
    assert (result.exit_code, result.output) == (
        0,
        f"1 piece by 1 composer -> {out}\nLicences: CC-PDDC 1\n"
        "Left out 2 of 3 pieces: 2 by instrument (violin, piano 1; guitar 1)."
        " --instrument all takes all instruments.\n",
    )
    assert [piece.piece for piece in read_manifest(out)] == ["BachJS__BWV1__air"]
    result = CliRunner().invoke(main, ["ingest", str(root), "--instrument", "guitar", "--json"])
    row = json.loads(result.stdout)
    assert (row["piece"], row["licence"], row["instruments"]) == (
        "SorF__O35__one",
        "unknown",
        ["guitar"],
    )
    result = CliRunner().invoke(main, ["ingest", str(root)])
    assert result.exit_code == 2
    result = CliRunner().invoke(main, ["ingest", str(root), "--composer", "X", "--out", str(out)])
    assert result.exit_code == 1
    assert result.output == (
        f"Error: Nothing in {root} fits the selection. Left out 3 of 3 pieces: 2 by instrument"
        " (violin, piano 1; guitar 1), 1 by composer. --instrument all takes all instruments.\n"
    )


@pytest.mark.slow
def test_the_manifest_of_msmd_v1_1(mutopia, repository, splits, tmp_path):
    committed = repository / "manifests" / "msmd-v1.1.csv"
    again = tmp_path / "m.csv"
    write_manifest(ingest(mutopia, ["all"], listed=read_list(committed)), again)
    assert again.read_bytes() == committed.read_bytes()
    with splits.open(newline="") as file:
        official = {row.pop("piece"): row for row in csv.DictReader(file)}
    pieces = read_manifest(committed)
    assert len(pieces) == 467
    for piece in pieces:
        row = official[piece.piece]
        assert piece.path == row["mutopia_path"]
        assert dict(piece.extra) == {k: v for k, v in row.items() if k != "mutopia_path"}
    without = {name for name, row in official.items() if not row["mutopia_path"]}
    assert set(official) - {piece.piece for piece in pieces} == without


@pytest.mark.slow
def test_the_manifest_of_all_solo_keyboard_pieces(mutopia, repository, tmp_path):
    committed = repository / "manifests" / "mutopia-keyboard.csv"
    write_manifest(ingest(mutopia), tmp_path / "m.csv")
    assert (tmp_path / "m.csv").read_bytes() == committed.read_bytes()


@pytest.mark.slow
def test_the_manifest_of_the_keyboard_pieces_beyond_msmd(mutopia, repository, tmp_path):
    folder = repository / "manifests"
    committed = folder / "beyond-msmd.csv"
    again = tmp_path / "m.csv"
    write_manifest(ingest(mutopia, ["all"], listed=read_list(committed)), again)
    assert again.read_bytes() == committed.read_bytes()
    msmd, keyboard, beyond = (
        {piece.path for piece in read_manifest(folder / f"{name}.csv")}
        for name in ("msmd-v1.1", "mutopia-keyboard", "beyond-msmd")
    )
    assert beyond == keyboard - msmd


def test_no_committed_row_lacks_licence_composer_title_or_edition(repository):
    for path in sorted((repository / "manifests").glob("*.csv")):
        for piece in read_manifest(path):
            assert piece.licence != "unknown", piece.piece
            assert piece.composer, piece.piece
            assert piece.title, piece.piece
            assert piece.edition, piece.piece


def test_ids_of_the_keyboard_manifest_are_those_of_msmd(repository):
    msmd = {p.path: p.piece for p in read_manifest(repository / "manifests" / "msmd-v1.1.csv")}
    keyboard = read_manifest(repository / "manifests" / "mutopia-keyboard.csv")
    common = [piece for piece in keyboard if piece.path in msmd]
    assert len(common) == 455  # the others are movements that another file includes
    assert all(piece.piece == msmd[piece.path] for piece in common)


def test_ids_are_names_that_a_folder_can_have():
    long = "x" * 120
    paths = [f"{long}/{long}/{n}/{long}.ly" for n in range(3)] + [".a/.b/..c.ly", "a/.ly"]
    ids = piece_ids(paths)
    assert [len(ids[path]) for path in paths[:3]] == [244] * 3
    assert len({piece.casefold() for piece in ids.values()}) == 5
    assert all(piece.startswith("x" * 120 + "__x") for piece in list(ids.values())[:3])
    assert [ids[path] for path in paths[3:]] == ["a__b__c", "a__ly"]
    assert piece_ids(["-a/-b.ly", "-./c.ly", "-.ly"]) == {
        "-a/-b.ly": "a__-b",
        "-./c.ly": "__c",
        "-.ly": "_",
    }
    assert piece_ids(paths) == ids
    assert piece_ids(reversed(paths)) == ids
