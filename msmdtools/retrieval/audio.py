"""Recordings in any format and rate that libsndfile reads, as the features want them."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from msmdtools.errors import MsmdError
from msmdtools.features.spectrogram import SAMPLE_RATE

# 16-bit samples below this are the noise of a silent recording (-72 dB).
_SILENT = 8


def read(path: str | Path) -> NDArray[np.int16]:
    """A recording: int16, (samples,), mono (the mean of its channels), 22,050 Hz.

    Raises:
        MsmdError: there is no such file, it is no recording that libsndfile can read, it is empty or
            silent, or a sample of it is not a number.
    """
    import soundfile  # type: ignore[import-untyped]  # it has no types

    if not Path(path).is_file():
        raise MsmdError(f"{path}: no such file")
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise MsmdError(
            f"{path}: not a recording that can be read ({error}); "
            "give WAV, FLAC, OGG or MP3, or convert it to one of them"
        ) from error
    mono = samples.mean(axis=1, dtype=np.float32)
    if not len(mono):
        raise MsmdError(f"{path}: the recording is empty")
    if not np.isfinite(mono).all():
        raise MsmdError(f"{path}: the recording has samples that are not numbers")
    if rate != SAMPLE_RATE:
        import soxr

        mono = soxr.resample(mono, rate, SAMPLE_RATE)
    audio = np.round(np.clip(mono, -1, 1) * np.iinfo(np.int16).max).astype(np.int16)
    if not len(audio) or np.abs(audio).max() < _SILENT:
        raise MsmdError(f"{path}: the recording is silent")
    return audio
