"""What augmentation does to spectrogram windows: nothing by default, and each strength what it says."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msmdtools.base import draws
from msmdtools.loading import audio_augment
from msmdtools.loading.audio_augment import needed
from msmdtools.loading.augment import STRONG, AudioAugment

BANDS, STORED, CENTRE, FRAMES = 92, 120, 60, 42
FIRST = CENTRE - FRAMES // 2
STRENGTHS = [f.name for f in dataclasses.fields(AudioAugment) if f.name != "one_performance"]


def sounds(pairs: int, frames: int = STORED) -> list[np.ndarray]:
    random = np.random.default_rng(1)
    return [(2 * random.random((BANDS, frames))).astype(np.float16) for _ in range(pairs)]


def cut(stored, augment=None, frames=FRAMES, *, centre=CENTRE, seed=0, epoch=0, index=None):
    index = np.arange(len(stored)) if index is None else index
    augment = augment or AudioAugment()
    return audio_augment.cut(stored, centre, frames, augment, seed, epoch, index)


def magnitudes(windows: np.ndarray) -> np.ndarray:
    return 10 ** windows.astype(np.float64) - 1


def test_nothing_is_changed_by_default() -> None:
    stored = sounds(5)
    windows = cut(stored)
    assert windows.dtype == np.float16
    for window, whole in zip(windows, stored, strict=True):
        assert np.array_equal(window, whole[:, FIRST : FIRST + FRAMES])


@given(st.integers(1, 60), st.integers(0, 5), st.sampled_from([0, 0.05, 0.1, 0.5]), st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_frames_beyond_what_is_needed_do_not_matter(
    frames: int, jitter: int, stretch: float, room: float
) -> None:
    augment = AudioAugment(jitter_frames=jitter, stretch=stretch, room_s=room)
    before, after = needed(frames, augment)
    stored = sounds(8, 300)
    centre = 150
    enough = [whole[:, centre - before : centre + after] for whole in stored]
    windows = cut(stored, augment, frames, centre=centre)
    assert np.array_equal(windows, cut(enough, augment, frames, centre=before))
    assert windows.all(), "a window has silence that is not in the sound"


@pytest.mark.parametrize("name", STRENGTHS)
def test_draws_belong_to_the_pair_and_not_to_the_batch(name: str) -> None:
    augment = AudioAugment(**{name: getattr(STRONG.audio, name)})
    stored = sounds(12)
    index = np.array([7, 3, 100, 5, 2**40, 0, 11, 12, 13, 14, 15, 16])
    whole = cut(stored, augment, index=index)
    assert not np.array_equal(whole, cut(stored)), "nothing was varied"
    for some in ([4], [3, 1], [11, 0, 5]):
        part = cut([stored[i] for i in some], augment, index=index[some])
        assert np.array_equal(part, whole[some])
    assert np.array_equal(whole, cut(stored, augment, index=index))
    assert not np.array_equal(whole, cut(stored, augment, index=index, epoch=1))
    assert not np.array_equal(whole, cut(stored, augment, index=index, seed=1))


def test_what_one_draws_does_not_depend_on_the_others() -> None:
    stored = sounds(20)
    alone = cut(stored, AudioAugment(jitter_frames=3))
    for window, other in zip(
        alone, cut(stored, AudioAugment(jitter_frames=3, time_mask_frames=5)), strict=True
    ):
        kept = other.any(axis=0)
        assert np.array_equal(window[:, kept], other[:, kept])


def test_jitter_moves_by_whole_frames_both_ways() -> None:
    stored = sounds(60)
    shifts = []
    for window, whole in zip(cut(stored, AudioAugment(jitter_frames=2)), stored, strict=True):
        shifts += [
            s
            for s in range(-5, 6)
            if np.array_equal(window, whole[:, FIRST - s : FIRST - s + FRAMES])
        ]
    assert len(shifts) == 60
    assert set(shifts) == {-2, -1, 0, 1, 2}


def test_beyond_the_stored_frames_is_silence() -> None:
    stored = [np.ones((BANDS, 20), np.float16)] * 3
    windows = cut(stored, frames=42, centre=5)
    assert (windows.sum(axis=(1, 2)) == BANDS * 20).all()
    assert (windows[:, :, 16:36] == 1).all()


def test_stretch_keeps_the_onset_and_interpolates_frames() -> None:
    """On a ramp, linear interpolation is exact: frame k shows the time (k - onset) × speed."""
    ramp = np.tile(np.arange(STORED, dtype=np.float16), (BANDS, 1))
    windows = cut([ramp] * 50, AudioAugment(stretch=0.25))
    speed = draws.between(0.75, 1.25, 0, 0, np.arange(50), audio_augment.STRETCH)
    assert speed.min() < 0.8
    assert speed.max() > 1.2
    expected = CENTRE + (np.arange(FRAMES) - FRAMES // 2) * speed[:, None]
    assert windows.dtype == np.float32
    np.testing.assert_allclose(windows[:, 0], expected, rtol=1e-6)
    assert (windows == windows[:, :1]).all()
    assert (windows[:, :, FRAMES // 2] == CENTRE).all()


def test_a_stretched_window_with_jitter_turns_about_the_moved_onset() -> None:
    peak = np.zeros((BANDS, STORED), np.float16)
    peak[:, CENTRE] = 3
    augment = AudioAugment(stretch=0.3, jitter_frames=2)
    where = cut([peak] * 50, augment)[:, 0].argmax(axis=1) - FRAMES // 2
    assert set(where) == {-2, -1, 0, 1, 2}
    unstretched = cut([peak] * 50, AudioAugment(jitter_frames=2))[:, 0].argmax(axis=1)
    assert np.array_equal(where, unstretched - FRAMES // 2)


def test_a_stretch_beyond_what_is_stored_ends_in_silence() -> None:
    windows = cut([np.ones((BANDS, 42), np.float16)] * 30, AudioAugment(stretch=0.5), centre=21)
    speed = draws.between(0.5, 1.5, 0, 0, np.arange(30), audio_augment.STRETCH)
    for window, fast in zip(windows, speed, strict=True):
        time = 21 + (np.arange(FRAMES) - 21) * fast
        assert (window[:, (time >= 0) & (time <= 41)] == 1).all()
        assert not window[:, (time <= -1) | (time >= 42)].any()


@given(st.floats(0.5, 40), st.integers(0, 2**20))
@settings(max_examples=30, deadline=None)
def test_gain_is_in_decibels_of_the_magnitude(db: float, first: int) -> None:
    stored = sounds(8)
    index = first + np.arange(8)
    changed = magnitudes(cut(stored, AudioAugment(gain_db=db), index=index))
    gain = 20 * np.log10(changed / magnitudes(cut(stored)))
    drawn = draws.between(-db, db, 0, 0, index, audio_augment.GAIN)
    loud = magnitudes(cut(stored)) > 1
    for measured, wanted, enough in zip(gain, drawn, loud, strict=True):
        np.testing.assert_allclose(measured[enough], wanted, atol=2e-3)


def test_a_filter_is_smooth_the_same_in_all_frames_and_within_its_gain() -> None:
    stored = [np.full((BANDS, STORED), 2, np.float16)] * 40
    gain = 20 * np.log10(magnitudes(cut(stored, AudioAugment(filter_db=12))) / 99)
    assert np.abs(gain - gain[:, :, :1]).max() < 1e-3
    assert 10 < np.abs(gain).max() <= 12 + 1e-3
    # Seven knots over 92 bands: no more than the whole range between two of them.
    assert np.abs(np.diff(gain[:, :, 0])).max() < 24 * np.pi / 2 * 6 / 91
    assert gain[:, :, 0].std(axis=1).min() > 0.5


def test_a_room_rings_on_after_a_sound_and_falls_by_60_db_in_its_time() -> None:
    click = np.zeros((BANDS, STORED), np.float16)
    click[:, FIRST + 10] = 3
    windows = cut([click] * 20, AudioAugment(room_s=1.5))
    seconds = 1.5 * draws.uniforms(0, 0, np.arange(20), audio_augment.ROOM, 1)[:, 0]
    level = magnitudes(windows)[:, 0]
    assert (level[:, :10] == 0).all()
    np.testing.assert_allclose(level[:, 10], 999, rtol=1e-3)
    for tail, room in zip(level[:, 11:], seconds, strict=True):
        if room > 0.3:
            slope = 20 * np.log10(tail[4] / tail[0]) / 4 * 20  # dB per second
            assert slope == pytest.approx(-60 / room, rel=0.02)
            assert tail[0] ** 2 == pytest.approx(999**2 / 4 * 10 ** (-6 / 20 / room), rel=0.02)


def test_what_rings_in_a_window_includes_what_came_before_it() -> None:
    click = np.zeros((BANDS, STORED), np.float16)
    click[:, FIRST - 2] = 3
    assert not cut([click] * 20)[:, :, 0].any()
    ringing = magnitudes(cut([click] * 20, AudioAugment(room_s=1.5)))[:, 0]
    assert (ringing[:, 0] > 50).sum() > 10


def test_noise_adds_its_energy() -> None:
    silence = [np.zeros((BANDS, STORED), np.float16)] * 50
    windows = magnitudes(cut(silence, AudioAugment(noise=0.5)))
    level = draws.uniforms(0, 0, np.arange(50), audio_augment.NOISE, 2)[:, 0]
    measured = np.sqrt((windows**2).mean(axis=(1, 2)))
    np.testing.assert_allclose(measured, 0.5 * level, rtol=0.1)
    loud = [np.full((BANDS, STORED), 2, np.float16)] * 5
    assert magnitudes(cut(loud, AudioAugment(noise=0.5))).mean() == pytest.approx(99, rel=1e-3)


@pytest.mark.parametrize(
    ("strength", "most", "axis"), [("time_mask_frames", 7, 1), ("frequency_mask_bands", 20, 0)]
)
def test_a_mask_is_one_silent_stretch_of_up_to_its_width(
    strength: str, most: int, axis: int
) -> None:
    stored = [np.ones((BANDS, STORED), np.float16)] * 200
    windows = cut(stored, AudioAugment(**{strength: most}))
    widths, places = set(), []
    for window in windows:
        line = window.any(axis=1 - axis)
        assert (window == (line[None, :] if axis else line[:, None])).all()
        silent = np.flatnonzero(~line)
        widths.add(len(silent))
        if len(silent):
            assert silent[-1] - silent[0] == len(silent) - 1
            places += silent.tolist()
    assert widths == set(range(most + 1))
    assert set(places) == set(range(FRAMES if axis else BANDS))


def test_a_mask_wider_than_the_window_silences_it_at_most() -> None:
    windows = cut([np.ones((BANDS, STORED), np.float16)] * 30, AudioAugment(time_mask_frames=1000))
    assert any(not window.any() for window in windows)
