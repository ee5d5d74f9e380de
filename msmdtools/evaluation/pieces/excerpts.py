"""Queries: whole recordings and sheets, and excerpts of them that begin anywhere.

Excerpts of a recording are so many seconds long, those of a sheet so many pixels of the strip of its
systems (at a page width of 835 px). Of each piece there are `DRAWS` of each length.

- Where they begin. Draw i of a piece has a number u in [0, 1) that depends on the seed and the piece
  alone. Of the n places at which an excerpt can begin, one stride of the index apart, it takes number
  floor(u · n). So excerpts of all lengths, and at all speeds, begin in about the same music, and
  queries stay the same whatever else is in the index.
- An excerpt of a recording is cut out of its spectrogram: nothing outside of it is heard. Its windows
  are those of `msmd search`: one every stride from its first moment on, with silence around it.
- An excerpt of a sheet has the windows that lie wholly inside of it, as a page cut in two has no
  meaning of its own: floor((length - columns) / stride) + 1 windows, at least one.
- A piece that is not longer than the excerpt is asked for as a whole in every draw.
- Whole recordings and sheets have all of their windows, one query a piece.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from msmdtools.base.progress import Progress, silent
from msmdtools.evaluation.pieces.collection import Collection, own
from msmdtools.evaluation.snippets.retrieval import AUDIO_TO_SHEET
from msmdtools.features.spectrogram import FRAMES_PER_SECOND
from msmdtools.models.model import Model
from msmdtools.search.windows import audio_windows, edge_windows

SECONDS = (5.0, 10.0, 20.0)
PIXELS = (400.0, 800.0, 1600.0)
DRAWS = 20


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """A passage of a piece that asks for its other side.

    Attributes:
        piece: the one right answer.
        length: s or px; None for the whole piece.
        first: the number of its first window among all of the piece.
        vectors: of its windows, float32 (windows, dim).
        edge: how many windows at either end are mostly beyond it; see `msmdtools.search.search`.
    """

    piece: str
    length: float | None
    first: int
    vectors: NDArray[np.float32]
    edge: int = 0


def queries(
    model: Model,
    collection: Collection,
    direction: str,
    *,
    count: int = DRAWS,
    seed: int = 0,
    progress: Progress = silent,
) -> list[Query]:
    """All queries of a direction: by piece the excerpts by length and draw, then the whole.

    Raises:
        DatasetError: a spectrogram is missing or damaged.
    """
    pieces = collection.selection.pieces
    recordings = collection.recordings
    asks = direction == AUDIO_TO_SHEET
    windows = own(recordings.side if asks else collection.sheets, pieces)
    found = []
    for done, (piece, vectors) in enumerate(windows.items()):
        progress("excerpts", done, len(pieces))
        begins = draws(piece, count, seed)
        if asks:
            bands, stride = recordings.spectrogram(piece), collection.audio_stride
            found += audio(piece, vectors, bands, SECONDS, model, stride, begins)
        else:
            columns, stride = model.config.sheet_shape[1], collection.sheet_stride
            found += sheet(piece, vectors, PIXELS, columns, stride, begins)
        found.append(Query(piece, None, 0, vectors))
    progress("excerpts", len(pieces), len(pieces))
    return found


def draws(piece: str, count: int, seed: int) -> NDArray[np.float64]:
    """Where the excerpts of a piece begin, from 0 to below 1: (count,)."""
    return np.random.default_rng([seed, *piece.encode()]).random(count)


def sheet(
    piece: str,
    own: NDArray[np.float32],
    lengths: Sequence[float],
    columns: int,
    stride: float,
    begins: NDArray[np.float64],
) -> list[Query]:
    """The excerpts of a sheet, by length and draw.

    Args:
        own: the embeddings of all windows of the sheet.
        lengths: in px.
        columns: of a window.
        stride: px between windows.
        begins: of `draws`.
    """
    found = []
    for length in lengths:
        wanted = max(int((length - columns) / stride + 1e-9) + 1, 1)
        places = max(len(own) - wanted, 0) + 1
        for first in np.floor(begins * places).astype(int).tolist():
            found.append(Query(piece, length, first, own[first : first + wanted]))
    return found


def audio(
    piece: str,
    own: NDArray[np.float32],
    spectrogram: NDArray[np.float16],
    lengths: Sequence[float],
    model: Model,
    stride: float,
    begins: NDArray[np.float64],
) -> list[Query]:
    """The excerpts of a recording, by length and draw.

    Only windows that reach beyond an excerpt are embedded; the others are those of the recording.

    Args:
        own: the embeddings of all windows of the recording.
        spectrogram: (92, frames) of the recording.
        lengths: in s.
        stride: s between windows.
        begins: of `draws`.
    """
    step, frames = round(stride * FRAMES_PER_SECOND), model.config.frames
    edge = edge_windows(frames, stride)
    found: list[Query] = []
    cut: list[NDArray[np.float16]] = []
    places: list[tuple[int, NDArray[np.int64]]] = []
    for length in lengths:
        size = round(length * FRAMES_PER_SECOND)
        if size >= spectrogram.shape[1]:
            found += [Query(piece, length, 0, own, edge)] * len(begins)
            continue
        count = (spectrogram.shape[1] - size) // step + 1
        for first in np.floor(begins * count).astype(int).tolist():
            part = spectrogram[:, first * step : first * step + size]
            windows = audio_windows(part, frames, stride).spectrograms
            middle = np.arange(len(windows)) * step
            beyond = (middle < frames // 2) | (middle + frames - frames // 2 > size)
            cut.append(windows[beyond])
            places.append((len(found), np.flatnonzero(beyond)))
            vectors = own[first : first + len(windows)].copy()
            found.append(Query(piece, length, first, vectors, edge))
    if cut:
        embedded = model.embed_audio(np.concatenate(cut))
        ends = np.cumsum([len(rows) for _, rows in places])
        for (number, rows), part in zip(places, np.split(embedded, ends[:-1]), strict=True):
            found[number].vectors[rows] = part
    return found
