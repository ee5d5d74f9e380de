"""The spectrogram of the MSMD papers: 92 logarithmically spaced bands, 20 frames per second.

Input is mono audio at 22,050 Hz as 16-bit integers. With x the samples, N their number and h =
22050 / 20 = 1102.5:

- Frames. There are ceil(N / h). Frame i holds the 2048 samples from int(h · i) on, zeros past the
  end. It *starts* there; what it shows best is the middle of its window, at i / 20 + 1024 / 22050 s
  (46 ms later).
- Magnitudes. |DFT(w · x / 32767)|, bins 0 … 1023, with the symmetric Hann window w[n] = ½ − ½
  cos(2πn / 2047). 32767, the largest 16-bit integer, is how the original's library scales integer
  audio.
- Bands. Frequencies 440 · 2^(k / 16) Hz for all integers k that give 30 … 6000 Hz; each is mapped
  to the nearest bin (bin b is b · 22050 / 2048 Hz; the higher one when two are equally near) and
  duplicates are dropped, which leaves 94 bins c₀ < c₁ < …. Band j is a triangle over the bins from
  c_j to c_{j+2}: rising from 0 at c_j to 1 at c_{j+1}, falling to 0 at c_{j+2}.
  Its weights are divided by their sum. 92 bands.
- Output. log10(1 + bands), as float16, shape (92, frames), lowest band first.
- Rounding. Window and Fourier transform are calculated in 64 bits, their result is rounded to 32;
  from there on every number is one of 32 bits: weights, magnitudes, each partial sum of a band, in
  the order of the bins, 1 + band, the logarithm.

Method: M. Dorfer et al., "Learning Audio–Sheet Music Correspondences for Cross-Modal Retrieval and
Piece Identification", TISMIR 1 (2018), section 4, and madmom 0.16.1, the library that it used. What
madmom does in 32 bits differs from one machine to the next (its matrix product and its logarithm
are those of the processor); here it is written out, and the values are the same everywhere. How
many differ from madmom's is counted in docs/performances.md.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 22_050
FRAMES_PER_SECOND = 20
WINDOW = 2048
HOP = SAMPLE_RATE / FRAMES_PER_SECOND
BANDS_PER_OCTAVE = 16
LOWEST_HZ, HIGHEST_HZ, TUNING_HZ = 30.0, 6000.0, 440.0
BANDS = 92

_LOG10_E = np.float32(np.log10(np.e))
_LOG10_2 = np.float32(np.floor(np.log10(2) * 2**18) / 2**18)
_LOG10_2_REST = np.float32(np.log10(2) - float(_LOG10_2))

# Frames per step: enough to leave Python's own cost behind, small enough to stay in the processor's
# cache.
_CHUNK = 128


def frame_count(samples: int) -> int:
    """How many frames the spectrogram of so many samples has."""
    return -(-samples * FRAMES_PER_SECOND // SAMPLE_RATE)


def frame_starts(frames: int) -> npt.NDArray[np.int64]:
    """The first sample of each of the first `frames` frames."""
    return np.arange(frames, dtype=np.int64) * SAMPLE_RATE // FRAMES_PER_SECOND


def frame_of(second: float) -> int:
    """The frame whose start is nearest to `second`."""
    return int(np.floor(second * FRAMES_PER_SECOND + 0.5))


def second_of(frame: float) -> float:
    """The time at which a frame starts; its window's middle is 1024 / 22050 s later."""
    return frame / FRAMES_PER_SECOND


