"""The written music of MEI documents: ties and grace notes."""

from fractions import Fraction

import pytest
from mei_texts import (
    TIE,
    TWO,
    bar,
    by_id,
    heard,
    music,
    note,
    sounds,
    staves,
)

from msmdtools.score import TempoChange

# Ties.


def test_ties_join_single_notes_of_chords_over_bars_layers_and_staves() -> None:
    def chord(*notes: str) -> str:
        return f'<chord dur="1">{"".join(notes)}</chord>'

    first = staves(
        chord(note("a", "c4", ""), note("b", "e4", "")),
        '<rest dur="1"/>',
        controls=TIE.format("a", "d"),
    )
    second = staves(
        chord(note("c", "e4", "")), chord(note("d", "c4", ""), note("e", "g4", "")), number=2
    )
    written = music(first, second, staves=TWO)
    assert sounds(written) == [(0, 8, 60), (0, 4, 64), (4, 8, 64), (4, 8, 67)]
    assert by_id(written)["d"].tied_to == "a"
    assert by_id(written)["d"].continues == by_id(written)["a"].strikes


def test_ties_that_lead_nowhere_join_nothing() -> None:
    loose = '<tie startid="#a"/><lv startid="#b" tstamp2="0m+3"/>'
    far = TIE.format("c", "g")
    slur = TIE.format("d", "e")
    written = music(
        bar(note("a") + note("b") + note("c") + note("d", "d4"), controls=loose + far + slur),
        bar(note("e", "e4") + note("f") + note("g") + note("h"), number=2),
    )
    assert len(written.strikes) == 8
    assert not any(n.continues for n in written.notes)


def test_a_tie_into_an_earlier_voice_of_the_bar_finds_its_end() -> None:
    written = music(
        bar(
            '<space dur="2"/>' + note("b", dur="2"),
            note("a", dur="2"),
            controls='<tie startid="#a"/>',
        )
    )
    assert heard(written) == [(0, 4, 60)]
    assert by_id(written)["b"].tied_to == "a"


def test_a_grace_chord_is_tied_as_a_whole_where_one_tie_has_lost_its_end() -> None:
    chord = '<chord dur="{}" {}>' + note("{}", "e4", "") + note("{}", "g4", "") + "</chord>"
    both = chord.format("8", 'grace="acc"', "g", "h") + chord.format("1", "", "a", "b")
    lost = '<tie startid="#g"/>'
    written = music(bar(both, controls=lost + TIE.format("h", "b")))
    assert [n.tied_to for n in written.notes] == ["", "", "g", "h"]
    assert not any(n.tied_to for n in music(bar(both, controls=lost)).notes)


def test_a_cue_that_continues_a_sounding_note_is_tied() -> None:
    written = music(
        bar(
            note("a", dur="2") + note("b", dur="2", more='cue="true"'),
            controls=TIE.format("a", "b"),
        )
    )
    assert heard(written) == [(0, 4, 60)]
    assert by_id(written)["b"].tied_to == "a"


def test_a_grace_note_tied_to_its_main_note_sounds_on() -> None:
    grace = note("g", "e4", "8", 'grace="acc"')
    written = music(bar(note("a") + grace + note("b", "e4"), controls=TIE.format("g", "b")))
    assert sounds(written)[1] == (1 - Fraction(9, 80), 2, 64)
    assert by_id(written)["b"].tied_to == "g"


# Grace notes.


@pytest.mark.parametrize("kind", ["acc", "unacc"])
def test_grace_notes_sound_before_their_main_note_which_keeps_its_place(kind: str) -> None:
    graces = note("g", "d4", "16", f'grace="{kind}"') + note("h", "e4", "8", f'grace="{kind}"')
    written = music(bar(note("a") + graces + note("b")))
    g, h = by_id(written)["g"], by_id(written)["h"]
    assert (g.onset, g.duration, g.grace) == (1, Fraction(1, 4), Fraction(3, 4))
    assert (h.onset, h.grace) == (1, Fraction(1, 2))
    sixteenth, eighth = Fraction(9, 160), Fraction(9, 80)
    first = 1 - sixteenth - eighth
    # The note before gives way to them.
    assert sounds(written) == [
        (0, first, 60), (first, first + sixteenth, 62), (1 - eighth, 1, 64), (1, 2, 60),
    ]  # fmt: skip


def test_grace_notes_at_the_end_of_a_bar_sound_before_the_next_note() -> None:
    after = f'<graceGrp grace="acc">{note("g", "d4", "8")}</graceGrp>'
    written = music(bar(note("a", dur="1") + after), bar(note("b", dur="1"), number=2))
    g = by_id(written)["g"]
    assert (g.measure, g.onset, g.grace) == (0, 4, Fraction(1, 2))
    assert sounds(written)[1] == (4 - Fraction(9, 80), 4, 62)


def test_a_piece_that_begins_with_grace_notes_begins_with_them() -> None:
    graces = note("g", "d4", "4", 'grace="acc"')
    tempo = '<tempo tstamp="1" midi.bpm="120"/><tempo tstamp="2" midi.bpm="60"/>'
    written = music(bar(graces + note("a", dur="4"), controls=tempo))
    lead = Fraction(9, 40)
    assert sounds(written) == [(0, lead, 62), (lead, 1 + lead, 60)]
    assert by_id(written)["a"].onset == 0
    assert written.tempi == (TempoChange(0, 500_000), TempoChange(int((1 + lead) * 384), 1_000_000))
