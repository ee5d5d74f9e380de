"""The written music of MEI documents: durations, bars, pitches, parts, keys, and what is no music."""

from fractions import Fraction
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from mei_texts import (
    accounted,
    bar,
    by_id,
    from_verovio,
    heard,
    mei,
    music,
    note,
    staves,
)

from msmdtools.mei.reading import read
from msmdtools.score import Part, TempoChange


def test_notes_chords_rests_and_dots_follow_each_other() -> None:
    chord = '<chord dots="1" dur="4">' + note("b", "e4", "") + note("c", "g4", "") + "</chord>"
    written = music(
        bar(
            note("a", dur="8") + '<rest dur="8"/>' + chord + '<space dur="8"/>' + note("d", dur="4")
        )
    )
    assert heard(written) == [(0, 0.5, 60), (1, 2.5, 64), (1, 2.5, 67), (3, 4, 60)]
    assert by_id(written)["b"].duration == Fraction(3, 2)
    assert [s.ids for s in written.strikes] == [("a",), ("b",), ("c",), ("d",)]
    assert {s.velocity for s in written.strikes} == {90}
    assert written.tempi == (TempoChange(0, 1_000_000),)
    assert written.parts == (Part(0, "", "", (0,), False),)


def test_tuplets_inside_tuplets_are_exact() -> None:
    inner = (
        '<tuplet num="5" numbase="4">'
        + "".join(note(f"i{k}", dur="16") for k in range(5))
        + "</tuplet>"
    )
    outer = f'<tuplet num="3" numbase="2">{inner}{note("a", dur="4")}{note("b", dur="4")}</tuplet>'
    written = music(bar(outer + note("c", dur="2")))
    assert [n.onset for n in written.notes] == [
        *(Fraction(2 * k, 15) for k in range(5)), Fraction(2, 3), Fraction(4, 3), 2,
    ]  # fmt: skip


def test_divisions_count_where_a_tuplet_has_no_number() -> None:
    triplet = "".join(note(f"t{k}", dur="8", more='dur.ppq="4"') for k in range(3))
    hidden = mei(
        bar(triplet + note("a", dur="4", more='dur.ppq="12"')),
        staves='<staffDef n="1" lines="5" ppq="12"/>',
    )
    written = read(hidden)
    assert [n.onset for n in written.notes] == [0, Fraction(1, 3), Fraction(2, 3), 1]
    assert by_id(written)["t0"].duration == Fraction(1, 2)  # as printed


def test_divisions_that_are_only_rounded_do_not_count() -> None:
    sizes = zip(range(3), (3, 3, 2), strict=True)
    triplet = "".join(note(f"t{k}", dur="8", more=f'dur.ppq="{size}"') for k, size in sizes)
    document = mei(
        bar(f'<tuplet num="3" numbase="2">{triplet}</tuplet>'),
        staves='<staffDef n="1" lines="5" ppq="8"/>',
    )
    assert [n.onset for n in read(document).notes] == [0, Fraction(1, 3), Fraction(2, 3)]


def test_the_longest_layer_tells_how_long_a_bar_is() -> None:
    written = music(
        bar(note("a", dur="4"), note("b", dur="2"), attributes='metcon="false"'),
        bar(note("c", dur="1")),
        bar(note("d", dur="4"), "<mRest/>"),
        bar("<mRest/>", note("e", dur="4"), attributes='metcon="false"'),
        bar('<multiRest num="3"/>'),
        bar("<mSpace/>", attributes='right="dbl"'),
        bar(note("f", dur="breve")),
    )
    assert [m.duration for m in written.measures] == [2, 4, 4, 1, 12, 4, 8]
    assert [m.time_signature for m in written.measures] == ["4/4"] * 7


