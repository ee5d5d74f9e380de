"""Which pairs are the same music, and so no negatives of each other: two keys for each row.

Music repeats: a bar that comes again sounds and looks the same, and a loss that pushes it away from
itself teaches what is wrong. Two rows are the same music if they are one onset (in two performances),
or if the notes in their windows are equal: pitches, and times to 1/50 s.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from msmdtools.base import draws
from msmdtools.snippets.reader import Split

if TYPE_CHECKING:
    import pyarrow as pa

_STEP_S = 0.02
# Where the steps begin. Note values put onsets on round numbers of seconds, where a difference in the
# last bit would decide.
_PHASE = 0.29


def keys(split: Split, context_s: float) -> NDArray[np.int64]:
    """Two numbers for each row of a split, (rows, 2): rows with either in common are the same music.

    The first is of the notes in the window, the second of the onset.

    Args:
        context_s: length of the window in seconds.

    Raises:
        DatasetError: a shard is damaged.
    """
    found = np.zeros(len(split), np.uint64)
    for start, table in split.tables(["window_pitches", "window_offsets"]):
        found[start : start + len(table)] = _hashes(table, context_s / 2)
    return np.stack([found.view(np.int64), split.index.group], axis=1)


def _hashes(table: "pa.Table", half_s: float) -> NDArray[np.uint64]:
    """The sum of a hash of each note in the window, which does not depend on their order."""
    offsets = table["window_offsets"].combine_chunks()
    seconds = offsets.flatten().to_numpy()
    pitches = table["window_pitches"].combine_chunks().flatten().to_numpy()
    hashes = draws.hashes(pitches, np.floor(seconds / _STEP_S + _PHASE).astype(np.int64))
    hashes[np.abs(seconds) >= half_s] = 0
    sums = np.zeros(len(hashes) + 1, np.uint64)
    np.cumsum(hashes, out=sums[1:])
    ends = offsets.offsets.to_numpy()
    ends = ends - ends[0]
    # Differences of sums that ran over are right all the same: both are modulo 2^64.
    return np.asarray(sums[ends[1:]] - sums[ends[:-1]], np.uint64)
