"""Encoded scores as sources: what they say of themselves, and how a tree of them is listed."""

import json
import re
from pathlib import Path

import pytest
import score_fakes as fakes
from click.testing import CliRunner
from score_fakes import GOOD, write

from msmdtools.cli import main
from msmdtools.errors import ManifestError
from msmdtools.piece import Piece
from msmdtools.sources import collections
from msmdtools.sources.encoding import read_encoding
from msmdtools.sources.formats import format_of
from msmdtools.sources.ingest import ingest
from msmdtools.sources.manifest import check_source, read_list, read_manifest, write_manifest
from msmdtools.sources.scores import describe, find, ids


def described(folder: Path, name: str, content: str | bytes) -> list[Piece]:
    write(folder / name, content)
    found = [score for score in find(folder) if score.path == name]
    given = ids(found)
    return [describe(folder, score, given[score]) for score in found]


def test_the_heading_of_musicxml(tmp_path):
    head = """
    <work><work-number>Op. 25</work-number><work-title>Myrthen</work-title></work>
    <movement-title>Der Nu&#223;baum <![CDATA[<i>x</i>]]></movement-title>
    <identification><creator type="composer">Robert Schumann</creator><creator type="lyricist">Mosen</creator>
    <rights>typed by A</rights><rights>Creative Commons Attribution 4.0</rights></identification>"""
    parts = {
        "Singstimme\nVoice": fakes.bar(),
        "Clarinet in A": fakes.bar(),
        "Pianoforte": fakes.bar(),
    }
    (piece,) = described(tmp_path, "lied.musicxml", fakes.musicxml(parts, head))
    assert (piece.piece, piece.path, piece.format, piece.tune) == (
        "lied",
        "lied.musicxml",
        "musicxml",
        "",
    )
    assert (piece.title, piece.opus) == ("Myrthen: Der Nußbaum x", "Op. 25")
    assert (piece.composer, piece.licence, piece.licence_text) == (
        "Robert Schumann",
        "CC-BY-4.0",
        "",
    )
    assert piece.instrument == "Singstimme / Voice, Clarinet in A, Pianoforte"
    assert piece.instruments == ("voice", "clarinet", "piano")
    assert piece.edition == "lied"


def test_the_credits_of_musicxml_stand_for_what_is_missing(tmp_path):
    head = """<work><work-title>bwv1.mxl</work-title></work>
    <credit page="1"><credit-words justify="center" font-size="24">Nocturne  #</credit-words></credit>
    <credit page="1"><credit-words justify="center" font-size="14">Opus 9 No. 2</credit-words></credit>
    <credit page="1"><credit-words justify="right" font-size="8">PDF © 2004 M. G.</credit-words></credit>
    <credit page="1"><credit-words justify="right" font-size="12">Frédéric Chopin
    </credit-words><credit-words>(1810 - 1849)</credit-words></credit>
    <credit page="2"><credit-words justify="center" font-size="30">2</credit-words></credit>"""
    (piece,) = described(tmp_path, "n.musicxml", fakes.musicxml({"": fakes.bar()}, head))
    assert (piece.title, piece.composer, piece.opus) == (
        "Nocturne",
        "Frédéric Chopin",
        "Opus 9 No. 2",
    )
    assert (piece.licence, piece.licence_text) == ("unknown", "PDF © 2004 M. G.")
    assert (piece.instrument, piece.instruments) == ("", ())


@pytest.mark.parametrize(
    ("part", "instruments"),
    [
        (
            "<part-name/><midi-instrument><midi-program>41</midi-program></midi-instrument>",
            ("violin",),
        ),
        ("<part-name>MusicXML Part</part-name>", ("musicxml part",)),
        (
            "<part-name>Stimmchen</part-name><score-instrument><instrument-name>x</instrument-name>"
            "<instrument-sound>voice.soprano</instrument-sound></score-instrument>",
            ("voice",),
        ),
        (
            "<part-name/><score-instrument><instrument-sound>wind.reed.oboe</instrument-sound></score-instrument>",
            ("oboe",),
        ),
    ],
)
def test_an_instrument_is_told_by_name_sound_or_program(tmp_path, part, instruments):
    text = fakes.musicxml({"N": fakes.bar()}).replace("<part-name>N</part-name>", part)
    assert described(tmp_path, "p.musicxml", text)[0].instruments == instruments


def test_two_staves_without_a_name_are_a_keyboard(tmp_path):
    text = fakes.musicxml({"": fakes.bar()}).replace("<time>", "<staves>2</staves><time>")
    assert described(tmp_path, "p.musicxml", text)[0].instruments == ("keyboard",)