def test_a_new_metre_holds_from_its_bar() -> None:
    six = '<scoreDef meter.count="6" meter.unit="8"/>'
    sign = '<scoreDef><meterSig sym="cut"/></scoreDef>'
    written = music(bar("<mRest/>"), six, bar("<mRest/>"), sign, bar("<mRest/>"), bar(note("a")))
    assert [(m.time_signature, m.duration) for m in written.measures] == [
        ("4/4", 4), ("6/8", 3), ("2/2", 4), ("2/2", 1),
    ]  # fmt: skip


def test_several_movements_follow_each_other_after_a_second() -> None:
    one = mei(bar(note("a", dur="2"), controls='<tempo tstamp="1" midi.bpm="120"/>'))
    two = mei(bar(note("b", dur="1")))
    movement = two[two.index("<mdiv>") : two.index("</body>")]
    written = read(one.replace("</body>", movement + "</body>"))
    assert [(m.onset, m.duration) for m in written.measures] == [(0, 2), (2, 4)]
    assert heard(written) == [(0, 2, 60), (4, 8, 60)]
    assert written.tempi == (TempoChange(0, 500_000), TempoChange(4 * 384, 1_000_000))
    assert by_id(written)["b"].onset == 2


# Pitches.


def test_pitches_alterations_octaves_and_transposition() -> None:
    clarinet = '<staffDef n="1" lines="5" trans.semi="-2"/>'
    inside = '<accid accid="s"/>'
    written = music(
        bar(
            note("a", "f4", more='accid.ges="s"')
            + note("b", "f4", inside=inside)
            + note("c", "b5", more='oct.ges="6" accid.ges="ff"')
            + note("d", "c4", inside='<accid accid="n"/>')
        ),
        staves=clarinet,
    )
    assert [(n.pitch, n.written_pitch) for n in written.notes] == [
        (64, 66), (64, 66), (91, 81), (58, 60),
    ]  # fmt: skip
    raised = read(mei(bar(note("a", "f4")), staves=clarinet), transpose=3)
    assert [(n.pitch, n.written_pitch) for n in raised.notes] == [(66, 68)]


@pytest.mark.parametrize(
    ("attributes", "inside", "expected"),
    [
        ('accid.ges="sd"', "", (60, 50.0)),
        ('accid.ges="fd"', "", (58, 50.0)),
        ('accid.ges="su"', "", (62, -50.0)),
        ("", '<accid accid="1qs" accid.ges="su"/>', (60, 50.0)),
        ("", '<accid accid="1qf" accid.ges="fu"/>', (60, -50.0)),
    ],
)
def test_quarter_tones_are_cents(attributes: str, inside: str, expected: tuple[int, float]) -> None:
    (n,) = music(bar(note("a", "c4", more=attributes, inside=inside))).notes
    assert (n.pitch, n.cents) == expected


def test_what_sounds_is_taken_from_key_and_bar_only_where_a_document_never_says_it() -> None:
    notes = note("a", "f4") + note("b", "g4", more='accid="s"') + note("c", "g4") + note("d", "g5")
    next_bar = bar(note("e", "g4"))
    said = bar(note("x", "c4", more='accid.ges="n"'))

    def pitches(*bars: str, origin: str) -> list[int]:
        return [n.pitch for n in read(mei(*bars, score='key.sig="2s"', origin=origin)).notes]

    assert pitches(bar(notes), next_bar, origin="") == [66, 68, 68, 79, 67]
    assert pitches(bar(notes), next_bar, said, origin="") == [65, 68, 67, 79, 67, 60]
    assert pitches(bar(notes), next_bar, origin="MusicXML") == [65, 68, 67, 79, 67]
    assert pitches(bar(notes), next_bar, origin="abc music") == [65, 68, 68, 79, 67]


def test_an_octave_sign_holds_for_notes_that_do_not_say_how_high_they_sound() -> None:
    sign = '<octave staff="1" dis="8" dis.place="above" tstamp="2" tstamp2="0m+3"/>'
    notes = "".join(note(f"n{k}", "c4") for k in range(4))
    document = mei(bar(notes, controls=sign), origin="")
    assert [(n.pitch, n.written_pitch) for n in read(document).notes] == [
        (60, 60), (72, 60), (72, 60), (60, 60),
    ]  # fmt: skip
    # Verovio says how high notes from MusicXML sound: what says nothing sounds as it is printed.
    assert {n.pitch for n in read(mei(bar(notes, controls=sign))).notes} == {60}


