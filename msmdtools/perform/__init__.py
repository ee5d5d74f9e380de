"""Perform a score: note events in seconds, a MIDI file, audio, and its spectrogram.

In: written music and how it is to be played. Out: events, a MIDI file, a spectrogram and, if wanted, audio.
Keep: an event's onset is where its sample begins; the same music and soundfont give the same samples.

`perform` makes all of these from written music, and `perform_played` from what a person played; `events`
computes the timing alone.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from msmdtools.base.files import file_sha256
from msmdtools.errors import PieceError
from msmdtools.features.spectrogram import SAMPLE_RATE, frame_count, spectrogram_parts
from msmdtools.perform import level
from msmdtools.perform.files import copied_to_flac, write_spectrogram
from msmdtools.perform.midi import write_midi
from msmdtools.perform.played import Played, sounding, write_played
from msmdtools.perform.soundfonts import default_soundfont, find_soundfont, soundfont_sha256
from msmdtools.perform.timing import events
from msmdtools.performance import NoteEvent, Performance, PerformanceSpec
from msmdtools.score import Music

if TYPE_CHECKING:
    from msmdtools.perform.synth import Rendering

__all__ = [
    "default_soundfont",
    "events",
    "find_soundfont",
    "perform",
    "perform_played",
    "write_midi",
]


def perform(
    music: Music, spec: PerformanceSpec, folder: Path, *, keep_audio: bool = False
) -> Performance:
    """Perform music, and write performance.mid, spectrogram.npy and, if wanted, audio.flac.

    Each file gets its name only when it is whole. spectrogram.npy is float16 of shape (92, frames);
    audio.flac is mono, 22,050 Hz, 16 bits, louder by a factor that is recorded (see
    `msmdtools.perform.level`). Equal input gives equal bytes. Sound is made, kept and analysed in blocks: a
    long piece takes no more memory than a short one.

    Args:
        music: the written music.
        spec: tempo, soundfont, program and velocity.
        folder: where the files go; it is made if it is missing.
        keep_audio: whether to write audio.flac.

    Returns:
        The events in seconds, and the checksums of the files.

    Raises:
        SoundfontError: the soundfont is unknown, missing, not the registered one, or lacks the program.
        ToolError: there is no FluidSynth library.
        PieceError: the music has no notes, or cannot be played (stage "perform").
        OSError: a file cannot be written.
    """
    from msmdtools.perform.synth import rendering

    soundfont = find_soundfont(spec.soundfont)
    notes = tuple(events(music, spec))
    folder.mkdir(parents=True, exist_ok=True)
    midi_sha256 = write_midi(music, spec, folder / "performance.mid")
    sound = _write_sound(lambda: rendering(music, spec, soundfont), folder, keep_audio)
    return Performance(
        spec=spec,
        soundfont_sha256=soundfont_sha256(soundfont),
        events=notes,
        midi_sha256=midi_sha256,
        **sound,
    )


def perform_played(
    played: Played, spec: PerformanceSpec, folder: Path, *, keep_audio: bool = False
) -> Performance:
    """Perform what a person played, at its own times, and write the same files as `perform`.

    Args:
        played: notes and pedals; event i is note i of it.
        spec: soundfont and program; its tempo is a speed, its velocity not used.
        folder: where the files go; it is made if it is missing.
        keep_audio: whether to write audio.flac.

    Returns:
        The events in seconds, and the checksums of the files.

    Raises:
        SoundfontError, ToolError, PieceError, OSError: as `perform`.
    """
    soundfont = find_soundfont(spec.soundfont)
    if not played.notes:
        raise PieceError("perform", "no-notes", "the file has no notes to perform")
    folder.mkdir(parents=True, exist_ok=True)
    midi_sha256 = write_played(played, spec, folder / "performance.mid")
    sound = _write_sound(lambda: sounding(played, spec, soundfont), folder, keep_audio)
    return Performance(
        spec=spec,
        soundfont_sha256=soundfont_sha256(soundfont),
        events=tuple(
            NoteEvent(i, n.onset_s / spec.tempo, n.offset_s / spec.tempo, n.pitch, n.velocity)
            for i, n in enumerate(played.notes)
        ),
        midi_sha256=midi_sha256,
        **sound,
    )


def _write_sound(
    rendered: "Callable[[], Rendering]", folder: Path, keep_audio: bool
) -> dict[str, Any]:
    """Write the spectrogram of a rendering and, if wanted, its audio; what `Performance` has of them."""
    audio = rendered()
    frames = frame_count(audio.samples)
    flac = folder / "audio.flac" if keep_audio else None
    bands = folder / "spectrogram.npy"
    metered = _PeakMeter(audio.blocks)
    with copied_to_flac(metered, flac, level.GAIN) as blocks:
        write_spectrogram(bands, spectrogram_parts(blocks), frames)
    gain = level.fitting(metered.peak)
    if flac and gain < level.GAIN:  # rare: it is too loud for the gain of all others
        with copied_to_flac(rendered().blocks, flac, gain) as blocks:
            for _ in blocks:
                pass
    return {
        "duration_s": audio.samples / SAMPLE_RATE,
        "frames": frames,
        "spectrogram_sha256": file_sha256(bands),
        "audio_sha256": file_sha256(flac) if flac else "",
        "audio_gain": gain if flac else 0,
    }


class _PeakMeter:
    """Pass on blocks of audio, to be read once, and note the loudest sample so far (`peak`)."""

    def __init__(self, blocks: Iterator[npt.NDArray[np.float32]]) -> None:
        self.peak = 0.0
        self._blocks = blocks

    def __iter__(self) -> Iterator[npt.NDArray[np.float32]]:
        for block in self._blocks:
            self.peak = max(self.peak, float(block.max()), -float(block.min()))
            yield block
