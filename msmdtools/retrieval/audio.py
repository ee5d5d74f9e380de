"""Recordings as the features want them, in any format and rate that libsndfile or FFmpeg reads.

libsndfile (WAV, FLAC, OGG, MP3, AIFF and more) comes with msmdtools. Other formats, such as M4A, are
read by the program `ffmpeg` where it is installed.
"""

import shutil
import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from msmdtools.errors import MsmdError
from msmdtools.features.spectrogram import SAMPLE_RATE, spectrogram

# By these names files of a folder are taken for recordings.
ENDINGS = frozenset(
    {".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64"}
    | {".m4a", ".aac", ".wma", ".mp4", ".webm"}
)
# 16-bit samples below this are the noise of a silent recording (-72 dB).
_SILENT = 8


def read(path: str | Path) -> NDArray[np.int16]:
    """A recording: int16, (samples,), mono (the mean of its channels), 22,050 Hz.

    Raises:
        MsmdError: there is no such file, it is no recording that can be read, it is empty or silent,
            or a sample of it is not a number.
    """
    import soundfile  # type: ignore[import-untyped]  # it has no types

    path = Path(path)
    if not path.is_file():
        raise MsmdError(f"{path}: no such file")
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError) as error:
        samples, rate = _by_ffmpeg(path, error), SAMPLE_RATE
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


def read_bands(path: str | Path) -> NDArray[np.float16]:
    """The spectrogram of a recording: float16, (92, frames). Raises as `read` does."""
    return spectrogram(read(path))


def is_audio(path: Path) -> bool:
    """Whether the name is one of a recording."""
    return path.suffix.lower() in ENDINGS


def _by_ffmpeg(path: Path, why: Exception) -> NDArray[np.float32]:
    """The samples, (samples, 1) at 22,050 Hz, of a file that libsndfile cannot read."""
    reason = getattr(why, "error_string", None) or str(why)
    program = shutil.which("ffmpeg")
    if program is None:
        raise MsmdError(
            f"{path}: not a recording that libsndfile can read ({reason}); give WAV, FLAC, OGG or MP3, "
            "or install ffmpeg, which reads more formats"
        ) from why
    command = [program, "-v", "error", "-nostdin", "-i", f"file:{path}", "-vn", "-ac", "1"]
    command += ["-ar", str(SAMPLE_RATE), "-f", "f32le", "-"]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise MsmdError(
            f"{path}: not a recording that libsndfile or ffmpeg can read "
            f"({said[-1] if said else 'no reason given'})"
        ) from why
    whole = len(done.stdout) // 4 * 4
    return np.frombuffer(done.stdout[:whole], "<f4").reshape(-1, 1)
