"""Whether a page stands on its head: staves begin alike, and do not end alike.

Every staff begins with a clef and a key signature, those of a page with the same few. Where it ends there are
whatever notes come last. So the beginnings of the staves of a page are more like each other than their
ends, and on a page that is turned by 180 degrees it is the other way round.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from msmdtools.paper.traces import Trace

Image = NDArray[np.uint8]

# What is compared, in spaces: from the end of a staff inwards without the bar line, and from its middle.
_INWARDS = np.arange(0.6, 7, 0.25)
_AROUND = np.arange(-3.5, 3.51, 0.25)
_FEWEST = 4  # staves that are needed to tell


def uprightness(dark: Image, traces: Sequence[Trace]) -> float:
    """How much more alike the left ends of staves are than their right ends, from -2 to 2.

    Args:
        dark: uint8, (height, width), 0 where the paper is.
        traces: the staves; 0 comes of fewer than four.
    """
    if len(traces) < _FEWEST:
        return 0.0
    soft = np.asarray(cv2.blur(dark, (3, 3)), np.uint8)
    left = [_patch(soft, trace, trace.x0 + _INWARDS * trace.space) for trace in traces]
    right = [_patch(soft, trace, trace.x1 - _INWARDS * trace.space) for trace in traces]
    return _alike(left) - _alike(right)


def _patch(dark: Image, trace: Trace, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """What is around some columns of a staff, without its lines; of length 1."""
    y = trace.middle(x) + _AROUND[:, np.newaxis] * trace.space
    columns = np.broadcast_to(x, y.shape).astype(np.float32)
    seen = cv2.remap(dark, columns - 0.5, y.astype(np.float32) - 0.5, cv2.INTER_LINEAR)
    ink = seen - np.median(seen, axis=1, keepdims=True)
    ink -= ink.mean()
    return np.asarray(ink.ravel() / max(float(np.linalg.norm(ink)), 1e-9), np.float64)


def _alike(patches: Sequence[NDArray[np.float64]]) -> float:
    """The correlation with the one that is most like it, of most patches."""
    rows = np.array(patches)
    likeness = rows @ rows.T
    np.fill_diagonal(likeness, -1)
    return float(np.median(likeness.max(axis=1)))