def test_the_heading_of_mei(tmp_path):
    head = """<fileDesc><titleStmt><title type="main">Air</title><title type="subordinate">in G</title>
    <respStmt><persName role="composer">J. S. Bach</persName><persName role="editor">N</persName></respStmt>
    </titleStmt>
    <pubStmt><availability><useRestrict>Public domain</useRestrict></availability></pubStmt></fileDesc>
    <workList><work><identifier>BWV 1068</identifier><title>Suite</title>
    <creation><date>1730</date></creation></work></workList>"""
    (piece,) = described(tmp_path, "a.mei", fakes.mei(head=head))
    assert (piece.title, piece.composer, piece.opus) == ("Air: in G", "J. S. Bach", "BWV 1068")
    assert (piece.date, piece.licence, piece.format) == ("1730", "CC-PDDC", "mei")
    assert (piece.instrument, piece.instruments) == ("Violin", ("violin",))


def test_the_heading_of_kern(tmp_path):
    (piece,) = described(tmp_path, "m.krn", fakes.KERN)
    assert (piece.title, piece.composer) == ("Menuet für Klavier", "Bach, Johann Sebastian")
    assert (piece.opus, piece.licence, piece.format) == ("BWV Anh. 114", "CC0-1.0", "kern")
    assert (piece.instrument, piece.instruments) == ("piano", ("piano",))
    mass = "!!!OPR: Missa\n!!!OMD: Credo\n!!!OTL: First Section\n**kern\t**kern\n*Ibass\t*Itenor\n4c\t4d\n*-\t*-\n"
    (piece,) = described(tmp_path, "c.krn", mass)
    assert (piece.title, piece.instrument) == ("Missa: Credo: First Section", "tenor, bass")
    assert piece.instruments == ("voice",)


def test_the_tunes_of_an_abc_file(tmp_path):
    first, second = described(tmp_path, "f/tunes.abc", fakes.ABC)
    assert [(p.piece, p.tune, p.edition) for p in (first, second)] == [
        ("f__tunes__1", "1", "f/tunes/1"),
        ("f__tunes__2", "2", "f/tunes/2"),
    ]
    assert (first.title, first.composer, first.style) == ("La belle étude", "Trad. & others", "jig")
    assert first.licence == second.licence == "CC-PDDC"
    path = tmp_path / "f" / "tunes.abc"
    assert read_encoding(path, "abc", "1") == (
        "X:7\nM:3/4\nZ:Someone, public domain\nT:La belle \\'etude % a comment\nC:Trad. & others\nR:jig\nL:1/8\n"
        "K:G clef=treble\nGAB c2d|e6|\n"
    )
    assert read_encoding(path, "abc", "2") == (
        "X:8\nM:3/4\nZ:Someone, public domain\nT:Second\nK:none\nCDE|\n"
    )
    (alone,) = described(tmp_path, "one.abc", "X:1\nT:One\nK:C\nCDE|\n\nFGA|\n")
    assert (alone.piece, alone.tune) == ("one", "")
    assert read_encoding(tmp_path / "one.abc", "abc").endswith("CDE|\nFGA|\n")


def test_the_heading_of_a_midi_file(tmp_path):
    first = fakes.meta(3, b"F\xc3\xbcr Elise") + fakes.meta(2, b"Public Domain") + fakes.END
    second = fakes.meta(3, b"Links") + b"\x00\xc0\x06" + fakes.NOTE + fakes.END
    (piece,) = described(tmp_path, "e.mid", fakes.midi([first, second]))
    assert (piece.title, piece.licence, piece.format) == ("Für Elise", "CC-PDDC", "midi")
    assert (piece.instrument, piece.instruments) == ("", ("harpsichord",))


def test_ids_are_those_of_lilypond_and_tell_forms_of_one_music_apart(tmp_path):
    for name in (
        "a/b/song.mid",
        "a/b/song.mxl",
        "a/b/song.mei",
        "a/c/song.krn",
        "Song.abc",
        ".x/h.mei",
    ):
        write(tmp_path / name, b"")
    given = {score.path: piece for score, piece in ids(find(tmp_path), ["a__b__SONG"]).items()}
    assert given == {
        "a/b/song.mxl": "a__b__song.mxl",
        "a/b/song.mei": "a__b__song.mei",
        "a/b/song.mid": "a__b__song.mid",
        "a/c/song.krn": "a__c__song",
        "Song.abc": "Song",
    }
    assert "a__b__song" in ids(find(tmp_path)).values()


def test_xml_is_told_by_its_root(tmp_path):
    texts = {
        "s.xml": fakes.musicxml(),
        "m.xml": fakes.mei(),
        "h.xml": "<html/>",
        "broken.xml": "<score-partw",
        "z.xml": fakes.mxl(fakes.musicxml()),
    }
    for name, text in texts.items():
        write(tmp_path / name, text)
    assert {name: format_of(tmp_path / name) for name in texts} == {
        "s.xml": "musicxml",
        "m.xml": "mei",
        "h.xml": "",
        "broken.xml": "musicxml",
        "z.xml": "musicxml",
    }