@cache
def filterbank() -> npt.NDArray[np.float32]:
    """The weights of the bands, shape (1024 bins, 92 bands); see the module for the formulas."""
    bin_hz = np.arange(WINDOW // 2) * SAMPLE_RATE / WINDOW
    steps = np.arange(
        np.ceil(np.log2(LOWEST_HZ / TUNING_HZ) * BANDS_PER_OCTAVE),
        np.floor(np.log2(HIGHEST_HZ / TUNING_HZ) * BANDS_PER_OCTAVE) + 1,
    )
    hz = TUNING_HZ * 2.0 ** (steps / BANDS_PER_OCTAVE)
    above = np.searchsorted(bin_hz, hz)
    nearest = above - (hz - bin_hz[above - 1] < bin_hz[above] - hz)
    corners = np.unique(nearest)
    weights = np.zeros((len(bin_hz), len(corners) - 2), dtype=np.float32)
    for band, (left, centre, right) in enumerate(
        zip(corners[:-2], corners[1:-1], corners[2:], strict=True)
    ):
        bins = np.arange(left, right)
        triangle = np.interp(bins, [left, centre, right], [0.0, 1.0, 0.0]).astype(np.float32)
        weights[bins, band] = triangle / triangle.sum()
    weights.setflags(write=False)
    return weights


@cache
def band_frequencies() -> npt.NDArray[np.float64]:
    """Return the frequency in Hz at which the filter of each band is greatest; (92,)."""
    return np.asarray(filterbank().argmax(axis=0) * SAMPLE_RATE / WINDOW)


def spectrogram(audio: npt.NDArray[np.int16]) -> npt.NDArray[np.float16]:
    """The spectrogram of mono `audio` at 22,050 Hz: float16, (92, frames), lowest band first.

    Raises:
        ValueError: `audio` is not one-dimensional int16.
    """
    result = np.empty((BANDS, frame_count(len(audio))), dtype=np.float16)
    done = 0
    for part in spectrogram_parts([audio]):
        result[:, done : done + part.shape[1]] = part
        done += part.shape[1]
    return result


def spectrogram_parts(
    blocks: Iterable[npt.NDArray[np.int16]],
) -> Iterator[npt.NDArray[np.float16]]:
    """The spectrogram of audio that comes in blocks, each part as soon as its samples are there.

    Args:
        blocks: mono, 22,050 Hz, int16; of any lengths. At most one, and the samples of a part, are held.

    Yields:
        float16, (92, frames of the part): one after the other they are `spectrogram` of all blocks, to
        the bit.

    Raises:
        ValueError: a block is not one-dimensional int16.
    """
    held = np.zeros(0, dtype=np.int16)
    begin = frames = 0  # the sample that `held` begins with, and the frames that are done
    for block in blocks:
        if block.ndim != 1 or block.dtype != np.int16:
            raise ValueError(f"expected mono int16 audio, got {block.dtype} of shape {block.shape}")
        held = np.concatenate([held, block])
        while _start(frames + _CHUNK - 1) + WINDOW <= begin + len(held):
            yield _part(held, begin, frames, _CHUNK)
            frames += _CHUNK
        held = held[_start(frames) - begin :]
        begin = _start(frames)
    rest = frame_count(begin + len(held)) - frames
    padded = np.concatenate([held, np.zeros(WINDOW, dtype=np.int16)])
    for first in range(frames, frames + rest, _CHUNK):
        yield _part(padded, begin, first, min(_CHUNK, frames + rest - first))


def _start(frame: int) -> int:
    return frame * SAMPLE_RATE // FRAMES_PER_SECOND


def _part(
    samples: npt.NDArray[np.int16], begin: int, first: int, frames: int
) -> npt.NDArray[np.float16]:
    """Frames `first` to `first + frames` from samples of which the first one has number `begin`."""
    starts = np.arange(first, first + frames) * SAMPLE_RATE // FRAMES_PER_SECOND - begin
    slices = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)
    spectrum = np.fft.rfft(slices[starts] * _window(), axis=1)
    return _log10(np.float32(1) + _filtered(_magnitudes(spectrum))).astype(np.float16)


@cache
def _window() -> npt.NDArray[np.float64]:
    window: npt.NDArray[np.float64] = np.hanning(WINDOW) / np.iinfo(np.int16).max
    window.setflags(write=False)
    return window


def _magnitudes(spectrum: npt.NDArray[np.complex128]) -> npt.NDArray[np.float32]:
    """|spectrum| of the bins that have a weight, shape (bins, frames)."""
    used = np.ascontiguousarray(spectrum[:, : _plan().used].T).astype(np.complex64)
    # numpy's own magnitude of 32-bit numbers rounds differently on different processors.
    parts = used.view(np.float32).reshape(*used.shape, 2).astype(np.float64)
    np.square(parts, out=parts)
    power = parts[..., 0] + parts[..., 1]
    return np.sqrt(power, out=power).astype(np.float32)


class _Plan(NamedTuple):
    """In which order the products of weights and magnitudes are added up.

    Attributes:
        order: bands by falling number of weights: those that still have a weight in a step are
            always the first ones.
        steps: the bin and the weight, shape (bands, 1), of each of these bands in each step.
        used: bins below this have a weight.
    """

    order: npt.NDArray[np.int64]
    steps: tuple[tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]], ...]
    used: int


@cache
def _plan() -> _Plan:
    bank = filterbank()
    first, counts = (bank > 0).argmax(axis=0), (bank > 0).sum(axis=0)
    order = np.argsort(-counts, kind="stable")
    steps = []
    for step in range(counts.max()):
        bands = order[: (counts > step).sum()]
        bins = first[bands] + step
        steps.append((bins, bank[bins, bands].astype(np.float64)[:, np.newaxis]))
    return _Plan(order, tuple(steps), int((first + counts).max()))


def _filtered(magnitudes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The bands of magnitudes (bins, frames), shape (92, frames).

    In the order of the bins, one weight of every band in each step; a product is exact in 64 bits
    and its addition is rounded to 32, as by a processor's fused multiply and add.
    """
    order, steps, _ = _plan()
    sums = np.zeros((BANDS, magnitudes.shape[1]), dtype=np.float32)
    for bins, weights in steps:
        products = magnitudes[bins] * weights
        products += sums[: len(bins)]
        sums[: len(bins)] = products
    result = np.empty_like(sums)
    result[order] = sums
    return result


def _log10(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """log10 as C libraries calculate it in 32 bits, for x ≥ 1.

    With x = m · 2^k and 1 ≤ m < 2 it is log(m) / log(10) + k · log10(2), where log10(2) is the sum
    of a number of 18 binary digits, whose multiples are exact, and of the rest.
    """
    half, exponent = np.frexp(x)
    k = (exponent - 1).astype(np.float32)
    log_m = np.log(2.0 * half.astype(np.float64)).astype(np.float32)
    found: npt.NDArray[np.float32] = k * _LOG10_2_REST + _LOG10_E * log_m + k * _LOG10_2
    return found
