"""Queries: whole recordings and sheets, and excerpts of them that begin anywhere.

The length of an excerpt is in seconds for a recording, and in pixels of the strip of systems (at a page
width of 835 px) for a sheet. Each piece has `DRAWS` excerpts of each length.

- Where they begin. Draw i of a piece has a number u in [0, 1) that depends on the seed and the piece
  alone. Of the n places at which an excerpt can begin, one stride of the index apart, it takes number
  floor(u · n). So excerpts of all lengths, and at all speeds, begin in about the same music, and
  queries stay the same whatever else is in the index.
- An excerpt of a recording is cut out of its spectrogram: nothing outside of it is heard. Its windows
  are those of `msmd search`: one every stride from its first moment on, with silence around it.
- An excerpt of a sheet has the windows that lie wholly inside of it, as a page cut in two has no
  meaning of its own: floor((length - columns) / stride) + 1 windows, at least one.
- A piece that is not longer than the excerpt is a query as a whole in every draw.
- Whole recordings and sheets have all of their windows, one query a piece.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from msmdtools.base.progress import Progress, silent
from msmdtools.evaluation.pieces.collection import Collection, vectors_by_piece
from msmdtools.evaluation.snippets.retrieval import AUDIO_TO_SHEET
from msmdtools.features.spectrogram import FRAMES_PER_SECOND
from msmdtools.models.model import Model
from msmdtools.search.windows import audio_windows, edge_windows

SECONDS = (5.0, 10.0, 20.0)
PIXELS = (400.0, 800.0, 1600.0)
DRAWS = 20


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """An excerpt of a piece, or the whole of it, that is used to search for the piece's other side.

    Attributes:
        piece: id of the piece, the one right answer.
        length: length in s or px; None for the whole piece.
        first: number of its first window among all windows of the piece.
        vectors: embeddings of its windows, float32 (windows, dim).
        edge: number of windows at either end that lie mostly beyond it; see `msmdtools.search.search`.
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
    """Make all queries of a direction: for each piece its excerpts by length and draw, then the whole.

    Args:
        model: the model that embeds them.
        collection: the pieces.
        direction: "audio-to-sheet" or "sheet-to-audio".
        count: number of excerpts of each length and piece.
        seed: seed of the places at which excerpts begin.
        progress: called with what is counted, how much of it is done, and how much there is.

    Returns:
        The queries.

    Raises:
        DatasetError: a spectrogram is missing or damaged.
    """
    pieces = collection.selection.pieces
    recordings = collection.recordings
    from_audio = direction == AUDIO_TO_SHEET
    windows = vectors_by_piece(recordings.side if from_audio else collection.sheets, pieces)
    excerpts = []
    for done, (piece, vectors) in enumerate(windows.items()):
        progress("excerpts", done, len(pieces))
        begins = draws(piece, count, seed)
        if from_audio:
            bands, stride = recordings.spectrogram(piece), collection.audio_stride
            excerpts += audio(piece, vectors, bands, SECONDS, model, stride, begins)
        else:
            columns, stride = model.config.sheet_shape[1], collection.sheet_stride
            excerpts += sheet(piece, vectors, PIXELS, columns, stride, begins)
        excerpts.append(Query(piece, None, 0, vectors))
    progress("excerpts", len(pieces), len(pieces))
    return excerpts


def draws(piece: str, count: int, seed: int) -> NDArray[np.float64]:
    """Draw where the excerpts of a piece begin, as fractions of the piece.

    Args:
        piece: id of the piece.
        count: number of excerpts.
        seed: seed of the draws; a piece's draws depend on it and on the id alone.

    Returns:
        From 0 to below 1, (count,).
    """
    return np.random.default_rng([seed, *piece.encode()]).random(count)


def sheet(
    piece: str,
    vectors: NDArray[np.float32],
    lengths: Sequence[float],
    columns: int,
    stride: float,
    begins: NDArray[np.float64],
) -> list[Query]:
    """Make the excerpts of a sheet, by length and draw.

    Args:
        piece: id of the piece.
        vectors: embeddings of all windows of the sheet, float32 (windows, dim).
        lengths: lengths of the excerpts in px.
        columns: width of a window in px.
        stride: px between windows.
        begins: where the excerpts begin, from 0 to below 1, from `draws`.

    Returns:
        The excerpts.
    """
    excerpts = []
    for length in lengths:
        windows = max(int((length - columns) / stride + 1e-9) + 1, 1)
        places = max(len(vectors) - windows, 0) + 1
        for first in np.floor(begins * places).astype(int).tolist():
            excerpts.append(Query(piece, length, first, vectors[first : first + windows]))
    return excerpts


def audio(
    piece: str,
    vectors: NDArray[np.float32],
    spectrogram: NDArray[np.float16],
    lengths: Sequence[float],
    model: Model,
    stride: float,
    begins: NDArray[np.float64],
) -> list[Query]:
    """Make the excerpts of a recording, by length and draw.

    Only windows that reach beyond an excerpt are embedded; the others are those of the recording.

    Args:
        piece: id of the piece.
        vectors: embeddings of all windows of the recording, float32 (windows, dim).
        spectrogram: spectrogram of the recording, (92, frames).
        lengths: lengths of the excerpts in s.
        model: the model that embeds windows.
        stride: s between windows.
        begins: where the excerpts begin, from 0 to below 1, from `draws`.

    Returns:
        The excerpts.
    """
    step, frames = round(stride * FRAMES_PER_SECOND), model.config.frames
    edge = edge_windows(frames, stride)
    excerpts: list[Query] = []
    cut: list[NDArray[np.float16]] = []
    places: list[tuple[int, NDArray[np.int64]]] = []
    for length in lengths:
        size = round(length * FRAMES_PER_SECOND)
        if size >= spectrogram.shape[1]:
            excerpts += [Query(piece, length, 0, vectors, edge)] * len(begins)
            continue
        count = (spectrogram.shape[1] - size) // step + 1
        for first in np.floor(begins * count).astype(int).tolist():
            part = spectrogram[:, first * step : first * step + size]
            windows = audio_windows(part, frames, stride).spectrograms
            middle = np.arange(len(windows)) * step
            beyond = (middle < frames // 2) | (middle + frames - frames // 2 > size)
            cut.append(windows[beyond])
            places.append((len(excerpts), np.flatnonzero(beyond)))
            excerpt_vectors = vectors[first : first + len(windows)].copy()
            excerpts.append(Query(piece, length, first, excerpt_vectors, edge))
    if cut:
        embedded = model.embed_audio(np.concatenate(cut))
        ends = np.cumsum([len(rows) for _, rows in places])
        for (number, rows), part in zip(places, np.split(embedded, ends[:-1]), strict=True):
            excerpts[number].vectors[rows] = part
    return excerpts