def test_an_unreadable_score_is_listed_without_texts(tmp_path):
    path = write(tmp_path / "a.mxl", b"no zip")
    errors = []
    (score,) = find(tmp_path)
    piece = describe(
        tmp_path, score, "a", unreadable=lambda piece, error: errors.append((piece, error))
    )
    assert (piece.title, piece.format, len(piece.sha256)) == ("", "musicxml", 64)
    assert [(p, e.reason) for p, e in errors] == [(piece, "wrong-zip")]
    assert path.is_file()


def test_every_format_of_a_tree_is_listed(tmp_path):
    tree = tmp_path / "tree"
    for name, text in GOOD.items():
        write(tree / "c" / name, text)
    write(tree / "ly" / "l.ly", '\\header { title = "L" instrument = "Piano" } { c }')
    write(tree / "c" / "e.mid", fakes.midi([b"\x00\xc0\x00" + fakes.NOTE + fakes.END]))
    write(tree / "c" / "f.mxl", b"broken")
    write(tree / "c" / "notes.xml", "<html/>")
    write(tree / "c" / "g.sib", b"")
    out = tmp_path / "m.csv"
    run = CliRunner().invoke(main, ["ingest", str(tree), "--instrument", "all", "--out", str(out)])
    assert run.exit_code == 0, run.output
    assert run.stdout == (
        f"9 pieces by 2 composers (7 name none) -> {out}\nLicences: unknown 6, CC-PDDC 2, CC0-1.0 1\n"
        "format    listed  of these unreadable  left out\n"
        "lilypond       1                    0         0\n"
        "musicxml       3                    1         0\n"
        "mei            1                    0         0\n"
        "kern           1                    0         0\n"
        "abc            2                    0         0\n"
        "midi           1                    0         0\n"
        "Not read: 1 .sib, 1 .xml.\n"
    )
    assert (
        f"{tree}/c/f.mxl: not a zip archive, although its name says so. (The piece is" in run.stderr
    )
    pieces = read_manifest(out)
    assert [(p.piece, p.format, p.tune) for p in pieces] == [
        ("c__a", "musicxml", ""),
        ("c__a.xml", "musicxml", ""),
        ("c__b", "mei", ""),
        ("c__c", "kern", ""),
        ("c__d__1", "abc", "1"),
        ("c__d__2", "abc", "2"),
        ("c__e", "midi", ""),
        ("c__f", "musicxml", ""),
        ("ly__l", "lilypond", ""),
    ]
    again = tmp_path / "again.csv"
    write_manifest(ingest(tree, ["all"], listed=read_list(out)), again)
    assert again.read_bytes() == out.read_bytes()
    for piece in pieces:
        check_source(piece, tree)
    run = CliRunner().invoke(
        main, ["ingest", str(tree), "--format", "abc", "--format", "midi", "--json"]
    )
    assert run.exit_code == 0, run.output
    assert [json.loads(line)["format"] for line in run.stdout.splitlines()] == ["midi"]
    (tree / "c" / "b.mei").unlink()
    with pytest.raises(ManifestError, match=r"lacks 1 listed file: c/b\.mei\."):
        ingest(tree, ["all"], listed=read_list(out))


def test_the_corpus_of_music21_is_a_collection(tmp_path):
    pytest.importorskip("music21")
    names = tmp_path / "names.csv"
    names.write_text("piece,path,split\nmagnificat,bach/bwv66.6.mxl,train\n")
    out = tmp_path / "m.csv"
    run = CliRunner().invoke(
        main, ["ingest", "music21", "--list", str(names), "--instrument", "all", "--out", str(out)]
    )
    assert run.exit_code == 0, run.output
    (piece,) = read_manifest(out)
    assert (piece.piece, piece.format, piece.instruments) == ("magnificat", "musicxml", ("voice",))
    assert piece.extra == (("split", "train"),)
    check_source(piece, collections.tree("music21"))


@pytest.mark.slow
def test_the_composers_of_music21(tmp_path):
    pytest.importorskip("music21")
    out = tmp_path / "m.csv"
    arguments = ["--composer", "mozart", "--instrument", "all", "--out", str(out)]
    run = CliRunner().invoke(main, ["ingest", "music21", *arguments])
    assert run.exit_code == 0, run.output
    pieces = read_manifest(out)
    assert {piece.path.split("/")[0] for piece in pieces} == {"mozart"}
    assert {piece.format for piece in pieces} == {"musicxml"}
    assert len(pieces) >= 16
    assert re.search(r"Not read: .*\d+ \.rntxt\.", run.stdout)


def test_a_collection_whose_package_is_missing(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    run = CliRunner().invoke(main, ["ingest", "music21", "--json"])
    assert run.exit_code == 1
    assert "Install it with: pip install music21" in run.output
