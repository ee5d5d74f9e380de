"""MIDI files as scores: each note of the file is a note of the score or shares a head, at its exact time."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction as F
from itertools import pairwise
from pathlib import Path

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from msmdtools.errors import PieceError
from msmdtools.midi.reading import Change, MidiFile, MidiNote, read_midi
from msmdtools.notate import Notation, Unison, as_played, notate
from msmdtools.notate.bars import ScoreBar, make_bars
from msmdtools.notate.beats import COUNTED, ESTIMATED, WRITTEN, exact_onsets
from msmdtools.notate.rhythm import Span, write
from msmdtools.notate.spelling import ScoreKey, spell

QUARTER = 480
STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def midi(*notes: tuple[float, ...], **more: object) -> MidiFile:
    """A file of notes: onset and end in quarter notes, pitch, and perhaps track, channel and program."""
    made = []
    for onset, end, pitch, *rest in notes:
        track, channel, program = (*map(int, rest), *(0, 0, -1)[len(rest) :])
        ticks = round(onset * QUARTER), round(end * QUARTER)
        made.append(MidiNote(track, channel, *ticks, int(pitch), 64, program))
    made.sort(key=lambda n: (n.onset_tick, n.track, n.pitch))
    last = max((n.offset_tick for n in made), default=0)
    return MidiFile(QUARTER, tuple(made), end_tick=last, **more)  # type: ignore[arg-type]


class Heads:
    """The heads of a notation, read from its MusicXML alone.

    Attributes:
        at: of each note's id (pitch, onset, length, staff, voice, whether it is a grace note).
        bars: length of each bar, from the voices of the first part, which are all as long.
    """

    def __init__(self, notation: Notation) -> None:
        self.at: dict[str, tuple[int, F, F, int, str, bool]] = {}
        self.tied: dict[str, tuple[str, ...]] = {}
        self.root = etree.fromstring(notation.text.encode())
        for part in self.root.iter("part"):
            self.bars: list[F] = []
            start, divisions = F(0), 1
            for measure in part:
                divisions = int(measure.findtext("attributes/divisions") or divisions)
                now = before = F(0)
                ends = set()
                for element in measure:
                    length = F(int(element.findtext("duration") or 0), divisions)
                    if element.tag == "backup":
                        ends.add(now)
                        assert now == length
                        now = F(0)
                    elif element.tag == "note":
                        chord = element.find("chord") is not None
                        onset = before if chord else now
                        self._note(element, start + onset, length)
                        before, now = onset, now if chord else now + length
                ends.add(now)
                assert len(ends) == 1, "all voices of a bar are as long"
                self.bars.append(now)
                start += now

    def _note(self, element: etree._Element, onset: F, length: F) -> None:
        identity = element.get("id")
        if identity is None:
            return
        pitch = -1
        if element.find("pitch") is not None:
            step, octave = element.findtext("pitch/step"), element.findtext("pitch/octave")
            alter = int(element.findtext("pitch/alter") or 0)
            pitch = STEPS[str(step)] + alter + 12 * (int(str(octave)) + 1)
        assert identity not in self.at
        self.at[identity] = (
            pitch,
            onset,
            length,
            int(str(element.findtext("staff"))),
            str(element.findtext("voice")),
            element.find("grace") is not None,
        )
        self.tied[identity] = tuple(str(tie.get("type")) for tie in element.iter("tie"))

    def sounding(self, notation: Notation) -> dict[int, tuple[int, F, F]]:
        """Pitch, onset and length with ties of each note of the file."""
        found: dict[int, tuple[int, F, F]] = {}
        for identity, (pitch, onset, length, *_) in self.at.items():
            number = notation.notes[identity]
            before = found.get(number)
            if before is None:
                found[number] = pitch, onset, length
                assert "stop" not in self.tied[identity]
            else:
                assert before[0] == pitch and before[1] + before[2] == onset
                assert "stop" in self.tied[identity]
                found[number] = pitch, before[1], before[2] + length
        return found


def accounted(file: MidiFile, notation: Notation) -> dict[int, tuple[int, F, F]]:
    """Check that each note of a file is a note of the score once, or shares a head; return the former."""
    found = Heads(notation).sounding(notation)
    assert set(found) == set(notation.notes.values())
    shared = [unison.index for unison in notation.unisons]
    assert Counter([*found, *shared]) == Counter(range(len(file.notes)))
    for number, (pitch, *_) in found.items():
        assert pitch in (file.notes[number].pitch, -1)
    for unison in notation.unisons:
        assert file.notes[unison.index].pitch == file.notes[unison.other].pitch
    return found


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


def test_music21_and_the_file_agree_on_a_written_file(tmp_path: Path) -> None:
    from music21 import converter

    file = midi(
        *((i / 3, (i + 1) / 3, 60 + i) for i in range(6)),
        *((2 + i / 8, 2 + (i + 1) / 8, 67) for i in range(8)),
    )
    path = tmp_path / "a.musicxml"
    path.write_text(notate(file).text, encoding="utf-8")
    notes = converter.parse(path).flatten().notes
    read = sorted((F(n.offset).limit_denominator(96), n.pitch.midi) for n in notes)
    assert read == sorted((F(n.onset_tick, QUARTER), n.pitch) for n in file.notes)


def test_pretty_midi_reads_the_same_notes(tmp_path: Path) -> None:
    import pretty_midi

    path = tmp_path / "a.mid"
    _save(path, [(0, 480, 60), (160, 320, 64), (480, 960, 60), (970, 1400, 61)])
    theirs = pretty_midi.PrettyMIDI(str(path))
    file = read_midi(path)
    read = sorted(
        (theirs.time_to_tick(n.start), n.pitch) for i in theirs.instruments for n in i.notes
    )
    assert read == [(n.onset_tick, n.pitch) for n in file.notes]
    accounted(file, notate(file))


def _save(path: Path, notes: Sequence[tuple[int, int, int]]) -> None:
    file = mido.MidiFile(ticks_per_beat=QUARTER)
    track = file.add_track("piano")
    events = sorted([(a, 1, p) for a, _, p in notes] + [(b, 0, p) for _, b, p in notes])
    now = 0
    for tick, on, pitch in events:
        track.append(mido.Message("note_on", note=pitch, velocity=64 * on, time=tick - now))
        now = tick
    file.save(path)


NOTES = st.lists(
    st.tuples(
        st.integers(0, 4000),
        st.integers(0, 3000),
        st.integers(0, 127),
        st.integers(0, 2),
        st.sampled_from((0, 1, 9)),
        st.sampled_from((-1, 0, 40)),
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=20, deadline=None)
@given(
    notes=NOTES,
    quarter=st.sampled_from((24, 96, 480, 10080)),
    metre=st.sampled_from(((3, 4), (7, 8), (12, 16))),
)
def test_every_note_of_any_file_is_accounted_for(
    notes: list[tuple[int, ...]], quarter: int, metre: tuple[int, int]
) -> None:
    made = [MidiNote(t, c, a, a + length, p, 64, g) for a, length, p, t, c, g in notes]
    made.sort(key=lambda n: (n.onset_tick, n.track, n.pitch))
    end = max(note.offset_tick for note in made)
    file = MidiFile(quarter, tuple(made), end_tick=end, metres=((500, *metre),))
    notation = notate(file)
    found = accounted(file, notation)
    # Whatever begins at one tick begins at one time, but for what no note value could tell apart.
    if notation.beats == WRITTEN and quarter in (24, 96):
        assert all(
            abs(onset - F(file.notes[i].onset_tick, quarter)) <= F(1, 64)
            for i, (_, onset, _) in found.items()
        )


POINTS = st.lists(
    st.tuples(st.integers(1, 200), st.sampled_from((1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 24, 32))),
    max_size=10,
)


@settings(max_examples=100, deadline=None)
@given(
    points=POINTS,
    metre=st.sampled_from(
        ((4, 4), (3, 4), (6, 8), (12, 8), (9, 8), (5, 4), (7, 8), (2, 2), (3, 8))
    ),
)
def test_note_values_fill_any_bar_exactly(
    points: list[tuple[int, int]], metre: tuple[int, int]
) -> None:
    bar = ScoreBar(F(0), F(4 * metre[0], metre[1]), metre, True)
    cuts = sorted({F(*point) for point in points if F(*point) < bar.length})
    spans = [
        Span(a, b, i)
        for i, (a, b) in enumerate(zip([F(0), *cuts], [*cuts, bar.length], strict=True))
    ]
    values = write(spans, bar.length, bar.levels())
    assert values[0].start == 0 and values[-1].end == bar.length
    assert all(a.end == b.start for a, b in pairwise(values))
    for value in values:
        dotted = value.base * (F(3, 2) if value.dots else 1)
        assert value.end - value.start == dotted * F(value.ratio[1], value.ratio[0])
        assert spans[value.event].start <= value.start < value.end <= spans[value.event].end
        assert value.base.numerator & (value.base.numerator - 1) == 0
    assert [v.first for v in values].count(True) == [v.last for v in values].count(True)


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
