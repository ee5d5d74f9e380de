"""Make up pairs that can be learned in seconds: for tests, benchmarks, and a first try of a machine.

A pair is three notes at random places. On the sheet each is a dark blot, further right the later and
higher up the higher it is; in the spectrogram a decaying stretch at the same time and pitch. Every
number is drawn from the seed and the pair's number.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from msmdtools.features.spectrogram import BANDS
from msmdtools.loading.batch import Batch
from msmdtools.models.config import Config
from msmdtools.models.network import TwoTower
from msmdtools.training.batches import Training
from msmdtools.training.validation import embedded_retrieval

SYNTHETIC = "synthetic"
_NOTES = 3
_EPOCH = 100
# Where the notes of validation are drawn from.
_VALID = 1 << 32


def pairs(config: Config, seed: int, index: NDArray[np.int64]) -> Batch:
    """Make the pairs with these numbers.

    Args:
        config: the model, whose windows the pairs have.
        seed: of the notes.
        index: numbers of the pairs, (n,).

    Returns:
        Sheets uint8 (n, rows, columns), spectrograms float32 (n, 92, frames).
    """
    rows, columns = config.sheet_shape
    sheets = np.full((len(index), rows, columns), 255, np.uint8)
    sounds = np.zeros((len(index), BANDS, config.frames), np.float32)
    for n, number in enumerate(index.tolist()):
        random = np.random.default_rng([seed, number])
        for time, pitch in random.uniform(0.05, 0.9, (_NOTES, 2)):
            y, x = int((1 - pitch) * rows), int(time * columns)
            sheets[n, max(y - 3, 0) : y + 4, max(x - 4, 0) : x + 5] = 0
            first, band = int(time * config.frames), int(pitch * BANDS)
            decay = 2.0 * np.exp(-np.arange(config.frames - first) / 8)
            sounds[n, band, first:] = np.maximum(sounds[n, band, first:], decay)
    return Batch(sheets, sounds, index, {})


class SyntheticBatches:
    """Batches of made-up pairs; an epoch has 100 batches, and each batch its own pairs.

    Args:
        config: the model, whose windows and batch size the batches have.
        seed: of the notes.
        rank, ranks: number of this process among those of distributed training, and how many there are.
    """

    def __init__(self, config: Config, seed: int, rank: int = 0, ranks: int = 1) -> None:
        self._config, self._seed, self._rank, self._ranks = config, seed, rank, ranks

    def identity(self) -> dict[str, object]:
        """The settings that the batches depend on."""
        return {"snippets": SYNTHETIC, "seed": self._seed, "ranks": self._ranks}

    def read(self, epoch: int, batch: int) -> Iterator[Training]:
        """Yield batches without end, beginning with the given batch of the given epoch."""
        size = self._config.training.batch_size
        while True:
            for number in range(batch, _EPOCH):
                first = ((epoch * _EPOCH + number) * self._ranks + self._rank) * size
                batch_pairs = pairs(self._config, self._seed, np.arange(first, first + size))
                yield Training(
                    torch.from_numpy(batch_pairs.sheets),
                    torch.from_numpy(batch_pairs.spectrograms),
                    None,
                    batch_pairs.index,
                    epoch,
                    number,
                )
            epoch, batch = epoch + 1, 0

    def names(self, index: NDArray[np.int64]) -> list[str]:
        """Names of the pairs with these numbers."""
        return [f"{SYNTHETIC}/{i}" for i in index.tolist()]


class SyntheticValidation:
    """Retrieval among made-up pairs that no training sees.

    Args:
        config: the model, whose windows the pairs have.
        most: largest number of pairs.

    Attributes:
        candidates: number of pairs.
    """

    def __init__(self, config: Config, most: int) -> None:
        self.candidates = min(most, 200)
        index = _VALID + np.arange(self.candidates)
        self._batches = [pairs(config, 0, index)]

    def __call__(self, network: TwoTower) -> dict[str, dict[str, float]]:
        """Measure the metrics of a network, by direction and name."""
        return embedded_retrieval(network, self._batches)
