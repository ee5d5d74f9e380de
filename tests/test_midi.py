"""One reader and one writer of MIDI files: what is read of each situation, and what is written is read."""

import re
from pathlib import Path

import mido
import pytest

import msmdtools
from msmdtools.engrave.lilypond import midi as of_lilypond
from msmdtools.inputs import midi as of_anyone
from msmdtools.midi.actions import BEND, OFF, ON, PEDAL, PROGRAM, Action
from msmdtools.midi.reading import Change, MidiNote, read_midi
from msmdtools.midi.writing import midi_bytes
from msmdtools.score import PedalChange, TempoChange


def saved(path: Path, *tracks: str, kind: int = 1, resolution: int = 384) -> Path:
    """A file of tracks of messages, each as its tick and then as mido writes it: "0 note_on note=60"."""
    file = mido.MidiFile(type=kind, ticks_per_beat=resolution)
    for lines in tracks:
        track, now = file.add_track(), 0
        for line in filter(None, map(str.strip, lines.splitlines())):
            tick, what, *attributes = line.split()
            values = {name: int(value) for name, value in (a.split("=") for a in attributes)}
            make = (
                mido.MetaMessage
                if what in ("set_tempo", "end_of_track", "time_signature")
                else mido.Message
            )
            track.append(make(what, time=int(tick) - now, **values))
            now = int(tick)
    file.save(path)
    return path


def notes(path: Path, *, muted: bool = False) -> list[tuple[int, ...]]:
    """Track, onset, end, pitch and velocity of each note."""
    found = read_midi(path, muted=muted).notes
    return [(n.track, n.onset_tick, n.offset_tick, n.pitch, n.velocity) for n in found]


def test_a_key_struck_again_while_it_sounds_ends_in_order(tmp_path: Path) -> None:
    path = saved(
        tmp_path / "a.mid",
        """0 note_on note=60 velocity=1
        10 note_on note=60 velocity=2
        20 note_on note=60 velocity=0
        30 note_off note=60""",
    )
    assert notes(path) == [(0, 0, 20, 60, 1), (0, 10, 30, 60, 2)]


def test_tracks_that_share_a_channel_do_not_release_each_other_s_keys(tmp_path: Path) -> None:
    path = saved(
        tmp_path / "a.mid",
        "0 note_on note=60 velocity=1 \n 400 note_off note=60",
        "100 note_on note=60 velocity=2 \n 200 note_off note=60",
    )
    assert notes(path) == [(0, 0, 400, 60, 1), (1, 100, 200, 60, 2)]
    music = of_anyone.read_music(path)
    assert [(n.onset_tick, n.offset_tick) for n in music.notes] == [(0, 400), (100, 200)]


def test_a_velocity_of_0_strikes_a_key_that_is_up_only_in_lilypond_s_files(tmp_path: Path) -> None:
    path = saved(
        tmp_path / "a.mid",
        """0 note_on note=60 velocity=0
        10 note_on note=60 velocity=0
        20 note_off note=60
        30 note_on note=60 velocity=9
        40 note_on note=60 velocity=0""",
    )
    assert notes(path) == [(0, 30, 40, 60, 9)]
    assert notes(path, muted=True) == [(0, 0, 10, 60, 0), (0, 30, 40, 60, 9)]
    assert len(of_lilypond.read_midi(path).notes) == 2
    assert len(of_anyone.read_music(path).notes) == 1


def test_a_note_without_an_end_ends_with_the_file_not_with_its_track(tmp_path: Path) -> None:
    path = saved(
        tmp_path / "a.mid",
        "0 note_on note=60 \n 100 end_of_track",
        "0 note_on note=50 \n 70 note_off note=50 \n 900 end_of_track",
    )
    assert notes(path) == [(0, 0, 900, 60, 64), (1, 0, 70, 50, 64)]
    assert read_midi(path).end_tick == 900
    assert [n.offset_tick for n in of_lilypond.read_midi(path).notes] == [900, 70]


def test_programs_are_those_of_the_track_or_else_of_the_channel(tmp_path: Path) -> None:
    path = saved(
        tmp_path / "a.mid",
        "0 program_change channel=1 program=7 \n 0 program_change channel=2 program=8",
        """0 note_on note=60 channel=1
        9 program_change channel=1 program=9
        9 note_off note=60 channel=1
        10 note_on note=61 channel=1
        11 note_on note=62 channel=3""",
        "20 note_on note=63 channel=2 \n 21 program_change channel=2 program=5",
        "30 note_on note=64 channel=2",
    )
    assert [(n.pitch, n.program) for n in read_midi(path).notes] == [
        *((60, 7), (61, 9), (62, -1), (63, 8), (64, 5))
    ]


def test_what_happens_at_one_tick_happens_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = saved(
        tmp_path / "a.mid",
        """0 set_tempo tempo=900000
        0 set_tempo tempo=400000
        5 control_change control=64 value=127
        5 control_change control=64 value=0
        5 control_change control=7 value=3
        7 pitchwheel channel=4 pitch=-300""",
        "0 set_tempo tempo=600000 \n 0 note_on note=60 \n 9 note_off note=60",
    )
    file = read_midi(path)
    assert file.tempi == ((0, 900_000), (0, 400_000), (0, 600_000))
    assert file.pedals == (Change(5, 0, 0, 127), Change(5, 0, 0, 0))
    assert file.bends == (Change(7, 0, 4, -300),)
    assert of_lilypond.read_midi(path) == file
    music = of_anyone.read_music(path)
    assert [tempo.us_per_quarter for tempo in music.tempi] == [900_000, 400_000, 600_000]
    assert music.pedals == (PedalChange(5, 0, 127), PedalChange(5, 0, 0))


