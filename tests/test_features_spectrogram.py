"""The spectrogram against the original's values and a slow reference made from its definition."""

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from msmdtools.features import (
    BANDS,
    frame_count,
    frame_of,
    second_of,
    spectrogram,
    spectrogram_parts,
)
from msmdtools.features.spectrogram import (
    _filtered,
    _log10,
    _magnitudes,
    filterbank,
    frame_starts,
)

# Made by madmom 0.16.1 from `sweep_and_clicks()`: Signal (22,050 Hz), FramedSignal (2048, fps 20,
# origin "future"), LogarithmicFilteredSpectrogram (16 bands per octave, 30 to 6000 Hz), transposed,
# as float16. With NumPy 1.23.5 without its AVX-512 functions (NPY_DISABLE_CPU_FEATURES), as it was
# in madmom's time; the file is the same with OpenBLAS for Haswell, SkylakeX and Sandybridge.
GOLDEN = Path(__file__).with_name("test_features_golden.npy")


def sweep_and_clicks() -> npt.NDArray[np.int16]:
    seconds = np.arange(22050 + 333) / 22050
    samples = np.rint(9000 * np.sin(2 * np.pi * (40 * seconds + (6500 - 40) / 2 * seconds**2)))
    samples[2000::5003] += 15000
    samples[15000:19000] = 0
    return samples.astype(np.int16)


def reference_bands() -> list[dict[int, float]]:
    """Bin → weight of each band, with one loop per line of the definition."""
    corners: list[int] = []
    for step in range(-100, 100):
        hz = 440.0 * 2 ** (step / 16)
        if 30 <= hz <= 6000:
            corners.append(min(range(1024), key=lambda b: (abs(b * 22050 / 2048 - hz), -b)))
    corners = sorted(set(corners))
    bands = []
    for left, centre, right in zip(corners, corners[1:], corners[2:], strict=False):
        weights = {}
        for b in range(left + 1, right):
            rising, falling = (b - left) / (centre - left), (right - b) / (right - centre)
            weights[b] = min(rising, falling)
        total = math.fsum(weights.values())
        bands.append({b: weight / total for b, weight in weights.items()})
    return bands


def reference_spectrogram(audio: npt.NDArray[np.int16]) -> npt.NDArray[np.float64]:
    """The definition in 64 bits, without any rounding."""
    bands = reference_bands()
    columns = []
    n = np.arange(2048)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * n / 2047)
    dft = np.exp(-2j * np.pi * np.outer(np.arange(1024), n) / 2048)
    for i in range(math.ceil(len(audio) / 1102.5)):
        start = int(1102.5 * i)
        frame = np.zeros(2048)
        part = audio[start : start + 2048]
        frame[: len(part)] = part
        magnitudes = np.abs(dft @ (frame * window / 32767))
        sums = [math.fsum(w * magnitudes[b] for b, w in band.items()) for band in bands]
        columns.append([math.log10(1 + x) for x in sums])
    return np.array(columns).T


def test_is_the_original_s() -> None:
    ours = spectrogram(sweep_and_clicks())
    assert ours.dtype == np.float16
    assert ours.shape == (92, 21)
    np.testing.assert_array_equal(ours, np.load(GOLDEN))


def test_golden_numbers_are_those_that_are_expected() -> None:
    # A few of them in plain sight, so that a changed file does not go unseen: the sweep goes up.
    golden = np.load(GOLDEN)
    assert golden[[0, 10, 50], [0, 0, 2]].tolist() == [0.1922607421875, 1.091796875, 1.5751953125]
    peaks = [26, 41, 51, 57, 62, 66, 70, 73, 76, 78, 80, 82, 84, 85]
    assert golden[:, :14].argmax(axis=0).tolist() == peaks


