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
- Output. log10(1 + bands), as float16, shape (92, frames), lowest band first. The sum 1 + bands is
  rounded to 32 bits, as in the original; all else is done in 64 bits, so that values depend neither
  on the machine nor on its linear algebra library.

Method: M. Dorfer et al., "Learning Audio–Sheet Music Correspondences for Cross-Modal Retrieval and
Piece Identification", TISMIR 1 (2018), section 4. Compared with madmom 0.16.1, the library of the
original, which calculates in 32 bits throughout: in a minute of synthetic music 9 of 110,400
float16 values differ, each by one step of the format; the order in which a matrix product is summed
up, which differs between machines, changes as many.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 22_050
FRAMES_PER_SECOND = 20
WINDOW = 2048
HOP = SAMPLE_RATE / FRAMES_PER_SECOND
BANDS_PER_OCTAVE = 16
LOWEST_HZ, HIGHEST_HZ, TUNING_HZ = 30.0, 6000.0, 440.0
BANDS = 92

# Frames per step: enough to leave Python's own cost behind, small enough to stay in the processor's
# cache.
_CHUNK = 64


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
def filterbank() -> npt.NDArray[np.float64]:
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
    weights = np.zeros((len(bin_hz), len(corners) - 2))
    for band, (left, centre, right) in enumerate(
        zip(corners[:-2], corners[1:-1], corners[2:], strict=True)
    ):
        bins = np.arange(left, right + 1)
        triangle = np.interp(bins, [left, centre, right], [0.0, 1.0, 0.0])
        weights[bins, band] = triangle / triangle.sum()
    weights.setflags(write=False)
    return weights


def spectrogram(audio: npt.NDArray[np.int16]) -> npt.NDArray[np.float16]:
    """The spectrogram of mono `audio` at 22,050 Hz: float16, (92, frames), lowest band first.

    Raises:
        ValueError: `audio` is not one-dimensional int16.
    """
    if audio.ndim != 1 or audio.dtype != np.int16:
        raise ValueError(f"expected mono int16 audio, got {audio.dtype} of shape {audio.shape}")
    frames = frame_count(len(audio))
    result = np.empty((BANDS, frames), dtype=np.float16)
    if frames == 0:
        return result
    window = np.hanning(WINDOW) / np.iinfo(np.int16).max
    # A band has eleven weights on average and at most 45: summing those runs of bins is as fast as
    # a matrix product, and leaves no thread of a linear algebra library spinning beside the other
    # workers.
    bands, bins = np.nonzero(filterbank().T)
    weights = filterbank()[bins, bands]
    runs = np.searchsorted(bands, np.arange(BANDS))
    used = int(bins.max()) + 1
    starts = frame_starts(frames)
    padded = np.concatenate([audio, np.zeros(WINDOW, dtype=np.int16)])
    slices = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)
    for first in range(0, frames, _CHUNK):
        chunk = slices[starts[first : first + _CHUNK]] * window
        magnitudes = np.abs(np.fft.rfft(chunk, axis=1)[:, :used])
        summed = np.add.reduceat(magnitudes[:, bins] * weights, runs, axis=1)
        rounded = np.float32(1.0) + summed.astype(np.float32)
        result[:, first : first + _CHUNK] = np.log10(rounded.astype(np.float64)).T
    return result