def test_percussion_has_the_sounds_of_general_midi() -> None:
    drums = """<staffDef n="1" lines="5"><label>Drums</label>
    <instrDef midi.channel="9" midi.instrnum="0"/></staffDef>"""
    written = music(
        bar('<note xml:id="a" dur="4" pnum="35" loc="0"/><note xml:id="b" dur="4" loc="0"/>'),
        staves=drums,
    )
    assert [(s.pitch, s.drum, s.program) for s in written.strikes] == [(35, True, 0)]
    assert by_id(written)["b"].reason == "not-performed"
    assert written.parts == (Part(0, "Drums", "", (0,), True),)


def test_parts_are_staves_numbered_as_they_first_sound() -> None:
    violin = """<staffDef n="1" lines="5"><label>Vio<lb/>lin</label><labelAbbr>Vl.</labelAbbr>
    <instrDef midi.channel="0" midi.instrnum="40"/></staffDef>"""
    piano = """<staffGrp symbol="brace"><label>Piano</label><instrDef midi.channel="1" midi.instrnum="4"/>
    <staffDef n="2" lines="5"/><staffDef n="3" lines="5"/></staffGrp>"""
    written = music(
        staves("<mRest/>", note("b", dur="1"), "<mRest/>"),
        staves(note("a", dur="1"), note("c", dur="1"), note("d", dur="1", more='staff="2"')),
        staves=violin + piano,
    )
    assert written.parts == (
        Part(1, "Vio lin", "Vl.", (40,), False), Part(0, "Piano", "", (4,), False),
    )  # fmt: skip
    assert [s.part for s in written.strikes] == [0, 0, 1]
    # A note that stands on another staff is played there; two of one pitch are one key.
    assert [n.staff for n in written.notes] == [2, 1, 2, 2]
    assert written.strikes[1].ids == ("c", "d")


# Keys.


def test_two_voices_that_share_a_key_strike_it_once() -> None:
    written = music(bar(note("a", dur="2") + note("c", dur="2"), note("b", dur="1")))
    # The key is struck again at beat three while the half note's partner still holds it.
    assert heard(written) == [(0, 2, 60), (2, 4, 60)]
    assert [s.ids for s in written.strikes] == [("a", "b"), ("c",)]


def test_hidden_notes_sound_without_a_head_and_cues_are_silent() -> None:
    written = music(
        bar(
            note("a", more='visible="false"')
            + note("b", more='head.visible="false"')
            + note("c", more='cue="true"')
            + note("d")
        )
    )
    assert [(s.ids, s.reason) for s in written.strikes] == [
        (("a",), "hidden-head"), (("b",), "hidden-head"), (("d",), ""),
    ]  # fmt: skip
    assert by_id(written)["c"].reason == "cue"


# Documents.


def test_readings_and_additions() -> None:
    written = music(
        bar(
            f"<app><rdg>{note('x')}</rdg><lem>{note('a')}</lem></app>"
            f"<choice><sic>{note('y')}</sic><corr>{note('b')}</corr></choice>"
            f"<supplied>{note('c')}</supplied><add><beam>{note('d')}</beam></add>"
        )
    )
    assert [(n.id, n.onset) for n in written.notes] == [("a", 0), ("b", 1), ("c", 2), ("d", 3)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<mei", "not well-formed XML"),
        ("<score/>", "begins with mei, not score"),
        (mei(), "the document has no bars"),
    ],
)
def test_what_is_no_music_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(text)


def test_entities_are_not_expanded() -> None:
    bomb = '<!DOCTYPE mei [<!ENTITY a "c"><!ENTITY b "&a;&a;">]>'
    written = read(
        bomb + mei(bar(note("a")), staves='<staffDef n="1"><label>&b;</label></staffDef>')
    )
    assert written.parts[0].name == "&b;"