@pytest.mark.parametrize(
    ("kind", "resolution", "played"),
    [(0, 96, True), (1, 96, True), (2, 96, False), (1, -6000, False)],
)
def test_formats_and_resolutions(tmp_path: Path, kind: int, resolution: int, played: bool) -> None:
    track = "0 set_tempo tempo=7 \n 0 note_on note=60 \n 96 note_off note=60"
    path = saved(tmp_path / "a.mid", track, kind=kind, resolution=resolution)
    if played:
        assert read_midi(path).ticks_per_quarter == 96
        music = of_anyone.read_music(path)
        assert (music.notes[0].offset_tick, music.tempi) == (384, (TempoChange(0, 7),))
        with pytest.raises(ValueError, match=r"^a\.mid has 96 ticks a quarter, not 384$"):
            of_lilypond.read_midi(path)
    else:
        with pytest.raises(
            ValueError, match=r"^a MIDI file of SMPTE time or of type 2, which cannot"
        ):
            read_midi(path)
        with pytest.raises(ValueError, match=r"^a\.mid: a MIDI file of SMPTE time or of type 2"):
            of_lilypond.read_midi(path)


@pytest.mark.parametrize("key", [b"\x08\x00", b"\xf8\x01", b"\x00\x02"])
def test_a_strange_key_signature_is_no_reason_to_refuse_a_file(tmp_path: Path, key: bytes) -> None:
    path = saved(tmp_path / "a.mid", "0 note_on note=60 \n 9 note_off note=60")
    plain = read_midi(path)
    content = path.read_bytes()
    size = len(content) - content.index(b"MTrk") - 8
    there = content.index(b"MTrk") + 4
    content = (
        content[:there] + (size + 6).to_bytes(4) + b"\0\xff\x59\x02" + key + content[there + 4 :]
    )
    path.write_bytes(content)
    with pytest.raises(mido.KeySignatureError):
        mido.MidiFile(path)
    assert read_midi(path) == plain
    assert len(of_anyone.read_music(path).notes) == len(of_lilypond.read_midi(path).notes) == 1


def test_what_is_written_is_read(tmp_path: Path) -> None:
    actions = [
        *(
            Action(0, PEDAL, 3, 1, 64, 127),
            Action(0, BEND, 3, 1, 0, 2048),
            Action(0, ON, 3, 1, 60, 50),
        ),
        *(
            Action(0, ON, 5, 9, 35, 70),
            Action(100, OFF, 3, 1, 60, 0),
            Action(100, OFF, 5, 9, 35, 0),
        ),
        *(
            Action(100, PROGRAM, 3, 1, 0, 41),
            Action(100, ON, 3, 1, 62, 51),
            Action(300, OFF, 3, 1, 62, 0),
        ),
    ]
    content = midi_bytes(
        [(0, 500_000), (90, 600_001)], {(3, 1): 40, (5, 9): 0}, actions, {3: "Viola"}
    )
    (tmp_path / "a.mid").write_bytes(content)
    file = read_midi(tmp_path / "a.mid")
    assert file.ticks_per_quarter == 384
    assert file.tempi == ((0, 500_000), (90, 600_001))
    assert file.notes == (
        MidiNote(1, 1, 0, 100, 60, 50, 40),
        MidiNote(2, 9, 0, 100, 35, 70, 0),
        MidiNote(1, 1, 100, 300, 62, 51, 41),
    )
    assert (file.pedals, file.bends) == ((Change(0, 1, 1, 127),), (Change(0, 1, 1, 2048),))
    names = [track.name for track in mido.MidiFile(tmp_path / "a.mid").tracks]
    assert names == ["", "Viola", "part 5"]


def test_midi_files_are_read_and_written_in_one_place() -> None:
    package = Path(msmdtools.__file__).parent
    using = {
        path.relative_to(package).parts[0]
        for path in package.rglob("*.py")
        if re.search(r"^\s*(import|from) mido\b", path.read_text("utf-8"), re.MULTILINE)
    }
    assert using == {"midi"}


def test_a_note_whose_key_is_released_in_vain_as_it_is_struck_has_no_length(tmp_path: Path) -> None:
    path = saved(
        tmp_path / "a.mid",
        """0 note_off note=60
        0 note_on note=60 velocity=1
        50 note_off note=62
        60 note_on note=62 velocity=2
        99 end_of_track""",
    )
    assert notes(path) == [(0, 0, 0, 60, 1), (0, 60, 99, 62, 2)]


def test_signatures_and_names_are_read(tmp_path: Path) -> None:
    file = mido.MidiFile(ticks_per_beat=96)
    track = file.add_track("Flöte".encode().decode("latin-1"))
    for tick, key in ((0, "Ebm"), (10, "F#"), (10, "Am")):
        track.append(mido.MetaMessage("key_signature", key=key, time=tick))
    track.append(mido.MetaMessage("time_signature", numerator=3, denominator=8, time=4))
    file.save(tmp_path / "a.mid")
    read = read_midi(tmp_path / "a.mid")
    assert read.keys == ((0, -6, True), (10, 6, False), (20, 0, True))
    assert read.metres == ((24, 3, 8),)
    assert read.texts == ((0, "track_name", "Flöte"),)
    assert (read.name(0), read.name(1), read.tracks) == ("Flöte", "", 1)
