"""Load snippets in PyTorch: streaming and map-style datasets, and a loader that resumes exactly.

Batches are dictionaries: "sheet" (pairs, rows, columns), "spectrogram" (pairs, 92, frames) and
"index" (pairs,) as tensors, and the other columns as tensors, or as lists where they are text or
lists. Batches are made by the datasets, so a DataLoader needs `batch_size=None`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
import torch.distributed
from torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info

from msmdtools.errors import MsmdError
from msmdtools.loading import order
from msmdtools.loading.batch import Batch
from msmdtools.loading.loader import Stream
from msmdtools.loading.pairs import Pairs

Tensors = dict[str, Any]


def tensors(batch: Batch) -> Tensors:
    """Make tensors of a batch; arrays are not copied."""
    values_of: Tensors = {
        "sheet": torch.from_numpy(batch.sheets),
        "spectrogram": torch.from_numpy(batch.spectrograms),
        "index": torch.from_numpy(batch.index),
    }
    for name, values in batch.columns.items():
        text = values.dtype == object
        values_of[name] = values.tolist() if text else torch.from_numpy(values)
    return values_of


class StreamDataset(IterableDataset[Tensors]):
    """The batches of a stream, dealt out to the workers of a DataLoader and the ranks of training.

    Each pair comes once in an epoch, from one worker of one rank. `StreamLoader` sets the attributes.

    Args:
        stream: the batches.
        rank, ranks: number of this process among those of distributed training, and how many there
            are; None for those of torch.distributed, where it is initialised.

    Attributes:
        epoch: the epoch that iterating yields.
        skip: how many batches of each share to leave out; shares are numbered like workers.
        turn: number of the share that the first worker reads, whose batch is next.
    """

    def __init__(self, stream: Stream, rank: int | None = None, ranks: int | None = None) -> None:
        self.stream = stream
        self.rank, self.ranks = _ranks(rank, ranks)
        self.epoch = 0
        self.skip: Sequence[int] = ()
        self.turn = 0

    def __iter__(self) -> Iterator[Tensors]:
        worker = get_worker_info()
        number, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        if worker:
            import cv2

            # Threads do not survive a fork, and there are workers enough.
            cv2.setNumThreads(0)
            if self.stream.threads is None:
                self.stream.threads = 0
        number = (number + self.turn) % workers
        skip = self.skip[number] if self.skip else 0
        reader, readers = self.rank * workers + number, self.ranks * workers
        for batch in self.stream.read(self.epoch, skip, reader, readers):
            yield tensors(batch)

    def counts(self, workers: int) -> list[int]:
        """Number of batches that each worker of this rank has in the epoch."""
        readers, first = self.ranks * workers, self.rank * workers
        return [self.stream.count(self.epoch, first + w, readers) for w in range(workers)]


class StreamLoader:
    """A DataLoader over a stream. Iterating yields one epoch and then moves on to the next.

    Its state can be saved between any two batches and loaded into another loader, which then yields
    exactly the batches that would have followed: same pairs, same order, same augmentation. The
    numbers of workers and ranks must be the same, as the order depends on them.

    Args:
        stream: the batches.
        workers: processes that read; 0 for threads of this process, as many as the stream has.
        rank, ranks: number of this process among those of distributed training, and how many there
            are; None for those of torch.distributed, where it is initialised.
        options: further arguments of DataLoader, such as pin_memory or prefetch_factor.

    Attributes:
        epoch: the epoch that the next batch belongs to.
        batches: how many of its batches have been yielded.
    """

    def __init__(
        self,
        stream: Stream,
        workers: int = 0,
        *,
        rank: int | None = None,
        ranks: int | None = None,
        **options: Any,
    ) -> None:
        self.dataset = StreamDataset(stream, rank, ranks)
        self._workers = workers
        self._options = options
        self.epoch = 0
        self.batches = 0

    def __iter__(self) -> Iterator[Tensors]:
        epoch = self.epoch
        self.dataset.epoch = epoch
        counts = self.dataset.counts(max(self._workers, 1))
        # A DataLoader takes one batch of each worker in turn, beginning with the first.
        self.dataset.skip = _per_worker(counts, self.batches)
        self.dataset.turn = self.batches % len(counts)
        loader = DataLoader(
            self.dataset, batch_size=None, num_workers=self._workers, **self._options
        )
        for batch in loader:
            self.batches += 1
            yield batch
        self.epoch, self.batches = epoch + 1, 0

    def __len__(self) -> int:
        """Batches in the present epoch, for this rank."""
        self.dataset.epoch = self.epoch
        return sum(self.dataset.counts(max(self._workers, 1)))

    def state_dict(self) -> dict[str, Any]:
        """The position of the loader between two batches, as plain values that JSON can hold."""
        return {"epoch": self.epoch, "batches": self.batches, **self._identity()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go to the saved position of another loader. Raises MsmdError if its batches are others."""
        self.epoch, self.batches = order.position(state, self._identity())

    def _identity(self) -> dict[str, Any]:
        dataset = self.dataset
        readers = {"workers": max(self._workers, 1), "ranks": dataset.ranks}
        return {**dataset.stream.identity(), **readers}


class PairsDataset(Dataset[Tensors]):
    """Pairs by number. A list of numbers returns a batch, so batches come from a sampler:

    `DataLoader(dataset, sampler=PieceBatches(pairs), batch_size=None)`, or with
    `BatchSampler(RandomSampler(dataset), 100, drop_last=True)` for any other choice. A single number
    returns one pair, without the first axis.

    Without `in_memory` every batch of random numbers reads as many row groups as it has pairs.
    """

    def __init__(self, pairs: Pairs) -> None:
        self.pairs = pairs

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, number: int | Sequence[int]) -> Tensors:
        if isinstance(number, (int, np.integer)):
            batch = tensors(self.pairs.batch([int(number)]))
            return {name: values[0] for name, values in batch.items()}
        return tensors(self.pairs.batch(number))

    def __getitems__(self, numbers: Sequence[int]) -> list[Tensors]:
        """The pairs of a batch one by one, for a DataLoader that puts them together itself."""
        batch = tensors(self.pairs.batch(numbers))
        return [{name: v[i] for name, v in batch.items()} for i in range(len(numbers))]


def _per_worker(counts: Sequence[int], batches: int) -> list[int]:
    """How many of the first `batches` come from each worker, if each yields one in turn."""
    turns = sorted((turn, w) for w, count in enumerate(counts) for turn in range(count))
    yielded = [0] * len(counts)
    for _, worker in turns[:batches]:
        yielded[worker] += 1
    return yielded


def _ranks(rank: int | None, ranks: int | None) -> tuple[int, int]:
    if rank is not None and ranks is not None:
        if not 0 <= rank < ranks:
            raise MsmdError(f"rank {rank} of {ranks}; ranks are numbered from 0")
        return rank, ranks
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1
