"""Search in an index: the pieces that a recording or a sheet may be of, and the places in them.

A query's windows are embedded at the strides of the index; `msmdtools.search.ranking` finds the
best path through every candidate: for a recording every sheet of the index, for a sheet every recording.
In a large index only the pieces with windows near the query's are candidates:
`msmdtools.search.neighbours`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.errors import MsmdError
from msmdtools.features.spectrogram import FRAMES_PER_SECOND, frame_of
from msmdtools.models.model import Model
from msmdtools.paper.axis import Paged
from msmdtools.search import neighbours, parts, verdict
from msmdtools.search.index import Index
from msmdtools.search.parts import Side
from msmdtools.search.ranking import path_scores, paths, straightened
from msmdtools.search.windows import audio_windows, edge_windows, sheet_windows

# A shorter recording fills less than half of the shortest model's window.
SHORTEST_S = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """The embedded windows of a query.

    Attributes:
        vectors: embeddings, float32 (windows, dim).
        places: where each window is, one mapping per window: `query_second` for a recording;
            `query_page`, `query_system`, `query_x` and `query_y` for a sheet.
        side: "audio" or "sheet".
        edge: number of windows at either end that lie mostly beyond the recording; their places are derived
            from those of the others.
    """

    vectors: NDArray[np.float32]
    places: list[dict[str, Any]]
    side: str
    edge: int = 0


@dataclass(frozen=True, slots=True)
class Match:
    """A piece that a query may come from.

    Attributes:
        rank: from 1, the best.
        piece: id of the piece.
        performance: name of the recording; "" for a sheet.
        score: mean cosine similarity along the path, from -1 to 1.
        probability: probability that it is the right piece, from 0 to 1; see `msmdtools.search.verdict`.
        path: for each window of the query, its place and the place found: `page`, `system`, `x` and `y` on a
            sheet, `second` in a recording, and the `similarity` of the two.
    """

    rank: int
    piece: str
    performance: str
    score: float
    probability: float
    path: list[dict[str, Any]]


def audio_query(
    spectrogram: NDArray[Any],
    model: Model,
    stride_s: float,
    start: float = 0.0,
    end: float | None = None,
) -> Query:
    """Embed a recording, or the part of it from `start` to `end`, as a query.

    What lies outside of the part is cut off first, so it is not heard.

    Args:
        spectrogram: spectrogram of the recording, (92, frames).
        model: the model that the index was made with.
        stride_s: seconds between windows.
        start: second at which the part begins.
        end: second at which it ends; None for the end of the recording.

    Returns:
        The query.

    Raises:
        MsmdError: the part is outside of the recording or shorter than a second.
    """
    part = excerpt(spectrogram, start, end)
    windows = audio_windows(part, model.config.frames, stride_s)
    places = [{"query_second": float(second + start)} for second in windows.second]
    edge = edge_windows(model.config.frames, stride_s)
    return Query(model.embed_audio(windows.spectrograms), places, "audio", edge)


def excerpt(
    spectrogram: NDArray[Any], start: float = 0.0, end: float | None = None
) -> NDArray[Any]:
    """Cut the frames from `start` to `end` out of a spectrogram.

    Args:
        spectrogram: (92, frames).
        start: second at which the excerpt begins.
        end: second at which it ends; None for the end of the recording.

    Returns:
        (92, frames of the excerpt), a view.

    Raises:
        MsmdError: the excerpt is outside of the recording or shorter than a second.
    """
    length = spectrogram.shape[1] / FRAMES_PER_SECOND
    stop = length if end is None else min(end, length)
    if not 0 <= start < length:
        raise MsmdError(
            f"the recording has {length:.1f} s; it has nothing at {start:g} s, so give an earlier --start"
        )
    part = spectrogram[:, frame_of(start) : frame_of(stop)]
    if part.shape[1] < SHORTEST_S * FRAMES_PER_SECOND:
        raise MsmdError(
            f"{max(stop - start, 0):.1f} s is too short to search with; give {SHORTEST_S:g} s or more"
        )
    return part


def sheet_query(piece: Paged, model: Model, stride: int, page: int | None = None) -> Query:
    """Embed a sheet, or one page of it, as a query.

    Args:
        piece: the sheet.
        model: the model that the index was made with.
        stride: px between windows.
        page: the page, from 1; None for all.

    Returns:
        The query.

    Raises:
        MsmdError: there are no systems on the page.
    """
    windows = sheet_windows(piece, model.config.sheet_shape, stride)
    wanted = np.flatnonzero(windows.page == page) if page else np.arange(len(windows.page))
    if not len(wanted):
        raise MsmdError(f"{piece.piece}: no systems on page {page}; search with another page")
    places = [
        {
            "query_page": int(windows.page[i]),
            "query_system": int(windows.system[i]),
            "query_x": float(windows.x[i]),
            "query_y": float(windows.y[i]),
        }
        for i in wanted
    ]
    images = windows.images[wanted] if page else windows.images
    return Query(model.embed_sheet(images), places, "sheet")


def search(index: Index, query: Query, top: int = 10) -> list[Match]:
    """Find the pieces in an index that a query may come from.

    Of a piece with several recordings the best one counts.

    Args:
        index: the index.
        query: the embedded query.
        top: the number of pieces to return.

    Returns:
        At most `top` pieces, best first; pieces with equal scores in the order of the index.

    Raises:
        MsmdError: the index has nothing of the other side, or a file of it is damaged.
    """
    name = "sheet" if query.side == "audio" else "audio"
    if not index.count(name):
        what = "sheets" if query.side == "audio" else "recordings"
        raise MsmdError(f"{index.path} has no {what} to search in; add some with msmd index")
    shortlist = _shortlist(index, name, query.vectors)
    side: Side = getattr(index, name) if shortlist is None else index.read(name, shortlist)
    pieces = index.entries.loc[index.entries["side"] == name, "piece"].nunique()
    return ranked(side, query, top, verdict.of_model(index.description.weights), pieces)


def _shortlist(index: Index, side: str, queries: NDArray[np.float32]) -> list[int] | None:
    """Return the entries of a side that may have a good path; None where it has no FAISS file.

    Entries that a killed run added after the file was written are always among them.

    Raises:
        MsmdError: the file is missing or damaged, or FAISS is not installed.
    """
    faiss_file = index.description.neighbours.get(side)
    if faiss_file is None:
        return None
    path = index.path / str(faiss_file["file"])
    nearest_windows = (
        index.faiss_indexes[side] if side in index.faiss_indexes else neighbours.load(path)
    )
    if nearest_windows.d != index.description.dim:
        raise parts.damaged(path, "its vectors have the wrong length")
    entries = index.entries.index[index.entries["side"] == side].to_numpy(np.int64)
    similarities, ids = neighbours.search(nearest_windows, queries)
    ordered = neighbours.best(similarities, ids)
    known = np.isin(ordered, entries)
    late = entries[entries >= faiss_file["until"]]
    return [*ordered[known][: neighbours.CANDIDATES].tolist(), *late.tolist()]


def ranked(
    side: Side,
    query: Query,
    top: int = 10,
    null: verdict.Null | None = None,
    pieces: int | None = None,
) -> list[Match]:
    """Rank the pieces of a side for a query, as `search` does.

    Args:
        side: the windows to search in.
        query: the embedded query.
        top: the number of pieces to return.
        null: similarities of unrelated music with the model; None if they are not known.
        pieces: number of pieces among which these were chosen; None for those of the side.

    Returns:
        At most `top` pieces, best first.
    """
    scores = path_scores(query.vectors, side.vectors, side.bounds)
    groups: dict[str, int] = {}  # the best sheet or recording of each piece, best first
    for group in np.argsort(-scores, kind="stable"):
        if len(groups) < top and np.isfinite(scores[group]):
            groups.setdefault(side.names[group][0], int(group))
    contenders = pieces or len({piece for piece, _ in side.names})
    null = null or verdict.of_index(query.vectors, side.vectors, contenders)
    matches = []
    for rank, group in enumerate(groups.values(), 1):
        part = side.vectors[side.bounds[group] : side.bounds[group + 1]]
        evidence = verdict.evidence(query.vectors, part, null)
        likely = verdict.probability(evidence, query.side, contenders)
        matches.append(_match(side, query, group, rank, likely))
    return matches


def _match(side: Side, query: Query, group: int, rank: int, probability: float) -> Match:
    low, high = side.bounds[group : group + 2]
    similarities = query.vectors @ side.vectors[low:high].T
    best_path = paths(similarities, np.array([0, high - low]))
    windows = straightened(best_path.windows[0], query.edge, 0, high - low - 1)
    places = side.places.iloc[low + windows].drop(columns=["entry", "piece"])
    path = [
        {
            **place,
            **{str(k): v for k, v in row.items() if k != "performance"},
            "similarity": float(similarities[i, windows[i]]),
        }
        for i, (place, row) in enumerate(zip(query.places, places.to_dict("records"), strict=True))
    ]
    piece, performance = side.names[group]
    return Match(rank, piece, performance, float(best_path.scores[0]), probability, path)
