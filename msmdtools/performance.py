"""A performance of a score: its specification, and the note events in seconds that result from it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msmdtools import score
from msmdtools.base.table import Column, Table
from msmdtools.errors import MsmdError

# Stands in tables for the programs of the source, since the column is a number.
SOURCE_PROGRAMS = -1
EXACT, MATCHED, ANNOTATED, ESTIMATED = "exact", "matched", "annotated", "estimated"
ALIGNMENTS = (EXACT, MATCHED, ANNOTATED, ESTIMATED)
"""How it is known which head is which event: by construction, by matching, from marks, by our own estimate."""
SYNTHETIC, PERFORMED, RECORDED = "synthetic", "performed", "recorded"
KINDS = (SYNTHETIC, PERFORMED, RECORDED)
"""What a performance is: the written music played by the book, a person's MIDI file, a person's audio."""
AUDIO_ENDINGS = frozenset(
    {".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64"}
    | {".m4a", ".aac", ".wma", ".mp4", ".webm"}
)
"""By these names files are taken for recordings."""
MATCH, INSERTION, ORNAMENT, DELETION = "match", "insertion", "ornament", "deletion"
INTERPOLATED = "interpolated"
LINKS = (EXACT, MATCH, INSERTION, ORNAMENT, DELETION, INTERPOLATED)
"""What an event is to the written music; see the column `link` of `EVENTS`."""
PLAYED_LINKS = (MATCH, INTERPOLATED)
"""Of events that play a written note, in performances by people."""


@dataclass(frozen=True, slots=True)
class PerformanceSpec:
    """One way to perform a score.

    Attributes:
        tempo: speed; 2.0 is twice as fast as written.
        soundfont: a name in the soundfont registry, or the path of an .sf2 or .sf3 file.
        program: General MIDI program of all parts, 0 to 127 (0 is the grand piano), or None for those that
            the source gives each of them.
        velocity: one MIDI velocity for every note, or None for those of the source.
    """

    tempo: float
    soundfont: str
    program: int | None = 0
    velocity: int | None = 64

    def __post_init__(self) -> None:
        if not (math.isfinite(self.tempo) and self.tempo > 0):
            raise MsmdError(
                f"tempo is a speed above 0 (1.0 as written, 2.0 twice as fast), not {self.tempo}"
            )
        if self.program is not None and not 0 <= self.program <= 127:
            raise MsmdError(f"a General MIDI program is a number from 0 to 127, not {self.program}")
        if self.velocity is not None and not 1 <= self.velocity <= 127:
            raise MsmdError(
                f"a velocity is a number from 1 to 127 (or that of the source), not {self.velocity}"
            )

    @property
    def name(self) -> str:
        """A folder name, such as "FluidR3_GM-000_x1.00"; a velocity other than 64 at its end.

        Where the parts have programs of their own, "src" stands for the program.
        """
        soundfont = self.soundfont
        if soundfont.lower().endswith((".sf2", ".sf3")):
            soundfont = Path(soundfont).stem
        tempo = f"{self.tempo:.2f}" if round(self.tempo, 2) == self.tempo else repr(self.tempo)
        velocity = "" if self.velocity == 64 else f"_v{self.velocity or 'source'}"
        program = "src" if self.program is None else f"{self.program:03d}"
        return f"{soundfont}-{program}_x{tempo}{velocity}"

    def to_json(self) -> dict[str, Any]:
        """The specification as plain JSON values; a font given by its path is named by its file."""
        return {
            "performance": self.name,
            "tempo": self.tempo,
            "soundfont": Path(self.soundfont).name,
            "program": "source" if self.program is None else self.program,
            "velocity": "source" if self.velocity is None else self.velocity,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "PerformanceSpec":
        """The specification from the values of `to_json`, or from a row of the performances table."""
        velocity = None if values["velocity"] == "source" else int(values["velocity"])
        source = values["program"] in ("source", SOURCE_PROGRAMS)
        program = None if source else int(values["program"])
        return cls(float(values["tempo"]), str(values["soundfont"]), program, velocity)


@dataclass(frozen=True, slots=True)
class NoteEvent:
    """One note of a performance.

    Attributes:
        event: index into `Music.notes`.
        onset_s: seconds from the start of the audio to its onset.
        offset_s: seconds from the start of the audio to its release.
        pitch: MIDI number of the nearest semitone.
        velocity: MIDI velocity.
    """

    event: int
    onset_s: float
    offset_s: float
    pitch: int
    velocity: int


@dataclass(frozen=True, slots=True)
class Performance:
    """A finished performance: its events, and the files written for it.

    Attributes:
        spec: tempo, soundfont, program and velocity.
        soundfont_sha256: checksum of the soundfont file.
        events: event i is `Music.notes[i]`.
        duration_s: length of the audio in seconds, from its start to the end of the tail after the last
            release.
        frames: number of frames of the spectrogram.
        midi_sha256: checksum of performance.mid.
        spectrogram_sha256: checksum of spectrogram.npy.
        audio_sha256: checksum of audio.flac; "" when it was not kept.
        audio_gain: factor by which the samples of audio.flac are louder than those that the spectrogram
            is made of; 0 when it was not kept.
        alignment: how it is known which head is which event, one of `ALIGNMENTS`.
    """

    spec: PerformanceSpec
    soundfont_sha256: str
    events: tuple[NoteEvent, ...]
    duration_s: float
    frames: int
    midi_sha256: str
    spectrogram_sha256: str
    audio_sha256: str
    audio_gain: int
    alignment: str = EXACT


EVENTS = Table(
    "events",
    "One row per note event of each performance.",
    ("piece", "performance", "event"),
    (
        score.PIECE,
        Column("performance", "string", "", "performance of the piece"),
        Column(
            "event",
            "int32",
            "",
            "note event, from 0, by onset; the same number in every synthetic performance",
        ),
        Column("onset_s", "float64", "s", "from the start of the audio; NaN for a deletion"),
        Column("offset_s", "float64", "s", "release of the key; NaN for a deletion"),
        Column("pitch", "int32", "MIDI number", "pitch, to the nearest semitone"),
        Column(
            "cents",
            "float64",
            "cents",
            "deviation from pitch, upwards, for microtones; 0 otherwise",
        ),
        Column("drum", "bool", "", "whether the pitch names a General MIDI percussion sound"),
        Column(
            "velocity",
            "int32",
            "",
            "MIDI velocity; 0 for a deletion, and in a recording: not known",
        ),
        Column("heads", "int32", "", "how many printed heads start it"),
        Column("reason", "string", "", "why no head starts it; empty when one does"),
        Column(
            "part", "int32", "", "part that plays it, a row of the parts table; -1 when not known"
        ),
        Column(
            "note",
            "int32",
            "",
            "written note, a number of noteheads.events and of the events of synthetic performances; "
            "-1 when none",
            added=True,
            before="=event",
        ),
        Column(
            "link",
            "string",
            "",
            "exact (synthetic), match (the written note, played), ornament (a further sound of a written "
            "note, or an unprinted one), insertion (not written), deletion (written, not played), interpolated "
            "(of a recording: the written note, at a time between known ones)",
            added=True,
            before=EXACT,
        ),
        Column(
            "pass",
            "int32",
            "",
            "how many times the music has come to this place, from 1; 0 for an insertion",
            added=True,
            before="1",
        ),
        Column(
            "source",
            "string",
            "",
            "the note that the alignment names, as in noteheads.source; empty when exact or none",
            added=True,
        ),
        Column(
            "confidence",
            "float64",
            "",
            "probability that its time is right to half a second: 1 unless it was estimated; 0 for a deletion",
            added=True,
            before="1",
        ),
    ),
)

PERFORMANCES = Table(
    "performances",
    "One row per performance of each piece.",
    ("piece", "performance"),
    (
        score.PIECE,
        Column("performance", "string", "", "name of the performance"),
        Column(
            "tempo", "float64", "", "speed; 2.0 is twice as fast as written; 1 where a person plays"
        ),
        Column("soundfont", "string", "", "name in the registry; empty for a recording"),
        Column(
            "soundfont_sha256", "string", "", "sha256 of the soundfont file; empty for a recording"
        ),
        Column(
            "program", "int32", "", "General MIDI program of all parts; -1 if each part has its own"
        ),
        Column("velocity", "string", "", "one velocity for all notes, or source"),
        Column("duration_s", "float64", "s", "length of the audio"),
        Column("frames", "int32", "", "frames of the spectrogram"),
        Column(
            "midi_sha256",
            "string",
            "",
            "sha256 of performance.mid; empty for a recording, which has none",
        ),
        Column("spectrogram_sha256", "string", "", "sha256 of spectrogram.npy"),
        Column("audio_sha256", "string", "", "sha256 of audio.flac; empty when not kept"),
        Column(
            "audio_gain",
            "int32",
            "",
            "factor by which audio.flac is louder than the sound behind the spectrogram; 0 when not kept",
        ),
        Column(
            "alignment",
            "string",
            "",
            f"how it is known which head is which event: {', '.join(ALIGNMENTS[:-1])} or {ALIGNMENTS[-1]}",
            added=True,
            before=EXACT,
        ),
        Column(
            "kind",
            "string",
            "",
            f"{', '.join(KINDS[:-1])} or {KINDS[-1]}",
            added=True,
            before=SYNTHETIC,
        ),
        Column("source", "string", "", "name of the performed file; empty if none", added=True),
        Column("source_sha256", "string", "", "sha256 of that file", added=True),
        Column(
            "aligned_by",
            "string",
            "",
            "where its alignment is from: match, nasap, parangonada or parangonar; of a recording table, asap, "
            "sonic-visualiser or the name of a model",
            added=True,
        ),
        Column(
            "alignment_sha256", "string", "", "sha256 of the note alignment or marks", added=True
        ),
        Column("matched", "int32", "", "events whose link is match or interpolated", added=True),
        Column("insertions", "int32", "", "events whose link is insertion", added=True),
        Column("ornaments", "int32", "", "events whose link is ornament", added=True),
        Column("deletions", "int32", "", "events whose link is deletion", added=True),
        Column("licence", "string", "", "licence of the performed file, as given", added=True),
    ),
)

MARKED, BETWEEN = "marked", "interpolated"
TIMINGS = Table(
    "timings",
    "One row each time that a bar is played in a recording.",
    ("piece", "performance", "measure", "pass"),
    (
        score.PIECE,
        Column("performance", "string", "", "performance of the piece, one of kind recorded"),
        Column("measure", "int32", "", "bar, a number of the measures table"),
        Column(
            "pass",
            "int32",
            "",
            "how many times the music has come to the beginning of the bar, from 1",
        ),
        Column("second", "float64", "s", "when it begins, from the start of the audio"),
        Column(
            "confidence",
            "float64",
            "",
            "probability that this is right to half a second; 1 where a person marked the recording",
        ),
        Column(
            "source",
            "string",
            "",
            f"{MARKED} (a mark stands there), {BETWEEN} (between marks) or {ESTIMATED} (by a model)",
        ),
    ),
    added=True,
)
