"""Cut and augment windows on a device, many at once.

The functions do what `loading.sheet_augment` and `loading.audio_augment` do on processors, with the same
random numbers. Sheets agree to a grey level or two, because OpenCV rounds places to 1/32 pixel when it
interpolates; spectrograms agree to the last bits.
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from msmdtools.base import draws
from msmdtools.features.spectrogram import FRAMES_PER_SECOND
from msmdtools.loading import audio_augment as audio
from msmdtools.loading import sheet_augment as sheet
from msmdtools.loading.augment import AudioAugment, SheetAugment

_WHITE = float(sheet.WHITE)


def sheets(
    pictures: Tensor,
    rows: int,
    columns: int,
    augment: SheetAugment,
    seed: int,
    epoch: int,
    index: NDArray[np.int64],
) -> Tensor:
    """Cut windows out of sheet pictures and augment them, as `loading.sheet_augment.cut` does.

    Args:
        pictures: uint8 (pairs, stored rows, stored columns), the onset in the middle of each.
        rows, columns: size of a window in pixels.
        augment: what to vary, and how much at most.
        seed, epoch: with each pair's index, what the random numbers depend on.
        index: the pairs' indices in their split, (pairs,).

    Returns:
        uint8 (pairs, rows, columns) on the same device.
    """

    def between(low: float, high: float, stream: int) -> Tensor:
        return _on(pictures, draws.between(low, high, seed, epoch, index, stream))[:, None, None]

    def uniforms(stream: int, count: int) -> Tensor:
        return _on(pictures, draws.uniforms(seed, epoch, index, stream, count))

    shift = augment.shift_px * (2 * uniforms(sheet.SHIFT, 2) - 1)
    scale = 1 + between(-augment.scale, augment.scale, sheet.SCALE)
    turn = augment.rotation_deg
    angle = torch.deg2rad(between(-turn, turn, sheet.ROTATION))
    if not (augment.scale or augment.rotation_deg):
        shift = torch.round(shift)
    windows = _place(pictures, rows, columns, shift, scale, angle)
    if augment.thickness_px:
        px = augment.thickness_px
        windows = _thickened(windows, between(-px, px, sheet.THICKNESS))
    if augment.blur_px:
        windows = _blurred(windows, between(0, augment.blur_px, sheet.BLUR).flatten())
    if augment.contrast:
        paper, ink = (augment.contrast * uniforms(sheet.CONTRAST, 2)).T[:, :, None, None]
        windows = torch.round(_WHITE * ink + windows * (1 - paper - ink)).clip(0, _WHITE)
    if augment.stains:
        count = int(np.ceil(augment.stains))
        windows = _stained(windows, augment.stains, uniforms(sheet.STAINS, 1 + 5 * count))
    if augment.noise:
        windows = _with_noise(windows, augment.noise, uniforms(sheet.NOISE, 3))
    return windows.to(torch.uint8)


def spectrograms(
    stored: Tensor,
    centre: int,
    frames: int,
    augment: AudioAugment,
    seed: int,
    epoch: int,
    index: NDArray[np.int64],
) -> Tensor:
    """Cut windows out of spectrograms and augment them, as `loading.audio_augment.cut` does.

    Args:
        stored: float16 (pairs, bands, stored frames).
        centre: the onset's frame in the stored spectrograms; it becomes frame `frames // 2` of the window.
        frames: frames of a window.
        augment: what to vary, and how much at most.
        seed, epoch: with each pair's index, what the random numbers depend on.
        index: the pairs' indices in their split, (pairs,).

    Returns:
        float32 (pairs, bands, frames) on the same device.
    """

    def between(low: float, high: float, stream: int) -> Tensor:
        return _on(stored, draws.between(low, high, seed, epoch, index, stream))

    def uniforms(stream: int, count: int) -> Tensor:
        return _on(stored, draws.uniforms(seed, epoch, index, stream, count))

    jitter = int(augment.jitter_frames)
    shift = torch.floor(between(-jitter, jitter + 1, audio.JITTER))
    lead = min(audio.lead_frames(augment), max(centre - frames // 2 - jitter, 0))
    speed = between(1 - augment.stretch, 1 + augment.stretch, audio.STRETCH)
    windows = _at(stored, centre, frames // 2 + lead + shift, frames + lead, speed)
    if augment.room_s or augment.filter_db or augment.gain_db or augment.noise:
        magnitudes = torch.expm1(windows * audio.LN10)
        if augment.room_s:
            _reverberate(magnitudes, augment.room_s * uniforms(audio.ROOM, 1))
        magnitudes = magnitudes[:, :, lead:]
        gains = audio.gains(augment, seed, epoch, index, stored.shape[1])
        magnitudes = magnitudes * _on(stored, gains).float()
        if augment.noise:
            level, place = uniforms(audio.NOISE, 2).T[:, :, None]
            field = _noise(stored.device, audio.noise_field)
            size = magnitudes[0].numel()
            begin = (place * (len(field) - size)).long()
            energy = field[begin + torch.arange(size, device=stored.device)]
            energy = energy.view_as(magnitudes) * ((augment.noise * level) ** 2).float()[..., None]
            magnitudes = torch.sqrt(magnitudes * magnitudes + energy)
        windows = torch.log1p(magnitudes) / audio.LN10
    for most, axis, stream in (
        (augment.time_mask_frames, 2, audio.TIME_MASK),
        (augment.frequency_mask_bands, 1, audio.BAND_MASK),
    ):
        if most:
            windows = windows.masked_fill(_masked(windows, most, axis, uniforms(stream, 2)), 0)
    return windows


def _place(
    pictures: Tensor, rows: int, columns: int, shift: Tensor, scale: Tensor, angle: Tensor
) -> Tensor:
    """Cut windows whose middle, shifted, is the pictures' middle: float32, grey levels."""
    height, width = pictures.shape[1:]
    cos, sin = (torch.cos(angle) / scale).float(), (torch.sin(angle) / scale).float()
    shift = shift.float()
    middle_y, middle_x = (rows - 1) / 2, (columns - 1) / 2
    down = torch.arange(rows, device=pictures.device)[:, None] - middle_y - shift[:, :1, None]
    across = torch.arange(columns, device=pictures.device) - middle_x - shift[:, 1:, None]
    x = sheet.begin(width, columns) + middle_x + cos * across + sin * down
    y = sheet.begin(height, rows) + middle_y - sin * across + cos * down
    # From -1 to 1 between the middles of the outermost pixels.
    grid = torch.stack([2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1], 3)
    ink = (_WHITE - pictures.float())[:, None]
    ink = F.grid_sample(ink, grid, padding_mode="zeros", align_corners=True)[:, 0]
    return _WHITE - torch.round(ink)


