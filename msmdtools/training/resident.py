"""Hold a split of snippets, decoded, in the memory of the device that trains.

A processor makes some 3,000 augmented pairs a second, and a GPU can train on tens of thousands. With the
stored pictures and spectrograms in its own memory it cuts and augments the windows itself.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from msmdtools.base.processors import processors
from msmdtools.errors import MsmdError
from msmdtools.loading import audio_augment, batch
from msmdtools.loading.batch import View
from msmdtools.snippets.reader import Split
from msmdtools.training import device_windows


@dataclass(frozen=True, eq=False)
class Windows:
    """Pairs on the device.

    Attributes:
        sheets: uint8 (pairs, rows, columns).
        spectrograms: float32 (pairs, 92, frames).
        index: the pairs' numbers in their split, (pairs,).
    """

    sheets: Tensor
    spectrograms: Tensor
    index: NDArray[np.int64]


class Resident:
    """The pairs of a split by their numbers, in the memory of a device: like `loading.pairs.Pairs`.

    The picture of an onset is held once, however many performances it has.

    Args:
        split: the split of snippets.
        view: the form of the pairs.
        device: the device.

    Attributes:
        split, view: as above.
        epoch: set by the sampler; not used.

    Raises:
        DatasetError: a shard is damaged.
        MsmdError: the device has too little memory.
    """

    def __init__(self, split: Split, view: View, device: torch.device) -> None:
        self.split, self.view, self.epoch = split, view, 0
        self._device = device
        info, audio = split.info, view.augment.audio
        before, after = audio_augment.needed(view.frames, audio)
        low = max(info.onset_frame - before, 0)
        frames = min(info.onset_frame + after, info.spectrogram_shape[1]) - low
        self._centre = info.onset_frame - low
        self._onset = split.index.group
        bands = info.spectrogram_shape[0]
        onsets = int(self._onset.max(initial=-1)) + 1
        try:
            self._sheets = torch.empty(
                (onsets, *info.sheet_shape), dtype=torch.uint8, device=device
            )
            self._sounds = torch.empty(
                (len(split), bands, frames), dtype=torch.float16, device=device
            )
        except RuntimeError as error:
            size = onsets * info.sheet_shape[0] * info.sheet_shape[1]
            size += 2 * len(split) * bands * frames
            raise MsmdError(
                f"{split.where}: needs {size / 1e9:.1f} GB on {device}, more than is free there; "
                "leave out --memory device"
            ) from error
        _, self._first = np.unique(self._onset, return_index=True)
        with ThreadPoolExecutor(processors(), "resident") as pool:
            for _ in pool.map(self._read, range(len(split.sizes))):
                pass

    def __len__(self) -> int:
        return len(self.split)

    def batch(self, numbers: Sequence[int], epoch: int) -> Windows:
        """The pairs with these numbers, in this order, with the augmentation of this epoch."""
        index = np.asarray(numbers, np.int64)
        onsets = torch.from_numpy(self._onset[index]).to(self._device)
        rows = torch.from_numpy(index).to(self._device)
        view, drawn = self.view, (self.view.seed, epoch, index)
        sheets = device_windows.sheets(
            self._sheets[onsets], view.rows, view.columns, view.augment.sheet, *drawn
        )
        spectrograms = device_windows.spectrograms(
            self._sounds[rows], self._centre, view.frames, view.augment.audio, *drawn
        )
        return Windows(sheets, spectrograms, index)

    def _read(self, group: int) -> None:
        """Decode a row group onto the device."""
        source = batch.read(self.split, group, self.view)
        rows = slice(source.first, source.first + len(source))
        self._sounds[rows] = torch.from_numpy(source.spectrograms.copy()).to(self._device)
        onsets = self._onset[rows]
        new = np.flatnonzero(self._first[onsets] == np.arange(rows.start, rows.stop))
        if len(new):
            pictures = np.stack([batch.decode(source, int(row)) for row in new])
            places = torch.from_numpy(onsets[new]).to(self._device)
            self._sheets[places] = torch.from_numpy(pictures).to(self._device)
