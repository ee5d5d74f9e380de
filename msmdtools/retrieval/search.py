"""Search in an index: the pieces that a recording or a sheet may be of, and the places in them.

A query's windows are embedded at the strides of the index; `msmdtools.retrieval.ranking` finds the
best path through every sheet (of a recording: every sheet of the index; of a sheet: every recording).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.errors import MsmdError
from msmdtools.features.spectrogram import FRAMES_PER_SECOND, frame_of
from msmdtools.models.model import Model
from msmdtools.retrieval.index import Index
from msmdtools.retrieval.ranking import paths
from msmdtools.retrieval.windows import audio_windows, sheet_windows

if TYPE_CHECKING:
    from msmdtools.dataset.reader import DatasetPiece

# Shorter recordings have less in them than half the shortest model's window.
SHORTEST_S = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """The embedded windows of a query.

    Attributes:
        vectors: float32, (windows, dim).
        places: where each window is, one mapping per window: of a recording `query_second`, of a
            sheet `query_page`, `query_system` and `query_x`.
        of: "audio" or "sheet".
    """

    vectors: NDArray[np.float32]
    places: list[dict[str, Any]]
    of: str


@dataclass(frozen=True, slots=True)
class Match:
    """A piece that a query may be of.

    Attributes:
        rank: from 1.
        piece: its id.
        performance: the recording of it; "" for a sheet.
        score: mean cosine similarity along the path, from -1 to 1.
        path: for each window of the query its place and the place found: `page`, `system` and `x`
            of a sheet, `second` of a recording, and their `similarity`.
    """

    rank: int
    piece: str
    performance: str
    score: float
    path: list[dict[str, Any]]


def audio_query(
    spectrogram: NDArray[Any],
    model: Model,
    stride_s: float,
    start: float = 0.0,
    end: float | None = None,
) -> Query:
    """The query that a recording is, or its part from `start` to `end` in seconds.

    What lies outside of the part is not heard: it is cut off first.

    Args:
        spectrogram: (92, frames).

    Raises:
        MsmdError: the part is outside of the recording or shorter than a second.
    """
    length = spectrogram.shape[1] / FRAMES_PER_SECOND
    stop = length if end is None else min(end, length)
    if not 0 <= start < length:
        raise MsmdError(f"the recording has {length:.1f} s; it has nothing at {start:g} s")
    part = spectrogram[:, frame_of(start) : frame_of(stop)]
    if part.shape[1] < SHORTEST_S * FRAMES_PER_SECOND:
        raise MsmdError(
            f"{max(stop - start, 0):.1f} s are too short to search for; give {SHORTEST_S:g} s or more"
        )
    windows = audio_windows(part, model.config.frames, stride_s)
    places = [{"query_second": float(second + start)} for second in windows.second]
    return Query(model.embed_audio(windows.spectrograms), places, "audio")


def sheet_query(piece: "DatasetPiece", model: Model, stride: int, page: int | None = None) -> Query:
    """The query that the sheet of a dataset's piece is, or one page of it.

    Raises:
        MsmdError: there are no systems on the page.
    """
    windows = sheet_windows(piece, model.config.sheet_shape, stride)
    wanted = np.flatnonzero(windows.page == page) if page else np.arange(len(windows.page))
    if not len(wanted):
        raise MsmdError(f"{piece.piece}: no systems on page {page}")
    places = [
        {
            "query_page": int(windows.page[i]),
            "query_system": int(windows.system[i]),
            "query_x": float(windows.x[i]),
        }
        for i in wanted
    ]
    return Query(model.embed_sheet(windows.images[wanted]), places, "sheet")


def search(index: Index, query: Query, top: int = 10) -> list[Match]:
    """The best `top` pieces, best first; equal scores in the order of the index.

    Of a piece with several recordings the best one counts.

    Raises:
        MsmdError: the index has nothing of the other side.
    """
    side = index.sheet if query.of == "audio" else index.audio
    if not len(side.vectors):
        what = "sheets" if query.of == "audio" else "recordings"
        raise MsmdError(f"{index.path} has no {what} to search in; add some with msmd index")
    similarities = query.vectors @ side.vectors.T
    found = paths(similarities, side.bounds)
    matches: list[Match] = []
    seen: set[str] = set()
    for group in np.argsort(-found.scores, kind="stable"):
        piece, performance = side.names[group]
        if piece in seen or len(matches) == top:
            continue
        seen.add(piece)
        windows = found.windows[group]
        rows = side.places.iloc[windows].drop(columns=["piece"]).to_dict("records")
        path = [
            {
                **place,
                **{str(k): v for k, v in row.items() if k != "performance"},
                "similarity": float(similarities[i, windows[i]]),
            }
            for i, (place, row) in enumerate(zip(query.places, rows, strict=True))
        ]
        matches.append(
            Match(len(matches) + 1, piece, performance, float(found.scores[group]), path)
        )
    return matches
