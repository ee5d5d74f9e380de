"""The best path of a recording through a sheet's windows, in memory that does not grow with their lengths.

Going forward, only the best sum to each column of the row before is needed; going back, the step by which it
was reached. Steps are kept for one block of rows. The sums before each block are stored, and on the return
the steps of the block are computed again from them. That takes twice the time for what does not fit into one
block, and the memory of one.

Source: D. S. Hirschberg, "A linear space algorithm for computing maximal common subsequences",
CACM 18 (1975), for making parts of the matrix again instead of keeping it; checkpoints as in A. Griewank,
"Achieving logarithmic growth of temporal and spatial complexity in reverse automatic differentiation",
Optimization Methods and Software 1 (1992), of one level.
"""

import tempfile
from typing import IO

import numpy as np
from numpy.typing import NDArray

from msmdtools.follow.similarity import Similarities

Floats = NDArray[np.float64]
Steps = NDArray[np.int8]


def best(similarities: Similarities, steps: int, jump: float) -> tuple[NDArray[np.int64], Floats]:
    """Find the best path through a matrix of similarities, from its first to its last row.

    The best path has the highest sum of similarities, less `jump` for each jump. Among equally good paths
    to a column the one with the shortest step is taken, and a jump only if it is better.

    Args:
        similarities: cosine similarities, (rows, columns), both at least 1.
        steps: from one row to the next a path advances by 0 … steps - 1 columns, or jumps.
        jump: how much similarity a jump costs.

    Returns:
        The column of each row, int64 (rows,), and the similarity there, (rows,).
    """
    rows, columns = similarities.shape
    sources = np.zeros(rows, np.int64)
    path, similarity = np.empty(rows, np.int64), np.empty(rows)
    numbers = range(-(-rows // similarities.block))
    sums: Floats | None = None
    with tempfile.TemporaryFile() as stored_sums:
        for number in numbers:
            if sums is not None:
                stored_sums.write(sums.tobytes())
            values = similarities.rows(number)
            sources_here = sources[number * similarities.block :]
            taken = np.zeros(values.shape, np.int8) if number == numbers[-1] else None
            sums = _forward(values, sums, steps, jump, sources_here, taken)
        assert sums is not None
        path[-1] = np.argmax(sums)
        for number in reversed(numbers):
            low = number * similarities.block
            values = similarities.rows(number)
            if taken is None:
                taken = np.zeros(values.shape, np.int8)
                before = _kept(stored_sums, number, columns)
                _forward(values, before, steps, jump, sources[low:], taken)
            for row in range(len(values) - 1, -1, -1):
                column = path[low + row]
                similarity[low + row] = values[row, column]
                if low + row:
                    step = int(taken[row, column])
                    path[low + row - 1] = sources[low + row] if step < 0 else column - step
            taken = None
    return path, similarity


def _kept(file: IO[bytes], number: int, columns: int) -> Floats | None:
    """Read the sums of the row before a block; None before the first block."""
    if not number:
        return None
    file.seek((number - 1) * columns * 8)
    return np.frombuffer(file.read(columns * 8))


def _forward(
    values: NDArray[np.floating],
    sums: Floats | None,
    steps: int,
    jump: float,
    sources: NDArray[np.int64],
    taken: Steps | None,
) -> Floats:
    """Return the best sum to each column of the last of some rows.

    Args:
        values: similarities of these rows.
        sums: the best sums to the columns of the row before; None if there is none.
        steps: as for `best`.
        jump: as for `best`.
        sources: receives for each row the column from which a jump into it comes.
        taken: receives the step by which each column was reached, -1 for a jump; None if it is not needed.
    """
    best = sums
    for row, row_values in enumerate(values):
        if best is None:
            best = row_values.astype(np.float64)
            continue
        before = best.copy()
        for step in range(1, min(steps, len(before))):
            shifted = best[:-step]
            better = shifted > before[step:]
            before[step:][better] = shifted[better]
            if taken is not None:
                taken[row, step:][better] = step
        sources[row] = np.argmax(best)
        jumped = best[sources[row]] - jump
        better = jumped > before
        before[better] = jumped
        if taken is not None:
            taken[row][better] = -1
        best = before + row_values
    assert best is not None
    return best
