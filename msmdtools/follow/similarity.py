"""Cosine similarities of all windows of a recording with all windows of a sheet, some rows at a time.

An hour of music on sixty pages has a matrix of 36,000 by 22,000: what goes through it takes it in
blocks of rows, and makes those again that it needs again. A matrix of up to `CELLS` is made once.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

# Similarities in memory: 16 MB, and as much again while the next block is made.
CELLS = 4_000_000


class Similarities:
    """A matrix (audio windows, sheet windows) of which only a block of rows is in memory.

    Args:
        heard, seen: float32, the embeddings of the windows, (audio windows, dim) and (sheet windows, dim).

    Attributes:
        shape: of the matrix.
        block: rows of a block.
    """

    def __init__(self, heard: NDArray[np.floating], seen: NDArray[np.floating]) -> None:
        self._heard, self._seen = heard, seen
        self.shape = (len(heard), len(seen))
        self.block = max(min(self.shape[0], CELLS // max(self.shape[1], 1)), 1)
        self._made = lru_cache(maxsize=1)(self._make)

    def rows(self, number: int) -> NDArray[np.floating]:
        """Block `number`, from 0: rows number · block … (number + 1) · block - 1, as far as there are."""
        return self._made(number)

    def row(self, number: int) -> NDArray[np.floating]:
        """One row, from 0."""
        found: NDArray[np.floating] = self.rows(number // self.block)[number % self.block]
        return found

    def _make(self, number: int) -> NDArray[np.floating]:
        low = number * self.block
        found: NDArray[np.floating] = self._heard[low : low + self.block] @ self._seen.T
        return found


class Known(Similarities):
    """A matrix that is in memory already, as one block."""

    def __init__(self, values: NDArray[np.floating]) -> None:
        self._values = values
        self.shape = (values.shape[0], values.shape[1])
        self.block = max(self.shape[0], 1)

    def rows(self, number: int) -> NDArray[np.floating]:
        """The matrix."""
        return self._values
