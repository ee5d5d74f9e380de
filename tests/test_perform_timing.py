"""Ticks to seconds: laws, exact numbers, and agreement with pretty_midi on the written file."""

import itertools
from fractions import Fraction
from pathlib import Path

import numpy as np
import pretty_midi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msmdtools.errors import MsmdError, PieceError
from msmdtools.perform.midi import write_midi
from msmdtools.perform.timing import SHORTEST_TICKS, TickMap, events
from msmdtools.performance import NoteEvent, PerformanceSpec
from msmdtools.score import TICKS_PER_QUARTER, Music, Note, PedalChange, TempoChange

SPEC = PerformanceSpec(1.0, "TimGM6mb")

tempi_lists = st.lists(
    st.builds(TempoChange, st.integers(0, 200_000), st.integers(100_000, 3_000_000)), max_size=12
)
speeds = st.floats(0.3, 3.0)


def note(onset: int, offset: int, pitch: int = 60, velocity: int = 80, channel: int = 0) -> Note:
    return Note(onset, offset, pitch, velocity, channel, False, 1, "")


def music(
    *notes: Note, tempi: tuple[TempoChange, ...] = (), pedals: tuple[PedalChange, ...] = ()
) -> Music:
    ordered = sorted(notes, key=lambda n: (n.onset_tick, n.channel, n.pitch))
    return Music(tuple(ordered), tempi, pedals)


def exact_seconds(tempi: list[TempoChange], tick: int) -> Fraction:
    """The definition in fractions; the last of several changes at a tick counts."""
    speed = {0: 500_000} | {t.tick: t.us_per_quarter for t in sorted(tempi, key=lambda t: t.tick)}
    ticks = [*speed, 10**9]
    total = Fraction(0)
    for (start, us), end in zip(speed.items(), ticks[1:], strict=True):
        total += max(0, min(end, tick) - start) * Fraction(us, TICKS_PER_QUARTER * 10**6)
    return total


def test_a_quarter_note_lasts_half_a_second_where_no_tempo_is_given() -> None:
    assert TickMap.of(()).seconds(384) == 0.5
    late = TickMap.of([TempoChange(384, 1_000_000)])
    assert late.seconds([0, 192, 384, 768]).tolist() == [0.0, 0.25, 0.5, 1.5]


def test_tempo_changes_count_from_their_tick_on_and_the_last_one_at_a_tick_wins() -> None:
    changes = [TempoChange(0, 500_000), TempoChange(768, 1_000_000), TempoChange(768, 250_000)]
    assert TickMap.of(changes).seconds([768, 1152]).tolist() == [1.0, 1.25]


@given(tempi_lists, st.lists(st.integers(0, 300_000), min_size=1, max_size=20))
def test_map_is_exact(tempi: list[TempoChange], ticks: list[int]) -> None:
    found = TickMap.of(tempi).seconds(ticks).tolist()
    for tick, second in zip(ticks, found, strict=True):
        assert second == pytest.approx(float(exact_seconds(tempi, tick)), rel=1e-15, abs=0)


@given(tempi_lists, speeds, st.sets(st.integers(0, 300_000), min_size=2, max_size=20))
def test_map_is_strictly_monotone(tempi: list[TempoChange], tempo: float, ticks: set[int]) -> None:
    assert (np.diff(TickMap.of(tempi, tempo).seconds(sorted(ticks))) > 0).all()


@given(tempi_lists, speeds, st.integers(0, 300_000))
def test_tempo_divides_all_times_exactly(tempi: list[TempoChange], tempo: float, tick: int) -> None:
    assert TickMap.of(tempi, tempo).seconds(tick) == TickMap.of(tempi).seconds(tick) / tempo


def test_events_are_the_notes_in_seconds() -> None:
    performed = events(music(note(0, 384), note(192, 576, 64)), PerformanceSpec(2.0, "TimGM6mb"))
    assert performed == [NoteEvent(0, 0.0, 0.25, 60, 64), NoteEvent(1, 0.125, 0.375, 64, 64)]


def test_velocity_is_fixed_or_the_source_s() -> None:
    piece = music(note(0, 1, 60, 0), note(0, 1, 61, 33), note(0, 1, 62, 127))
    of_source = PerformanceSpec(1.0, "TimGM6mb", velocity=None)
    assert [e.velocity for e in events(piece, of_source)] == [1, 33, 127]
    assert [e.velocity for e in events(piece, SPEC)] == [64, 64, 64]


