"""The MIDI file and its channels, read back with mido."""

import io
from collections import Counter
from pathlib import Path

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msmdtools.errors import PieceError
from msmdtools.midi.actions import DRUM_CHANNEL
from msmdtools.perform.midi import (
    actions,
    allocate_channels,
    midi_bytes,
    tempo_changes,
    write_midi,
)
from msmdtools.perform.timing import sounding_end
from msmdtools.performance import PerformanceSpec
from msmdtools.score import Music, Note, PedalChange, TempoChange

SPEC = PerformanceSpec(1.0, "TimGM6mb")


def note(onset: int, offset: int, pitch: int = 60, channel: int = 0, drum: bool = False) -> Note:
    return Note(onset, offset, pitch, 80, channel, drum, 1, "")


def music(
    *notes: Note, tempi: tuple[TempoChange, ...] = (), pedals: tuple[PedalChange, ...] = ()
) -> Music:
    ordered = sorted(notes, key=lambda n: (n.onset_tick, n.channel, n.pitch))
    return Music(tuple(ordered), tempi, pedals)


def some_music(notes: int) -> st.SearchStrategy[Music]:
    """Crowded music: three keys, thirty parts, lengths that may be zero."""
    tick, key, part = st.integers(0, 60), st.integers(60, 62), st.integers(0, 29)
    one = st.builds(note, tick, st.integers(0, 90), key, part, st.booleans())
    return st.lists(one, min_size=1, max_size=notes).map(lambda found: music(*found))


def read_notes(path: Path) -> Counter[tuple[int, int, int, int]]:
    """(onset tick, offset tick, key, velocity) of each melodic note, as a player would hear it."""
    sounding: dict[tuple[int, int], tuple[int, int]] = {}
    found: Counter[tuple[int, int, int, int]] = Counter()
    now = 0
    for message in mido.merge_tracks(mido.MidiFile(path).tracks):
        now += message.time
        if message.type not in ("note_on", "note_off") or message.channel == DRUM_CHANNEL:
            continue
        key = (message.channel, message.note)
        if key in sounding:
            onset, velocity = sounding.pop(key)
            found[onset, now, message.note, velocity] += 1
        if message.type == "note_on":
            sounding[key] = (now, message.velocity)
    assert not sounding
    return found


@settings(max_examples=200, deadline=None)
@given(some_music(60))
def test_no_note_is_cut_as_long_as_there_are_channels(piece: Music) -> None:
    channels = allocate_channels(piece)
    assert all((c == DRUM_CHANNEL) == n.drum for c, n in zip(channels, piece.notes, strict=True))
    melodic = [(c, n) for c, n in zip(channels, piece.notes, strict=True) if not n.drum]
    for i, (channel, first) in enumerate(melodic):
        for other, second in melodic[i + 1 :]:
            same_key = (channel, first.pitch) == (other, second.pitch)
            if same_key and sounding_end(first) > second.onset_tick:
                around = [
                    n
                    for _, n in melodic
                    if n.pitch == first.pitch
                    and n.onset_tick <= second.onset_tick <= sounding_end(n)
                ]
                assert len(around) > 15


def test_a_part_keeps_its_channel_and_lends_one_only_where_keys_collide() -> None:
    piece = music(
        note(0, 100, 60, 0),
        note(0, 100, 60, 1),
        note(50, 150, 60, 0),  # the key still sounds in channel 0
        note(60, 150, 60, 0),  # and in the one that was lent
        note(100, 200, 64, 0),
        note(150, 200, 60, 0),
    )
    assert allocate_channels(piece) == [0, 1, 2, 3, 0, 0]


def test_thirty_parts_share_the_fifteen_melodic_channels() -> None:
    piece = music(*(note(0, 10, 40 + part, part) for part in range(30)))
    assert allocate_channels(piece) == [*range(9), *range(10, 16)] * 2
    unison = music(*(note(0, 10, 60, part) for part in range(15)))
    assert sorted(allocate_channels(unison)) == [*range(9), *range(10, 16)]


def test_a_key_released_and_struck_at_one_tick_by_two_parts_uses_two_channels() -> None:
    own = music(note(0, 100, 60, 0), note(100, 200, 60, 0))
    assert allocate_channels(own) == [0, 0]
    parts = [note(0, 1, 30 + part, part) for part in range(16)]
    shared = music(*parts, note(10, 100, 60, 0), note(100, 200, 60, 15))
    channels = allocate_channels(shared)
    assert channels[0] == channels[15] == 0
    assert channels[-2:] == [0, 1]


@settings(max_examples=100, deadline=None)
@given(some_music(15))
def test_file_has_the_notes(tmp_path_factory: pytest.TempPathFactory, piece: Music) -> None:
    path = tmp_path_factory.getbasetemp() / "notes.mid"
    write_midi(piece, SPEC, path)
    assert read_notes(path) == Counter(
        (n.onset_tick, sounding_end(n), n.pitch, 64) for n in piece.notes if not n.drum
    )


def test_actions_at_one_tick_are_releases_then_pedals_then_bends_then_strikes() -> None:
    piece = music(
        note(0, 96), note(96, 192), pedals=(PedalChange(96, 0, 127), PedalChange(192, 0, 0))
    )
    assert [(a.tick, a.kind, a.number, a.value) for a in actions(piece, SPEC)] == [
        (0, 3, 60, 64),
        (96, 0, 60, 0),
        (96, 1, 64, 127),
        (96, 3, 60, 64),
        (192, 0, 60, 0),
        (192, 1, 64, 0),
    ]


