"""Cut spectrogram windows out of the stored ones and augment them.

Spectrograms are log10(1 + magnitude), as in `msmdtools.features`. A change of tempo interpolates
between frames, linearly, with the onset where it is; pitches stay. A room, a filter, gain and noise
act on the magnitudes, all pairs of a batch at once; masks are silence, zero in both scales.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.base import draws
from msmdtools.features.spectrogram import FRAMES_PER_SECOND
from msmdtools.loading.augment import AudioAugment

# Streams of random numbers; see draws. The sheet's end at 7.
JITTER, ROOM, FILTER, GAIN, NOISE, TIME_MASK, BAND_MASK, STRETCH = range(16, 24)
# The equaliser's knots: about one per octave of the 92 bands, 16 to an octave.
KNOTS = 7
FIELD = 1 << 20
LN10 = float(np.log(10.0))

Spectrograms = NDArray[Any]


def needed(frames: int, augment: AudioAugment) -> tuple[int, int]:
    """Frames that a window of `frames` may need of the stored spectrogram, before and after its centre."""
    jitter = int(augment.jitter_frames)
    before = frames // 2 + jitter + lead_frames(augment)
    after = frames - frames // 2 + jitter
    if augment.stretch:
        # The frames that the window's first and last one lie between, where the sound is fastest.
        most = 1 + augment.stretch
        return math.ceil(before * most), math.ceil((after - 1) * most) + 1
    return before, after


def cut(
    stored: Sequence[NDArray[np.float16]],
    centre: int,
    frames: int,
    augment: AudioAugment,
    seed: int,
    epoch: int,
    index: NDArray[np.int64],
) -> Spectrograms:
    """Cut windows out of the stored spectrograms and augment them.

    Args:
        stored: float16, (bands, stored frames) each, all of one shape.
        centre: the onset's frame in the stored spectrograms; it becomes frame `frames // 2` of the window.
        frames: frames of a window.
        augment: what to vary, and how much at most.
        seed, epoch: with each pair's index, what the random numbers depend on.
        index: the pairs' indices in their split, (pairs,).

    Returns:
        Windows (pairs, bands, frames): float16 where values stay as they are, float32 where they are
        changed. Beyond the stored frames there is silence.
    """
    jitter = int(augment.jitter_frames)
    shift = np.floor(draws.between(-jitter, jitter + 1, seed, epoch, index, JITTER)).astype(int)
    lead = min(lead_frames(augment), max(centre - frames // 2 - jitter, 0))
    windows: Spectrograms
    if augment.stretch:
        speed = draws.between(1 - augment.stretch, 1 + augment.stretch, seed, epoch, index, STRETCH)
        before = frames // 2 + lead + shift
        windows = _stretched(stored, centre, before, frames + lead, speed)
    else:
        windows = _window(stored, centre - frames // 2 - lead - shift, frames + lead)
    if augment.room_s or augment.filter_db or augment.gain_db or augment.noise:
        magnitudes = np.multiply(windows, np.float32(LN10), dtype=np.float32)
        np.expm1(magnitudes, out=magnitudes)
        _reverberate(magnitudes, augment.room_s * draws.uniforms(seed, epoch, index, ROOM, 1)[:, 0])
        magnitudes = magnitudes[:, :, lead:]
        magnitudes *= gains(augment, seed, epoch, index, magnitudes.shape[1])
        if augment.noise:
            _add_noise(magnitudes, augment.noise, draws.uniforms(seed, epoch, index, NOISE, 2))
        windows = np.log1p(magnitudes)
        windows *= np.float32(1 / LN10)
    _mask(windows, augment.time_mask_frames, 2, draws.uniforms(seed, epoch, index, TIME_MASK, 2))
    _mask(
        windows, augment.frequency_mask_bands, 1, draws.uniforms(seed, epoch, index, BAND_MASK, 2)
    )
    return windows


def lead_frames(augment: AudioAugment) -> int:
    """Frames before the window whose sound still rings in it, until it has fallen by 30 dB."""
    return int(np.ceil(augment.room_s * FRAMES_PER_SECOND / 2))


def _window(
    stored: Sequence[NDArray[np.float16]], first: NDArray[np.int64], frames: int
) -> NDArray[np.float16]:
    count = stored[0].shape[1]
    if first.min() >= 0 and first.max() + frames <= count:
        windows = np.empty((len(stored), stored[0].shape[0], frames), np.float16)
        for window, spectrogram, start in zip(windows, stored, first.tolist(), strict=True):
            window[...] = spectrogram[:, start : start + frames]
        return windows
    windows = np.zeros((len(stored), stored[0].shape[0], frames), np.float16)
    for window, spectrogram, start in zip(windows, stored, first.tolist(), strict=True):
        low, high = max(start, 0), min(start + frames, count)
        if low < high:
            window[:, low - start : high - start] = spectrogram[:, low:high]
    return windows


def _stretched(
    stored: Sequence[NDArray[np.float16]],
    centre: int,
    before: NDArray[np.int64],
    frames: int,
    speed: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Windows that are `speed` times as fast, with the stored frame `centre` at frame `before`."""
    bands, count = stored[0].shape
    windows = np.empty((len(stored), bands, frames), np.float32)
    source = np.zeros((bands, count + 2), np.float32)  # silence at either end
    place = centre + (np.arange(frames) - before[:, None]) * speed[:, None]
    place = np.clip(place, -1, count) + 1
    left = np.minimum(place.astype(np.int64), count)
    weight = (place - left).astype(np.float32)
    right = np.empty((bands, frames), np.float32)
    for window, spectrogram, indices, part in zip(windows, stored, left, weight, strict=True):
        source[:, 1:-1] = spectrogram
        np.take(source, indices, axis=1, out=window, mode="clip")
        np.take(source, indices + 1, axis=1, out=right, mode="clip")
        right -= window
        right *= part
        np.add(window, right, out=window)
    return windows