def test_a_note_without_length_sounds_for_a_32nd_of_a_quarter() -> None:
    (event,) = events(music(note(384, 384)), SPEC)
    assert (event.onset_s, event.offset_s) == (0.5, 0.5 + 0.5 / 32)
    assert SHORTEST_TICKS == 12


def test_music_without_notes_and_notes_before_zero_are_refused() -> None:
    with pytest.raises(PieceError, match="the music has no sounding note to perform") as error:
        events(music(), SPEC)
    assert (error.value.stage, error.value.reason) == ("perform", "no-notes")
    with pytest.raises(PieceError, match="a note begins at tick -5, before 0"):
        events(music(note(-5, 3)), SPEC)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tempo": 0.0}, "tempo is a speed above 0 (1.0 as written, 2.0 twice as fast), not 0.0"),
        ({"tempo": float("nan")}, "twice as fast), not nan"),
        ({"program": 128}, "a General MIDI program is a number from 0 to 127, not 128"),
        ({"velocity": 0}, "a velocity is a number from 1 to 127 (or that of the source), not 0"),
    ],
)
def test_spec_refuses_what_cannot_be_played(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(MsmdError) as error:
        PerformanceSpec(**{"tempo": 1.0, "soundfont": "TimGM6mb"} | arguments)  # type: ignore[arg-type]
    assert message in str(error.value)


def test_performance_names_are_distinct_folder_names() -> None:
    specs = [
        PerformanceSpec(1.0, "FluidR3_GM"),
        PerformanceSpec(0.9, "FluidR3_GM"),
        PerformanceSpec(1.001, "FluidR3_GM"),
        PerformanceSpec(1.0, "FluidR3_GM", 19),
        PerformanceSpec(1.0, "FluidR3_GM", velocity=None),
        PerformanceSpec(1.0, "/some/where/Grand.sf2", velocity=100),
    ]
    assert [spec.name for spec in specs] == [
        "FluidR3_GM-000_x1.00",
        "FluidR3_GM-000_x0.90",
        "FluidR3_GM-000_x1.001",
        "FluidR3_GM-019_x1.00",
        "FluidR3_GM-000_x1.00_vsource",
        "Grand-000_x1.00_v100",
    ]


@settings(max_examples=30, deadline=None)
@given(
    tempi_lists,
    st.sampled_from([1.0, 2.0, 0.9, 1.1, 0.731]),
    st.lists(st.tuples(st.integers(0, 250_000), st.integers(1, 5000)), min_size=1, max_size=15),
)
def test_pretty_midi_reads_the_same_times(
    tmp_path_factory: pytest.TempPathFactory,
    tempi: list[TempoChange],
    tempo: float,
    spans: list[tuple[int, int]],
) -> None:
    notes = [note(at, at + long, 30 + i) for i, (at, long) in enumerate(spans)]
    piece = music(*notes, tempi=tuple(tempi))
    spec = PerformanceSpec(tempo, "TimGM6mb")
    path = tmp_path_factory.getbasetemp() / "times.mid"
    write_midi(piece, spec, path)
    used = [500_000, *(change.us_per_quarter for change in tempi)]
    tolerance = 1e-6 if all((us / tempo).is_integer() for us in used) else 2e-5
    assert_same_times(path, events(piece, spec), tolerance)


@pytest.mark.parametrize("tempo", [0.9, 1.0, 1.1, 1.37])
def test_a_long_piece_does_not_drift(tmp_path: Path, tempo: float) -> None:
    # 40 minutes at a tempo that is no whole number of microseconds at any of these speeds.
    notes = [note(i * 96, i * 96 + 96, 40 + i % 40) for i in range(20_000)]
    piece = music(*notes, tempi=(TempoChange(0, 480_001),))
    spec = PerformanceSpec(tempo, "TimGM6mb")
    write_midi(piece, spec, tmp_path / "long.mid")
    assert_same_times(tmp_path / "long.mid", events(piece, spec), 2e-5)


def assert_same_times(path: Path, expected: list[NoteEvent], tolerance: float) -> None:
    read = pretty_midi.PrettyMIDI(str(path))
    notes = itertools.chain.from_iterable(part.notes for part in read.instruments)
    found = sorted((n.pitch, n.start, n.end) for n in notes)
    wanted = sorted((e.pitch, e.onset_s, e.offset_s) for e in expected)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance)
