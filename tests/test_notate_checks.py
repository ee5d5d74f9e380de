"""The notation of MIDI files against other readers, and of any file at all: no note is lost."""

from collections.abc import Sequence
from fractions import Fraction as F
from itertools import pairwise
from pathlib import Path

import mido
from hypothesis import given, settings
from hypothesis import strategies as st
from notated import QUARTER, accounted, midi

from msmdtools.midi.reading import MidiFile, MidiNote, read_midi
from msmdtools.notate import notate
from msmdtools.notate.bars import ScoreBar
from msmdtools.notate.beats import WRITTEN
from msmdtools.notate.rhythm import Span, write


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
