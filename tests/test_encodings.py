"""Encoded scores as sources: what they say of themselves, and what is refused, with the reason."""

import json
import random
import re
import zipfile
from pathlib import Path

import pytest
import score_fakes as fakes
from click.testing import CliRunner

from msmdtools.cli import main
from msmdtools.errors import ManifestError, PieceError
from msmdtools.piece import Piece
from msmdtools.sources import archive, collections, limits, midi
from msmdtools.sources.encoding import read_encoding
from msmdtools.sources.formats import format_of
from msmdtools.sources.ingest import ingest
from msmdtools.sources.manifest import check_source, read_list, read_manifest, write_manifest
from msmdtools.sources.scores import describe, find, ids

ENDLESS = '<barline><repeat direction="backward" times="1000000"/></barline>'

GOOD = {
    "a.musicxml": fakes.musicxml(),
    "a.xml": fakes.musicxml(),
    "b.mei": fakes.mei(),
    "c.krn": fakes.KERN,
    "d.abc": fakes.ABC,
}


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def described(folder: Path, name: str, content: str | bytes) -> list[Piece]:
    write(folder / name, content)
    found = [score for score in find(folder) if score.path == name]
    given = ids(found)
    return [describe(folder, score, given[score]) for score in found]


def refused(folder: Path, name: str, content: str | bytes, tune: str = "") -> tuple[str, str]:
    """The reason and the message, without the folder."""
    path = write(folder / name, content)
    with pytest.raises(PieceError) as error:
        if name.endswith(".mid"):
            midi.check(path)
        else:
            read_encoding(path, format_of(path) or "musicxml", tune)
    assert error.value.stage == "source"
    message = str(error.value)
    assert message.startswith(str(path)), message
    return error.value.reason, message.replace(str(path), "FILE")


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


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_good_score_is_read_as_it_is(tmp_path, name):
    path = write(tmp_path / name, GOOD[name])
    text = read_encoding(path, format_of(path), "1" if name.endswith(".abc") else "")
    assert text == GOOD[name] if name != "d.abc" else text.startswith("X:7\n")


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.replace("UTF-8", "UTF-16").encode("utf-16"),
        lambda text: text.replace("UTF-8", "UTF-16").encode("utf-16-le"),
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.replace("UTF-8", "ISO-8859-1").encode("latin-1"),
        lambda text: text.replace('<?xml version="1.0" encoding="UTF-8"?>\n', "").encode(),
        lambda text: fakes.mxl(text.encode()),
        lambda text: fakes.mxl(text.replace("UTF-8", "UTF-16").encode("utf-16")),
    ],
)
def test_whatever_its_encoding_the_text_is_the_same(tmp_path, encode):
    text = fakes.musicxml({"Flöte": fakes.bar()})
    path = write(tmp_path / "s.musicxml", encode(text))
    read = read_encoding(path, "musicxml")
    assert read.startswith('<?xml version="1.0" encoding="UTF-8"?>')
    assert read.partition("?>")[2].strip() == text.partition("?>")[2].strip()
    score = find(tmp_path)[0]
    assert describe(tmp_path, score, "s").instrument == "Flöte"


LAUGHS = (
    '<!DOCTYPE score-partwise [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    "<score-partwise><movement-title>&b;</movement-title></score-partwise>"
)
EXTERNAL = (
    '<!DOCTYPE mei [<!ENTITY x SYSTEM "file:///etc/passwd">]><mei><meiHead>&x;</meiHead></mei>'
)


