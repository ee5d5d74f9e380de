"""Cosine similarities of all windows of a recording with all windows of a sheet, some rows at a time.

An hour of music on sixty pages has a matrix of 36,000 by 22,000. It is computed in blocks of rows, and a block
that is needed again is computed again. A matrix of up to `CELLS` is one block, and computed once.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

# Similarities in memory: 16 MB, and as much again while the next block is made.
CELLS = 4_000_000


class Similarities:
    """A matrix (audio windows, sheet windows) of which only a block of rows is in memory.

    Args:
        heard: embeddings of the audio windows, float32 (audio windows, dim).
        seen: embeddings of the sheet windows, float32 (sheet windows, dim).

    Attributes:
        shape: shape of the matrix.
        block: number of rows in a block.
    """

    def __init__(self, heard: NDArray[np.floating], seen: NDArray[np.floating]) -> None:
        self._heard, self._seen = heard, seen
        self.shape = (len(heard), len(seen))
        self.block = max(min(self.shape[0], CELLS // max(self.shape[1], 1)), 1)
        self._made = lru_cache(maxsize=1)(self._make)

    def rows(self, number: int) -> NDArray[np.floating]:
        """Return block `number`, from 0: rows number · block … (number + 1) · block - 1, as far as there are."""
        return self._made(number)

    def row(self, number: int) -> NDArray[np.floating]:
        """Return one row, from 0."""
        row: NDArray[np.floating] = self.rows(number // self.block)[number % self.block]
        return row

    def every(self, nth: int) -> NDArray[np.floating]:
        """Return the similarities of every nth window of the recording and of the sheet, from the first on."""
        values: NDArray[np.floating] = self._heard[::nth] @ self._seen[::nth].T
        return values

    def _make(self, number: int) -> NDArray[np.floating]:
        low = number * self.block
        block: NDArray[np.floating] = self._heard[low : low + self.block] @ self._seen.T
        return block


class Known(Similarities):
    """A matrix that is in memory already, as one block."""

    def __init__(self, values: NDArray[np.floating]) -> None:
        self._values = values
        self.shape = (values.shape[0], values.shape[1])
        self.block = max(self.shape[0], 1)

    def rows(self, number: int) -> NDArray[np.floating]:
        """Return the whole matrix."""
        return self._values

    def every(self, nth: int) -> NDArray[np.floating]:
        """Return every nth row and column, from the first on."""
        return self._values[::nth, ::nth]
