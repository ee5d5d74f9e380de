"""Bars cut out of encodings: each excerpt is a score of its own, with what is in force where it begins."""

import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import mido
import pyarrow.parquet as pq
import pytest
import small_scores as small
from click.testing import CliRunner

import msmdtools
from msmdtools.cli import main
from msmdtools.export import kern_excerpt, mei_excerpt, musicxml_excerpt
from msmdtools.mei.tree import tag

BARS = 24
KEYS = {0: 0, 6: 2, 15: -3}
"""Fifths of the key, by the bar in which it begins."""
STEPS = "CDEFGAB"


def musicxml() -> str:
    """A piano piece whose key, metre and left clef change, with a header and page breaks."""
    bars = []
    for n in range(BARS):
        change = "<divisions>2</divisions>" if n == 0 else ""
        if n in KEYS:
            change += f"<key><fifths>{KEYS[n]}</fifths></key>"
        change += "<time><beats>2</beats><beat-type>4</beat-type></time>" if n in (0, 12) else ""
        if n == 0:
            change += '<staves>2</staves><clef number="1"><sign>G</sign><line>2</line></clef>'
            change += '<clef number="2"><sign>F</sign><line>4</line></clef>'
        change = f"<attributes>{change}</attributes>" if change else ""
        clef = "G" if n == 3 else "F"
        middle = (
            f'<attributes><clef number="2"><sign>{clef}</sign><line>2</line></clef></attributes>'
            if n == 3
            else ""
        )
        right = note(STEPS[n % 7], 4, 2, 1) + note(STEPS[(n + 2) % 7], 5, 2, 1)
        left = note(STEPS[n % 5], 3, 4, 2)
        jump = "<print new-system='yes'/>" if n % 5 == 0 else ""
        bars.append(
            f'<measure number="{n + 1}">{jump}{change}{right}<backup><duration>4</duration></backup>{left}{middle}'
            "</measure>"
        )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><score-partwise version="4.0"><work><work-title>T</work-title>'
        "</work><defaults><page-layout/></defaults><credit/><part-list><score-part id='P1'>"
        "<part-name>Piano</part-name></score-part></part-list>"
        f'<part id="P1">{"".join(bars)}</part></score-partwise>'
    )


def note(step: str, octave: int, duration: int, staff: int) -> str:
    kind = {2: "quarter", 4: "half"}[duration]
    return (
        f"<note><pitch><step>{step}</step><octave>{octave}</octave></pitch><duration>{duration}</duration>"
        f"<voice>{staff}</voice><type>{kind}</type><staff>{staff}</staff></note>"
    )


def sounding(text: str, form: str) -> Counter:
    """The written steps and octaves of all notes, as Verovio reads them."""
    verovio = pytest.importorskip("verovio", reason="needs verovio")
    toolkit = verovio.toolkit()
    toolkit.setOptions({"inputFrom": form, "breaks": "none"})
    assert toolkit.loadData(text)
    root = ET.fromstring(toolkit.getMEI({"scoreBased": True}))
    return Counter(f"{e.get('pname')}{e.get('oct')}" for e in root.iter(tag("note")))


def expected(first: int, last: int) -> Counter:
    found: Counter = Counter()
    for n in range(first, last + 1):
        found.update((f"{STEPS[n % 7]}4".lower(), f"{STEPS[(n + 2) % 7]}5".lower()))
        found[f"{STEPS[n % 5]}3".lower()] += 1
    return found


def test_bars_of_musicxml_begin_with_what_is_in_force():
    text = musicxml_excerpt.cutter(musicxml(), BARS)(7, 9)
    root = ET.fromstring(text)
    assert [m.get("number") for m in root.iter("measure")] == ["8", "9", "10"]
    assert {root.find(tag) for tag in ("defaults", "credit")} == {None}
    assert not list(root.iter("print")) and root.find("work/work-title").text == "T"
    (attributes,) = root.iter("attributes")
    assert [e.tag for e in attributes] == ["divisions", "key", "time", "staves", "clef", "clef"]
    assert attributes.findtext("key/fifths") == "2"
    clefs = {clef.get("number"): clef.findtext("sign") for clef in attributes.iter("clef")}
    assert clefs == {"1": "G", "2": "G"}  # that of the left hand has changed in bar 4
    assert sounding(text, "xml") == expected(7, 9)


def test_a_bar_that_begins_with_a_change_has_it_once():
    text = musicxml_excerpt.cutter(musicxml(), BARS)(15, 15)
    (attributes,) = ET.fromstring(text).iter("attributes")
    assert [key.text for key in attributes.iter("fifths")] == ["-3"]
    assert len(list(attributes.iter("time"))) == 1
    before = ET.fromstring(musicxml_excerpt.cutter(musicxml(), BARS)(2, 3))
    assert [a.findtext("clef/sign") for a in before.iter("attributes")] == ["G", "G"]
    assert [c.findtext("sign") for c in next(before.iter("attributes")).iter("clef")] == ["G", "F"]


