"""Which pairs of a batch are the same music, and so no negatives of each other.

Music repeats: a bar that comes again sounds and looks the same, and a loss that pushes it away from
itself teaches what is wrong. Two rows are the same music if they are one onset (in two performances),
or if the notes in their windows are equal: pitches, and times to 1/50 s.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from msmdtools.snippets import draws
from msmdtools.snippets.reader import Split

if TYPE_CHECKING:
    import pyarrow as pa

_STEP_S = 0.02


def keys(split: Split, context_s: float) -> NDArray[np.uint64]:
    """A number for each row of a split, equal where the notes of the window are: (rows,).

    Args:
        context_s: length of the window in seconds.
    """
    found = np.zeros(len(split), np.uint64)
    for group, start in enumerate(split.starts[:-1].tolist()):
        table = split.read(group, ["window_pitches", "window_offsets"])
        found[start : start + len(table)] = _hashes(table, context_s / 2)
    return found


def _hashes(table: "pa.Table", half_s: float) -> NDArray[np.uint64]:
    """The sum of a hash of each note in the window, which does not depend on their order."""
    offsets = table["window_offsets"].combine_chunks()
    seconds = offsets.flatten().to_numpy()
    pitches = table["window_pitches"].combine_chunks().flatten().to_numpy()
    hashes = draws.hashes(pitches, np.rint(seconds / _STEP_S).astype(np.int64))
    hashes[np.abs(seconds) >= half_s] = 0
    sums = np.zeros(len(hashes) + 1, np.uint64)
    np.cumsum(hashes, out=sums[1:])
    ends = offsets.offsets.to_numpy()
    ends = ends - ends[0]
    # Differences of sums that ran over are right all the same: both are modulo 2^64.
    return np.asarray(sums[ends[1:]] - sums[ends[:-1]], np.uint64)


def same(keys: NDArray[np.uint64], group: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which rows of a batch are the same music: (pairs, pairs), without the diagonal.

    Args:
        keys: of the rows, from `keys`.
        group: of the rows, equal for one onset in several performances.
    """
    found = (keys[:, None] == keys[None, :]) | (group[:, None] == group[None, :])
    np.fill_diagonal(found, False)
    return np.asarray(found, np.bool_)
