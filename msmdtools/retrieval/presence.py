"""Which moments of a recording are on the sheet: applause, silence and other music before and after are not.

A path gives every moment a place, whether the sheet has its music or not. Where it has not, the similarity along
the path is that of chance, about as high as for the whole recording turned around in time
(`msmdtools.retrieval.verdict`). So a stretch at the beginning or at the end is off the sheet

- if it is silent, from where nothing sounds for longer than `SILENCE_S`; or
- if the similarities in it are so low that the sum of what they lack to a level between that of chance and
  that of the right music reaches `LACK`: some seconds of other music, or many of what is only hard to read.

Moments between two on the sheet are on it too: a rest, an ornament, a bar that the model does not read.
Where chance and music are not a good deal apart, nothing but silence is found.
"""

import numpy as np
from numpy.typing import NDArray

from msmdtools.features.spectrogram import FRAMES_PER_SECOND
from msmdtools.retrieval.verdict import Evidence

SILENCE_S = 1.0
# Of the loudness that a tenth of the frames exceed.
QUIET = 0.05
LEVEL, LACK, APART = 0.35, 6.0, 0.8

Floats = NDArray[np.float64]


def on_sheet(
    similarity: Floats, second: Floats, bands: NDArray[np.floating], evidence: Evidence
) -> NDArray[np.bool_]:
    """Whether each moment is on the sheet, (moments,).

    Args:
        similarity: along the path, at each moment.
        second: the moments, at equal distances.
        bands: the spectrogram of the recording, (92, frames).
        evidence: that the recording is of the sheet.
    """
    there = np.ones(len(second), bool)
    first, last = sounding(bands)
    there[(second < first - SILENCE_S) | (second > last + SILENCE_S)] = False
    if evidence.direction >= APART and there.any():
        level = evidence.backwards + LEVEL * evidence.direction
        step = second[1] - second[0] if len(second) > 1 else 1.0
        more = ((similarity - evidence.null.mean) / evidence.null.spread - level) * step
        inside = np.flatnonzero(there)
        low, high = inside[0], inside[-1] + 1
        low += _lacking(more[low:high])
        high -= _lacking(more[low:high][::-1])
        there[:low] = there[high:] = False
    # What is off the sheet may have ended in silence, or begun with it.
    inside = np.flatnonzero(there)
    if len(inside):
        start = round(second[inside[0]] * FRAMES_PER_SECOND)
        first, last = sounding(bands[:, start : round(second[inside[-1]] * FRAMES_PER_SECOND) + 1])
        begin = start / FRAMES_PER_SECOND
        there &= second >= begin + first - SILENCE_S
        there &= second <= begin + last + SILENCE_S
    return there


def sounding(bands: NDArray[np.floating]) -> tuple[float, float]:
    """From which to which second a recording sounds; all of it if it never does."""
    loud = bands.mean(axis=0, dtype=np.float64)
    heard = np.flatnonzero(loud > QUIET * np.quantile(loud, 0.9)) if loud.any() else np.arange(0)
    if not len(heard):
        return 0.0, len(loud) / FRAMES_PER_SECOND
    return float(heard[0]) / FRAMES_PER_SECOND, float(heard[-1] + 1) / FRAMES_PER_SECOND


def _lacking(more: Floats) -> int:
    """How many values at the beginning together lack so much that they are off the sheet."""
    sums = np.cumsum(more)
    if not len(sums) or sums.min() > -LACK:
        return 0
    return int(np.argmin(sums)) + 1
