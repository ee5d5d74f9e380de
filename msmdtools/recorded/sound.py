"""The sound of a recording as a dataset keeps it: its spectrogram and, if wanted, its audio."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from msmdtools.base.files import file_sha256, replacing
from msmdtools.errors import MsmdError, PieceError
from msmdtools.features.spectrogram import SAMPLE_RATE, spectrogram_parts
from msmdtools.inputs import apart, audio
from msmdtools.inputs.limits import LIMITS, Limits
from msmdtools.perform.files import copied_to_flac

SPECTROGRAM, AUDIO = "spectrogram.npy", "audio.flac"


@dataclass(frozen=True, slots=True)
class Sound:
    """The files of a recording.

    Attributes:
        samples: its length at 22,050 Hz.
        frames: frames of its spectrogram.
        spectrogram_sha256: checksum of the spectrogram's file.
        audio_sha256: checksum of the audio's file; "" where it is not kept.
    """

    samples: int
    frames: int
    spectrogram_sha256: str
    audio_sha256: str

    @property
    def duration_s(self) -> float:
        """Its length in seconds."""
        return self.samples / SAMPLE_RATE


def write(file: Path, folder: Path, *, keep_audio: bool) -> Sound:
    """Read a recording in a process of its own, and write its spectrogram and perhaps its audio into a folder.

    Raises:
        PieceError: it cannot be read, or there is nothing to hear in it (stage "read").
    """
    if not file.is_file():
        raise PieceError("read", "missing-file", f"there is no {file}")
    try:
        written: Sound = apart.read(_write, file, folder, keep_audio)
    except MsmdError as error:
        raise PieceError("read", "unreadable", str(error)) from error
    return written


def _write(path: Path, folder: Path, keep_audio: bool, limits: Limits = LIMITS) -> Sound:
    samples = 0

    def counted() -> Iterator[NDArray[np.float32]]:
        nonlocal samples
        for block in audio.blocks(path, limits):
            samples += len(block)
            yield block.astype(np.float32)

    flac = folder / AUDIO if keep_audio else None
    with copied_to_flac(counted(), flac, 1) as blocks:
        spectrogram = np.concatenate(list(spectrogram_parts(blocks)), axis=1)
    with replacing(folder / SPECTROGRAM) as temporary, open(temporary, "wb") as stream:
        np.save(stream, spectrogram)
    return Sound(
        samples,
        spectrogram.shape[1],
        file_sha256(folder / SPECTROGRAM),
        file_sha256(flac) if flac else "",
    )