@pytest.mark.parametrize(
    ("name", "content", "reason", "message"),
    [
        ("a.musicxml", b"", "empty-file", "FILE: the file is empty."),
        ("a.musicxml", "  \n", "empty-file", "the file is empty"),
        ("a.musicxml", fakes.musicxml()[:-40], "truncated", "line 3: "),
        ("a.musicxml", fakes.musicxml()[:300], "truncated", "The file is cut off: get it again."),
        ("a.musicxml", fakes.musicxml().replace("</note>", "</not>"), "not-well-formed", "line 3: Opening and"),
        ("a.musicxml", "no xml", "not-xml", "FILE: the file is not XML: syntax error: line 1, column 3"),
        ("a.musicxml", "<html><body/></html>", "not-a-score", "its root element is <html>, not <score-partwise>."),
        ("a.mei", fakes.musicxml(), "not-a-score", "root element is <score-partwise>, not <mei>."),
        ("a.musicxml", fakes.musicxml(root="score-timewise"), "score-timewise", "written bar by bar"),
        ("a.musicxml", LAUGHS, "entities", "declares the entity 'a'. Entities are refused"),
        ("a.mei", EXTERNAL, "entities", "declares the entity 'x'."),
        ("a.mxl", fakes.mxl(LAUGHS), "entities", "declares the entity 'a'."),
        ("a.mxl", fakes.mxl(fakes.musicxml(), container=LAUGHS), "entities", f"{fakes.CONTAINER}: the file decl"),
        ("a.musicxml", fakes.musicxml().replace("Piano", "\xff").encode("latin-1"), "wrong-encoding",
            "is not UTF-8"),
        ("a.musicxml", fakes.musicxml().replace("UTF-8", "punycode"), "wrong-encoding", "'punycode' is not known"),
        ("a.musicxml", fakes.musicxml({}), "no-parts", "FILE: the score has no parts."),
        ("a.musicxml", fakes.musicxml({"A": fakes.bar(), "B": ""}), "empty-part", "part 'P2' has no bars."),
        ("a.musicxml", fakes.musicxml().replace('<part id="P1"', '<part id="P9"'),
            "undeclared-part", "part 'P9' is not in the part list"),
        ("a.musicxml", fakes.musicxml({"A": fakes.bar(content="<note><rest/><duration>4</duration></note>")}),
            "no-notes", "the score has no notes"),
        ("a.musicxml", fakes.musicxml({"A": fakes.bar() + fakes.bar(2, fakes.note(duration=-4))}),
            "negative-duration", "part 'P1', bar 2: a duration of '-4': a number of at least 0 is needed."),
        ("a.musicxml", fakes.musicxml({"A": fakes.bar()}).replace("<step>C", "<step>H"), "wrong-pitch",
            "a pitch with the step 'H': it is one of A, B, C, D, E, F, G."),
        ("a.musicxml", fakes.musicxml({"A": fakes.bar()}).replace("<octave>4", "<octave>12"), "wrong-pitch",
            "a pitch with the octave '12': it is one of 0 to 9."),
        ("a.musicxml", fakes.musicxml({"A": fakes.bar(content=fakes.note() + ENDLESS)}), "wrong-repeat",
            "a repeat played '1000000' times: a number up to 1000 is needed."),
        ("a.musicxml", fakes.musicxml({"A": fakes.bar(content=fakes.note(duration="x"))}), "wrong-duration",
            "'x'"),
        ("a.musicxml", fakes.musicxml({"A": fakes.bar(divisions=0)}), "wrong-divisions",
            "bar 1: divisions of '0'"),
        ("a.musicxml", fakes.musicxml({"A": fakes.bar(clef="Q")}), "unknown-clef",
            "part 'P1', bar 1: 'Q' is no clef"),
        ("a.mei", fakes.mei(shape="Q"), "unknown-clef", "<staffDef>: 'Q' is no clef (C, F, G, GG, TAB, perc)."),
        ("a.mei", fakes.mei(duration="-4"), "negative-duration", "bar 1, <note> n1: dur='-4' is no duration"),
        ("a.mei", fakes.mei(duration="3"), "unknown-duration", "dur='3' is no duration of MEI"),
        ("a.mei", fakes.mei().replace("<note ", "<rest "), "no-notes", "the score has no notes"),
        ("a.krn", "", "empty-file", "the file is empty"),
        ("a.krn", b"**kern\n4c\0\n*-\n", "not-text", "zero bytes"),
        ("a.krn", "A letter.\n", "not-a-score", "line 1: no Humdrum"),
        ("a.krn", "**text\nla\n*-\n", "not-a-score", "there is no **kern in it"),
        ("a.krn", "**kern\n4r\n*-\n", "no-notes", "the score has no notes"),
        ("a.krn", fakes.KERN.replace("4D\t4c\t4e", "4D\t4c"), "uneven-spines",
            "FILE, line 13: 2 columns, and 3 spines open. Columns"),
        ("a.krn", fakes.KERN.replace("clefG2", "clefQ2"), "unknown-clef",
            "line 7: '*clefQ2' is no clef of **kern."),
        ("a.abc", "T:No number\nK:C\nCDE|\n", "not-a-score",
            "no tune: a tune of ABC begins with a line such as X:1"),
        ("a.abc", fakes.ABC, "no-tune", "2 tunes, of which the manifest names none"),
        ("a.abc", "X:1\nT:A\nCDE|\n", "no-key", "FILE, X:1: the tune has no key"),
        ("a.abc", "X:1\nT:A\nK:C\n\"Gm\" z4|\n", "no-notes", "the tune has no notes"),
        ("a.abc", "X:1\nT:A\nK:C clef=wide\nC|\n", "unknown-clef", "'wide' is no clef of ABC"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_its_reason(tmp_path, name, content, reason, message):
    found, said = refused(tmp_path, name, content)
    assert found == reason, said
    assert message in said


def test_a_tune_that_is_not_there(tmp_path):
    assert refused(tmp_path, "a.abc", fakes.ABC, "3") == (
        "no-tune",
        "FILE: tune 3 of 2: there is no such tune.",
    )


def test_bad_archives(tmp_path):
    good = fakes.mxl(fakes.musicxml())
    compressed = fakes.mxl(random.Random(1).randbytes(3000))
    assert refused(tmp_path, "a.mxl", b"Rar!\x1a\x07\x01\x00 not a zip archive")[0] == "wrong-zip"
    assert refused(tmp_path, "b.mxl", good[: len(good) // 2])[0] == "wrong-zip"
    damaged = bytearray(compressed)
    damaged[len(damaged) // 2] ^= 255
    assert refused(tmp_path, "c.mxl", bytes(damaged))[0] == "wrong-zip"
    reason, said = refused(tmp_path, "d.mxl", fakes.mxl(fakes.musicxml(), container=None))
    assert (reason, f"the archive lacks {fakes.CONTAINER}" in said) == ("no-container", True)
    elsewhere = '<container><rootfiles><rootfile full-path="../x.xml"/></rootfiles></container>'
    reason, said = refused(tmp_path, "e.mxl", fakes.mxl(fakes.musicxml(), container=elsewhere))
    assert (reason, "lacks its main file '../x.xml'" in said) == ("missing-rootfile", True)
    assert refused(tmp_path, "f.mxl", fakes.mxl("", container="<container/>"))[0] == "no-container"


def test_archives_that_unpack_to_too_much(tmp_path, monkeypatch):
    bomb = fakes.mxl(
        fakes.musicxml(head="<movement-title>" + "0" * (8 << 20) + "</movement-title>")
    )
    assert len(bomb) < 20_000
    reason, said = refused(tmp_path, "bomb.mxl", bomb)
    assert (reason, "score.xml unpacks to more than" in said) == ("too-large", True)
    monkeypatch.setattr(archive, "MOST_ENTRIES", 1)
    assert refused(tmp_path, "many.mxl", fakes.mxl(fakes.musicxml()))[0] == "too-large"
    monkeypatch.setattr(archive, "MOST_FILE_BYTES", 100)
    assert refused(tmp_path, "big.musicxml", fakes.musicxml())[0] == "too-large"


def test_more_tags_than_a_score_has(tmp_path, monkeypatch):
    monkeypatch.setattr("msmdtools.sources.markup.MOST_TAGS", 20)
    assert refused(tmp_path, "a.musicxml", fakes.musicxml())[0] == "too-large"


def test_no_dtd_and_no_other_file_is_read(tmp_path):
    """A DTD beside the score that would give it entities and defaults is not looked at."""
    write(tmp_path / "own.dtd", '<!ENTITY x "secret"><!ATTLIST part-name kind CDATA "default">')
    text = '<!DOCTYPE score-partwise SYSTEM "own.dtd">' + fakes.musicxml().partition('dtd">\n')[2]
    path = write(tmp_path / "a.musicxml", text.replace("Piano", "Pi&x;no"))
    assert "Pi&x;no" in read_encoding(path, "musicxml")
    (piece,) = (describe(tmp_path, score, "a") for score in find(tmp_path))
    assert "secret" not in piece.instrument


def test_ten_thousand_bars_are_read(tmp_path):
    bars = "".join(fakes.bar(number) for number in range(1, 10_001))
    path = write(tmp_path / "long.mxl", fakes.mxl(fakes.musicxml({"Piano": bars})))
    assert zipfile.ZipFile(path).getinfo("score.xml").file_size > limits.SMALL_BYTES
    assert read_encoding(path, "musicxml").count("<measure ") == 10_000


@pytest.mark.parametrize(
    ("content", "reason", "message"),
    [
        (b"RIFF....", "not-midi", "does not begin with MThd"),
        (fakes.midi([fakes.END]), "no-notes", "FILE: the MIDI file has no notes."),
        (fakes.midi([fakes.NOTE + fakes.END] * 2, kind=2), "midi-type-2", "whose tracks are pieces of their own"),
        (fakes.midi([fakes.NOTE + fakes.END], division=0xE728), "smpte-time", "knows no quarter notes"),
        (fakes.midi([fakes.NOTE + b"\x00\x90\x40"]), "broken-midi", "cut off or damaged"),
        (fakes.midi([fakes.NOTE + fakes.END])[:-6], "broken-midi", "(it ends too early)"),
        (fakes.midi([b"\x00\x3c\x40" + fakes.END]), "broken-midi", "cut off or damaged"),
        (fakes.midi([fakes.NOTE + fakes.END], division=0), "broken-midi", "0 ticks in a quarter note"),
    ],
)  # fmt: skip
def test_bad_midi_files(tmp_path, content, reason, message):
    found, said = refused(tmp_path, "a.mid", content)
    assert found == reason, said
    assert message in said


def test_a_good_midi_file_is_played(tmp_path):
    file = midi.check(write(tmp_path / "a.mid", fakes.midi([fakes.NOTE + fakes.END])))
    assert [(note.pitch, note.onset_tick, note.offset_tick) for note in file.notes] == [
        (60, 0, 480)
    ]


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
