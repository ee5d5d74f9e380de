"""How exactly a recording is followed on its sheet: alignment with all of it, and score following.

The task is to report the place at each onset of a performance. All onsets that have a place on the paper
(`msmdtools.snippets.onsets`) are queries. The *reported* place is what `Alignment.at` gives for the onset's
second; for a follower it is derived from what was heard before the onset.

- *Error in seconds.* From the onset to the moment at which the performance is at the reported place. Where
  the performance is at every moment is known from its note heads: the passages of
  `msmdtools.paper.position`, straight lines between onsets. Of several moments (repeats that are
  unfolded) the one nearest to the onset counts. A place that no passage goes through has the moment of
  the nearest place on the strip that lies in a passage.
- *Error in px.* From the place where the onset is printed to the reported place, along the strip of all
  systems; in percent of the width of the page, too.
- *Shares.* Percent of onsets with an error of at most 0.05, 0.1, 0.5, 1 and 5 s. Medians are over the onsets
  too. An onset for which no place was reported is wrong in every share, and its errors are infinite.
- *Intervals* are from a bootstrap over pieces (`msmdtools.metrics.bootstrap`).
- *Linear baseline.* From the start of the strip to its end at constant speed, from the first to the last
  moment of the recording.
- *Other speeds.* Pieces are performed again at another speed (`msmdtools.evaluation.rendering`); all
  moments are those of that performance, and an error of 0.5 s is twice as much music at twice the speed.

The error in seconds and its limits are those of F. Henkel and G. Widmer, "Real-time music following in
score sheet images via multi-resolution prediction", Frontiers in Computer Science 3 (2021), up to
details of the path between note heads.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from msmdtools.base.progress import Progress, silent
from msmdtools.dataset.reader import Dataset, DatasetPiece
from msmdtools.errors import MsmdError
from msmdtools.evaluation.pieces import speeds
from msmdtools.evaluation.rendering import Rendition, whole
from msmdtools.features.spectrogram import FRAMES_PER_SECOND
from msmdtools.follow.alignment import Alignment, align
from msmdtools.follow.following import follow
from msmdtools.metrics import bootstrap
from msmdtools.metrics.bootstrap import Interval
from msmdtools.models.model import Model
from msmdtools.paper.axis import Axis, Paged
from msmdtools.paper.position import Passage
from msmdtools.snippets.onsets import find_onsets

Floats = NDArray[np.float64]
Method = Callable[[Paged, NDArray[np.float16], Model], Alignment]

METHODS: dict[str, Method] = {"alignment": align, "following": follow}
WITHIN_S = (0.05, 0.1, 0.5, 1.0, 5.0)


@dataclass(frozen=True, slots=True, eq=False)
class Errors:
    """Errors at onsets, infinite where no place was reported; arrays of one length.

    Attributes:
        seconds: absolute errors in time, s.
        pixels: absolute errors on the strip, px.
        widths: the same in percent of the page's width.
    """

    seconds: Floats
    pixels: Floats
    widths: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Followed:
    """How one piece was followed.

    Attributes:
        piece: id of the piece.
        performance: name of its performance.
        speed: how many times as fast as this performance it was played.
        onset: its onsets in s, at that speed; (onsets,).
        errors: errors of the method.
        linear: errors of the linear baseline.
        similarity: mean cosine similarity along the path that was found.
    """

    piece: str
    performance: str
    speed: float
    onset: Floats
    errors: Errors
    linear: Errors
    similarity: float


@dataclass(frozen=True, slots=True)
class Accuracy:
    """The errors of several pieces, summarised.

    Attributes:
        onsets: number of onsets.
        unreached: number of onsets for which no place was reported.
        within: percentage of onsets with an error of at most this many seconds.
        intervals: 95 % interval of each of these percentages; None with fewer than two pieces.
        median_s: median error in s; infinite if more than half of the onsets were not reached.
        median_px: median error in px of the strip, likewise.
        median_width: median error in percent of the page's width, likewise.
    """

    onsets: int
    unreached: int
    within: dict[float, float]
    intervals: dict[float, Interval] | None
    median_s: float
    median_px: float
    median_width: float


def evaluate_following(
    model: Model,
    dataset: Dataset,
    performances: dict[str, str],
    task: str,
    tempi: Sequence[float] = (),
    progress: Progress = silent,
) -> list[Followed]:
    """Follow performances on their sheets and compare the places with the note heads.

    Args:
        model: the model that compares sheets and recordings.
        dataset: the dataset that the pieces are from.
        performances: name of each piece's performance, by the id of the piece.
        task: "alignment" or "following", one of `METHODS`.
        tempi: further speeds at which the pieces are performed again and followed; 1 is that of the dataset.
        progress: called with what is counted, how much of it is done, and how much there is.

    Returns:
        One result per piece and speed: all pieces at speed 1, then at each of `tempi`.

    Raises:
        MsmdError: a recording is too short, a piece has no onset with a place, a speed is impossible, or a
            piece could not be performed.
        DatasetError: a file of the dataset is missing or damaged.
    """
    speeds.check(tempi)
    followed = []
    for speed in (1.0, *(speed for speed in tempi if speed != 1)):
        what = task if speed == 1 else f"{task}, speed {speed:g}"
        for number, (name, performance) in enumerate(performances.items()):
            progress(what, number, len(performances))
            piece = dataset[name]
            if speed == 1:
                bands = piece.spectrogram(performance)
            else:
                bands = whole(Rendition(dataset.path, name, performance, tempo=speed))
            alignment = METHODS[task](piece, bands, model)
            length = bands.shape[1] / FRAMES_PER_SECOND
            followed.append(compare(piece, performance, alignment, length, speed))
        progress(what, len(performances), len(performances))
    return followed


def compare(
    piece: DatasetPiece, performance: str, alignment: Alignment, length: float, speed: float = 1.0
) -> Followed:
    """Return the errors of an alignment of a performance, and those of the linear baseline.

    Args:
        piece: the piece.
        performance: name of its performance.
        alignment: an alignment of the performance with the sheet.
        length: length of the recording in s.
        speed: how many times as fast as the performance the recording is.

    Returns:
        The errors at all onsets that have a place on the sheet.

    Raises:
        MsmdError: no onset of the piece has a place.
    """
    onsets = find_onsets(piece, performance)
    if not len(onsets):
        raise MsmdError(
            f"{piece.piece}: no onset has a place on the sheet, so nothing can be measured"
        )
    times = onsets.second / speed
    axis = alignment.axis
    printed = axis.strip(onsets.system, onsets.x)
    passages = [replace(part, times=part.times / speed) for part in piece.passages(performance)]
    width = piece.pages[0].shape[1] * axis.scale[axis.at(onsets.system)]

    def errors(places: Floats) -> Errors:
        moments = moments_at(passages, axis, places, times)
        pixels = np.nan_to_num(np.abs(places - printed), nan=np.inf)
        seconds = np.nan_to_num(np.abs(moments - times), nan=np.inf)
        return Errors(seconds, pixels, 100 * pixels / width)

    places, linear = alignment.at(times), axis.length * times / length
    similarity = float(alignment.similarity.mean())
    return Followed(
        piece.piece, performance, speed, times, errors(places), errors(linear), similarity
    )


def moments_at(
    passages: Sequence[Passage], strip: Axis, places: ArrayLike, near: ArrayLike
) -> Floats:
    """Return when a performance is at places on the strip.

    Args:
        passages: the passages of the performance, in s and in px of the pages.
        strip: the strip of the sheet.
        places: places on the strip in px, (n,).
        near: a moment in s for each place, (n,); of several moments at a place, the one nearest to it counts.

    Returns:
        The moments in s, (n,); NaN for a place that is NaN.
    """
    places, near = np.asarray(places, np.float64), np.asarray(near, np.float64)
    moments, distances = np.empty((2, len(passages), len(places)))
    for row, passage in enumerate(passages):
        along = strip.strip(passage.system, passage.xs)
        moments[row] = np.interp(places, along, passage.times)
        distances[row] = np.maximum(np.maximum(along[0] - places, places - along[-1]), 0)
    nearest = distances <= distances.min(axis=0) + 1e-9
    delays = np.where(nearest, np.abs(moments - near), np.inf)
    return np.asarray(moments[delays.argmin(axis=0), np.arange(len(places))], np.float64)


def accuracy_of(errors: Sequence[Errors], seed: int = 0) -> Accuracy:
    """Summarise the errors of several pieces, all their onsets together.

    Args:
        errors: the errors of each piece.
        seed: seed of the bootstrap's draws.

    Raises:
        ValueError: there are no onsets.
    """
    if not sum(len(piece_errors.seconds) for piece_errors in errors):
        raise ValueError("there are no onsets to sum up")
    seconds, pixels, widths = (
        np.concatenate([getattr(piece_errors, name) for piece_errors in errors])
        for name in ("seconds", "pixels", "widths")
    )
    pieces = np.repeat(
        np.arange(len(errors)), [len(piece_errors.seconds) for piece_errors in errors]
    )
    hits = {limit: seconds <= limit for limit in WITHIN_S}
    edges = {limit: bootstrap.share(hit, pieces, seed) for limit, hit in hits.items()}
    return Accuracy(
        onsets=len(seconds),
        unreached=int(np.isinf(seconds).sum()),
        within={limit: float(100 * hit.mean()) for limit, hit in hits.items()},
        intervals={k: edge for k, edge in edges.items() if edge is not None} or None,
        median_s=float(np.median(seconds)),
        median_px=float(np.median(pixels)),
        median_width=float(np.median(widths)),
    )
