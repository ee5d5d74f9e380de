"""Where a recording is on its sheet at every moment: alignment without note heads or onsets.

Windows are slid over the strip of the sheet every 10 px and over the recording every 0.1 s, and a path is
sought through the matrix of the cosine similarities of their embeddings.

The path is the best one by subsequence dynamic time warping. Every audio window is on it once; from one
to the next the path stays or advances by up to `STEPS` - 1 sheet windows, which is 400 px a second. It may
begin and end anywhere on the sheet, as a recording may cover only a part of it. And it may *jump*, back or
ahead, at a cost of `JUMP`: a performer who takes a repeat goes back on the page, and one who leaves
something out skips it. A jump costs as much as some seconds in the wrong place, so music that is merely
similar is no reason to jump.

The place at a moment is the centre of the sheet window. Places are smoothed by triangular weights
over `SMOOTH_S` on either side, between jumps; the result is finer than the distance of the windows. Between
the moments places are interpolated.

Sources: M. Müller, "Fundamentals of Music Processing" (2015), section 7.2.2 (subsequence DTW); C. Fremerey,
M. Müller, M. Clausen, "Handling repeats and jumps in score-performance synchronization", ISMIR 2010
(jumps). Libraries for DTW were tried and have no jumps; besides, librosa 0.11 transposes a matrix that
has more audio windows than sheet windows, after which it no longer places all of the audio.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from msmdtools.base.progress import Progress, silent
from msmdtools.errors import MsmdError
from msmdtools.features.spectrogram import FRAMES_PER_SECOND
from msmdtools.follow import confidence, path, posterior, presence
from msmdtools.follow.axis import SheetAxis, axis
from msmdtools.follow.similarity import Known, Similarities
from msmdtools.models.model import Model
from msmdtools.paper.axis import Paged, Places
from msmdtools.search import verdict
from msmdtools.search.ranking import STEPS
from msmdtools.search.search import SHORTEST_S
from msmdtools.search.windows import audio_windows, sheet_windows

SHEET_STRIDE, AUDIO_STRIDE = 10, 0.1
JUMP = 10.0
# Strides of an index, at which it is judged whether the recording is of the sheet at all.
INDEX_SHEET, INDEX_AUDIO = 50, 0.5
SMOOTH_S = 0.3

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """The path of a recording over a sheet; arrays have one value per moment, (moments,).

    Attributes:
        axis: the strip of the sheet.
        second: the moments of the recording in s, rising.
        strip: the place at each moment, in px of the strip.
        speed: how fast the place moves from there to the next moment, in px of the strip per second.
        similarity: cosine similarity of the windows of sheet and audio there, from -1 to 1.
        probability: that the recording is of this sheet, from 0 to 1; NaN if it was not computed
            (`msmdtools.search.verdict`).
        heard: whether the sheet has the music of each moment, the value of `on_sheet`; None for all moments.
        likely: probability at each moment that the recording is of this sheet: from the whole recording, or,
            where it was followed, from what was heard until then (NaN if that is too little); None if it was
            not computed.
        posterior: probability of the places near it, by all ways through the sheet; None if it was not computed.
        confidence: probability at each moment that the place is right to half a second
            (`msmdtools.follow.confidence`); None if it was not computed.
    """

    axis: SheetAxis
    second: Floats
    strip: Floats
    speed: Floats
    similarity: Floats
    probability: float = float("nan")
    heard: NDArray[np.bool_] | None = None
    likely: Floats | None = None
    posterior: Floats | None = None
    confidence: Floats | None = None

    @property
    def on_sheet(self) -> NDArray[np.bool_]:
        """Whether the sheet has the music of each moment; where it has not, the place means nothing."""
        return np.ones(len(self.second), bool) if self.heard is None else self.heard

    @property
    def likely_at(self) -> Floats:
        """`likely`, or `probability` at each moment."""
        constant = np.full(len(self.second), self.probability)
        return constant if self.likely is None else self.likely

    @property
    def confidence_at(self) -> Floats:
        """`confidence`; NaN at each moment if it was not computed."""
        unknown = np.full(len(self.second), np.nan)
        return unknown if self.confidence is None else self.confidence

    def at(self, seconds: ArrayLike) -> Floats:
        """Return the places on the strip, in px, at any moments, in s; NaN before the first moment.

        Each place is derived from the moments before it alone.
        """
        times = np.asarray(seconds, np.float64)
        last = np.searchsorted(self.second, times, side="right") - 1
        index = np.maximum(last, 0)
        places = self.strip[index] + self.speed[index] * (times - self.second[index])
        return np.where(last >= 0, np.clip(places, 0, self.axis.length), np.nan)

    @property
    def places(self) -> Places:
        """The place on the pages at each moment."""
        return self.axis.places(self.strip)

    def passages(self) -> list[slice]:
        """Return the moments of each passage through a system; a new system, or a jump, begins a new passage."""
        backward = np.diff(self.strip) < -SHEET_STRIDE
        ends = np.flatnonzero(backward | (np.diff(self.places.system) != 0)) + 1
        edges = [0, *ends.tolist(), len(self.second)]
        return [slice(low, high) for low, high in pairwise(edges)]


def align(
    sheet: Paged,
    spectrogram: NDArray[Any],
    model: Model,
    progress: Progress = silent,
) -> Alignment:
    """Align a whole recording with a sheet.

    Args:
        sheet: a piece of a dataset, or a `Sheet` read from pictures.
        spectrogram: that of the recording, (92, frames).
        model: the model that compares them.
        progress: called with what is counted, how much of it is done, and how much there is.

    Returns:
        The path of the recording over the sheet, a place every 0.1 s.

    Raises:
        MsmdError: the recording is shorter than a second, or the sheet has no systems.
        DatasetError: a file of the dataset is missing or damaged.
    """
    check_length(spectrogram)
    strip = axis(sheet)
    progress("sheet", 0, 1)
    images = sheet_windows(sheet, model.config.sheet_shape, SHEET_STRIDE).images
    sheet_vectors = model.embed_sheet(images)
    progress("sheet", 1, 1)
    progress("audio", 0, 1)
    windows = audio_windows(spectrogram, model.config.frames, AUDIO_STRIDE)
    audio_vectors = model.embed_audio(windows.spectrograms)
    progress("audio", 1, 1)
    alignment = from_similarities(strip, windows.second, Similarities(audio_vectors, sheet_vectors))
    return judged(
        alignment, spectrogram, audio_vectors, sheet_vectors, verdict.of_model(model.bundled)
    )


def from_similarities(
    strip: SheetAxis, second: Floats, similarities: Similarities | NDArray[np.floating]
) -> Alignment:
    """Find the alignment with the highest similarities.

    Args:
        strip: the strip of the sheet.
        second: middle of each audio window in s, `AUDIO_STRIDE` apart; (audio windows,).
        similarities: cosine similarities, (audio windows, sheet windows); the sheet windows are
            `SHEET_STRIDE` apart on the strip.

    Returns:
        The alignment, without probabilities.
    """
    if not isinstance(similarities, Similarities):
        similarities = Known(similarities)
    windows, similarity = path.best(similarities, STEPS, JUMP)
    centres = window_centres(strip.length, similarities.shape[1])
    moved = np.diff(windows)
    ends = np.flatnonzero((moved < 0) | (moved >= STEPS)) + 1
    reach = round(SMOOTH_S / AUDIO_STRIDE)
    runs = [_smoothed(run, reach) for run in np.split(centres[windows], ends)]
    places = np.concatenate(runs)
    speed = np.concatenate([_slopes(run) for run in runs]) / AUDIO_STRIDE
    near = round(confidence.RIGHT_S * float(np.median(speed)) / SHEET_STRIDE) + 1
    probable = posterior.near(similarities, windows, STEPS, near)
    return Alignment(strip, second, places, speed, similarity, posterior=probable)


def judged(
    alignment: Alignment,
    spectrogram: NDArray[Any],
    heard: NDArray[np.float32],
    seen: NDArray[np.float32],
    null: verdict.Null | None = None,
) -> Alignment:
    """Add to an alignment the probability that it is right, and which moments are off the sheet.

    Args:
        alignment: the alignment.
        spectrogram: that of the recording, (92, frames).
        heard: embeddings of the audio windows, (audio windows, dim).
        seen: embeddings of the sheet windows, (sheet windows, dim).
        null: similarities of unrelated music with the model; None if they are not known.

    Returns:
        The alignment with these values.
    """
    every, first = round(INDEX_AUDIO / AUDIO_STRIDE), (INDEX_SHEET // SHEET_STRIDE - 1) // 2
    coarse = seen[first :: INDEX_SHEET // SHEET_STRIDE]
    evidence = verdict.evidence(heard[::every], coarse if len(coarse) else seen, null)
    probability = verdict.probability(evidence, "audio")
    on_sheet = presence.on_sheet(alignment.similarity, alignment.second, spectrogram, evidence)
    if probability < verdict.LIKELY:
        on_sheet[:] = False
    found = replace(alignment, probability=probability, heard=on_sheet)
    return replace(found, confidence=confidence.probability(terms(found)))


def terms(alignment: Alignment) -> Floats:
    """Compute what the confidence of each moment of an alignment depends on: (moments, `confidence.TERMS`).

    The alignment must be one of a whole recording, with its posterior.
    """
    assert alignment.posterior is not None
    moved = np.diff(alignment.strip)
    jumps = (moved < -SHEET_STRIDE) | (moved > 2 * STEPS * SHEET_STRIDE)
    return confidence.terms(alignment.second, alignment.strip, alignment.posterior, jumps)


def best_path(
    similarities: NDArray[np.floating], steps: int = STEPS, jump: float = JUMP
) -> NDArray[np.int64]:
    """Return the sheet window of each audio window on the best path; `msmdtools.follow.path` has the method.

    Args:
        similarities: cosine similarities, (audio windows, sheet windows), both at least 1.
        steps: from one audio window to the next a path advances by 0 … steps - 1 windows, or jumps.
        jump: how much similarity a jump costs.

    Returns:
        Numbers of sheet windows, int64 (audio windows,).
    """
    return path.best(Known(similarities), steps, jump)[0]


def window_centres(length: float, count: int) -> Floats:
    """Return where on the strip, in px, the centres of `msmdtools.search.windows.sheet_windows` are."""
    return np.asarray(min(SHEET_STRIDE, length) / 2 + SHEET_STRIDE * np.arange(count), np.float64)


def check_length(spectrogram: NDArray[Any]) -> None:
    """Make sure that a recording is long enough to be found in a sheet. Raises MsmdError if not."""
    length = spectrogram.shape[1] / FRAMES_PER_SECOND
    if length < SHORTEST_S:
        raise MsmdError(
            f"the recording has {length:.1f} s, which is too short; give {SHORTEST_S:g} s or more"
        )


def _smoothed(run: Floats, reach: int) -> Floats:
    """Smooth values with triangular weights over `reach` values on either side, repeating the ends."""
    weights = np.bartlett(2 * reach + 3)[1:-1]
    return np.convolve(np.pad(run, reach, mode="edge"), weights / weights.sum(), mode="valid")


def _slopes(run: Floats) -> Floats:
    """Return the difference from each value to the next; the last one is repeated."""
    return np.diff(run, append=2 * run[-1] - run[-2]) if len(run) > 1 else np.zeros(1)
