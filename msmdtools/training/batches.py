"""Make the batches of a training, without end, in an order that can be continued from any batch.

A split that fits is read into memory, still encoded, or decoded into that of the device (`resident`),
and each batch has the same number of onsets of each of its pieces, drawn from all of the split. Otherwise
it is streamed, and the onsets of one piece are those that meet in a shuffle buffer, so that small pieces
come in mixed runs. Either way an epoch has each onset once, in a performance drawn anew; batches depend on
the seed and the epoch alone. Threads make them ahead of their use, or, on processors, between steps.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from msmdtools.base.processors import processors
from msmdtools.base.quantities import how_many
from msmdtools.errors import MsmdError
from msmdtools.loading import batch as views
from msmdtools.loading.batch import Batch
from msmdtools.loading.loader import Stream, ahead
from msmdtools.loading.pairs import Pairs, PieceBatches
from msmdtools.models.config import Config
from msmdtools.snippets.reader import Split
from msmdtools.training import music
from msmdtools.training.hardware import free_memory
from msmdtools.training.resident import Resident, Windows

# Most threads: they share the processors with the calculation, and one makes some 3,000 pairs a second.
# Then the number of batches that each may make ahead.
_THREADS = 8
_AHEAD = 4
_STREAM_BUFFER = 16_384
# Approximate bytes of a sheet window, as PNG and once decoded, and the frames that augmentation may need
# beside a window.
_SHEET_BYTES = 10_000
_MARGIN_FRAMES = 16
# The share of the free memory that the split may take.
_SHARE = 0.6


@dataclass(frozen=True, eq=False)
class Training:
    """One batch of training pairs.

    Attributes:
        sheets: uint8 (pairs, rows, columns).
        spectrograms: float32 (pairs, 92, frames).
        music: int64 (pairs, keys); pairs with a key in common are the same music. None if pairs of the
            same music may be negatives.
        index: the pairs' numbers in their source, (pairs,).
        epoch, number: the batch is the `number`-th of its epoch, from 0.
    """

    sheets: Tensor
    spectrograms: Tensor
    music: Tensor | None
    index: NDArray[np.int64]
    epoch: int
    number: int


def join(batches: Sequence[Training]) -> Training:
    """Join the pairs of several batches to one batch; its number is that of the last."""
    if len(batches) == 1:
        return batches[0]
    keys = [batch.music for batch in batches if batch.music is not None]
    return replace(
        batches[-1],
        sheets=torch.cat([batch.sheets for batch in batches]),
        spectrograms=torch.cat([batch.spectrograms for batch in batches]),
        music=torch.cat(keys) if keys else None,
        index=np.concatenate([batch.index for batch in batches]),
    )


class Source(Protocol):
    """Where batches come from: snippets, or made-up pairs."""

    def identity(self) -> dict[str, object]:
        """The settings that the order and the content of the batches depend on, as plain values."""
        ...

    def read(self, epoch: int, batch: int) -> Iterator[Training]:
        """Yield batches without end, beginning with the given batch of the given epoch."""
        ...

    def names(self, index: NDArray[np.int64]) -> list[str]:
        """Names of the pairs with these numbers, for messages."""
        ...


class SnippetBatches:
    """Batches of a split of snippets.

    Args:
        split: of one folder, or of several that were joined.
        config: the model, whose windows and batch size the batches have.
        seed: of the order and of augmentation.
        memory: one of `options.MEMORY`; "auto" holds the split in memory if it takes no more than
            0.6 of the free memory.
        device: the device that trains, and holds the split if `memory` is "device".
        rank, ranks: number of this process among those of distributed training, and how many there
            are; no pair is in two of them.
        beside: how many of these processes are on this machine, and share its memory.

    Attributes:
        in_memory: whether the split is held in memory.

    Raises:
        DatasetError: the shards are damaged, or their windows are smaller than the model's.
        MsmdError: there are fewer onsets than a batch needs.
    """

    def __init__(
        self,
        split: Split,
        config: Config,
        *,
        seed: int = 0,
        memory: str = "auto",
        device: torch.device | None = None,
        rank: int = 0,
        ranks: int = 1,
        beside: int = 1,
    ) -> None:
        training = config.training
        self._size, self._onsets = training.batch_size, training.onsets_per_piece
        self._seed, self._rank, self._ranks = seed, rank, ranks
        self._split = split
        self.in_memory = memory in ("in-memory", "device") or (
            memory == "auto" and need(split, config) * beside < free_memory() * _SHARE
        )
        # A batch that is made during a step on processors would delay one of the step's threads, for
        # which all others wait: so all threads make it, between two steps.
        on_processors = device is None or device.type == "cpu"
        self._between = (
            on_processors and torch.get_num_threads() >= processors() and memory != "device"
        )
        self._pairs: Pairs | Resident | None = None
        self._stream: Stream | None = None
        view: dict[str, Any] = {
            "context_s": config.context_s,
            "window": config.sheet_shape,
            "seed": seed,
            "columns": (),
            # Augmentation returns this type anyway, and the network converts others to it.
            "spectrogram_type": "float32",
        }
        if memory == "device":
            view.update(augment=config.augment)
            device_view = views.view(split.info, **view)
            self._pairs = Resident(split, device_view, device or torch.device("cpu"))
        elif self.in_memory:
            self._pairs = Pairs(split, split.name, **view, augment=config.augment, in_memory=True)
        else:
            self._stream = self._streamed(split, config, view)
        onsets = len(np.unique(self._split.index.group))
        if onsets < self._size * ranks:
            several = f", for each of {ranks} processes" if ranks > 1 else ""
            raise MsmdError(
                f"{self._split.where} has {how_many(onsets, 'onset')}, less than one batch of {self._size}"
                f"{several}; lower training.batch_size, or export more snippets"
            )
        self._keys = music.keys(self._split, config.context_s) if training.mask_same else None

    def identity(self) -> dict[str, object]:
        """The settings that the order and the content of the batches depend on."""
        values: dict[str, object] = {
            "snippets": self._split.info.dataset_sha256,
            "rows": len(self._split),
            "in_memory": self.in_memory,
            "seed": self._seed,
            "ranks": self._ranks,
        }
        return values if self._stream is None else {**values, "buffer": self._stream.buffer}

    def names(self, index: NDArray[np.int64]) -> list[str]:
        """Pieces and onsets of these rows, for messages."""
        rows = self._split.index
        return [f"{rows.pieces[rows.piece[i]]}/{rows.onset[i]}" for i in index.tolist()]

    def read(self, epoch: int, batch: int) -> Iterator[Training]:
        """Yield batches without end, beginning with the given batch of the given epoch."""
        if self._stream is not None:
            return self._streams(self._stream, epoch, batch)
        assert self._pairs is not None
        return self._pieces(self._pairs, epoch, batch)

    def _pieces(self, pairs: Pairs | Resident, epoch: int, batch: int) -> Iterator[Training]:
        """In memory: the sampler chooses the rows, threads make the batches."""
        # Pieces of one onset each are a random order of all onsets.
        onsets = self._onsets or 1
        sampler = PieceBatches(
            pairs,
            self._size // onsets,
            onsets,
            seed=self._seed,
            rank=self._rank,
            ranks=self._ranks,
        )
        sampler.epoch, sampler.batches = epoch, batch

        def orders() -> Iterator[tuple[int, int, list[int]]]:
            while True:
                epoch, first = sampler.epoch, sampler.batches
                for number, rows in enumerate(sampler, first):
                    yield epoch, number, rows

        def make(epoch: int, number: int, rows: Sequence[int]) -> Training:
            return self._training(pairs.batch(rows, epoch), epoch, number)

        if self._between:
            threads = min(_THREADS, processors())
            with ThreadPoolExecutor(threads, "batches") as pool:
                for order in orders():
                    parts = np.array_split(order[2], min(threads, len(order[2])))
                    rows = (part.tolist() for part in parts)
                    yield join(list(pool.map(partial(make, *order[:2]), rows)))
        # A device makes one batch after the other.
        threads = 1 if isinstance(pairs, Resident) else max(1, min(_THREADS, processors() // 2))
        with ThreadPoolExecutor(threads, "batches") as pool:
            calls = (partial(make, *order) for order in orders())
            yield from ahead(pool, calls, _AHEAD * threads + 1)

    def _streamed(self, split: Split, config: Config, view: dict[str, Any]) -> Stream:
        audio = replace(config.augment.audio, one_performance=True)
        return Stream(
            split,
            split.name,
            self._size,
            **view,
            augment=replace(config.augment, audio=audio),
            buffer=_STREAM_BUFFER,
            per_piece=self._onsets or None,
            drop_last=True,
        )

    def _streams(self, stream: Stream, epoch: int, batch: int) -> Iterator[Training]:
        while True:
            batches = stream.read(epoch, batch, self._rank, self._ranks)
            for number, pairs in enumerate(batches, batch):
                yield self._training(pairs, epoch, number)
            epoch, batch = epoch + 1, 0

    def _training(self, batch: Batch | Windows, epoch: int, number: int) -> Training:
        keys = None if self._keys is None else torch.from_numpy(self._keys[batch.index])
        return Training(
            torch.as_tensor(batch.sheets),
            torch.as_tensor(batch.spectrograms),
            keys,
            batch.index,
            epoch,
            number,
        )


def need(split: Split, config: Config) -> int:
    """Estimate the bytes that a split takes in memory, as windows of a model are read from it."""
    bands, stored = split.info.spectrogram_shape
    frames = min(stored, config.frames + _MARGIN_FRAMES)
    return len(split) * (2 * bands * frames + _SHEET_BYTES)
