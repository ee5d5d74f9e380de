"""Which moments of a recording are on the sheet; applause, silence and other music before and after are not.

A path gives every moment a place, whether the sheet has its music or not. Where it has not, the similarity along
the path is that of chance, about as high as for the whole recording reversed in time
(`msmdtools.search.verdict`). So a stretch at the beginning or at the end is off the sheet

- if it is silent for longer than `SILENCE_S`; or
- if its similarities are too low. The level that they should reach lies between that of chance and that of the
  right music. The stretch is off the sheet when the amounts by which they fall short of it add up to `LACK`:
  some seconds of other music, or many seconds of music that is merely hard to read.

Moments between two on the sheet are on it too: a rest, an ornament, a bar that the model does not read.
Where the levels of chance and of the right music are close together, only silence is recognised.

*While it is heard* (`so_far`), nothing is known of what comes next, so less can be decided. Every half second,
the windows that have been heard to their end give the probability that the last 3 or 5 s, whichever fits
better, are of the sheet. Below `LEAVE` the music is off the sheet, until its probability reaches `BACK` again.
The first `LEAST` windows have no probability, nor have as many after a pause. Silence before the first sound is
off the sheet, and so is a later silence of more than `PAUSE_S`; a shorter one may be a rest.
benchmarks/presence.py fits these numbers, except those of silence, and measures all of them.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from msmdtools.features.spectrogram import FRAMES_PER_SECOND
from msmdtools.search import verdict
from msmdtools.search.ranking import STEPS
from msmdtools.search.verdict import Evidence, Null

SILENCE_S = 1.0
# Fraction of the loudness that a tenth of the frames exceed, below which a frame is silent.
QUIET = 0.05
LEVEL, LACK, APART = 0.35, 6.0, 0.8
# While it is heard: seconds of silence, windows, and probabilities.
PAUSE_S = 3.0
LEAST, PASSAGES = 6, (6, 10)
LEAVE, BACK = 0.2, 0.2
# Windows whose paths are computed at a time.
_BLOCK = 256

Floats = NDArray[np.float64]
Vectors = NDArray[np.float32]


def on_sheet(
    similarity: Floats, second: Floats, spectrogram: NDArray[np.floating], evidence: Evidence
) -> NDArray[np.bool_]:
    """Decide for each moment whether the sheet has its music, with the whole recording known.

    Args:
        similarity: cosine similarity along the path at each moment, (moments,).
        second: the moments in s, at equal distances; (moments,).
        spectrogram: that of the recording, (92, frames).
        evidence: the evidence that the recording is of the sheet.

    Returns:
        Whether each moment is on the sheet, (moments,).
    """
    mask = np.ones(len(second), bool)
    first, last = sounding(spectrogram)
    mask[(second < first - SILENCE_S) | (second > last + SILENCE_S)] = False
    if evidence.direction >= APART and mask.any():
        level = evidence.backwards + LEVEL * evidence.direction
        step = second[1] - second[0] if len(second) > 1 else 1.0
        excess = ((similarity - evidence.null.mean) / evidence.null.spread - level) * step
        inside = np.flatnonzero(mask)
        low, high = inside[0], inside[-1] + 1
        low += _lacking(excess[low:high])
        high -= _lacking(excess[low:high][::-1])
        mask[:low] = mask[high:] = False
    # What is off the sheet may have ended in silence, or begun with it.
    inside = np.flatnonzero(mask)
    if len(inside):
        start = round(second[inside[0]] * FRAMES_PER_SECOND)
        first, last = sounding(
            spectrogram[:, start : round(second[inside[-1]] * FRAMES_PER_SECOND) + 1]
        )
        begin = start / FRAMES_PER_SECOND
        mask &= second >= begin + first - SILENCE_S
        mask &= second <= begin + last + SILENCE_S
    return mask


def so_far(
    heard: Vectors,
    seen: Vectors,
    spectrogram: NDArray[np.floating],
    null: Null | None,
    stride_s: float,
    reach_s: float,
) -> tuple[Floats, NDArray[np.bool_]]:
    """Decide at each window whether the sheet has the music, from what was heard until then.

    Nothing depends on what is heard later.

    Args:
        heard: embeddings of the windows of the recording, one every `stride_s` from its start; (windows, dim).
        seen: embeddings of the windows of the sheet, at the stride of an index; (sheet windows, dim).
        spectrogram: that of the recording, (92, frames).
        null: similarities of unrelated music with the model; None if they are not known.
        stride_s: seconds between windows of the recording.
        reach_s: seconds from the middle of a window to its end.

    Returns:
        At the middle of each window, the probability that what sounds is of the sheet, (windows,), NaN where
        too little has been heard; and whether it is on the sheet, (windows,).
    """
    behind = round(reach_s / stride_s)
    begun = begins(spectrogram, stride_s, len(heard))
    known = heard_whole(begun, behind)
    probabilities = lately(heard, seen, null, known, behind)
    # Too few windows have no probability of any length.
    likely = np.where(known < LEAST, np.nan, probabilities.max(axis=1, initial=-np.inf))
    return likely, decided(likely, begun)


def heard_whole(begun: Sequence[int | None], behind: int) -> NDArray[np.int64]:
    """Count at each window the windows that have been heard to their end since the music began.

    Args:
        begun: the window with which the music began, at each window, from `begins`.
        behind: number of windows from the middle of a window to its end.
    """
    counts = [0 if b is None else window - behind + 1 - b for window, b in enumerate(begun)]
    return np.maximum(np.array(counts, np.int64), 0)


def lately(
    heard: Vectors,
    seen: Vectors,
    null: Null | None,
    known: NDArray[np.int64],
    behind: int,
    passages: Sequence[int] = PASSAGES,
) -> Floats:
    """Return at each window the probability that the last windows heard to their end are of the sheet.

    It is the probability that `msmdtools.search.verdict.evidence` gives each passage, computed for all at once.

    Args:
        heard: embeddings of the windows of the recording, (windows, dim).
        seen: embeddings of the windows of the sheet, (sheet windows, dim).
        null: similarities of unrelated music with the model; None if they are not known.
        known: number of windows heard to their end, at each window, from `heard_whole`.
        behind: number of windows from the middle of a window to its end.
        passages: lengths of passages in windows, each up to `verdict.PASSAGE`; where fewer windows are known,
            the passage is shorter.

    Returns:
        (windows, passages), 0 where no window is known.
    """
    probabilities = np.zeros((len(heard), len(passages)))
    longest, last = max(passages), len(heard) - 1
    forwards = _scores(heard, seen, longest)
    reversed_scores = _scores(heard[::-1], seen, longest)
    for window in np.flatnonzero(known).tolist():
        end = window - behind
        for column, passage in enumerate(passages):
            size = min(passage, int(known[window]))
            first = end - size + 1
            chance = null or Null(*verdict.moments(heard[first : end + 1], seen), verdict.PIECE)
            strength = (forwards[first, size - 1] - chance.mean) / chance.spread
            backwards = (reversed_scores[last - end, size - 1] - chance.mean) / chance.spread
            evidence = Evidence(float(strength), float(strength - backwards), size, chance)
            probabilities[window, column] = verdict.probability(evidence, "audio")
    return probabilities


def _scores(heard: Vectors, seen: Vectors, longest: int) -> NDArray[np.float32]:
    """Return the scores (`msmdtools.search.ranking`) of the 1 … `longest` windows from each window on."""
    scores = np.full((len(heard), longest), -np.inf, np.float32)
    for first in range(0, len(heard), _BLOCK):
        starts = np.arange(first, min(first + _BLOCK, len(heard)))
        similarities = heard[first : first + _BLOCK + longest] @ seen.T
        best = np.zeros((len(starts), len(seen)), np.float32)
        for size in range(longest):
            starts = starts[starts + size < len(heard)]
            before = best[: len(starts)]
            best = before.copy()
            if size:
                for step in range(1, min(STEPS, len(seen))):
                    np.maximum(best[:, step:], before[:, :-step], out=best[:, step:])
            best += similarities[starts - first + size]
            scores[starts, size] = best.max(axis=1) / (size + 1)
    return scores


def decided(
    likely: Floats, begun: Sequence[int | None], leave: float = LEAVE, back: float = BACK
) -> NDArray[np.bool_]:
    """Decide for each window whether it is on the sheet, from probabilities that rise and fall.

    Args:
        likely: probability at each window, NaN where nothing can be said; (windows,).
        begun: the window with which the music began, at each window, from `begins`; None in silence.
        leave: the probability below which the music leaves the sheet.
        back: the probability from which it is on the sheet again; not below `leave`.

    Returns:
        Whether each window is on the sheet, (windows,).
    """
    since = np.array([-1 if begin is None else begin for begin in begun])
    says = np.where(likely >= back, 1, np.where(likely < leave, -1, 0))
    # Music that begins is on the sheet until its probability is known.
    says[np.flatnonzero(np.diff(since)) + 1] = says[:1] = 1
    last = np.maximum.accumulate(np.where(says != 0, np.arange(len(says)), 0))
    return np.asarray((says[last] > 0) & (since >= 0), bool)


def begins(spectrogram: NDArray[np.floating], stride_s: float, windows: int) -> list[int | None]:
    """Return at each window the window with which the music that is heard there began; None in silence.

    What counts as sound depends on the loudest sound that was heard before it.

    Args:
        spectrogram: that of the recording, (92, frames).
        stride_s: seconds between windows.
        windows: number of windows.

    Returns:
        A number, or None, for each window.
    """
    loud = spectrogram.mean(axis=0, dtype=np.float64)
    sounds = loud > QUIET / 2 * np.maximum.accumulate(loud)
    beginnings: list[int | None] = []
    begin: int | None = None
    last = -np.inf
    step = round(stride_s * FRAMES_PER_SECOND)
    for window in range(windows):
        new = np.flatnonzero(sounds[max(window - 1, 0) * step + 1 : window * step + 1])
        if window == 0:
            new = np.flatnonzero(sounds[:1])
        if len(new):
            if window * step - last > PAUSE_S * FRAMES_PER_SECOND:
                begin = window
            last = window * step
        beginnings.append(begin if window * step - last <= PAUSE_S * FRAMES_PER_SECOND else None)
    return beginnings


def sounding(spectrogram: NDArray[np.floating]) -> tuple[float, float]:
    """Return the seconds from which and to which a recording sounds; all of it if it never does."""
    loud = spectrogram.mean(axis=0, dtype=np.float64)
    heard = np.flatnonzero(loud > QUIET * np.quantile(loud, 0.9)) if loud.any() else np.arange(0)
    if not len(heard):
        return 0.0, len(loud) / FRAMES_PER_SECOND
    return float(heard[0]) / FRAMES_PER_SECOND, float(heard[-1] + 1) / FRAMES_PER_SECOND


def _lacking(excess: Floats) -> int:
    """Return how many values at the beginning lack so much together that they are off the sheet."""
    sums = np.cumsum(excess)
    if not len(sums) or sums.min() > -LACK:
        return 0
    return int(np.argmin(sums)) + 1
