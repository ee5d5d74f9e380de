"""Recordings as the features need them, from any format and sampling rate that libsndfile or FFmpeg reads.

libsndfile (WAV, FLAC, OGG, MP3, AIFF and more) comes with msmdtools. Other formats, such as M4A, are
read by the program `ffmpeg` where it is installed. A recording is read, mixed down to mono and resampled
block by block, so memory does not grow with its length. The length that its header claims is not trusted.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.base.damage import no_file
from msmdtools.errors import MsmdError
from msmdtools.features.spectrogram import SAMPLE_RATE, spectrogram_parts
from msmdtools.inputs.limits import LIMITS, Limits
from msmdtools.perform.level import of_comment
from msmdtools.performance import AUDIO_ENDINGS

ENDINGS = AUDIO_ENDINGS
# 16-bit samples below this are the noise of a silent recording (-72 dB).
_SILENT = 8
# Samples of a block, of all channels together.
_BLOCK = 1 << 18
# Rates beyond these are none of recordings, and take much to convert.
_RATES = (1_000, 1_000_000)

Floats = NDArray[np.float32]


def read(path: str | Path, limits: Limits = LIMITS) -> NDArray[np.int16]:
    """Read a recording: int16 (samples,), mono (the mean of its channels), 22,050 Hz.

    For audio that `msmd build` kept, these are the samples from which its spectrogram was computed.

    Raises:
        MsmdError: there is no such file, it is not a recording that can be read, it is empty, silent or too
            long, or a sample of it is not a number.
    """
    return np.concatenate(list(blocks(path, limits)))


def read_spectrogram(path: str | Path, limits: Limits = LIMITS) -> NDArray[np.float16]:
    """Read a recording and return its spectrogram: float16 (92, frames). Raises as `read` does."""
    return np.concatenate(list(spectrogram_parts(blocks(path, limits))), axis=1)


def blocks(path: str | Path, limits: Limits = LIMITS) -> Iterator[NDArray[np.int16]]:
    """Yield a recording as `read` returns it, block by block. Raises as `read` does, at its end at the latest."""
    path = Path(path)
    if not path.is_file():
        raise MsmdError(f"{path}: {no_file(path)}")
    loudest = samples = 0
    scale = _scale(path)
    for block in _at_rate(path, limits):
        rounded = np.round(np.clip(block, -1, 1) * scale).astype(np.int16)
        if len(rounded):
            loudest = max(loudest, int(np.abs(rounded.astype(np.int32)).max()))
            samples += len(rounded)
            yield rounded
    if not samples:
        raise MsmdError(f"{path}: the recording is empty")
    if loudest < _SILENT:
        raise MsmdError(f"{path}: the recording is silent")


def is_audio(path: Path) -> bool:
    """Say whether a file's name has the ending of a recording."""
    return path.suffix.lower() in ENDINGS


def _scale(path: Path) -> np.float32:
    """Return the value of a sample of full scale, in steps of 16 bits."""
    import soundfile

    try:
        with soundfile.SoundFile(path) as file:
            gain = of_comment(file.comment)
    except (soundfile.SoundFileError, RuntimeError):  # another program may be able to read it
        gain = 1
    return np.float32(32768 / gain if gain > 1 else np.iinfo(np.int16).max)


def _at_rate(path: Path, limits: Limits) -> Iterator[Floats]:
    """Yield mono blocks at 22,050 Hz."""
    import soundfile

    decoded = False
    try:
        with soundfile.SoundFile(path) as file:
            checked = _checked(path, _mono(file), file.samplerate, limits)
            for block in _resampled(checked, file.samplerate, path):
                decoded = True
                yield block
        return
    except (soundfile.SoundFileError, RuntimeError) as error:
        if decoded:
            raise MsmdError(f"{path}: the recording is damaged ({error})") from error
        why = error
    yield from _checked(path, _by_ffmpeg(path, why, limits), SAMPLE_RATE, limits)


def _mono(file: Any) -> Iterator[Floats]:
    size = max(_BLOCK // file.channels, 1)
    while len(block := file.read(size, dtype="float32", always_2d=True)):
        yield block.mean(axis=1, dtype=np.float32)


def _checked(path: Path, mono: Iterator[Floats], rate: int, limits: Limits) -> Iterator[Floats]:
    """Yield the same blocks. Raises MsmdError if there are too many samples, or one is not a number."""
    samples = 0
    for block in mono:
        samples += len(block)
        if samples > limits.seconds * rate:
            raise limits.exceeded("seconds", f"{path}: the recording has too many seconds")
        if not np.isfinite(block).all():
            raise MsmdError(f"{path}: the recording has samples that are not numbers")
        yield block


def _resampled(mono: Iterator[Floats], rate: int, path: Path) -> Iterator[Floats]:
    if rate == SAMPLE_RATE:
        yield from mono
        return
    if not _RATES[0] <= rate <= _RATES[1]:
        raise MsmdError(
            f"{path}: the recording has {rate:,} samples a second; "
            f"{_RATES[0]:,} to {_RATES[1]:,} can be read"
        )
    import soxr

    stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")
    for block in mono:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def _by_ffmpeg(path: Path, why: Exception, limits: Limits) -> Iterator[Floats]:
    """Yield the samples, at 22,050 Hz, of a file that libsndfile cannot read."""
    reason = getattr(why, "error_string", None) or str(why)
    program = shutil.which("ffmpeg")
    if program is None:
        raise MsmdError(
            f"{path}: not a recording that libsndfile can read ({reason}); give WAV, FLAC, OGG or MP3, "
            "or install ffmpeg, which reads more formats"
        ) from why
    command = [program, "-v", "error", "-nostdin", "-i", f"file:{path}", "-vn", "-ac", "1"]
    command += ["-t", str(limits.seconds + 1), "-ar", str(SAMPLE_RATE), "-f", "f32le", "-"]
    with (
        tempfile.TemporaryFile() as messages,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=messages) as running,
    ):
        assert running.stdout is not None
        try:
            while content := running.stdout.read(4 * _BLOCK):
                yield np.frombuffer(content[: len(content) // 4 * 4], "<f4")
            code = running.wait()
        finally:
            running.kill()
        messages.seek(0)
        lines = messages.read().decode(errors="replace").strip().splitlines()
    if code:
        raise MsmdError(
            f"{path}: not a recording that libsndfile or ffmpeg can read "
            f"({lines[-1] if lines else 'no reason given'})"
        ) from why
