"""MIDI files as scores: each note of the file is a note of the score or shares a head, at its exact time."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction as F
from itertools import pairwise

import pytest
from notated import QUARTER, STEPS, Heads, accounted, midi

from msmdtools.errors import PieceError
from msmdtools.midi.reading import Change, MidiFile, MidiNote
from msmdtools.notate import Notation, Unison, as_played, notate
from msmdtools.notate.bars import make_bars
from msmdtools.notate.beats import COUNTED, ESTIMATED, exact_onsets
from msmdtools.notate.spelling import ScoreKey, spell


def times(file: MidiFile) -> list[tuple[int, F, F]]:
    """Pitch, onset and length of each note of a file as a score."""
    return [value for _, value in sorted(accounted(file, notate(file)).items())]


@pytest.mark.parametrize("division", [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 24, 32])
def test_every_division_of_a_quarter_note_is_exact(division: int) -> None:
    lines = [F(i, division) for i in range(3 * division + 1)]
    file = midi(*((float(a), float(b), 72 - i % 2) for i, (a, b) in enumerate(pairwise(lines))))
    assert [(onset, length) for _, onset, length in times(file)] == [
        (line, F(1, division)) for line in lines[:-1]
    ]


def test_triplets_in_one_hand_and_sixteenths_in_the_other() -> None:
    right = [(i / 3, (i + 1) / 3, 76) for i in range(12)]
    left = [(i / 4, (i + 1) / 4, 48) for i in range(16)]
    file = midi(*right, *left)
    found = accounted(file, notate(file))
    assert {onset for pitch, onset, _ in found.values() if pitch == 76} == {
        F(i, 3) for i in range(12)
    }
    assert {onset for pitch, onset, _ in found.values() if pitch == 48} == {
        F(i, 4) for i in range(16)
    }
    text = notate(file).text
    assert text.count('<tuplet type="start"/>') == text.count('<tuplet type="stop"/>') == 4


def test_a_long_note_is_tied_over_the_bars_that_it_lasts() -> None:
    file = midi((1, 11, 60))
    notation = notate(file)
    assert times(file) == [(60, F(1), F(10))]
    assert notation.notes == {"n0": 0, "n0-1": 0, "n0-2": 0}
    assert Heads(notation).bars == [F(4)] * 3


def test_a_key_struck_again_while_it_sounds_has_two_heads_at_their_times() -> None:
    assert times(midi((0, 3, 60), (1, 2, 60))) == [(60, F(0), F(3)), (60, F(1), F(1))]


def test_one_key_struck_twice_at_one_time_shares_the_head_of_the_longer_note() -> None:
    notation = notate(midi((0, 1, 60), (0, 2, 60)))
    assert notation.unisons == (Unison(0, 1),)
    assert notation.notes == {"n1": 1}


def test_a_note_without_length_is_a_grace_note() -> None:
    file = midi((0, 1, 60), (1, 1, 62), (1, 2, 64))
    heads = Heads(notate(file))
    assert [heads.at[i][1:3] + heads.at[i][5:] for i in ("n0", "n1", "n2")] == [
        (F(0), F(1), False),
        (F(1), F(0), True),
        (F(1), F(1), False),
    ]


def test_more_notes_than_voices_at_one_time_are_all_written() -> None:
    file = midi(*((0, 1 + i / 4, 60 + i) for i in range(12)))
    assert [onset for _, onset, _ in times(file)] == [F(0)] * 12


def test_two_hands_on_one_track_are_divided_and_two_tracks_are_hands() -> None:
    one = midi(*((i, i + 1, pitch) for i in range(4) for pitch in (40, 47, 72, 76)))
    heads = Heads(notate(one))
    assert {(h[0], h[3]) for h in heads.at.values()} == {(40, 2), (47, 2), (72, 1), (76, 1)}
    # Of two tracks the higher one is the right hand, even where the hands cross.
    two = midi((0, 1, 50, 0), (1, 2, 70, 0), (0, 1, 72, 1), (1, 2, 60, 1))
    heads = Heads(notate(two))
    assert {(h[0], h[3]) for h in heads.at.values()} == {(72, 1), (60, 1), (50, 2), (70, 2)}
    assert len(heads.root.findall("part")) == 1


def test_instruments_are_parts_with_names_and_programs() -> None:
    file = midi(
        (0, 1, 76, 1, 0, 40),
        (0, 1, 60, 2, 1, 0),
        (0, 1, 40, 2, 1, 0),
        texts=((1, "track_name", "Violine"),),
    )
    root = Heads(notate(file)).root
    parts = root.findall("part-list/score-part")
    assert [p.findtext("part-name") for p in parts] == ["Violine", "Piano"]
    assert [p.findtext("midi-instrument/midi-program") for p in parts] == ["41", "1"]
    assert [p.findtext("measure/attributes/staves") for p in root.findall("part")] == ["1", "2"]


def test_drums_stand_on_a_percussion_staff() -> None:
    file = midi(*((i / 2, i / 2 + 0.1, pitch, 0, 9) for i in range(8) for pitch in (36, 42)))
    notation = notate(file)
    assert all(length == F(1, 2) for _, _, length in accounted(file, notation).values())
    root = Heads(notation).root
    assert root.findtext("part/measure/attributes/clef/sign") == "percussion"
    # The last sound does not begin a bar of rests.
    assert len(list(root.iter("measure"))) == 1
    unpitched = {e.text for e in root.iter("midi-unpitched")}
    assert unpitched == {"37", "43"}


def test_bars_follow_the_signatures_and_end_where_one_changes() -> None:
    signatures = [(F(0), 1, 4), (F(1), 3, 4), (F(6), 6, 8), (F(9), 7, 3)]
    bars = make_bars(signatures, F(14))
    assert [(bar.onset, bar.length, bar.regular) for bar in bars] == [
        (F(0), F(1), True),
        (F(1), F(3), True),
        (F(4), F(2), False),
        (F(6), F(3), True),
        (F(9), F(4), True),
        (F(13), F(4), True),
    ]
    file = midi(
        *((i / 2, i / 2 + 0.5, 60) for i in range(28)),
        metres=((0, 1, 4), (480, 3, 4), (2880, 6, 8)),
    )
    heads = Heads(notate(file))
    assert heads.bars == [F(1), F(3), F(2), F(3), F(3), F(3)]
    assert [e.text for e in heads.root.iter("beats")] == ["1", "3", "6"]


def test_too_many_bars_are_a_reason() -> None:
    with pytest.raises(PieceError, match=r"more than 10,000 bars") as error:
        notate(midi((0, 1, 60), (50_000, 50_001, 60)))
    assert error.value.reason == "too-many-bars"


def test_no_notes_are_a_reason() -> None:
    with pytest.raises(PieceError, match="no notes") as error:
        notate(midi())
    assert error.value.reason == "no-notes"


@pytest.mark.parametrize(
    ("key", "pitch", "spelled"),
    [
        (0, 66, "F1"),
        (0, 70, "B-1"),
        (-3, 68, "A-1"),
        (-3, 66, "F1"),
        (4, 63, "D1"),
        (4, 64, "E0"),
        (-5, 71, "C-1"),
        (7, 60, "B1"),
    ],
)
def test_pitches_are_spelled_by_the_key(key: int, pitch: int, spelled: str) -> None:
    found = spell(pitch, ScoreKey(F(0), key, key == -3))
    assert f"{found.step}{found.alter}" == spelled
    assert STEPS[found.step] + found.alter + 12 * (found.octave + 1) == pitch


def test_the_key_is_that_of_the_file_or_is_found() -> None:
    scale = [(i, i + 1, pitch) for i, pitch in enumerate((62, 64, 66, 67, 69, 71, 73, 74))]
    heads = Heads(notate(midi(*scale)))
    assert [e.text for e in heads.root.iter("fifths")] == ["2"]
    assert not list(heads.root.iter("accidental"))
    heads = Heads(notate(midi(*scale, keys=((0, -1, False),))))
    assert [e.text for e in heads.root.iter("fifths")] == ["-1"]
    assert [e.text for e in heads.root.iter("accidental")] == [
        "sharp",
        "natural",
        "flat",
        "natural",
    ]


def test_ends_that_are_a_little_early_are_those_of_the_score() -> None:
    for early in (1, 10, 24):
        file = midi(*((i / 2, i / 2 + 0.5 - early / QUARTER, 60 + i) for i in range(8)))
        assert {length for _, _, length in times(file)} == {F(1, 2)}


def performed(tempo: Sequence[float], spread: float = 0.01) -> MidiFile:
    """Chords and eighths as a person plays them: beats of these lengths in seconds, hands never together."""
    notes, now = [], 0.3
    for beat, length in enumerate(tempo):
        for half in (0, 1):
            at = now + half * length / 2 + spread * ((7 * beat + 3 * half) % 5 - 2) / 2
            notes.append((2 * at, 2 * (at + length / 2 - 0.03), 72 + (beat + half) % 5))
        notes.append((2 * (now + spread), 2 * (now + length + 0.05), 48 + beat % 7))
        now += length
    return midi(*notes)


def test_too_long_a_performance_is_a_reason() -> None:
    file = performed([0.61, 0.57, 0.66] * 20)
    late = MidiNote(0, 0, 50_000 * QUARTER, 50_001 * QUARTER, 60, 64)
    with pytest.raises(PieceError, match="more than 6 hours") as error:
        notate(replace(file, notes=(*file.notes, late)))
    assert error.value.reason == "too-long"


def test_a_performance_with_rubato_gets_beats_of_its_own() -> None:
    tempo = [0.6 + 0.07 * math.sin(i / 5) for i in range(48)]
    file = performed(tempo)
    notation = notate(file)
    assert notation.beats == ESTIMATED
    found = accounted(file, notation)
    melody = sorted(onset for pitch, onset, _ in found.values() if pitch >= 72)
    bass = sorted(onset for pitch, onset, _ in found.values() if pitch < 60)
    # Whether its beats are the quarters or the eighths is a matter of taste; they are even.
    beat = bass[1] - bass[0]
    assert beat in (1, 2)
    assert bass == [bass[0] + i * beat for i in range(48)]
    assert melody == [bass[0] + i * beat / 2 for i in range(96)]


def test_what_was_played_to_a_metronome_keeps_its_quarter_notes() -> None:
    file = midi(
        *((i / 2 + 0.013 * (i * 7 % 5 - 2) + 0.003, i / 2 + 0.45, 60 + i % 7) for i in range(1, 60))
    )
    notation = notate(file)
    assert notation.beats == COUNTED
    assert [onset for _, onset, _ in times(file)] == [F(i, 2) for i in range(1, 60)]


def written_of(notation: Notation) -> object:
    """The written music of a notation as Verovio reads it."""
    import verovio

    from msmdtools.mei.reading import read

    toolkit = verovio.toolkit()
    toolkit.setOptions({"expandNever": True, "xmlIdSeed": 1})
    assert toolkit.loadData(notation.text)
    return read(toolkit.getMEI({"scoreBased": True, "noLayout": True}))


def test_the_file_s_own_times_are_played_by_the_heads_of_its_notes() -> None:
    file = midi(
        (0, 0.9, 60),
        (1, 1.25, 64),
        (1, 1.5, 64),
        (4 / 3, 5, 67),
        tempi=((0, 545_454), (480, 400_000)),
        pedals=(Change(240, 0, 0, 127), Change(960, 0, 0, 0)),
    )
    notation = notate(file)
    written = written_of(notation)
    notated = as_played(written, notation, file, "notated")
    assert [(s.onset, s.offset, s.ids, s.reason) for s in notated.strikes] == [
        (0, 1, ("n0",), ""),
        (1, F(3, 2), ("n2",), ""),
        (1, F(3, 2), (), "unison"),
        (F(4, 3), 5, ("n3",), ""),
    ]
    # To the decimals of the encoding.
    assert [(t.tick, t.us_per_quarter) for t in notated.tempi] == [(0, 545_455), (384, 400_000)]
    played = as_played(written, notation, file, "file")
    assert [(s.onset, s.offset, s.pitch, s.velocity) for s in played.strikes] == [
        (0, F(9, 10), 60, 64),
        (1, F(3, 2), 64, 64),
        (1, F(5, 4), 64, 64),
        (F(4, 3), 5, 67, 64),
    ]
    for note in played.notes:
        for index in note.strikes:
            assert note.id in played.strikes[index].ids
        for index in note.continues:
            assert note.id.partition("-")[0] in played.strikes[index].ids
    assert [(t.tick, t.us_per_quarter) for t in played.tempi] == [(0, 545_454), (384, 400_000)]
    assert {(p.tick, p.value) for p in played.pedals} == {(192, 127), (768, 0)}


def test_drums_sound_as_they_are_written() -> None:
    file = midi(*((i / 2, i / 2 + 0.1, pitch, 0, 9) for i in range(8) for pitch in (36, 42)))
    written = written_of(notate(file))
    assert Counter((s.onset, s.pitch, s.drum) for s in written.strikes) == Counter(
        (F(i, 2), pitch, True) for i in range(8) for pitch in (36, 42)
    )


def test_a_melody_has_one_staff_and_is_no_hand_of_the_piano_beside_it() -> None:
    melody = [(i, i + 1, 67 + i, 0) for i in range(4)]
    piano = [(i, i + 1, pitch, 1) for i in range(4) for pitch in (36, 43, 60, 64)]
    root = Heads(notate(midi(*melody, *piano))).root
    assert [e.text for e in root.iter("staves")] == ["1", "2"]
    assert [e.text for e in Heads(notate(midi(*melody))).root.iter("staves")] == ["1"]


def test_lines_that_are_no_whole_ticks_count_where_two_onsets_are_on_them() -> None:
    septuplet = [int(i * QUARTER / 7) for i in range(7)]
    assert exact_onsets(septuplet, QUARTER) == {tick: F(i, 7) for i, tick in enumerate(septuplet)}
    # Alone, such a tick goes to the nearest 128th note.
    assert exact_onsets((0, 137), QUARTER) == {0: F(0), 137: F(9, 32)}
    assert exact_onsets((30, 33, 67), 100) == {30: F(3, 10), 33: F(1, 3), 67: F(2, 3)}