def test_is_the_slow_reference_rounded() -> None:
    rng = np.random.default_rng(7)
    audio = rng.integers(-32768, 32768, 22050 // 2 + 1, dtype=np.int16)
    ours, exact = spectrogram(audio), reference_spectrogram(audio)
    # Half a step of float16, and what calculating in 32 bits may add to it.
    assert (np.abs(ours - exact) <= np.spacing(ours) * 0.5002).all()
    assert np.mean(ours == exact.astype(np.float16)) > 0.999


def test_logarithm_is_right_to_a_few_of_32_bits() -> None:
    x = np.concatenate([1 + np.geomspace(2**-23, 1, 5000), np.geomspace(1, 2000, 5000)])
    x = x.astype(np.float32)
    exact = np.log10(x.astype(np.float64))
    assert (np.abs(_log10(x) - exact) <= 2 * np.spacing(exact.astype(np.float32))).all()
    assert _log10(np.float32([1, 10, 100])).tolist() == [0, 1, 2]


@given(st.lists(st.tuples(st.floats(0, 100, width=32), st.floats(0, 100, width=32)), min_size=1))
def test_magnitudes_are_rounded_once(parts: list[tuple[float, float]]) -> None:
    spectrum = np.array([[complex(*part) for part in parts]])
    wanted = [float(np.float32(math.sqrt(re * re + im * im))) for re, im in parts]
    assert _magnitudes(np.repeat(spectrum.T, 558, axis=1))[0].tolist() == wanted


def test_the_filterbank_has_92_bands_that_sum_to_one() -> None:
    weights = filterbank()
    assert weights.dtype == np.float32
    assert weights.shape == (1024, BANDS) == (1024, 92)
    np.testing.assert_allclose(weights.sum(axis=0, dtype=np.float64), 1.0, rtol=0, atol=2e-7)
    slow = np.zeros(weights.shape)
    for band, bins in enumerate(reference_bands()):
        for b, weight in bins.items():
            slow[b, band] = weight
    np.testing.assert_allclose(weights, slow, rtol=3e-7, atol=0)
    peaks = weights.argmax(axis=0)
    assert (np.diff(peaks) > 0).all()
    assert (peaks[0], peaks[-1]) == (4, 527)
    assert 41 in peaks  # the bin of A4: 440 Hz is 40.87 bins


def test_bands_are_summed_in_the_order_of_the_bins_rounded_to_32_bits() -> None:
    rng = np.random.default_rng(11)
    magnitudes = rng.exponential(1.0, (1024, 2)).astype(np.float32)
    found = _filtered(magnitudes)
    for band, column in enumerate(filterbank().T):
        for frame in range(2):
            total = np.float32(0)
            for b in np.flatnonzero(column):
                total = np.float32(float(total) + float(column[b]) * float(magnitudes[b, frame]))
            assert found[band, frame] == total


def test_silence_is_zero_and_a_tone_is_in_its_band() -> None:
    assert not spectrogram(np.zeros(5000, dtype=np.int16)).any()
    tone = np.rint(10000 * np.sin(2 * np.pi * 440 * np.arange(22050) / 22050)).astype(np.int16)
    loudest = spectrogram(tone)[:, :15].argmax(axis=0)
    assert set(filterbank()[:, loudest].argmax(axis=0).tolist()) == {41}


def test_frames_start_where_they_should_and_the_end_is_padded() -> None:
    assert frame_starts(5).tolist() == [0, 1102, 2205, 3307, 4410]
    click = np.zeros(3308, dtype=np.int16)
    click[3307] = 30000  # the first sample of frame 3: the window is zero there
    found = spectrogram(click)
    assert found.shape == (92, 4)
    assert not found[:, 3].any()
    assert found[:, 2].any()


@given(st.integers(0, 10**9))
def test_frame_count_is_the_ceiling_of_samples_by_hop(samples: int) -> None:
    count = frame_count(samples)
    assert (count - 1) * 2205 < samples * 2 <= count * 2205


@given(st.integers(0, 10**6))
def test_a_frame_starts_at_its_second(frame: int) -> None:
    assert frame_of(second_of(frame)) == frame
    assert frame_of(second_of(frame) + 0.024) == frame
    assert frame_of(second_of(frame) + 0.026) == frame + 1


def test_chunks_do_not_show() -> None:
    rng = np.random.default_rng(3)
    audio = rng.integers(-9000, 9000, 1102 * 200, dtype=np.int16)
    whole = spectrogram(audio)
    start = int(frame_starts(101)[100])
    np.testing.assert_array_equal(whole[:, 100:], spectrogram(audio[start:]))


@pytest.mark.parametrize("length", [0, 1, 1102, 1103, 2048, 140_000, 141_120, 142_200, 700_001])
@pytest.mark.parametrize("block", [1000, 65_536, 141_120, 10**6])
def test_audio_in_blocks_has_the_same_spectrogram_to_the_bit(length: int, block: int) -> None:
    audio = np.random.default_rng(length).integers(-20000, 20000, length, dtype=np.int16)
    blocks = (audio[first : first + block] for first in range(0, length, block))
    parts = [np.zeros((92, 0), np.float16), *spectrogram_parts(blocks)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), spectrogram(audio))


def test_no_audio_has_no_frames() -> None:
    assert spectrogram(np.zeros(0, dtype=np.int16)).shape == (92, 0)


def test_refuses_what_is_not_mono_int16() -> None:
    with pytest.raises(ValueError, match=r"expected mono int16 audio, got float64 of shape \(3,\)"):
        spectrogram(np.zeros(3))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"shape \(3, 2\)"):
        spectrogram(np.zeros((3, 2), dtype=np.int16))
