"""Recognise pairs of the same music, which must not be negatives of each other: two keys for each row.

Music repeats: a bar that comes again sounds and looks the same, and a loss that pushes the two apart
teaches something wrong. Two rows are the same music if they are one onset (in two performances), or if
the notes in their windows are equal: pitches, and times to 1/50 s.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from msmdtools.base import draws
from msmdtools.snippets.reader import Split

if TYPE_CHECKING:
    import pyarrow as pa

_STEP_S = 0.02
# Where the steps begin. Note values put onsets on round numbers of seconds, and if a step began there, a
# difference in the last bit would matter.
_PHASE = 0.29


def keys(split: Split, context_s: float) -> NDArray[np.int64]:
    """Compute two keys for each row of a split: rows with a key in common are the same music.

    Args:
        split: the split of snippets.
        context_s: length of the window in seconds.

    Returns:
        Keys (rows, 2): the first is of the notes in the window, the second of the onset.

    Raises:
        DatasetError: a shard is damaged.
    """
    hashes = np.zeros(len(split), np.uint64)
    for start, table in split.tables(["window_pitches", "window_offsets"]):
        hashes[start : start + len(table)] = _hashes(table, context_s / 2)
    return np.stack([hashes.view(np.int64), split.index.group], axis=1)


def _hashes(table: "pa.Table", half_s: float) -> NDArray[np.uint64]:
    """Sum the hashes of the notes in each window; the sum does not depend on their order."""
    offsets = table["window_offsets"].combine_chunks()
    seconds = offsets.flatten().to_numpy()
    pitches = table["window_pitches"].combine_chunks().flatten().to_numpy()
    hashes = draws.hashes(pitches, np.floor(seconds / _STEP_S + _PHASE).astype(np.int64))
    hashes[np.abs(seconds) >= half_s] = 0
    sums = np.zeros(len(hashes) + 1, np.uint64)
    np.cumsum(hashes, out=sums[1:])
    ends = offsets.offsets.to_numpy()
    ends = ends - ends[0]
    # Differences of sums that overflowed are still right: both are modulo 2^64.
    return np.asarray(sums[ends[1:]] - sums[ends[:-1]], np.uint64)