# What Verovio makes of other encodings.


def test_kern_is_read_as_it_sounds() -> None:
    kern = "\n".join(
        "\t".join(line.split())
        for line in """**kern **kern
*clefF4 *clefG2
*k[f#] *k[f#]
*M3/4 *M3/4
*MM80 *MM80
4r 4f#
=1 =1
* *^
2.C 8qg/ .
. 4a/ 4f#
. 2b/[ 2f
=2 =2 =2
4.F# 2b/] 2.d
4.F# . .
. 4b/ .
* *v *v
== ==
*- *-""".splitlines()
    )
    kern = kern.replace("8qg/\t.", "8qg/\t4f#").replace("4a/\t4f#", "4a/\t.")
    written = from_verovio(kern)
    accounted(written)
    pitches = [n.pitch for n in written.notes if n.staff == 1]
    assert pitches == [66, 67, 69, 71, 66, 65, 71, 71, 62]
    assert [float(m.duration) for m in written.measures] == [1, 3, 3]
    assert sum(bool(n.continues) for n in written.notes) == 1
    assert written.tempi[0].us_per_quarter == 750_000


def test_abc_is_read_as_it_sounds() -> None:
    written = from_verovio("X:1\nM:4/4\nL:1/4\nK:D\nF ^G G =c | c/2-c/2 G {f}F z |\n")
    accounted(written)
    assert [n.pitch for n in written.notes] == [66, 68, 68, 72, 73, 73, 67, 78, 66]
    assert [float(n.onset) for n in written.notes] == [0, 1, 2, 3, 4, 4.5, 5, 6, 6]
    assert [n.tied_to != "" for n in written.notes].count(True) == 1


ODD = (
    "", "0", "-1", "abc", "1e9", "999999999999", "3.5", "nan", "inf", "1 2", "#x", "breve", "1m+2", "0m+nan", "8",
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False))
def test_whatever_a_document_says_all_notes_are_accounted_for(random: Random) -> None:
    roll = f"<bTrem>{note('t', dur='4', more='stem.mod=' + chr(34) + '2slash' + chr(34))}</bTrem>"
    pair = f'<fTrem beams="3">{note("u", dur="4")}{note("v", "g4")}</fTrem>'
    triplet = f'<tuplet num="3" numbase="2">{note("x", dur="8")}{note("y", dur="4")}</tuplet>'
    controls = (
        '<tempo tstamp="1" mm="40" mm.unit="4" mm.dots="1"/><tie startid="#x" endid="#y"/>'
        '<hairpin staff="1" form="cres" tstamp="1" tstamp2="1m+1"/><pedal staff="1" tstamp="1" dir="down"/>'
        '<octave staff="1" dis="8" tstamp="1" tstamp2="1m+2"/><dir tstamp="1">D.C. al Fine</dir>'
    )
    root = etree.fromstring(
        mei(
            bar(roll + pair + triplet + note("g", "a4", "8", 'grace="acc"'), controls=controls),
            bar(
                "<mRpt/>",
                note("z", "c5", "2") + "<halfmRpt/>",
                attributes='right="rptend"',
                number=2,
            ),
            bar('<multiRest num="2"/><beatRpt/>', controls="<dir>Fine</dir>", number=3),
            staves='<staffDef n="1" lines="5" ppq="8" trans.semi="-2"/>',
            origin=random.choice(["", "MusicXML", "abc music"]),
        )
    )
    elements = list(root.iter(etree.Element))
    for _ in range(random.randint(1, 5)):
        element = random.choice(elements)
        if element.attrib:
            element.set(random.choice(list(element.keys())), random.choice(ODD))
    for repeats in ("written", "unfolded"):
        try:
            accounted(read(etree.tostring(root), repeats=repeats))  # type: ignore[arg-type]
        except ValueError as error:
            assert str(error) == "the document has no bars"