def _thickened(windows: Tensor, px: Tensor) -> Tensor:
    """Thicken or thin strokes as `loading.sheet_augment.thicken` does; px (pairs, 1, 1)."""
    sign = torch.where(px > 0, 1.0, -1.0).float()
    ink = -windows * sign  # thinner ink is thicker paper
    whole, part = torch.div(px.abs(), 2, rounding_mode="floor"), px.abs() % 2
    for step in range(int(px.abs().max()) // 2):
        ink = torch.where(whole > step, _largest(ink), ink)
    ink = torch.lerp(ink, _largest(ink), (part / 2).float())
    return torch.round(-ink * sign)


def _largest(x: Tensor) -> Tensor:
    return F.max_pool2d(x[:, None], 3, 1, 1)[:, 0]


def _blurred(windows: Tensor, sigma: Tensor) -> Tensor:
    """Blur by a Gaussian as OpenCV does, of sigma (pairs,); not at all below 0.3."""
    sigma = sigma.float()
    radius = (torch.round(sigma * 6 + 1).long() | 1) // 2
    most = int(radius.max())
    at = torch.arange(-most, most + 1, device=windows.device)
    kernel = torch.exp(-0.5 * (at / sigma.clamp(min=1e-3)[:, None]) ** 2)
    kernel = torch.where(at.abs() <= radius[:, None], kernel, 0)
    kernel = torch.where((sigma < 0.3)[:, None], (at == 0).float(), kernel)
    kernel = (kernel / kernel.sum(1, keepdim=True))[:, None, None]
    pairs = len(windows)
    x = F.pad(windows[None], (most, most, most, most), mode="reflect")
    x = F.conv2d(F.conv2d(x, kernel, groups=pairs), kernel.transpose(2, 3), groups=pairs)
    return torch.round(x[0])


def _stained(windows: Tensor, most: float, drawn: Tensor) -> Tensor:
    """Darken by soft ellipses; drawn (pairs, 1 + 5 x stains): how many, and the numbers of each."""
    height, width = windows.shape[1:]
    count = torch.round(most * drawn[:, 0])[:, None, None]
    rows = torch.arange(height, device=windows.device)[:, None]
    columns = torch.arange(width, device=windows.device)
    for number, stain in enumerate(drawn[:, 1:].unflatten(1, (-1, 5)).unbind(1)):
        y, x, size, roundness, darkness = stain.T[:, :, None, None]
        rx = height * (0.03 + 0.2 * size**2)
        ry = rx * (0.6 + 0.4 * roundness)
        y, x = y * height, x * width
        blot = torch.exp(-((((rows - y) / ry) ** 2 + ((columns - x) / rx) ** 2) ** 2))
        darker = torch.floor(windows * (1 - sheet.MOST_BLOT * darkness * blot)).float()
        high = (rows >= torch.floor(y - 2 * ry)) & (rows <= torch.floor(y + 2 * ry))
        wide = (columns >= torch.floor(x - 2 * rx)) & (columns <= torch.floor(x + 2 * rx))
        windows = torch.where(high & wide & (number < count), darker, windows)
    return windows


def _with_noise(windows: Tensor, most: float, drawn: Tensor) -> Tensor:
    sigma, top, left = drawn.T[:, :, None, None]
    height, width = windows.shape[1:]
    field = _noise(windows.device, sheet.noise_field)
    y = (top * (field.shape[0] - height + 1)).long()
    x = (left * (field.shape[1] - width + 1)).long()
    rows = torch.arange(height, device=windows.device)[:, None]
    noise = field[y + rows, x + torch.arange(width, device=windows.device)]
    return torch.round(windows + (most * sigma).float() * noise).clip(0, _WHITE)


def _at(stored: Tensor, centre: int, before: Tensor, frames: int, speed: Tensor) -> Tensor:
    """Windows `speed` times as fast, the stored frame `centre` at frame `before`: float32."""
    count = stored.shape[2]
    place = torch.arange(frames, device=stored.device) - before[:, None]
    place = (centre + place * speed[:, None]).clip(-1, count) + 1
    left = place.long().clip(max=count)
    source = F.pad(stored, (1, 1)).float()  # silence at either end
    index = left[:, None, :].expand(-1, stored.shape[1], -1)
    weight = (place - left).float()[:, None]
    return torch.lerp(source.gather(2, index), source.gather(2, index + 1), weight)


def _reverberate(magnitudes: Tensor, seconds: Tensor) -> None:
    """Reverberate as `loading.audio_augment` does, in place; seconds (pairs, 1)."""
    factor = (10 ** (-6 / (FRAMES_PER_SECOND * seconds))).float()
    tail = torch.zeros_like(magnitudes[:, :, 0])
    for frame in range(magnitudes.shape[2]):
        energy = magnitudes[:, :, frame] ** 2
        magnitudes[:, :, frame] = torch.sqrt(energy + tail / 4)
        tail = (tail + energy) * factor


def _masked(windows: Tensor, most: float, axis: int, drawn: Tensor) -> Tensor:
    """Mark a random silent stretch along an axis: bool, (pairs, 1, frames) or (pairs, bands, 1)."""
    length = windows.shape[axis]
    width = torch.floor(drawn[:, :1] * (int(most) + 1)).clip(max=length)
    first = torch.floor(drawn[:, 1:] * (length - width + 1))
    at = torch.arange(length, device=windows.device)
    return ((at >= first) & (at < first + width)).unsqueeze(1 if axis == 2 else 2)


_fields: dict[tuple[torch.device, Any], Tensor] = {}


def _noise(device: torch.device, make: Any) -> Tensor:
    """A field of noise on a device, copied there once."""
    if (device, make) not in _fields:
        _fields[device, make] = torch.from_numpy(make().copy()).to(device)
    return _fields[device, make]


def _on(like: Tensor, numbers: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(numbers)).to(like.device, non_blocking=True)
