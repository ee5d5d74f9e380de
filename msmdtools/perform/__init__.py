"""A score in sound: note events in seconds, a MIDI file, audio, and the spectrogram of it.

`perform` is the whole; `events` is its timing alone.
"""

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt

from msmdtools.features.spectrogram import SAMPLE_RATE, spectrogram
from msmdtools.perform.files import write_atomically
from msmdtools.perform.midi import write_midi
from msmdtools.perform.soundfonts import default_soundfont, find_soundfont, soundfont_sha256
from msmdtools.perform.timing import events
from msmdtools.performance import Performance, PerformanceSpec
from msmdtools.score import Music

__all__ = ["default_soundfont", "events", "find_soundfont", "perform", "write_midi"]


def perform(
    music: Music, spec: PerformanceSpec, folder: Path, *, keep_audio: bool = False
) -> Performance:
    """Perform `music` as `spec` says; write performance.mid, spectrogram.npy and, if wanted,
    audio.flac.

    The files are written into `folder`, which is made if need be; each has its name only when it is
    whole. spectrogram.npy is float16 of shape (92, frames); audio.flac is mono, 22,050 Hz, 16 bits.
    Equal input gives equal bytes.

    Raises:
        SoundfontError: the soundfont is unknown, missing, not the registered one, or lacks the
        program. ToolError: there is no FluidSynth library.
        PieceError: the music has no notes, or cannot be played (stage "perform").
        OSError: a file cannot be written.
    """
    from msmdtools.perform.synth import render

    soundfont = find_soundfont(spec.soundfont)
    notes = tuple(events(music, spec))
    folder.mkdir(parents=True, exist_ok=True)
    midi_sha256 = write_midi(music, spec, folder / "performance.mid")
    audio = render(music, spec, soundfont)
    bands = spectrogram(audio)
    return Performance(
        spec=spec,
        soundfont_sha256=soundfont_sha256(soundfont),
        events=notes,
        duration_s=len(audio) / SAMPLE_RATE,
        frames=bands.shape[1],
        midi_sha256=midi_sha256,
        spectrogram_sha256=write_atomically(folder / "spectrogram.npy", _npy(bands)),
        audio_sha256=write_atomically(folder / "audio.flac", _flac(audio)) if keep_audio else "",
    )


def _npy(array: npt.NDArray[np.float16]) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _flac(audio: npt.NDArray[np.int16]) -> bytes:
    import soundfile  # type: ignore[import-untyped]  # it has no types

    file = io.BytesIO()
    soundfile.write(file, audio, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    return file.getvalue()
