"""The written music of MEI documents: tremolos, repetitions, tempo, loudness and pedal."""

from fractions import Fraction

from mei_texts import (
    TIE,
    bar,
    by_id,
    heard,
    music,
    note,
    staves,
)

from msmdtools.score import PedalChange, TempoChange


def test_a_tremolo_on_one_note_strikes_it_again() -> None:
    roll = f"<bTrem>{note('a', dur='2', more='stem.mod=' + chr(34) + '2slash' + chr(34))}</bTrem>"
    written = music(bar(roll + note("b", dur="2")))
    assert heard(written) == [*((k / 4, (k + 1) / 4, 60) for k in range(8)), (2, 4, 60)]
    assert [s.reason for s in written.strikes] == ["", *["tremolo-repetition"] * 7, ""]
    assert by_id(written)["a"].duration == 2
    eighths = f'<bTrem unitdur="32">{note("a", dur="8")}</bTrem>'
    assert len(music(bar(eighths)).strikes) == 4


def test_a_tremolo_between_two_chords_strikes_them_in_turn() -> None:
    first = f'<chord dur="2">{note("a", "c4", "")}{note("b", "e4", "")}</chord>'
    written = music(
        bar(f'<fTrem beams="3">{first}{note("c", "g4", "2")}</fTrem>' + note("d", dur="2"))
    )
    assert heard(written)[:4] == [
        (0, 0.125, 60),
        (0, 0.125, 64),
        (0.125, 0.25, 67),
        (0.25, 0.375, 60),
    ]
    assert len(written.strikes) == 8 * 3 + 1
    # The second is heard one stroke after the first; both are printed as halves.
    assert [(n.onset, n.duration) for n in written.notes] == [
        (0, 2), (0, 2), (Fraction(1, 8), 2), (2, 2),
    ]  # fmt: skip


def test_a_tied_tremolo_continues_its_last_stroke() -> None:
    roll = '<bTrem unitdur="8">{}</bTrem>'
    written = music(
        bar(
            roll.format(note("a", dur="2")) + roll.format(note("b", dur="2")),
            controls=TIE.format("a", "b"),
        )
    )
    assert heard(written)[3:5] == [(1.5, 2.5, 60), (2.5, 3, 60)]
    assert by_id(written)["b"].tied_to == "a"
    assert by_id(written)["b"].continues == (3,)


def test_measure_repeats_play_the_bar_before() -> None:
    tie = TIE.format("b", "c")
    written = music(
        bar(note("a", "d4", "2") + note("b") + note("c"), controls=tie),
        bar("<mRpt/>", number=2),
        bar("<mRpt/>", number=3),
    )
    assert heard(written) == [
        (4 * k + a, 4 * k + b, p) for k in range(3) for a, b, p in ((0, 2, 62), (2, 4, 60))
    ]
    assert [s.reason for s in written.strikes] == ["", "", *["percent-repetition"] * 4]
    assert len(written.notes) == 3


def test_repeats_of_two_bars_fill_both() -> None:
    model = [bar(note("a", "c4", "1")), bar(note("b", "d4", "1"), number=2)]
    for second in ("<mSpace/>", "<mRpt2/>"):
        written = music(*model, bar("<mRpt2/>", number=3), bar(second, number=4))
        assert heard(written) == [(0, 4, 60), (4, 8, 62), (8, 12, 60), (12, 16, 62)]
    written = music(*model, bar('<multiRpt num="2"/>', number=3), bar("", number=4))
    assert [p for _, _, p in heard(written)] == [60, 62, 60, 62]


def test_a_measure_repeat_in_one_of_two_layers_repeats_that_layer() -> None:
    written = music(
        bar(note("a", "c5", "1"), note("b", "c4", "1")),
        bar(note("c", "d5", "1"), "<mRpt/>", number=2),
    )
    assert heard(written) == [(0, 4, 60), (0, 4, 72), (4, 8, 60), (4, 8, 74)]


