"""Some parts of an encoded score: chosen by name, with what stands above them for all."""

import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import score_fakes as fakes
from click.testing import CliRunner
from lxml import etree

from msmdtools.cli import main
from msmdtools.errors import PieceError
from msmdtools.sources import kern
from msmdtools.sources.parts import select_parts

TEMPO = (
    "<direction><direction-type><metronome><beat-unit>quarter</beat-unit><per-minute>{0}</per-minute></metronome>"
    '</direction-type><staff>1</staff><sound tempo="{0}"/></direction>'
)
QUARTER = "<note><pitch><step>{}</step><octave>4</octave></pitch><duration>{}</duration></note>"
SONG = fakes.musicxml(
    {
        "Singstimme\nVoice": fakes.bar(content=TEMPO.format(60) + fakes.note("C"))
        + fakes.bar(
            2,
            QUARTER.format("D", 1) * 3
            + TEMPO.format(90)
            + QUARTER.format("D", 1)
            + '<barline location="right"><repeat direction="backward"/></barline>',
        )
        + fakes.bar(3, TEMPO.format(70) + fakes.note("E")),
        "Pianoforte": fakes.bar(content=fakes.note("G", 8), divisions=2)
        + fakes.bar(2, fakes.note("A", 8))
        + fakes.bar(3, TEMPO.format(71) + fakes.note("B", 8)),
    }
)


def parts_of(text: str) -> list[str]:
    root = etree.fromstring(text.encode())
    return [name.text or "" for name in root.iter("part-name")]


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        ([], ["Singstimme\nVoice", "Pianoforte"]),
        (["pianoforte"], ["Pianoforte"]),
        (["PIANO"], ["Pianoforte"]),
        (["voice"], ["Singstimme\nVoice"]),
        (["Singstimme / Voice", "flute"], ["Singstimme\nVoice"]),
        (["piano", "singstimme"], ["Singstimme\nVoice", "Pianoforte"]),
    ],
)
def test_parts_are_called_by_name_line_or_instrument(names, kept):
    text = select_parts(SONG, "musicxml", names, "song")
    assert parts_of(text) == kept
    assert len(etree.fromstring(text.encode()).findall("part")) == len(kept)


def test_a_part_that_is_not_there(tmp_path):
    with pytest.raises(PieceError) as error:
        select_parts(SONG, "musicxml", ["Flute", "Oboe"], "song")
    assert error.value.reason == "no-such-part"
    assert str(error.value) == (
        "song: no part is called Flute or Oboe. Its parts are: Singstimme / Voice, Pianoforte."
    )
    with pytest.raises(PieceError, match="the parts of a score in the format lilypond") as error:
        select_parts("c'1", "lilypond", ["Flute"], "song")
    assert error.value.reason == "parts-unavailable"


def test_tempi_move_to_the_part_that_is_left():
    root = etree.fromstring(select_parts(SONG, "musicxml", ["piano"], "song").encode())
    first, second, third = root.findall("part/measure")
    assert [e.tag for e in first] == ["attributes", "direction", "note"]
    assert [e.tag for e in second] == ["direction", "note", "barline"]
    (tempo,) = second.iter("direction")
    assert (tempo.findtext("offset"), tempo.find("sound").get("tempo")) == ("6", "90")
    assert tempo.find("staff") is None
    assert [sound.get("tempo") for sound in third.iter("sound")] == ["71"], "it has its own"
    whole = etree.fromstring(SONG.encode())
    kept = etree.fromstring(select_parts(SONG, "musicxml", ["voice"], "song").encode())
    assert etree.tostring(kept.find("part")) == etree.tostring(whole.find("part"))


def test_a_group_of_one_part_has_no_bracket():
    group = '<part-group number="1" type="{}"/>'
    text = fakes.musicxml({"A": fakes.bar(), "B": fakes.bar(), "C": fakes.bar()})
    text = text.replace("<part-list>", "<part-list>" + group.format("start"))
    text = text.replace('<score-part id="P3">', group.format("stop") + '<score-part id="P3">')
    assert select_parts(text, "musicxml", ["A", "B"], "x").count("part-group") == 2
    assert select_parts(text, "musicxml", ["A", "C"], "x").count("part-group") == 0


