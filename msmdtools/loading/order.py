"""Decide the order in which a split is read: which reader reads which rows, and in which batches.

The order depends on the seed, the epoch and the sizes of the row groups alone, so reading can start at
any place in an epoch without reading what comes before it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.base import draws
from msmdtools.errors import MsmdError
from msmdtools.snippets.reader import Split

_GROUPS, _WITHIN = 0, 1


@dataclass(frozen=True)
class Part:
    """Some rows of a row group.

    Attributes:
        group: number of the row group, from 0.
        rows: numbers of the rows in the group: (rows,).
    """

    group: int
    rows: NDArray[np.int64]


@dataclass(frozen=True)
class Share:
    """The rows that one reader reads in an epoch.

    Attributes:
        order: the row groups in the order of this epoch.
        ends: the number of rows up to the end of each of these groups.
        first, last: the share is rows `first` to `last` (exclusive) of the groups in this order.
        chosen: the rows that take part in the epoch, ascending; None for all.
    """

    order: NDArray[np.int64]
    ends: NDArray[np.int64]
    first: int
    last: int
    chosen: NDArray[np.int64] | None

    def __len__(self) -> int:
        return self.last - self.first

    def parts(self, split: Split) -> Iterator[Part]:
        """The parts of row groups that make up the share, in order."""
        position = int(np.searchsorted(self.ends, self.first, "right"))
        while position < len(self.order) and (begin := self._begin(position)) < self.last:
            group = int(self.order[position])
            rows = _rows(split, group, self.chosen)
            yield Part(group, rows[max(self.first - begin, 0) : self.last - begin])
            position += 1

    def _begin(self, position: int) -> int:
        return int(self.ends[position - 1]) if position else 0


def share(
    split: Split,
    epoch: int,
    seed: int,
    reader: int,
    readers: int,
    *,
    shuffle: bool,
    equal: bool,
    chosen: NDArray[np.int64] | None,
) -> Share:
    """The rows that one of several readers reads in an epoch.

    Row groups are put in a random order (or left in theirs), and the line of their rows is cut
    into as many stretches as there are readers: no row is read twice, and only a row group that
    lies across a cut is opened by two readers.

    Args:
        split: the split of snippets.
        epoch: number of the epoch, from 0.
        seed: of the order.
        reader: number of the reader, from 0.
        readers: number of readers.
        shuffle: whether row groups are put in a random order.
        equal: whether all stretches have the same length; up to `readers - 1` rows are left out.
        chosen: the rows that take part, ascending; None for all.

    Returns:
        The share of the reader.
    """
    sizes = split.sizes
    if chosen is not None:
        sizes = np.diff(np.searchsorted(chosen, split.starts))
    order = np.arange(len(sizes))
    if shuffle:
        order = draws.generator(seed, epoch, _GROUPS).permutation(order)
    order = order[sizes[order] > 0]  # the others need not be read
    ends = np.cumsum(sizes[order])
    total = int(ends[-1]) if len(ends) else 0
    if equal:
        length = total // readers
        first, last = reader * length, (reader + 1) * length
    else:
        first, last = reader * total // readers, (reader + 1) * total // readers
    return Share(order, ends, first, last, chosen)


def blocks(parts: Iterator[Part], buffer: int) -> Iterator[list[Part]]:
    """Group parts into blocks of at least `buffer` rows (the last may have fewer)."""
    block: list[Part] = []
    rows = 0
    for part in parts:
        block.append(part)
        rows += len(part.rows)
        if rows >= buffer:
            yield block
            block, rows = [], 0
    if block:
        yield block


def shuffled(count: int, seed: int, epoch: int, position: int) -> NDArray[np.int64]:
    """Shuffle the rows of a block.

    Args:
        count: number of rows in the block.
        seed: of the order.
        epoch: number of the epoch.
        position: number of rows of the epoch before the block.

    Returns:
        A permutation of 0 to `count - 1`: (count,).
    """
    return draws.generator(seed, epoch, 2 * position + _WITHIN).permutation(count)


def runs(piece: NDArray[np.int64], length: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Order rows so that rows of one piece stand together, `length` at a time.

    Each piece's rows, in random order, are cut into runs of `length`. The rows left over are put together
    into runs of more than one piece, and the last run may be shorter. The runs are shuffled (the short one
    stays last).

    Args:
        piece: the number of each row's piece: (rows,).
        length: rows in a run.
        random: draws the order.

    Returns:
        The index of each row, once: (rows,).
    """
    order = random.permutation(len(piece))
    order = order[np.argsort(piece[order], kind="stable")]
    numbers = piece[order]
    # Where each row stands among those of its piece, and how many of those fill whole runs.
    _, starts, counts = np.unique(numbers, return_index=True, return_counts=True)
    within = np.arange(len(order)) - np.repeat(starts, counts)
    whole = within < np.repeat(counts // length * length, counts)
    line = np.concatenate([order[whole], order[~whole]])
    full = len(line) // length
    mixed = line[: full * length].reshape(full, length)[random.permutation(full)]
    return np.concatenate([mixed.reshape(-1), line[full * length :]])


def position(state: dict[str, Any], identity: dict[str, Any]) -> tuple[int, int]:
    """Epoch and batches of a saved state, if its batches are the same.

    Raises:
        MsmdError: they are not; the message names the setting that differs.
    """
    for name, value in identity.items():
        if state.get(name) != value:
            raise MsmdError(
                f"the saved state is of other batches: {name} was {state.get(name)!r} and is "
                f"{value!r}; use the settings it was saved with, or start a new epoch"
            )
    return int(state["epoch"]), int(state["batches"])


def _rows(split: Split, group: int, chosen: NDArray[np.int64] | None) -> NDArray[np.int64]:
    if chosen is None:
        return np.arange(split.sizes[group])
    low, high = np.searchsorted(chosen, split.starts[group : group + 2])
    return np.asarray(chosen[low:high] - split.starts[group], np.int64)