def test_repeats_of_beats_and_half_bars() -> None:
    written = music(bar(note("a", dur="8") + note("b", "d4", "8") + "<beatRpt/><halfmRpt/>"))
    assert [p for _, _, p in heard(written)] == [60, 62] * 4
    assert [a for a, _, _ in heard(written)] == [k / 2 for k in range(8)]
    compound = music(
        bar(note("a", dur="4", more='dots="1"') + "<beatRpt/>"),
        score='meter.count="6" meter.unit="8"'.replace("meter", "x"),
        staves='<staffDef n="1" lines="5" meter.count="6" meter.unit="8"/>',
    )
    assert heard(compound) == [(0, 1.5, 60), (1.5, 3, 60)]


def test_arpeggios_stay_together() -> None:
    chord = f'<chord xml:id="c" dur="1">{note("a", "c4", "")}{note("b", "e4", "")}</chord>'
    written = music(bar(chord, controls='<arpeg plist="#c"/>'))
    assert heard(written) == [(0, 4, 60), (0, 4, 64)]


# Tempo, loudness, pedal.


def test_a_tempo_inside_a_bar_holds_from_its_place() -> None:
    tempi = (
        '<tempo tstamp="1" mm="40" mm.unit="4" mm.dots="1"/><tempo tstamp="2.3333" midi.bpm="90"/>'
        '<tempo tstamp="4" mm="30" mm.unit="2" midi.bpm="50"/><tempo tstamp="4.5">rit.</tempo>'
    )
    written = music(bar(note("a", dur="1"), controls=tempi))
    assert written.tempi == (
        TempoChange(0, 1_000_000), TempoChange(512, 666_667), TempoChange(1152, 1_200_000),
    )  # fmt: skip
    six = music(
        bar(note("a", dur="2", more='dots="1"'), controls='<tempo tstamp="4" midi.bpm="30"/>'),
        score='midi.bpm="120"',
        staves='<staffDef n="1" lines="5" meter.count="6" meter.unit="8"/>',
    )
    assert six.tempi == (TempoChange(0, 500_000), TempoChange(576, 2_000_000))


def test_dynamic_marks_hold_for_all_staves_of_their_instrument() -> None:
    piano = (
        '<staffGrp symbol="brace"><staffDef n="1"/><staffDef n="2"/></staffGrp><staffDef n="3"/>'
    )
    marks = (
        '<dynam staff="1" tstamp="1">p dolce</dynam><dynam staff="1" tstamp="3">ff</dynam>'
        '<dynam staff="2" tstamp="3">pp</dynam>'
    )
    two = note("{0}", dur="2") + note("{1}", dur="2")
    written = music(
        staves(two.format("a", "b"), two.format("c", "d"), two.format("e", "f"), controls=marks),
        staves=piano,
    )
    velocity = {s.ids[0]: s.velocity for s in written.strikes}
    assert velocity == {"a": 70, "b": 102, "c": 70, "d": 62, "e": 90, "f": 90}


def test_hairpins_lead_to_the_mark_at_their_end() -> None:
    marks = '<dynam staff="1" tstamp="1">p</dynam><hairpin staff="1" form="cres" tstamp="1" tstamp2="1m+1"/>'
    second = '<dynam staff="1" tstamp="1">f</dynam><hairpin staff="1" form="dim" tstamp="2" tstamp2="0m+4"/>'
    notes = "".join(note(f"{{}}{k}") for k in range(4))
    written = music(
        bar(notes.replace("{}", "a"), controls=marks),
        bar(notes.replace("{}", "b"), controls=second, number=2),
    )
    assert [s.velocity for s in written.strikes] == [70, 76, 82, 89, 95, 95, 87, 78]
    own = music(bar(note("a", more='vel="33"'), controls=marks))
    assert own.strikes[0].velocity == 33


def test_pedals_hold_for_all_staves_of_their_instrument() -> None:
    piano = '<staffGrp symbol="brace"><staffDef n="1"/><staffDef n="2"/></staffGrp>'
    signs = (
        '<pedal staff="2" tstamp="1" dir="down"/><pedal staff="2" tstamp="3" dir="bounce"/>'
        '<pedal staff="2" tstamp="5" dir="up"/>'
    )
    written = music(staves(note("a", dur="1"), note("b", dur="1"), controls=signs), staves=piano)
    one = [(0, 127), (768, 0), (768, 127), (1536, 0)]
    assert sorted(written.pedals, key=lambda p: p.channel) == [
        PedalChange(tick, part, value) for part in (0, 1) for tick, value in one
    ]
