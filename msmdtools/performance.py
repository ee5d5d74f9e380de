"""The nouns of a performance: what is asked for, and the note events in seconds that come of it."""

from dataclasses import dataclass

import msmdtools.score as score
from msmdtools.table import Column, Table


@dataclass(frozen=True, slots=True)
class PerformanceSpec:
    """One way to perform a score.

    Attributes:
        tempo: speed; 2.0 is twice as fast as written.
        soundfont: a name in the soundfont registry.
        program: General MIDI program, 0 to 127 (0 is the grand piano).
        velocity: one MIDI velocity for every note, or None for those of the source.
    """

    tempo: float
    soundfont: str
    program: int = 0
    velocity: int | None = 64

    @property
    def name(self) -> str:
        """A folder name, such as "FluidR3_GM-000_x1.00"."""
        return f"{self.soundfont}-{self.program:03d}_x{self.tempo:.2f}"


@dataclass(frozen=True, slots=True)
class NoteEvent:
    """One note of a performance, in seconds from the start of the audio. `event` indexes `Music.notes`."""

    event: int
    onset_s: float
    offset_s: float
    pitch: int
    velocity: int


EVENTS = Table(
    "events",
    "One row per note event of each performance.",
    ("piece", "performance", "event"),
    (
        score.PIECE,
        Column("performance", "string", "", "performance of the piece"),
        Column("event", "int32", "", "note event, from 0, by onset; the same number in every performance"),
        Column("onset_s", "float64", "s", "from the start of the audio"),
        Column("offset_s", "float64", "s", "release of the key"),
        Column("pitch", "int32", "MIDI number", "pitch"),
        Column("velocity", "int32", "", "MIDI velocity"),
        Column("heads", "int32", "", "how many printed heads start it"),
        Column("reason", "string", "", "why no head starts it; empty when one does"),
    ),
)

PERFORMANCES = Table(
    "performances",
    "One row per performance of each piece.",
    ("piece", "performance"),
    (
        score.PIECE,
        Column("performance", "string", "", "name of the performance"),
        Column("tempo", "float64", "", "speed; 2.0 is twice as fast as written"),
        Column("soundfont", "string", "", "name in the registry"),
        Column("soundfont_sha256", "string", "", "sha256 of the soundfont file"),
        Column("program", "int32", "", "General MIDI program"),
        Column("velocity", "string", "", "one velocity for all notes, or source"),
        Column("duration_s", "float64", "s", "length of the audio"),
        Column("frames", "int32", "", "frames of the spectrogram"),
        Column("midi_sha256", "string", "", "sha256 of performance.mid"),
        Column("spectrogram_sha256", "string", "", "sha256 of spectrogram.npy"),
        Column("audio_sha256", "string", "", "sha256 of audio.flac; empty when not kept"),
    ),
)