def test_a_score_whose_bars_are_counted_otherwise_gives_nothing():
    assert musicxml_excerpt.cutter(musicxml(), BARS + 1) is None
    assert musicxml_excerpt.cutter("<score-timewise/>", 0) is None
    assert kern_excerpt.cutter(KERN, 7) is None
    assert mei_excerpt.cutter(MEI, 7) is None


KERN = """!!!OTL: T
**kern\t**kern
*staff2\t*staff1
*clefF4\t*clefG2
*k[]\t*k[]
*M2/4\t*M2/4
=1-\t=1-
2C\t4cc
.\t4dd
=2\t=2
*clefG2\t*
2g\t2ee
=3\t=3
*\t*^
2a\t4ff\t2f
.\t4gg\t.
=4\t=4\t=4
*k[f#]\t*k[f#]\t*k[f#]
2b\t2aa\t2a
=5\t=5\t=5
*\t*v\t*v
*clefF4\t*
2D\t2bb
==\t==
*-\t*-
"""


def test_bars_of_kern_begin_with_what_is_in_force():
    text = kern_excerpt.cutter(KERN, 5)(1, 2)
    assert text.splitlines() == [
        *("**kern\t**kern", "*staff2\t*staff1", "*clefF4\t*clefG2", "*k[]\t*k[]", "*M2/4\t*M2/4"),
        *("=2\t=2", "*clefG2\t*", "2g\t2ee", "=3\t=3", "*\t*^", "2a\t4ff\t2f", ".\t4gg\t."),
        *("=4\t=4\t=4", "*-\t*-\t*-"),
    ]
    assert sounding(text, "humdrum") == Counter(["g4", "e5", "a4", "f5", "f4", "g5"])
    whole = kern_excerpt.cutter(KERN, 5)(0, 4)
    assert sounding(whole, "humdrum") == sounding(KERN, "humdrum")
    assert whole.splitlines()[-1] == "*-\t*-"


def test_divided_spines_are_divided_where_an_excerpt_begins():
    text = kern_excerpt.cutter(KERN, 5)(3, 4)
    lines = text.splitlines()
    assert lines[:9] == [
        *("**kern\t**kern", "*staff2\t*staff1", "*clefF4\t*clefG2", "*k[]\t*k[]", "*M2/4\t*M2/4"),
        *("*clefG2\t*", "*\t*^", "=4\t=4\t=4", "*k[f#]\t*k[f#]\t*k[f#]"),
    ]
    assert sounding(text, "humdrum") == Counter(["b4", "a5", "a4", "d3", "b5"])
    last = kern_excerpt.cutter(KERN, 5)(4, 4)
    assert sounding(last, "humdrum") == Counter(["d3", "b5"])


MEI = """<?xml version="1.0" encoding="UTF-8"?>
<mei xmlns="http://www.music-encoding.org/ns/mei" meiversion="5.1"><meiHead><fileDesc><titleStmt>
<title>T</title></titleStmt><pubStmt/></fileDesc></meiHead><music><body><mdiv><score>
<scoreDef meter.count="2" meter.unit="4" keysig="0"><staffGrp>
<staffDef n="1" lines="5" clef.shape="G" clef.line="2"/>
<staffDef n="2" lines="5"><clef shape="F" line="4"/></staffDef></staffGrp></scoreDef>
<section>
<measure n="1"><staff n="1"><layer n="1"><note pname="c" oct="5" dur="2"/></layer></staff>
<staff n="2"><layer n="1"><note pname="c" oct="3" dur="4"/><clef shape="G" line="2"/>
<note pname="d" oct="4" dur="4"/></layer></staff></measure>
<sb/><scoreDef keysig="2s"/>
<measure n="2"><staff n="1"><layer n="1"><note pname="d" oct="5" dur="2"/></layer></staff>
<staff n="2"><layer n="1"><note pname="e" oct="4" dur="2"/></layer></staff></measure>
<pb/><scoreDef keysig="1f"/>
<measure n="3"><staff n="1"><layer n="1"><note pname="e" oct="5" dur="2"/></layer></staff>
<staff n="2"><layer n="1"><note pname="f" oct="4" dur="2"/></layer></staff></measure>
</section></score></mdiv></body></music></mei>
"""