def test_pedal_is_pressed_on_every_channel_of_its_part_alone() -> None:
    piece = music(
        note(0, 96, 60, 0),
        note(48, 96, 60, 0),
        note(0, 96, 70, 1),
        pedals=(PedalChange(10, 0, 127),),
    )
    pedals = [a.channel for a in actions(piece, SPEC) if a.kind == 1]
    assert pedals == [0, 2]


def test_a_tempo_of_whole_microseconds_is_written_as_it_is() -> None:
    piece = music(note(0, 96), tempi=(TempoChange(0, 600_000), TempoChange(48, 500_000)))
    assert tempo_changes(piece, SPEC) == [(0, 600_000), (48, 500_000)]
    assert tempo_changes(piece, PerformanceSpec(2.0, "x")) == [(0, 300_000), (48, 250_000)]


@given(st.integers(100_000, 2_000_000), st.floats(0.5, 2.0), st.integers(1, 384 * 3000))
def test_alternating_tempi_never_stray_by_more_than_16_microseconds(
    us: int, tempo: float, length: int
) -> None:
    piece = music(note(0, length), tempi=(TempoChange(0, us),))
    written = tempo_changes(piece, PerformanceSpec(tempo, "x"))
    error = worst = 0.0
    for (tick, value), end in zip(written, [*(t for t, _ in written[1:]), length], strict=True):
        error += (end - tick) * (value - us / tempo) / 384
        worst = max(worst, abs(error))
    assert worst <= 16.1


def test_a_tempo_that_midi_cannot_say_is_refused() -> None:
    piece = music(note(0, 96), tempi=(TempoChange(0, 10_000_000),))
    with pytest.raises(
        PieceError, match=r"3\.00 quarter notes a minute at tempo 0\.5 do not fit in a MIDI file"
    ) as error:
        tempo_changes(piece, PerformanceSpec(0.5, "x"))
    assert (error.value.stage, error.value.reason) == ("perform", "tempo-out-of-range")


def test_file_is_laid_out_as_promised_and_repeatable(tmp_path: Path) -> None:
    piece = music(note(0, 384, 60, 0), note(0, 384, 64, 3), note(0, 96, 38, 7, drum=True))
    spec = PerformanceSpec(1.0, "x", program=19, velocity=None)
    write_midi(piece, spec, tmp_path / "a.mid")
    assert (tmp_path / "a.mid").read_bytes() == midi_bytes(piece, spec)
    assert [p.name for p in tmp_path.iterdir()] == ["a.mid"]
    file = mido.MidiFile(tmp_path / "a.mid")
    assert (file.type, file.ticks_per_beat, len(file.tracks)) == (1, 384, 4)
    assert [m.type for m in file.tracks[0]] == ["set_tempo", "end_of_track"]
    assert [track.name for track in file.tracks[1:]] == ["part 0", "part 3", "part 7"]
    programs = [(m.channel, m.program) for m in file if m.type == "program_change"]
    assert programs == [(0, 19), (1, 19), (9, 0)]
    assert {m.velocity for m in file if m.type == "note_on"} == {80}
    assert file.length == 0.5


def microtone(onset: int, offset: int, pitch: int, cents: float, part: int = 0) -> Note:
    return Note(onset, offset, pitch, 80, part, False, 1, "", cents)


def test_a_microtone_bends_a_channel_on_which_nothing_else_sounds() -> None:
    piece = music(
        note(0, 96, 60), microtone(0, 96, 60, 50), microtone(96, 192, 64, -25), note(96, 192)
    )
    assert allocate_channels(piece) == [1, 2, 1, 0]
    assert [(a.tick, a.channel, a.value) for a in actions(piece, SPEC) if a.kind == 2] == [
        (0, 2, 2048),
        (96, 0, -1024),
    ]
    file = mido.MidiFile(file=io.BytesIO(midi_bytes(piece, SPEC)))
    bends = [(m.channel, m.pitch) for m in mido.merge_tracks(file.tracks) if m.type == "pitchwheel"]
    assert bends == [(2, 2048), (0, -1024)]


def test_more_tunings_than_channels_take_turns_and_never_bend_what_sounds() -> None:
    cents = [2.5 * i - 40 for i in range(32)]
    piece = music(*(microtone(10 * i, 10 * i + 95, 60, c) for i, c in enumerate(cents)))
    bend: dict[int, int] = {}
    sounding: dict[int, int] = {}
    for action in actions(piece, SPEC):
        if action.kind == 2:
            assert not sounding.get(action.channel)
            bend[action.channel] = action.value
        else:
            sounding[action.channel] = sounding.get(action.channel, 0) + (1 if action.kind else -1)
        if action.kind == 3:
            assert bend.get(action.channel, 0) == round(cents[action.tick // 10] * 8192 / 200)


def test_each_track_of_the_file_has_the_bends_of_its_own_notes() -> None:
    cents = [12.5 * i - 50 for i in range(9)]
    piece = music(
        *(microtone(96 * i, 96 * i + 90, 60 + i, c, i % 5) for i, c in enumerate(cents * 6))
    )
    found = []
    for track in mido.MidiFile(file=io.BytesIO(midi_bytes(piece, SPEC))).tracks:
        now, bend = 0, dict.fromkeys(range(16), 0)
        for message in track:
            now += message.time
            if message.type == "pitchwheel":
                bend[message.channel] = message.pitch
            elif message.type == "note_on":
                found.append((now, message.note, bend[message.channel] * 200 / 8192))
    assert sorted(found) == [(n.onset_tick, n.pitch, n.cents) for n in piece.notes]