def _reverberate(magnitudes: NDArray[np.float32], seconds: NDArray[np.float64]) -> None:
    """Add an exponentially decaying tail to each band, energies adding up, in place.

    The tail has a quarter of the energy that the decay alone would give: the direct sound leads.
    """
    if not seconds.any():
        return
    # Energy falls by 60 dB, a factor of 10^6, in `seconds`.
    with np.errstate(divide="ignore", over="ignore"):
        decay = 10 ** (-6 / (FRAMES_PER_SECOND * seconds))
    factor = decay.astype(np.float32)[:, None]
    tail = np.zeros(magnitudes.shape[:2], np.float32)
    for frame in range(magnitudes.shape[2]):
        energy = magnitudes[:, :, frame] ** 2
        magnitudes[:, :, frame] = np.sqrt(energy + tail / 4)
        tail = (tail + energy) * factor


def gains(
    augment: AudioAugment, seed: int, epoch: int, index: NDArray[np.int64], bands: int
) -> NDArray[np.float32]:
    """Draw the gains of the equaliser and the overall gain, as factors of the magnitudes.

    Args:
        augment: the largest gains, in dB.
        seed, epoch: with each pair's index, what the random numbers depend on.
        index: the pairs' indices in their split, (pairs,).
        bands: number of frequency bands.

    Returns:
        Factors (pairs, bands, 1).
    """
    db = draws.between(-augment.gain_db, augment.gain_db, seed, epoch, index, GAIN)[:, None]
    if augment.filter_db:
        knots = augment.filter_db * (2 * draws.uniforms(seed, epoch, index, FILTER, KNOTS) - 1)
        # Cosines between the knots: as smooth as splines, and never beyond the knots' values.
        at = np.arange(bands) * (KNOTS - 1) / max(bands - 1, 1)
        left = np.minimum(at.astype(int), KNOTS - 2)
        weight = (1 - np.cos(np.pi * (at - left))) / 2
        db = db + knots[:, left] * (1 - weight) + knots[:, left + 1] * weight
    return np.asarray(10 ** (db / 20), np.float32)[:, :, None]


@lru_cache(maxsize=1)
def noise_field() -> NDArray[np.float32]:
    """Energies of complex Gaussian noise, mean 1; pieces of this field are cheaper than drawing anew."""
    noise = np.random.Generator(np.random.PCG64(0)).standard_exponential(FIELD, np.float32)
    noise.flags.writeable = False
    return noise


def _add_noise(magnitudes: NDArray[np.float32], noise: float, drawn: NDArray[np.float64]) -> None:
    field = noise_field()
    size = magnitudes[0].size
    for window, (level, place) in zip(magnitudes, drawn, strict=True):
        start = int(place * (field.size - size))
        energy = field[start : start + size].reshape(window.shape) * np.float32(
            (noise * level) ** 2
        )
        np.sqrt(window * window + energy, out=window)


def _mask(windows: Spectrograms, most: float, axis: int, drawn: NDArray[np.float64]) -> None:
    """Silence a stretch along an axis, of 0 to `most` in width, at a random place."""
    if not most:
        return
    length = windows.shape[axis]
    widths = np.minimum(np.floor(drawn[:, 0] * (int(most) + 1)), length).astype(int)
    firsts = np.floor(drawn[:, 1] * (length - widths + 1)).astype(int)
    for window, first, width in zip(windows, firsts.tolist(), widths.tolist(), strict=True):
        stretch = slice(first, first + width)
        window[(slice(None), stretch) if axis == 2 else stretch] = 0
