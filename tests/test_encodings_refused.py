"""Encoded scores that cannot be read are refused, with the reason; good ones are read as they are."""

import random
import re
import zipfile
from pathlib import Path

import pytest
import score_fakes as fakes
from lxml import etree
from score_fakes import GOOD, write

from msmdtools.errors import PieceError
from msmdtools.sources import archive, limits, midi
from msmdtools.sources.encoding import read_encoding
from msmdtools.sources.formats import format_of
from msmdtools.sources.scores import describe, find

ENDLESS = '<barline><repeat direction="backward" times="1000000"/></barline>'


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
        ("a.musicxml", fakes.musicxml(root="score-timewise"), "no-parts", "FILE: the score has no parts."),
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


def test_musicxml_written_bar_by_bar_is_put_together_part_by_part(tmp_path):
    first, second = fakes.bar(), fakes.bar(2, fakes.note(duration=4))
    inside = [re.sub("</?measure[^>]*>", "", text) for text in (first, second)]
    whole = fakes.musicxml({"A": first + second, "B": first + '<measure number="2"/>'})
    timewise = re.sub(
        "<part id.*</part>",
        f'<measure number="1"><part id="P2">{inside[0]}</part><part id="P1">{inside[0]}</part></measure>'
        f'<measure number="2"><part id="P1">{inside[1]}</part></measure>',
        whole.replace("score-partwise", "score-timewise"),
        flags=re.DOTALL,
    )
    (tmp_path / "a.musicxml").write_text(timewise, "utf-8")
    content = read_encoding(tmp_path / "a.musicxml", "musicxml")
    expected = etree.fromstring(whole.encode())
    assert etree.tostring(etree.fromstring(content.encode()), method="c14n") == etree.tostring(
        expected, method="c14n"
    )
