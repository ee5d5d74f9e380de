"""The batches that a training takes, without end, in an order that can be gone on with anywhere.

A split that fits is read into memory, and each batch has so many onsets of each of its pieces;
otherwise it is streamed, and the onsets of one piece are those that meet in a shuffle buffer, so that
small pieces come in mixed runs. Both are by the seed and the epoch alone, and batches are made ahead
of their use in threads.
"""

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor

from msmdtools.errors import MsmdError
from msmdtools.models.config import Config
from msmdtools.snippets.batch import Batch
from msmdtools.snippets.loader import Stream
from msmdtools.snippets.pairs import Pairs, PieceBatches
from msmdtools.snippets.reader import Snippets
from msmdtools.training import music

MEMORY = ("auto", "in-memory", "stream")
_AHEAD = 4
_THREADS = 2
_STREAM_BUFFER = 16_384
# About what a PNG of a sheet window takes.
_SHEET_BYTES = 10_000


@dataclass(frozen=True, eq=False)
class Training:
    """One batch.

    Attributes:
        sheets: uint8 (pairs, rows, columns).
        spectrograms: float16 or float32 (pairs, 92, frames).
        same: bool (pairs, pairs), which are the same music; None where that does not matter.
        epoch, number: the batch is the `number`-th of its epoch, from 0.
        what: names of its onsets, for messages.
    """

    sheets: Tensor
    spectrograms: Tensor
    same: Tensor | None
    epoch: int
    number: int
    what: tuple[str, ...]


class Source(Protocol):
    """Where batches come from: snippets, or what is made up."""

    def identity(self) -> dict[str, object]:
        """What the order and the content of the batches depend on, as plain values."""
        ...

    def read(self, epoch: int, batch: int) -> Iterator[Training]:
        """Batches without end, from this one of this epoch on."""
        ...


class SnippetBatches:
    """Batches of the training split of snippets.

    Args:
        memory: "in-memory", "stream", or "auto": in memory if that takes less than half of the machine's.
        rank, ranks: this process among those of distributed training; no pair is in two of them.

    Raises:
        DatasetError: the shards are damaged, or their context is shorter than the model's.
        MsmdError: the batch size is no multiple of the onsets per piece.
    """

    def __init__(
        self,
        snippets: Snippets,
        config: Config,
        *,
        split: str = "train",
        seed: int = 0,
        memory: str = "auto",
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        training = config.training
        self._size, self._onsets = training.batch_size, training.onsets_per_piece
        if self._onsets and self._size % self._onsets:
            raise MsmdError(
                f"training.batch_size is {self._size}, no multiple of the {self._onsets} onsets_per_piece"
            )
        self._seed, self._rank, self._ranks = seed, rank, ranks
        view: dict[str, Any] = {
            "context_s": config.context_s,
            "window": config.sheet_shape,
            "augment": config.augment,
            "seed": seed,
            "columns": ("piece", "onset"),
        }
        # Opened first without its rows: to see whether they fit.
        pairs = Pairs(snippets, split, **view)
        if len(pairs) < self._size:
            raise MsmdError(
                f"{pairs.split.where}: {len(pairs)} pairs are less than a batch of {self._size}; "
                "set training.batch_size, or export more snippets"
            )
        self.in_memory = memory == "in-memory" or (memory == "auto" and _fits(pairs))
        self._pairs = Pairs(snippets, split, **view, in_memory=True) if self.in_memory else pairs
        self._split = pairs.split
        self._stream = None if self.in_memory else self._streamed(snippets, split, view)
        self._keys = music.keys(pairs.split, config.context_s) if training.mask_same else None

    def identity(self) -> dict[str, object]:
        """What the order and the content of the batches depend on."""
        return {
            "snippets": self._split.info.dataset_sha256,
            "rows": len(self._split),
            "batch_size": self._size,
            "onsets_per_piece": self._onsets,
            "in_memory": self.in_memory,
            "seed": self._seed,
            "ranks": self._ranks,
        }

    def read(self, epoch: int, batch: int) -> Iterator[Training]:
        """Batches without end, from this one of this epoch on."""
        if self._stream is not None:
            yield from self._streams(self._stream, epoch, batch)
        else:
            yield from self._pieces(epoch, batch)

    def _pieces(self, epoch: int, batch: int) -> Iterator[Training]:
        """In memory: the sampler says which rows, threads make the batches."""
        onsets = self._onsets or 1
        sampler = PieceBatches(
            self._pairs,
            self._size // onsets,
            onsets,
            seed=self._seed,
            rank=self._rank,
            ranks=self._ranks,
        )
        if not len(sampler):
            raise MsmdError(
                f"{self._split.where}: fewer onsets than a batch of {self._size} for each of "
                f"{self._ranks} processes; set training.batch_size"
            )
        sampler.epoch, sampler.batches = epoch, batch
        with ThreadPoolExecutor(_THREADS, "batches") as pool:
            line: deque[Future[Training]] = deque()
            try:
                while True:
                    epoch, first = sampler.epoch, sampler.batches
                    for number, rows in enumerate(sampler, first):
                        line.append(pool.submit(self._made, epoch, number, rows))
                        if len(line) > _AHEAD:
                            yield line.popleft().result()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _made(self, epoch: int, number: int, rows: list[int]) -> Training:
        return self._training(self._pairs.batch(rows, epoch), epoch, number)

    def _streamed(self, snippets: Snippets, split: str, view: dict[str, Any]) -> Stream:
        augment = view["augment"]
        audio = replace(augment.audio, one_performance=True)
        return Stream(
            snippets,
            split,
            self._size,
            **{**view, "augment": replace(augment, audio=audio)},
            buffer=_STREAM_BUFFER,
            per_piece=self._onsets or None,
            drop_last=True,
        )

    def _streams(self, stream: Stream, epoch: int, batch: int) -> Iterator[Training]:
        while True:
            found = stream.read(epoch, batch, self._rank, self._ranks)
            for number, one in enumerate(found, batch):
                yield self._training(one, epoch, number)
            epoch, batch = epoch + 1, 0

    def _training(self, batch: Batch, epoch: int, number: int) -> Training:
        same = None
        if self._keys is not None:
            groups = self._split.index.group[batch.index]
            same = torch.from_numpy(music.same(self._keys[batch.index], groups))
        names = zip(batch.columns["piece"], batch.columns["onset"], strict=True)
        return Training(
            torch.from_numpy(batch.sheets),
            torch.from_numpy(batch.spectrograms),
            same,
            epoch,
            number,
            tuple(f"{piece}/{onset}" for piece, onset in names),
        )


def _fits(pairs: Pairs) -> bool:
    """Whether a split takes less than half of the machine's memory."""
    bands, frames = pairs.split.info.spectrogram_shape
    need = len(pairs) * (2 * bands * min(frames, pairs.view.frames + 16) + _SHEET_BYTES)
    return need < os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2