def test_bars_of_mei_begin_with_what_is_in_force():
    text = mei_excerpt.cutter(MEI, 3)(1, 1)
    root = ET.fromstring(text)
    (definition,) = root.iter(tag("scoreDef"))
    assert (definition.get("keysig"), definition.get("meter.count")) == ("2s", "2")
    first, second = definition.iter(tag("staffDef"))
    assert (first.get("clef.shape"), first.get("clef.line")) == ("G", "2")
    assert (second.get("clef.shape"), second.get("clef.line"), len(second)) == ("G", "2", 0)
    assert sounding(text, "mei") == Counter(["d5", "e4"])
    both = mei_excerpt.cutter(MEI, 3)(0, 1)
    keys = [e.get("keysig") for e in ET.fromstring(both).iter(tag("scoreDef"))]
    assert keys == ["0", "2s"]
    assert not [e for n in ("sb", "pb") for e in ET.fromstring(both).iter(tag(n))]
    assert sounding(mei_excerpt.cutter(MEI, 3)(0, 2), "mei") == sounding(MEI, "mei")


def msmd(*arguments: object):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def built(soundfont, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("excerpts")
    (folder / "tree").mkdir()
    (folder / "tree" / "piano.musicxml").write_text(musicxml(), "utf-8")
    build = ["build", folder / "tree", "--out", folder / "built", "--soundfonts", "TimGM6mb"]
    result = msmd(*build, "--jobs", 1)
    assert result.exit_code == 0, result.output
    return folder


def test_a_system_is_transcribed_as_it_is_printed(built, tmp_path):
    out = tmp_path / "omr"
    result = msmd(
        "export", built / "built", "--format", "omr", "--out", out, "--root", built / "tree"
    )
    assert result.exit_code == 0, result.output
    (piece,) = msmdtools.open(built / "built").values()
    systems = pq.read_table(next((out / "systems").iterdir())).to_pylist()
    assert len(systems) == piece.header["systems"] > 1
    for row in systems:
        bars = piece.measures[piece.measures["system"] == row["system"]]["measure"]
        assert sounding(row["transcription_xml"], "xml") == expected(bars.min(), bars.max())
        assert row["noteheads"] == expected(bars.min(), bars.max()).total()
        assert row["transcription_kern"] is None
    (page,) = pq.read_table(next((out / "pages").iterdir())).to_pylist()
    assert sounding(page["transcription_xml"], "xml") == expected(0, BARS - 1)


def test_sources_that_are_not_those_of_the_dataset_give_no_transcriptions(built, tmp_path):
    export = ["export", built / "built", "--format", "omr", "--out"]
    result = msmd(*export, tmp_path / "a")
    assert result.exit_code == 0
    assert (
        "1 piece could have transcriptions: name the folder of the sources with --root"
        in result.stderr
    )
    (tmp_path / "tree").mkdir()
    result = msmd(*export, tmp_path / "b", "--root", tmp_path / "tree")
    assert "piano.musicxml is missing: piano has no transcriptions" in result.stderr
    (tmp_path / "tree" / "piano.musicxml").write_text(musicxml() + " ", "utf-8")
    result = msmd(*export, tmp_path / "c", "--root", tmp_path / "tree")
    assert "piano.musicxml has changed since the dataset was built" in result.stderr
    for name in "abc":
        table = pq.read_table(next((tmp_path / name / "pages").iterdir()))
        assert table["transcription_xml"].to_pylist() == [None]


def test_multi_bar_rests_tunes_and_midi_files_have_transcriptions(soundfont, tmp_path):
    """A rest of several bars is one bar of the page, and written out in the excerpt."""
    rest = "<note><rest measure='yes'/><duration>16</duration></note>"
    style = (
        "<attributes><measure-style><multiple-rest>3</multiple-rest></measure-style></attributes>"
    )
    bars = [small.note("C4", 16), style + rest, rest, rest, small.note("D4", 16)]
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "rest.musicxml").write_text(small.musicxml(bars), "utf-8")
    (tree / "tune.abc").write_text("X:1\nT:Tune\nM:4/4\nL:1/4\nK:D\nV:a\nCDEF|\nV:b\nC,4|\n")
    file = mido.MidiFile()
    track = file.add_track("Piano")
    for pitch in (60, 64):
        track.append(mido.Message("note_on", note=pitch, velocity=64))
        track.append(mido.Message("note_off", note=pitch, time=960))
    file.save(tree / "played.mid")
    build = ["build", tree, "--out", tmp_path / "ds", "--soundfonts", "TimGM6mb", "--jobs", 1]
    assert msmd(*build).exit_code == 0
    result = msmd(
        *["export", tmp_path / "ds", "--format", "omr", "--out", tmp_path / "omr", "--root", tree]
    )
    assert result.exit_code == 0, result.output
    rows = pq.read_table(next((tmp_path / "omr" / "systems").iterdir())).to_pylist()
    texts = {row["piece"]: row["transcription_xml"] for row in rows}
    assert len(ET.fromstring(texts["rest"]).findall("part/measure/note/rest")) == 3
    notes = {
        name: sorted(sounding(text, "mei" if name == "tune" else "xml").elements())
        for name, text in texts.items()
    }
    assert notes == {
        "rest": ["c4", "d4"],
        "tune": ["c3", "c4", "d4", "e4", "f4"],
        "played": ["c4", "e4"],
    }
