"""MIDI files as sources of a dataset: their notes are heads, and sound as they are notated or as in the file."""

from fractions import Fraction
from pathlib import Path

import mido
import pandas as pd
import pytest
from click.testing import CliRunner

from msmdtools.cli import main
from msmdtools.dataset.music_file import MUSIC_FILE, from_bytes

# Onset, end, pitch, velocity in ticks of 1/480 quarter note; one key is struck twice at 1440.
NOTES = (
    (0, 470, 72, 90),
    (0, 1900, 48, 70),
    (480, 630, 76, 80),
    (640, 790, 77, 80),
    (800, 950, 76, 80),
    (960, 1430, 74, 60),
    (1440, 1900, 72, 50),
    (1440, 1920, 72, 40),
)


def msmd(*arguments: object) -> str:
    """Run a command, and give what it prints."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def midi(path: Path) -> Path:
    """A file of `NOTES` with a time signature, a tempo change, and the sustain pedal for the second beat."""
    events = [(0, mido.MetaMessage("time_signature", numerator=2, denominator=4))]
    events += [
        (at, mido.MetaMessage("set_tempo", tempo=us)) for at, us in ((0, 600_000), (960, 480_000))
    ]
    events += [
        (at, mido.Message("control_change", control=64, value=value))
        for at, value in ((480, 127), (940, 0))
    ]
    for onset, end, pitch, velocity in NOTES:
        events.append((onset, mido.Message("note_on", note=pitch, velocity=velocity)))
        events.append((end, mido.Message("note_on", note=pitch, velocity=0)))
    file = mido.MidiFile(ticks_per_beat=480)
    track, now = file.add_track("Two bars"), 0
    for tick, message in sorted(events, key=lambda event: event[0]):
        track.append(message.copy(time=tick - now))
        now = tick
    file.save(path)
    return path


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A MIDI file."""
    return midi(tmp_path_factory.mktemp("midi") / "two-bars.mid")


@pytest.mark.parametrize("timing", ["notated", "file"])
def test_a_midi_file_becomes_a_piece_of_which_each_note_is_a_head(
    source: Path, timing: str, tmp_path: Path, soundfont: Path
) -> None:
    out = tmp_path / "out"
    options = ("--midi-timing", timing, "--velocity", "source", "--soundfonts", "TimGM6mb")
    msmd("build", source, "--out", out, "--jobs", "1", *options)
    assert "all well" in msmd("validate", out)
    assert pd.read_parquet(out / "pieces.parquet")["beats"].tolist() == ["written"]
    heads = pd.read_parquet(out / "noteheads.parquet")
    onsets = [Fraction(text) for text in heads["onset_fraction"]]
    # The bass note lasts over the bar line; the two strikes of one key share a head.
    assert list(zip(onsets, heads["pitch"], heads["staff"], heads["role"], strict=True)) == [
        (0, 72, 1, "played"),
        (0, 48, 2, "played"),
        (1, 76, 1, "played"),
        (Fraction(4, 3), 77, 1, "played"),
        (Fraction(5, 3), 76, 1, "played"),
        (2, 74, 1, "played"),
        (2, 48, 2, "tied"),
        (3, 72, 1, "played"),
    ]
    assert heads["source"][4] == "track 0, channel 0, tick 800"
    events = pd.read_parquet(out / "events.parquet")
    assert sorted(events["reason"]) == [""] * 7 + ["unison"]
    for event in heads.loc[heads["role"] == "played", "event"]:
        assert events["heads"][event] == 1
    measures = pd.read_parquet(out / "measures.parquet")
    assert measures["time_signature"].tolist() == ["2/4", "2/4"]
    (piece,) = (out / "pieces").iterdir()
    music = from_bytes((piece / MUSIC_FILE).read_bytes())
    assert [(t.tick, t.us_per_quarter) for t in music.tempi] == [(0, 600_000), (768, 480_000)]
    played = sorted((n.onset_tick, n.offset_tick, n.pitch, n.velocity) for n in music.notes)
    if timing == "file":
        scaled = [(round(a * 0.8), round(b * 0.8), pitch, v) for a, b, pitch, v in NOTES]
        assert played == sorted(scaled)
        assert {(p.tick, p.value) for p in music.pedals} == {(384, 127), (752, 0)}
    else:
        assert not music.pedals
        assert [(a, b) for a, b, *_ in played] == [
            (0, 384),
            (0, 1536),
            (384, 512),
            (512, 640),
            (640, 768),
            (768, 1152),
            (1152, 1536),
            (1152, 1536),
        ]
