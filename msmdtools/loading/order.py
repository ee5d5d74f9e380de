"""The order in which a split is read: who reads which rows, and in which batches.

All of it follows from the seed, the epoch and the sizes of the row groups, so any place in an epoch
is found again without reading what comes before it.
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
    """Some rows of a row group: `rows` are their numbers in the group."""

    group: int
    rows: NDArray[np.int64]


@dataclass(frozen=True)
class Share:
    """What one reader reads in an epoch: rows `first` to `last` of the epoch's order of groups.

    Attributes:
        order: the row groups in the order of this epoch.
        ends: after how many rows each of them ends.
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
        at = int(np.searchsorted(self.ends, self.first, "right"))
        while at < len(self.order) and (begin := self._begin(at)) < self.last:
            group = int(self.order[at])
            rows = _rows(split, group, self.chosen)
            yield Part(group, rows[max(self.first - begin, 0) : self.last - begin])
            at += 1

    def _begin(self, at: int) -> int:
        return int(self.ends[at - 1]) if at else 0


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
    """The rows that reader number `reader` of `readers` reads in an epoch.

    Row groups are put in a random order (or left in theirs), and the line of their rows is cut
    into as many stretches as there are readers: no row is read twice, and only a row group that
    lies across a cut is opened by two.

    Args:
        equal: all stretches have the same length; up to `readers - 1` rows are left out.
        chosen: the rows that take part, ascending; None for all.
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
    """Parts in blocks of at least `buffer` rows (the last may have fewer)."""
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
    """A random order of the `count` rows of the block that begins at `position`."""
    return draws.generator(seed, epoch, 2 * position + _WITHIN).permutation(count)


def runs(piece: NDArray[np.int64], length: int, random: np.random.Generator) -> NDArray[np.int64]:
    """An order in which rows of one piece stand together, `length` of them at a time.

    Each piece's rows, in random order, are cut into runs of `length`. What is left of all pieces is
    put together into runs of more than one piece, and the last run may be shorter. The runs are
    shuffled (the short one stays last).

    Args:
        piece: a number for the piece of each row.

    Returns:
        Each row once: (rows,).
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
    """Epoch and batches of a saved state, if it is one of the same batches.

    Raises:
        MsmdError: it is not; the message says in what.
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
