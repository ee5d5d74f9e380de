"""What augmentation does to sheet windows: nothing by default, and each strength what it says."""

import dataclasses

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msmdtools.base import draws
from msmdtools.errors import MsmdError
from msmdtools.loading import augment as augmentation
from msmdtools.loading import sheet_augment
from msmdtools.loading.augment import OFF, PRESETS, STRONG, AudioAugment, Augment, SheetAugment
from msmdtools.loading.sheet_augment import thicken

ROWS, COLUMNS = 60, 80
SHAPE = (ROWS + 24, COLUMNS + 30)
TOP, LEFT = 12, 15
STRENGTHS = [f.name for f in dataclasses.fields(SheetAugment)]


def pictures(count: int, shape: tuple[int, int] = SHAPE) -> list[np.ndarray]:
    random = np.random.default_rng(1)
    return [cv2.blur(random.integers(0, 256, shape, np.uint8), (5, 5)) for _ in range(count)]


def lines(count: int, row: int | None = None) -> list[np.ndarray]:
    """White with a black line of 3 px through the middle."""
    picture = np.full(SHAPE, 255, np.uint8)
    picture[(row or SHAPE[0] // 2) - 1 : (row or SHAPE[0] // 2) + 2] = 0
    return [picture] * count


def cut(stored, augment=None, *, rows=ROWS, columns=COLUMNS, seed=0, epoch=0, index=None):
    index = np.arange(len(stored)) if index is None else index
    return sheet_augment.cut(stored, rows, columns, augment or SheetAugment(), seed, epoch, index)


def test_nothing_is_changed_by_default() -> None:
    stored = pictures(4)
    for window, picture in zip(cut(stored), stored, strict=True):
        assert np.array_equal(window, picture[TOP : TOP + ROWS, LEFT : LEFT + COLUMNS])


@given(st.integers(1, SHAPE[0]), st.integers(1, SHAPE[1]))
def test_a_window_of_any_size_has_its_middle_in_that_of_the_picture(
    rows: int, columns: int
) -> None:
    (picture,) = pictures(1)
    (window,) = cut([picture], rows=rows, columns=columns)
    top, left = (SHAPE[0] - rows + 1) // 2, (SHAPE[1] - columns + 1) // 2
    assert np.array_equal(window, picture[top : top + rows, left : left + columns])


@pytest.mark.parametrize("name", STRENGTHS)
def test_draws_belong_to_the_pair_and_not_to_the_batch(name: str) -> None:
    augment = SheetAugment(**{name: getattr(STRONG.sheet, name)})
    stored = pictures(12)
    index = np.array([7, 3, 100, 5, 2**40, 0, 11, 12, 13, 14, 15, 16])
    whole = cut(stored, augment, index=index)
    assert not np.array_equal(whole, cut(stored)), "nothing was varied"
    for some in ([4], [3, 1], [11, 0, 5]):
        assert np.array_equal(
            cut([stored[i] for i in some], augment, index=index[some]), whole[some]
        )
    assert np.array_equal(whole, cut(stored, augment, index=index))
    assert not np.array_equal(whole, cut(stored, augment, index=index, epoch=1))
    assert not np.array_equal(whole, cut(stored, augment, index=index, seed=1))


def test_the_stored_picture_is_not_touched() -> None:
    stored = pictures(3)
    before = [picture.copy() for picture in stored]
    cut(stored, STRONG.sheet, rows=SHAPE[0], columns=SHAPE[1])
    assert all(np.array_equal(a, b) for a, b in zip(stored, before, strict=True))


def test_a_shift_moves_by_so_many_pixels_and_finds_real_ink() -> None:
    stored = pictures(60)
    shifts = set()
    for window, picture in zip(cut(stored, SheetAugment(shift_px=5)), stored, strict=True):
        found = [
            (down, across)
            for down in range(-6, 7)
            for across in range(-6, 7)
            if np.array_equal(
                window,
                picture[TOP - down :, LEFT - across :][:ROWS, :COLUMNS],
            )
        ]
        assert len(found) == 1
        shifts |= set(found)
    drawn = np.rint(5 * (2 * draws.uniforms(0, 0, np.arange(60), sheet_augment.SHIFT, 2) - 1))
    assert shifts == {(int(d), int(a)) for d, a in drawn}
    assert {-5, 5} <= {value for shift in shifts for value in shift}


@given(st.floats(0, 60), st.integers(0, 2**30))
@settings(max_examples=30, deadline=None)
def test_beyond_the_stored_picture_is_white(shift: float, first: int) -> None:
    black = [np.zeros(SHAPE, np.uint8)] * 6
    augment = SheetAugment(shift_px=shift)
    index = first + np.arange(6)
    drawn = np.rint(shift * (2 * draws.uniforms(0, 0, index, sheet_augment.SHIFT, 2) - 1))
    for window, (down, across) in zip(cut(black, augment, index=index), drawn, strict=True):
        # What is left of the picture, moved, within the window.
        rows = min(ROWS, SHAPE[0] - TOP + down) - max(0, down - TOP)
        columns = min(COLUMNS, SHAPE[1] - LEFT + across) - max(0, across - LEFT)
        assert (window == 0).sum() == max(rows, 0) * max(columns, 0)
        assert set(np.unique(window)) <= {0, 255}


def test_a_scale_makes_it_larger_or_smaller_about_the_onset() -> None:
    picture = np.full(SHAPE, 255, np.uint8)
    # The corners of a square about the middle of the window.
    cv2.rectangle(picture, (LEFT + 20, TOP + 10), (LEFT + 59, TOP + 49), 0, -1)
    windows = cut([picture] * 40, SheetAugment(scale=0.25))
    scale = 1 + draws.between(-0.25, 0.25, 0, 0, np.arange(40), sheet_augment.SCALE)
    dark = 1 - windows / 255
    np.testing.assert_allclose(np.sqrt(dark.sum(axis=(1, 2))), 40 * scale, rtol=0.02)
    down = (dark.sum(axis=2) * np.arange(ROWS)).sum(axis=1) / dark.sum(axis=(1, 2))
    across = (dark.sum(axis=1) * np.arange(COLUMNS)).sum(axis=1) / dark.sum(axis=(1, 2))
    np.testing.assert_allclose(down, (ROWS - 1) / 2, atol=0.1)
    np.testing.assert_allclose(across, (COLUMNS - 1) / 2, atol=0.1)
    assert scale.min() < 0.8
    assert scale.max() > 1.2


def test_a_rotation_turns_about_the_onset() -> None:
    windows = cut(lines(40, TOP + ROWS // 2), SheetAugment(rotation_deg=10))
    angle = draws.between(-10, 10, 0, 0, np.arange(40), sheet_augment.ROTATION)
    for window, degrees in zip(windows, angle, strict=True):
        dark = 255.0 - window
        rows = (dark * np.arange(ROWS)[:, None]).sum(axis=0) / dark.sum(axis=0)
        slope, middle = np.polyfit(np.arange(COLUMNS) - (COLUMNS - 1) / 2, rows, 1)
        # Rows grow downwards: a positive angle turns clockwise.
        assert np.rad2deg(np.arctan(slope)) == pytest.approx(degrees, abs=0.3)
        assert middle == pytest.approx(ROWS / 2, abs=0.2)


@given(st.floats(0, 3))
def test_strokes_grow_and_shrink_by_so_much(px: float) -> None:
    line = np.full(SHAPE, 255, np.uint8)
    line[30:39] = 0
    before = (1 - line / 255).sum(axis=0).mean()
    after = (1 - thicken(line, px) / 255).sum(axis=0).mean()
    assert after - before == pytest.approx(px, abs=0.02)
    thinner = (1 - thicken(line, -px) / 255).sum(axis=0).mean()
    assert thinner - before == pytest.approx(-px, abs=0.02)


def test_thickness_is_drawn_both_ways() -> None:
    windows = cut(lines(60), SheetAugment(thickness_px=1))
    drawn = draws.between(-1, 1, 0, 0, np.arange(60), sheet_augment.THICKNESS)
    width = (1 - windows / 255).sum(axis=1).mean(axis=1)
    np.testing.assert_allclose(width, 3 + drawn, atol=0.02)


def test_a_blur_has_its_standard_deviation_and_keeps_the_ink() -> None:
    point = np.full(SHAPE, 255, np.uint8)
    point[TOP + 25 : TOP + 30, LEFT + 35 : LEFT + 40] = 0
    windows = cut([point] * 30, SheetAugment(blur_px=4))
    sigma = draws.between(0, 4, 0, 0, np.arange(30), sheet_augment.BLUR)
    own = (5**2 - 1) / 12  # the variance of five pixels
    for window, expected in zip(windows, sigma, strict=True):
        dark = 255.0 - window
        assert dark.sum() == pytest.approx(25 * 255, rel=0.06)
        rows = dark.sum(axis=1) / dark.sum()
        middle = (rows * np.arange(ROWS)).sum()
        variance = (rows * (np.arange(ROWS) - middle) ** 2).sum()
        assert np.sqrt(max(variance - own, 0)) == pytest.approx(expected, abs=0.35)


def test_contrast_darkens_paper_and_fades_ink_and_keeps_their_order() -> None:
    ramp = [np.tile(np.arange(0, 250, 5, dtype=np.uint8), (50, 1))] * 30
    augment = SheetAugment(contrast=0.4)
    windows = cut(ramp, augment, rows=50, columns=50).astype(int)
    drawn = 0.4 * draws.uniforms(0, 0, np.arange(30), sheet_augment.CONTRAST, 2)
    np.testing.assert_allclose(windows[:, 0, 0], 255 * drawn[:, 1], atol=0.51)
    assert (np.diff(windows[:, 0]) >= 0).all()
    white = cut([np.full((50, 50), 255, np.uint8)] * 30, augment, rows=50, columns=50)
    np.testing.assert_allclose(white[:, 0, 0], 255 * (1 - drawn[:, 0]), atol=0.51)


def test_stains_darken_up_to_a_part_and_are_few() -> None:
    white = [np.full(SHAPE, 255, np.uint8)] * 60
    windows = cut(white, SheetAugment(stains=3))
    blobs = []
    for window in windows:
        spots = (window < 250).astype(np.uint8)
        blobs.append(cv2.connectedComponents(spots)[0] - 1)
        assert window.min() >= 255 * 0.65**3 - 3
        assert np.abs(np.diff(window.astype(int), axis=1)).max() < 60, "not soft"
    assert max(blobs) <= 3
    assert {0, 1, 2} <= set(blobs)


def test_noise_has_its_standard_deviation_and_no_bias() -> None:
    grey = [np.full(SHAPE, 128, np.uint8)] * 40
    windows = cut(grey, SheetAugment(noise=20)).astype(float)
    sigma = 20 * draws.uniforms(0, 0, np.arange(40), sheet_augment.NOISE, 3)[:, 0]
    np.testing.assert_allclose(windows.std(axis=(1, 2)), sigma, atol=0.6)
    np.testing.assert_allclose(windows.mean(axis=(1, 2)), 128, atol=1)
    white = cut([np.full(SHAPE, 255, np.uint8)], SheetAugment(noise=20))
    assert white.max() == 255


def test_noise_on_windows_larger_than_its_field() -> None:
    grey = [np.full((1200, 1100), 128, np.uint8)]
    (window,) = cut(grey, SheetAugment(noise=100), rows=1200, columns=1100)
    assert window[1100:, 1050:].std() > 1


def test_all_is_off_by_default_and_each_has_its_own_strength() -> None:
    assert Augment() == OFF == PRESETS["off"]
    for part in (SheetAugment(), AudioAugment()):
        assert not any(getattr(part, f.name) for f in dataclasses.fields(part))
    for part in (STRONG.sheet, STRONG.audio):
        assert all(getattr(part, f.name) for f in dataclasses.fields(part))


def test_an_augmentation_from_a_file(tmp_path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[sheet]\nshift_px = 5\n[audio]\none_performance = true\nstretch = 0.1\n")
    mine = Augment(SheetAugment(shift_px=5), AudioAugment(one_performance=True, stretch=0.1))
    assert augmentation.load(file) == mine == augmentation.named(str(file))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[sheet]\nshift = 5\n", "no augmentation sheet.shift; did you mean sheet.shift_px?"),
        ("[audio]\nwow = 1\n", "no augmentation audio.wow; there are one_performance, jitter_fr"),
        ("[picture]\nblur_px = 1\n", "no table [picture]; there are [sheet] and [audio]"),
        ("sheet = 5\n", "sheet is not a table; write [sheet] above its strengths"),
        ("[audio]\nstretch = 0.6\n", "audio.stretch is 0.6; it must be a number from 0 to 0.5"),
        ("[audio]\nnoise = -1\n", "audio.noise is -1; it must be a number from 0 to 1000"),
        ("[sheet]\nscale = true\n", "sheet.scale is True; it must be a number from 0 to 0.5"),
        ("[audio]\none_performance = 1\n", "audio.one_performance is 1; it must be true or false"),
        ("[audio\n", "not a TOML file: "),
    ],
)
def test_what_is_wrong_in_a_file_is_said(text: str, says: str, tmp_path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(MsmdError) as raised:
        augmentation.load(file)
    assert str(raised.value).startswith(f"{file}: {says}")


@given(st.lists(st.integers(0, 2**62), min_size=1, max_size=50, unique=True), st.integers(0, 99))
def test_draws_are_all_different(index: list[int], seed: int) -> None:
    drawn = draws.uniforms(seed, 3, np.array(index), 7, 4)
    assert drawn.shape == (len(index), 4)
    assert ((drawn >= 0) & (drawn < 1)).all()
    assert len(np.unique(drawn)) == drawn.size


@pytest.mark.parametrize("seed", range(5))
def test_draws_are_even_and_independent(seed: int) -> None:
    many = draws.uniforms(seed, 3, np.arange(4000), 7, 2)
    assert abs(np.corrcoef(many.T)[0, 1]) < 0.08
    assert np.histogram(many, 10, (0, 1))[0].std() < 100
