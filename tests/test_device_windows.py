"""Windows cut on a device are those cut on processors: same draws, same pictures, same sounds."""

import dataclasses

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")

from msmdtools.loading import audio_augment, sheet_augment  # noqa: E402
from msmdtools.loading.augment import STRONG, AudioAugment, SheetAugment  # noqa: E402
from msmdtools.training import device_windows  # noqa: E402

PAIRS, ROWS, COLUMNS = 24, 60, 80
INDEX = np.arange(PAIRS) * 7 + 3
STRONGER = {"thickness_px": 3.0, "blur_px": 3.0, "stains": 4.0}


def pictures():
    """Soft random pictures, wider than high, with lines of one pixel."""
    random = np.random.default_rng(1)
    noise = random.integers(0, 256, (PAIRS, ROWS + 24, COLUMNS + 31), np.uint8)
    stored = np.stack([cv2.GaussianBlur(one, (0, 0), 4) for one in noise])
    stored[:, ::9] = 40
    return stored


def spectrograms(frames=70):
    random = np.random.default_rng(2)
    return random.uniform(0, 1, (PAIRS, 92, frames)).astype(np.float16)


@pytest.mark.parametrize(
    "augment",
    [
        SheetAugment(),
        SheetAugment(shift_px=40),
        *(
            SheetAugment(**{name: STRONGER.get(name, getattr(STRONG.sheet, name))})
            for name in (f.name for f in dataclasses.fields(SheetAugment))
        ),
    ],
    ids=str,
)
def test_sheets_are_those_of_processors(augment):
    stored = pictures()
    args = (ROWS, COLUMNS, augment, 3, 2, INDEX)
    expected = sheet_augment.cut(list(stored), *args).astype(int)
    found = device_windows.sheets(torch.from_numpy(stored), *args)
    assert found.dtype == torch.uint8
    differ = np.abs(found.numpy().astype(int) - expected)
    if not (augment.scale or augment.rotation_deg):
        # OpenCV's blur and blend are in fixed point.
        assert differ.max() <= (1 if augment.thickness_px or augment.blur_px else 0)
    else:  # where the lines are, 1/32 pixel are some levels
        assert differ.mean() < 0.8 and differ.max() <= 12


@pytest.mark.parametrize(
    "augment",
    [
        AudioAugment(),
        AudioAugment(jitter_frames=30),
        *(
            AudioAugment(**{f.name: getattr(STRONG.audio, f.name)})
            for f in dataclasses.fields(AudioAugment)
        ),
        dataclasses.replace(STRONG.audio, room_s=3.0),
    ],
    ids=str,
)
@pytest.mark.parametrize("centre", [35, 9])
def test_spectrograms_are_those_of_processors(augment, centre):
    stored = spectrograms()
    args = (centre, 30, augment, 3, 2, INDEX)
    expected = audio_augment.cut(list(stored), *args)
    found = device_windows.spectrograms(torch.from_numpy(stored), *args)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), expected, atol=2e-6)
