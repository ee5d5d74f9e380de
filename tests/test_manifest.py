"""Manifests: reading, writing, and the sources they vouch for."""

import dataclasses
import hashlib
import re
from pathlib import Path

import pytest

from msmdtools.errors import ManifestError, PieceError
from msmdtools.piece import MANIFEST, Piece
from msmdtools.sources.ingest import ingest
from msmdtools.sources.manifest import (
    check_source,
    copy_sources,
    read_list,
    read_manifest,
    source_files,
    write_manifest,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    files = {
        "BachJS/BWV1/a/a.ly": '\\include "../x.ily" \\include "N.ily" \\score { c }'
        '\\header { title = "A; \\"b\\"" copyright = "Public Domain" instrument = "Piano" }',
        "BachJS/BWV1/x.ily": "x = { c }",
        "BachJS/BWV1/a/n.ily": "n = { c }",
        "BachJS/BWV2/b/b-lys/b.ly": "\\include \\part \\score { c }",
        "BachJS/BWV2/b/b-lys/sub/c.ily": "c = { c }",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def pieces(root: Path) -> list[Piece]:
    return ingest(root, ["all"])


def test_columns_are_the_fields_of_piece():
    fields = [field.name for field in dataclasses.fields(Piece)]
    assert [*MANIFEST.names, "extra"] == fields


def test_write_then_read_gives_the_same_pieces_and_bytes(pieces, tmp_path):
    pieces = [dataclasses.replace(p, extra=(("split", "train"), ("note", ""))) for p in pieces]
    path = tmp_path / "new" / "m.csv"
    write_manifest(reversed(pieces), path)
    assert read_manifest(path) == pieces
    first = path.read_bytes()
    write_manifest(read_manifest(path), path)
    assert path.read_bytes() == first
    assert [p.name for p in path.parent.iterdir()] == ["m.csv"]
    assert [(one.piece, one.extra) for one in read_list(path)] == [
        (p.piece, p.extra) for p in pieces
    ]


def test_format_and_tune_are_written_where_they_say_something(pieces, tmp_path):
    path = tmp_path / "m.csv"
    write_manifest(pieces, path)
    assert path.read_text(encoding="utf-8").splitlines()[0] == OLD_HEAD.strip()
    assert [(p.format, p.tune) for p in read_manifest(path)] == [("lilypond", "")] * 2
    others = [dataclasses.replace(pieces[0], format="abc", tune="3"), pieces[1]]
    write_manifest(others, path)
    assert read_manifest(path) == others


def test_a_manifest_can_be_made_again_from_itself(root, pieces, tmp_path):
    path = tmp_path / "m.csv"
    write_manifest([dataclasses.replace(p, extra=(("split", "test"),)) for p in pieces], path)
    again = tmp_path / "again.csv"
    write_manifest(ingest(root, ["all"], listed=read_list(path)), again)
    assert again.read_bytes() == path.read_bytes()


def test_files_of_any_name_come_back(pieces, tmp_path):
    names = ("a;b.ily", "a%3Bb.ily", "100%.ily", "%25;.ily", "c>d")
    path = tmp_path / "m.csv"
    write_manifest([dataclasses.replace(pieces[0], files=names)], path)
    assert read_manifest(path)[0].files == names
    assert "a%3Bb.ily;a%253Bb.ily;100%25.ily;%2525%3B.ily;c>d" in path.read_text(encoding="utf-8")


def test_no_manifest(tmp_path):
    path = tmp_path / "m.csv"
    message = f"No such manifest: {path}. Make one with: msmd ingest TREE --out {path}"
    with pytest.raises(ManifestError, match=re.escape(message)):
        read_manifest(path)


def row(**values: str) -> str:
    values = {"format": "lilypond", **values}
    return ",".join(values.get(name, "") for name in MANIFEST.names) + "\n"


HEAD = ",".join(MANIFEST.names) + "\n"
OLD_HEAD = (
    ",".join(name for name in MANIFEST.names if name not in ("format", "tune", "look")) + "\n"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a manifest: it has no column piece, path, sha256"),
        ("piece,path\na,a.ly\n", "is not a manifest: it has no column sha256, title"),
        (HEAD, "lists no pieces."),
        (HEAD + row(piece="a", path="a.ly") * 2, "piece id a occurs twice"),
        (HEAD + row(piece="", path="a.ly"), "row 1: '' cannot be a piece id"),
        (HEAD + row(piece="../a", path="a.ly"), "row 1: '../a' cannot be a piece id"),
        (HEAD + row(piece=".a", path="a.ly"), "cannot be a piece id: it begins with a dot."),
        (
            HEAD + row(piece="a/b", path="a.ly"),
            "has characters that the name of a folder cannot have.",
        ),
        (
            HEAD + row(piece="a\tb", path="a.ly"),
            "has characters that the name of a folder cannot have.",
        ),
        (HEAD + row(piece="ü" * 126, path="a.ly"), "a piece id: it is longer than 250 bytes."),
        (HEAD + row(piece="a", path="../a.ly"), "piece a: path '../a.ly' leads out of the tree"),
        (HEAD + row(piece="a", path="/a.ly"), "piece a: path '/a.ly' leads out of the tree"),
        (HEAD + row(piece="a", path="a.ly", files="b>../c"), "path '../c' leads out of the tree"),
        (
            HEAD + row(piece="a", path="a.ly", format="pdf"),
            "piece a: 'pdf' is no format of sources (there are: lilypond, musicxml, mei,",
        ),
        (HEAD + "a,b\n", "row 1: the number of values is not the number of columns"),
        (HEAD + "," * 40 + "\n", "row 1: the number of values is not the number of columns"),
        (HEAD + '"a\n', "not CSV"),
    ],
)
def test_bad_manifests(tmp_path, text, message):
    path = tmp_path / "m.csv"
    path.write_text(text)
    with pytest.raises(ManifestError, match=re.escape(message)) as error:
        read_manifest(path)
    assert str(path) in str(error.value)


def test_not_text(tmp_path):
    path = tmp_path / "m.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ManifestError, match="Cannot read the manifest"):
        read_manifest(path)


def test_nothing_to_write(tmp_path):
    with pytest.raises(ManifestError, match="no piece fits the selection"):
        write_manifest([], tmp_path / "m.csv")


def test_a_folder_that_cannot_be_written_to(tmp_path, pieces):
    (tmp_path / "file").write_text("")
    with pytest.raises(ManifestError, match="Cannot write the manifest"):
        write_manifest(pieces, tmp_path / "file" / "m.csv")


def test_files_and_checksums(root, pieces):
    first, second = pieces
    assert first.files == (
        "BachJS/BWV1/a/n.ily",
        "BachJS/BWV1/x.ily",
        "BachJS/BWV1/a/n.ily>BachJS/BWV1/a/N.ily",
    )
    assert first.sha256 == hashlib.sha256((root / first.path).read_bytes()).hexdigest()
    assert second.files == ("BachJS/BWV2/b/b-lys/",)
    assert source_files(second, root) == [second.path, "BachJS/BWV2/b/b-lys/sub/c.ily"]
    lines = "".join(
        f"{hashlib.sha256((root / name).read_bytes()).hexdigest()}  {name}\n"
        for name in ["BachJS/BWV1/a/a.ly", "BachJS/BWV1/a/n.ily", "BachJS/BWV1/x.ily"]
    )
    assert first.files_sha256 == hashlib.sha256(lines.encode()).hexdigest()
    for piece in pieces:
        check_source(piece, root)


@pytest.mark.parametrize(
    ("changed", "index", "said"),
    [
        ("BachJS/BWV1/a/a.ly", 0, "BachJS/BWV1/a/a.ly is not"),
        ("BachJS/BWV1/x.ily", 0, "a file that it includes is not"),
        ("BachJS/BWV2/b/b-lys/sub/c.ily", 1, "a file that it includes is not"),
    ],
)
def test_a_changed_source_is_noticed(root, pieces, changed, index, said):
    (root / changed).write_text("changed")
    with pytest.raises(PieceError, match=re.escape(said)) as error:
        check_source(pieces[index], root)
    assert (error.value.stage, error.value.reason) == ("source", "sha256-mismatch")


def test_a_missing_source_is_noticed(root, pieces, tmp_path):
    (root / "BachJS/BWV1/x.ily").unlink()
    for action in (
        lambda: check_source(pieces[0], root),
        lambda: copy_sources(pieces[0], root, tmp_path / "copy"),
    ):
        with pytest.raises(PieceError, match=re.escape("x.ily: No such file")) as error:
            action()
        assert (error.value.stage, error.value.reason) == ("source", "missing-source")


def test_copies_keep_the_layout(root, pieces, tmp_path):
    before = {p: p.read_bytes() for p in root.rglob("*.*ly")}
    for piece in pieces:
        main = copy_sources(piece, root, tmp_path / piece.piece)
        assert main.read_bytes() == (root / piece.path).read_bytes()
    copied = sorted(
        p.relative_to(tmp_path / pieces[0].piece).as_posix()
        for p in (tmp_path / pieces[0].piece).rglob("*.*ly")
    )
    assert copied == [
        "BachJS/BWV1/a/N.ily",
        "BachJS/BWV1/a/a.ly",
        "BachJS/BWV1/a/n.ily",
        "BachJS/BWV1/x.ily",
    ]
    assert (tmp_path / pieces[1].piece / "BachJS/BWV2/b/b-lys/sub/c.ily").is_file()
    assert {p: p.read_bytes() for p in root.rglob("*.*ly")} == before


def test_a_link_out_of_the_tree_is_not_followed(root, pieces, tmp_path):
    secret = tmp_path / "secret.ily"
    secret.write_text("x = { c }")
    (root / "BachJS/BWV1/x.ily").unlink()
    (root / "BachJS/BWV1/x.ily").symlink_to(secret)
    for action in (check_source, lambda p, r: copy_sources(p, r, tmp_path / "copy")):
        with pytest.raises(PieceError, match="leads out of the source tree"):
            action(pieces[0], root)
    assert not (tmp_path / "copy" / "BachJS/BWV1/x.ily").exists()


def test_the_documentation_has_every_column_and_the_counts(repository):
    text = (repository / "docs" / "manifests.md").read_text(encoding="utf-8")
    for column in MANIFEST.columns:
        assert f"| `{column.name}` | {column.meaning} |" in text
    for name in ("sample", "msmd-v1.1", "mutopia-keyboard", "beyond-msmd"):
        count = len(read_manifest(repository / "manifests" / f"{name}.csv"))
        assert f"| `{name}.csv` | {count} |" in text
