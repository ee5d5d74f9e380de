"""Score following: where a recording is on its sheet, known at every moment from what was heard until then.

It uses the same windows as `msmdtools.follow.alignment`, and a Bayesian filter over place and speed.

*What is compared.* A window around the present moment has its second half in the future. So windows are cut:
the audio keeps only what has been heard, with silence after it, and the sheet keeps only what lies left of a
place a little right of the centre, with white paper after it. `CUTS` says how far: a window around the present
is cut at the present, one around half a second ago has half a second more, and so on. A moment in the past is
compared by the longest cut that has been heard.

*State.* The place (the centres of the sheet windows, 10 px apart) and the speed (`SPEEDS` px a second,
in equal ratios). In every step of 0.1 s the place advances by the speed; the speed changes to the next
lower or higher one with probability `CHANGE`; and with probability `LOST` the state is anywhere, which lets
the follower recover after a jump or a mistake. A window's likelihood is exp(`SHARPNESS` ·
cosine): windows overlap, so each says less than it would alone. The recording may begin anywhere.

*The present.* The filter that has been given the longest cuts lags behind by their length. From there it is
run up to the present, with shorter and shorter cuts. The place is the mean of the filter around its mode (the
`_NEAR` windows on either side that have most of it together). What it has elsewhere, such as in
another verse, does not draw the place away.

A place is never corrected afterwards. `Alignment.at` continues from the last place with its speed. Whether what
sounds is on the sheet is determined under the same condition: `msmdtools.follow.presence`.

Sources: C. Raphael, "Music Plus One and machine learning", ICML 2010, and E. Nakamura et al., "A
stochastic temporal model of polyphonic MIDI performance with ornaments", JNMR 44 (2015): hidden Markov
models of place and tempo with a chance to jump; S. Dixon, "Live tracking of musical performances using
on-line time warping", DAFx 2005, for the alternative, whose path has no notion of tempo: it cannot say
where the music is in the part of a window that has not been heard.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.base.progress import Progress, silent
from msmdtools.features.spectrogram import FRAMES_PER_SECOND
from msmdtools.follow import presence
from msmdtools.follow.alignment import (
    AUDIO_STRIDE,
    INDEX_AUDIO,
    INDEX_SHEET,
    SHEET_STRIDE,
    Alignment,
    Floats,
    check_length,
    window_centres,
)
from msmdtools.follow.axis import axis
from msmdtools.follow.similarity import Known, Similarities
from msmdtools.models.model import Model
from msmdtools.paper.axis import Paged
from msmdtools.search import verdict
from msmdtools.search.windows import audio_windows, sheet_windows

WHITE = 255
SPEEDS = np.geomspace(10.0, 500.0, 12)
CHANGE, LOST = 0.02, 1e-6
SHARPNESS = 4.0
# Sheet windows that count as near to a mode.
_NEAR = 3
# Windows that are cut, and embedded, at a time.
_BLOCK = 512


@dataclass(frozen=True, slots=True)
class Cut:
    """How far windows reach beyond their middle.

    Attributes:
        steps: number of `AUDIO_STRIDE` that are heard after the middle of an audio window.
        columns: px that are seen to the right of the middle of a sheet window.
    """

    steps: int
    columns: int

    def sheet(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return sheet windows, uint8 (n, rows, columns), with white paper after the cut."""
        cut = images.copy()
        cut[:, :, images.shape[2] // 2 + self.columns :] = WHITE
        return cut

    def audio(self, spectrograms: NDArray[Any]) -> NDArray[Any]:
        """Return audio windows, (n, 92, frames), with silence after the cut."""
        cut = spectrograms.copy()
        heard = round(self.steps * AUDIO_STRIDE * FRAMES_PER_SECOND)
        # A frame takes two frames' time: the one before the cut has not been heard to its end.
        cut[:, :, spectrograms.shape[2] // 2 + heard - 1 :] = 0
        return cut


CUTS = (Cut(0, 8), Cut(5, 40), Cut(10, 70))


def follow(
    sheet: Paged,
    spectrogram: NDArray[Any],
    model: Model,
    progress: Progress = silent,
) -> Alignment:
    """Follow a recording on a sheet, finding each place from what was heard before it.

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
    images = sheet_windows(sheet, model.config.sheet_shape, SHEET_STRIDE).images
    windows = audio_windows(spectrogram, model.config.frames, AUDIO_STRIDE)
    similarities = []
    for number, cut in enumerate(CUTS):
        progress("windows", number, len(CUTS))
        seen = _embedded(images, cut.sheet, model.embed_sheet)
        heard = _embedded(windows.spectrograms, cut.audio, model.embed_audio)
        similarities.append(Similarities(heard, seen))
    progress("windows", len(CUTS), len(CUTS))
    centres = window_centres(strip.length, len(images))
    places, speed = track(similarities, [cut.steps for cut in CUTS])
    nearest = np.abs(centres - (places[:, None] * SHEET_STRIDE + centres[0])).argmin(axis=1)
    every, apart = round(INDEX_AUDIO / AUDIO_STRIDE), INDEX_SHEET // SHEET_STRIDE
    heard = model.embed_audio(windows.spectrograms[::every])
    seen = model.embed_sheet(images[(apart - 1) // 2 :: apart] if len(images) > 2 else images)
    null = verdict.of_model(model.bundled)
    reach = model.config.frames / 2 / FRAMES_PER_SECOND
    likely, on_sheet = presence.so_far(heard, seen, spectrogram, null, INDEX_AUDIO, reach)
    last = np.arange(len(windows.second)) // every
    return Alignment(
        strip,
        windows.second,
        centres[0] + SHEET_STRIDE * places,
        speed,
        np.array([similarities[0].row(i)[window] for i, window in enumerate(nearest)], np.float64),
        # That of the whole recording, which is known only at its end.
        probability=verdict.probability(verdict.evidence(heard, seen, null), "audio"),
        heard=on_sheet[last],
        likely=likely[last],
    )


def _embedded(
    windows: NDArray[Any],
    cut: Callable[[NDArray[Any]], NDArray[Any]],
    embed: Callable[[NDArray[Any]], NDArray[np.float32]],
) -> NDArray[np.float32]:
    """Cut and embed windows, some at a time."""
    starts = range(0, len(windows), _BLOCK)
    return np.concatenate([embed(cut(windows[start : start + _BLOCK])) for start in starts])


def track(
    similarities: Sequence[Similarities | NDArray[np.floating]], lags: Sequence[int]
) -> tuple[Floats, Floats]:
    """Return the place and the speed at each moment, from what was heard until then.

    A value at a moment depends on no row that has not been heard by then.

    Args:
        similarities: for each cut, cosine similarities (moments, sheet windows); row n is of the window
            around moment n.
        lags: rising from 0; row n of cut i has been heard at moment n + lags[i].

    Returns:
        The places in sheet windows from 0, (moments,), and the speeds in px a second, (moments,).
    """
    matrices = [
        values if isinstance(values, Similarities) else Known(values) for values in similarities
    ]
    moments, windows = matrices[0].shape

    @lru_cache(maxsize=len(lags) * (lags[-1] + 2))
    def likelihood(cut: int, moment: int) -> Floats:
        likelihoods: Floats = np.exp(SHARPNESS * (matrices[cut].row(moment) - 1.0)).astype(
            np.float64
        )
        return likelihoods

    motion = _motion()
    settled = np.full((len(SPEEDS), windows), 1 / (len(SPEEDS) * windows))

    def step(state: Floats, moment: int, cut: int) -> Floats:
        moved = state if moment == 0 else _moved(state, motion)
        weighted = moved * likelihood(cut, moment)
        weighted /= weighted.sum()
        return (1 - LOST) * weighted + LOST / weighted.size

    places, speeds = np.empty(moments), np.empty(moments)
    for present in range(moments):
        if present >= lags[-1]:
            settled = step(settled, present - lags[-1], len(lags) - 1)
        state = settled
        for moment in range(max(present - lags[-1] + 1, 0), present + 1):
            heard = max(cut for cut, lag in enumerate(lags) if moment + lag <= present)
            state = step(state, moment, heard)
        places[present], speeds[present] = _estimate(state)
    return places, speeds


@dataclass(frozen=True, slots=True, eq=False)
class _Motion:
    """How states move in one step.

    Attributes:
        whole, part: how many windows each speed goes on by: the whole number and the rest.
        change: (speeds, speeds) probabilities from speed to speed.
    """

    whole: NDArray[np.int64]
    part: Floats
    change: Floats


def _motion() -> _Motion:
    far = SPEEDS * AUDIO_STRIDE / SHEET_STRIDE
    count = len(SPEEDS)
    change = np.eye(count) * (1 - CHANGE)
    for speed in range(count):
        for other in (max(speed - 1, 0), min(speed + 1, count - 1)):
            change[speed, other] += CHANGE / 2
    return _Motion(np.floor(far).astype(np.int64), far - np.floor(far), change)


def _moved(state: Floats, motion: _Motion) -> Floats:
    """Advance a state, (speeds, windows), by one step; what would leave the sheet stays at its end."""
    moved = np.zeros_like(state)
    windows = state.shape[1]
    for speed, (whole, part) in enumerate(zip(motion.whole, motion.part, strict=True)):
        for far, weight in ((whole, 1 - part), (whole + 1, part)):
            inside = max(windows - far, 0)
            moved[speed, windows - inside :] += weight * state[speed, :inside]
            moved[speed, -1] += weight * state[speed, inside:].sum()
    return np.asarray(motion.change.T @ moved, np.float64)


def _estimate(state: Floats) -> tuple[float, float]:
    """Return place, in windows, and speed, in px a second: the means around the mode of the places."""
    of_place = state.sum(axis=0)
    near = np.convolve(of_place, np.ones(2 * _NEAR + 1), mode="full")[_NEAR : _NEAR + len(of_place)]
    mode = int(near.argmax())
    part = slice(max(mode - _NEAR, 0), mode + _NEAR + 1)
    weights = state[:, part]
    total = weights.sum()
    place = (weights.sum(axis=0) @ np.arange(part.start, part.start + weights.shape[1])) / total
    return float(place), float(weights.sum(axis=1) @ SPEEDS / total)