def test_spines_of_other_parts_are_no_longer_kern():
    text = '**kern\t**dynam\t**kern\t**text\n*I"Cello\t*\t*I"Violin\t*\n4C\tf\t4e\tla\n*-\t*-\t*-\t*-\n'
    assert [part.name for part in kern.parts(text)] == ["Violin", "Cello"]
    assert select_parts(text, "kern", ["cello"], "q") == text.replace(
        "**kern\t**text", "**omitted\t**omitted"
    )
    assert select_parts(text, "kern", ["Violin"], "q") == text.replace(
        "**kern\t**dynam", "**omitted\t**omitted"
    )


MEI = (
    fakes.mei()
    .replace(
        "</staffGrp>",
        '<staffGrp symbol="brace"><label>Piano</label><staffDef n="2" lines="5" clef.shape="G" clef.line="2"/>'
        '<staffDef n="3" lines="5" clef.shape="F" clef.line="4"/></staffGrp></staffGrp>',
    )
    .replace(
        "</staff></measure>",
        '</staff><staff n="2"><layer n="1"><note xml:id="n2" pname="g" oct="4" dur="1"/></layer></staff>'
        '<staff n="3"><layer n="1"><note xml:id="n3" pname="c" oct="3" dur="1"/></layer></staff>'
        '<tempo staff="1" tstamp="1" midi.bpm="60">Adagio</tempo><dynam staff="1" startid="#n1">f</dynam>'
        '<dynam staff="2" tstamp="1">p</dynam></measure>',
    )
)


def test_the_staves_of_a_part_of_mei():
    root = etree.fromstring(select_parts(MEI, "mei", ["piano"], "x").encode())
    assert [staff.get("n") for staff in root.iter("{*}staffDef")] == ["2", "3"]
    assert [note.get("pname") for note in root.iter("{*}note")] == ["g", "c"]
    (tempo,) = root.iter("{*}tempo")
    assert (tempo.get("staff"), tempo.get("tstamp")) == ("2", "1")
    assert [d.text for d in root.iter("{*}dynam")] == ["p"]
    root = etree.fromstring(select_parts(MEI, "mei", ["Violin"], "x").encode())
    assert [staff.get("n") for staff in root.iter("{*}staffDef")] == ["1"]
    assert len(list(root.iter("{*}staffGrp"))) == 1
    assert [d.text for d in root.iter("{*}dynam")] == ["f"]


def test_a_dataset_of_the_piano_of_songs(tmp_path: Path):
    (tmp_path / "song.musicxml").write_text(SONG, encoding="utf-8")
    (tmp_path / "tune.abc").write_text("X:1\nK:C\nCDEF|\n")
    (tmp_path / "quartet.krn").write_text('**kern\n*I"Cello\n4C\n*-\n')
    out = tmp_path / "ds"
    arguments = ["--out", str(out), "--parts", "piano,Pianoforte"]
    arguments += ["--soundfonts", "TimGM6mb", "--jobs", "1"]
    run = CliRunner().invoke(main, ["build", str(tmp_path), *arguments])
    assert run.exit_code == 3, run.output
    pieces = {row["piece"]: row for row in pq.read_table(out / "pieces.parquet").to_pylist()}
    assert (pieces["song"]["status"], pieces["song"]["noteheads"]) == ("ok", 3)
    assert pieces["quartet"]["reason"] == "no-such-part"
    assert pieces["quartet"]["message"].endswith("Its parts are: Cello.")
    assert pieces["tune"]["reason"] == "no-such-part"
    heads = pq.read_table(out / "noteheads.parquet").to_pylist()
    assert [head["pitch"] for head in heads] == [67, 69, 71]
    events = pq.read_table(out / "events.parquet").to_pylist()
    times = [event["onset_s"] - events[0]["onset_s"] for event in events]
    assert times == pytest.approx([0, 4, 4 + 3 + 60 / 90], abs=1e-3)
    assert re.search(r"--parts piano,Pianoforte", (out / "README.md").read_text(encoding="utf-8"))
    run = CliRunner().invoke(main, ["build", str(tmp_path), "--out", str(out)])
    assert run.exit_code == 1
    assert "--parts: piano, Pianoforte in the dataset, not set now" in run.output
