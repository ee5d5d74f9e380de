"""Read pairs by their numbers, and choose batches that have many onsets of few pieces."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from msmdtools.base import draws
from msmdtools.base.processors import processors
from msmdtools.errors import MsmdError
from msmdtools.loading import batch, order
from msmdtools.loading.augment import OFF, Augment
from msmdtools.loading.batch import COLUMNS, Batch, Rows
from msmdtools.loading.pictures import Pictures
from msmdtools.loading.sheet_augment import Picture
from msmdtools.snippets.reader import Snippets, Split, open_split

_CACHED_GROUPS = 16
# The stream of random numbers that orders the pieces; see draws.
_PIECES = 5


class Pairs:
    """The pairs of a split by their numbers: `pairs.batch([3, 1, 4])`.

    Reading a pair reads its row group, and the last groups read are kept; random access all over a
    split is fast with `in_memory` only. Arguments that are not explained here are those of `Stream`.

    Args:
        in_memory: read the split into memory (still encoded): about 20 KB per pair of 2.1 s. The
            picture of an onset, once decoded, is kept in a form that is faster to decode, in about
            6 KB: the second epoch is faster than the first.

    Attributes:
        epoch: what augmentation draws from, beside the seed and the pair's number.
    """

    def __init__(
        self,
        source: "str | Path | Snippets | Split",
        split: str,
        *,
        context_s: float = 2.1,
        window: tuple[int, int] | None = None,
        augment: Augment = OFF,
        seed: int = 0,
        pairs: int | None = None,
        in_memory: bool = False,
        columns: Sequence[str] = COLUMNS,
        sheet_type: str = "uint8",
        spectrogram_type: str = "float16",
        storage_options: dict[str, Any] | None = None,
    ) -> None:
        self.split = open_split(source, split, storage_options)
        self.view = batch.view(
            self.split.info, context_s, window, augment, seed, columns, sheet_type, spectrogram_type
        )
        if pairs is not None and pairs < 1:
            raise MsmdError(f"pairs is {pairs}; it must be at least 1")
        self.size = len(self.split) if pairs is None else min(pairs, len(self.split))
        self.epoch = 0
        self._cache: OrderedDict[int, Rows] = OrderedDict()
        self._kept = _CACHED_GROUPS
        self._picture: Callable[[Rows, int], Picture] | None = None
        if in_memory:
            self._picture = Pictures(self.split).decode
            self._kept = int(np.searchsorted(self.split.starts, self.size))
            with ThreadPoolExecutor(processors(), "snippets") as pool:
                groups = range(self._kept)
                self._cache.update(enumerate(pool.map(self._read, groups)))

    def __len__(self) -> int:
        return self.size

    def batch(self, numbers: Sequence[int] | NDArray[np.int64], epoch: int | None = None) -> Batch:
        """Read the pairs with these numbers, in this order.

        Args:
            numbers: of the pairs in the split, from 0.
            epoch: what augmentation draws from; None for the attribute.

        Raises:
            IndexError: there is no pair with one of the numbers.
            DatasetError: a shard is damaged.
        """
        positions = np.asarray(numbers, np.int64)
        if positions.size and not (positions.min() >= 0 and positions.max() < self.size):
            raise IndexError(f"{self.split.where}: pairs have numbers from 0 to {self.size - 1}")
        groups = np.searchsorted(self.split.starts, positions, "right") - 1
        used, which = np.unique(groups, return_inverse=True)
        sources = [self._group(int(group)) for group in used]
        return batch.make(
            sources,
            which,
            positions - self.split.starts[groups],
            self.view,
            self.epoch if epoch is None else epoch,
            self._picture,
        )

    def __getitem__(self, number: int) -> Batch:
        """The pair with this number, as a batch of one."""
        return self.batch([number])

    def _read(self, group: int) -> Rows:
        return batch.read(self.split, group, self.view)

    def _group(self, group: int) -> Rows:
        rows = self._cache.get(group)
        if rows is None:
            rows = self._cache[group] = self._read(group)
            if len(self._cache) > self._kept:
                self._cache.popitem(last=False)
        else:
            self._cache.move_to_end(group)
        return rows


class Numbered(Protocol):
    """Pairs of a split by their numbers, as a sampler sees them.

    Attributes:
        split: the split.
        epoch: set by the sampler at the beginning of an epoch.
    """

    split: Split
    epoch: int

    def __len__(self) -> int: ...


class PieceBatches:
    """Batches of `pieces` × `onsets` pairs for contrastive training: lists of numbers of `Pairs`.

    The other pairs of a batch are mostly from the same pieces, so a model has to tell places apart,
    not pieces. Each epoch takes one performance of each onset, drawn anew, and each onset at most
    once: a piece's onsets in random order are cut into runs of `onsets`, and the onsets left over are
    put into runs of more than one piece. Iterating yields one epoch and moves on to the next.

    Args:
        pairs: the pairs to choose from.
        pieces: runs of onsets, nearly always of different pieces, in a batch.
        onsets: onsets in a run.
        seed: of the order.
        rank, ranks: number of this process among those of distributed training, and how many there
            are; each gets equally many batches, and no pair is in two of them.

    Attributes:
        epoch: the epoch of the next batch; `Pairs.epoch` follows it when the batches are iterated.
        batches: how many of its batches have been yielded.
    """

    def __init__(
        self,
        pairs: Numbered,
        pieces: int = 8,
        onsets: int = 32,
        *,
        seed: int = 0,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        if pieces < 1 or onsets < 1:
            raise MsmdError(
                f"a batch of {pieces} pieces with {onsets} onsets each is impossible; give at least 1 of both"
            )
        self._pairs = pairs
        self._pieces, self._onsets = pieces, onsets
        self._seed, self._rank, self._ranks = seed, rank, ranks
        self.epoch = 0
        self.batches = 0

    def __len__(self) -> int:
        index = self._pairs.split.index
        onsets = len(np.unique(index.group[: len(self._pairs)]))
        return onsets // (self._pieces * self._onsets) // self._ranks

    def __iter__(self) -> Iterator[list[int]]:
        # At once, not with the first batch: workers are forked in between.
        self._pairs.epoch = self.epoch
        return self._remaining(self.epoch)

    def _remaining(self, epoch: int) -> Iterator[list[int]]:
        for row_numbers in self._order(epoch)[self.batches :]:
            self.batches += 1
            yield row_numbers.tolist()
        self.epoch, self.batches = epoch + 1, 0

    def state_dict(self) -> dict[str, Any]:
        """The position of the sampler, between two batches."""
        return {"epoch": self.epoch, "batches": self.batches, **self._identity()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go to the saved position of another sampler. Raises MsmdError if its batches are others."""
        self.epoch, self.batches = order.position(state, self._identity())

    def _identity(self) -> dict[str, Any]:
        return {
            "split": self._pairs.split.name,
            "pairs": len(self._pairs),
            "pieces": self._pieces,
            "onsets": self._onsets,
            "seed": self._seed,
            "ranks": self._ranks,
        }

    def _order(self, epoch: int) -> NDArray[np.int64]:
        """The epoch's batches of this rank: (batches, pairs)."""
        index = self._pairs.split.index
        rows = index.one_performance(self._seed, epoch, len(self._pairs))
        random = draws.generator(self._seed, epoch, _PIECES)
        line = rows[order.runs(index.piece[rows], self._onsets, random)]
        size = self._pieces * self._onsets
        whole = line[: len(line) // size * size].reshape(-1, size)
        return whole[self._rank :: self._ranks][: len(whole) // self._ranks]
