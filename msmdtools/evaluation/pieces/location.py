"""Position: how exactly the place at which an excerpt begins is found.

Task. Queries are excerpts (`msmdtools.evaluation.pieces.excerpts`). The place found is where the best path
through the right piece begins (`msmdtools.search.ranking`, `paths` and `straightened`, as in a search):
the middle of the window that is matched with the first window of the query. The true place is where the
music is at the middle of that first window: the first moment of an excerpt of a recording, or half a window
inside an excerpt of a sheet.

Both are compared on paper, in the strip of the piece's systems (`msmdtools.evaluation.pieces.measures`), in
which a system continues where the one before it ends. A second is on paper where the performance is then
(`msmdtools.paper.position`); before the first onset it is at the first onset, after the last release
at the end. At other speeds, the second of the dataset's performance with the same music counts.

With the distance d in px between the two, and w the width of the system that the true place is in,

- system/10: d ≤ w / 10;
- measure: the two are at most one measure apart, where place within a measure counts in proportion;
- system: d ≤ w.

Each is given as two percentages of the queries. *Located*: the right piece must be first among all
candidates, as `msmdtools.evaluation.pieces.identification` defines it for paths; a place in another piece
is wrong. *In the piece*: only the right piece is searched, whatever its rank.

A piece that is not longer than the excerpt is left out, as it is known where a whole piece begins.
Music that is repeated within the piece is not excused: a place with the same notes is a wrong place.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from msmdtools.base.progress import Progress, silent
from msmdtools.dataset.reader import DatasetPiece
from msmdtools.evaluation.pieces import identification
from msmdtools.evaluation.pieces.collection import Collection
from msmdtools.evaluation.pieces.excerpts import Query
from msmdtools.evaluation.pieces.measures import Paper, paper
from msmdtools.evaluation.snippets.retrieval import AUDIO_TO_SHEET
from msmdtools.metrics import bootstrap, chance
from msmdtools.metrics.bootstrap import Interval
from msmdtools.search.parts import Side
from msmdtools.search.ranking import paths, straightened

WITHIN = ("system/10", "measure", "system")


@dataclass(frozen=True, slots=True, eq=False)
class Errors:
    """How far places are from the true ones; arrays of one length.

    Attributes:
        pixels: distance in the strip, px.
        systems: the same in widths of the true system.
        measures: distance in measures.
    """

    pixels: NDArray[np.float64]
    systems: NDArray[np.float64]
    measures: NDArray[np.float64]

    def within(self, name: str) -> NDArray[np.bool_]:
        """Return which places are near enough; `name` is one of `WITHIN`."""
        match name:
            case "system/10":
                return self.systems <= 0.1
            case "measure":
                return self.measures <= 1
        return self.systems <= 1


@dataclass(frozen=True, slots=True, eq=False)
class Location:
    """How well the beginnings of excerpts of one kind are located.

    Attributes:
        direction: "audio-to-sheet" or "sheet-to-audio".
        speed: speed of the recordings; 1 as they are in the dataset.
        length: length of the excerpts in s or px.
        queries: the excerpts, without those that are their whole piece.
        first: whether the right piece is ranked first, (queries,).
        errors: distance of the places found in the right pieces from the true ones.
        located: percentage of the queries that are located, by `WITHIN`.
        in_piece: percentage whose place in the right piece is near enough, by `WITHIN`.
        chance: what `in_piece` would be if places were drawn from all windows of the right piece.
        above_chance: whether `in_piece` is higher; see `msmdtools.metrics.chance`.
        intervals: 95 % intervals of `located`; None with a single piece.
        median_px: median distance in the right piece, px.
    """

    direction: str
    speed: float
    length: float
    queries: Sequence[Query]
    first: NDArray[np.bool_]
    errors: Errors
    located: dict[str, float]
    in_piece: dict[str, float]
    chance: dict[str, float]
    above_chance: bool
    intervals: dict[str, Interval] | None
    median_px: float


def evaluate(
    queries: Sequence[Query],
    collection: Collection,
    direction: str,
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> list[Location]:
    """Measure how well the beginnings of excerpts are located, by length.

    Args:
        queries: queries of this direction; those that are whole pieces are left out.
        collection: the candidates.
        direction: "audio-to-sheet" or "sheet-to-audio".
        seed: seed of the intervals' draws.
        progress: called with what is counted, how much of it is done, and how much there is.

    Returns:
        One result for each length.

    Raises:
        DatasetError: a file of the dataset is missing or damaged.
    """
    from_audio = direction == AUDIO_TO_SHEET
    sheets, sounds = collection.sheets, collection.recordings.side
    asking, candidates = (sounds, sheets) if from_audio else (sheets, sounds)
    sizes = dict(zip((p for p, _ in asking.names), np.diff(asking.bounds).tolist(), strict=True))
    queries = [query for query in queries if len(query.vectors) < sizes[query.piece]]
    ranks = identification.ranks(queries, candidates, collection.alike, "paths", progress)
    all_errors, guessed = _errors(queries, collection, from_audio)
    results = []
    for length in dict.fromkeys(query.length for query in queries):
        rows = np.array([n for n, query in enumerate(queries) if query.length == length])
        pieces = [queries[n].piece for n in rows]
        number, first = identification.numbers(pieces), ranks[rows] == 1
        errors = Errors(
            all_errors.pixels[rows], all_errors.systems[rows], all_errors.measures[rows]
        )
        hits = {name: errors.within(name) for name in WITHIN}
        by_chance = {name: guessed[name][rows] for name in WITHIN}
        intervals = {
            name: interval
            for name, hit in hits.items()
            if (interval := bootstrap.share(hit & first, number, seed)) is not None
        }
        assert length is not None
        results.append(
            Location(
                direction=direction,
                speed=collection.recordings.speed,
                length=length,
                queries=[queries[n] for n in rows],
                first=first,
                errors=errors,
                located={name: 100 * float(np.mean(hit & first)) for name, hit in hits.items()},
                in_piece={name: 100 * float(np.mean(hit)) for name, hit in hits.items()},
                chance={name: 100 * float(np.mean(p)) for name, p in by_chance.items()},
                above_chance=any(
                    chance.near_above(hits[name], by_chance[name], number, seed) for name in WITHIN
                ),
                intervals=intervals or None,
                median_px=float(np.median(errors.pixels)),
            )
        )
    return results


def errors(paper: Paper, estimates: ArrayLike, true: ArrayLike) -> Errors:
    """Return how far places in the strip of a piece are from the true ones.

    Args:
        paper: the strip of the piece.
        estimates: places that were found, px of the strip; (n,).
        true: the true places, px of the strip; (n,), or one for all.

    Returns:
        The distances, (n,).
    """
    estimated_places, true_places = np.asarray(estimates, np.float64), np.asarray(true, np.float64)
    pixels = np.abs(estimated_places - true_places)
    widths = paper.width(true_places.ravel())
    return Errors(
        pixels,
        pixels / widths,
        np.abs(paper.measure(estimated_places) - paper.measure(true_places)),
    )


def on_paper(
    paper: Paper, piece: DatasetPiece, performance: str, seconds: ArrayLike
) -> NDArray[np.float64]:
    """Return where a performance is on paper at some moments.

    Args:
        paper: the strip of the piece.
        piece: the piece.
        performance: name of its performance.
        seconds: the moments in s, (n,).

    Returns:
        Places in px of the strip, (n,).
    """
    passages = piece.passages(performance)
    times = np.clip(np.asarray(seconds, np.float64), passages[0].times[0], passages[-1].times[-1])
    place = piece.position(performance, times)
    return paper.place(place.system, place.x)


def _errors(
    queries: Sequence[Query], collection: Collection, from_audio: bool
) -> tuple[Errors, dict[str, NDArray[np.float64]]]:
    """Return the error of each query in its own piece, and the probability that a guess is near enough.

    A guess is any of the piece's windows.
    """
    sheets, recordings = collection.sheets, collection.recordings
    parts: list[Errors] = []
    guesses: dict[str, list[float]] = {name: [] for name in WITHIN}
    order: list[int] = []
    for name in dict.fromkeys(query.piece for query in queries):
        rows = [n for n, query in enumerate(queries) if query.piece == name]
        piece = collection.dataset[name]
        strip = paper(piece)
        windows = places(strip, sheets, name)
        low, high = _group(recordings.side, name)
        seconds = recordings.side.places["second"].to_numpy()[low:high] * recordings.speed
        sounds = on_paper(strip, piece, collection.selection.performances[name], seconds)
        asking, answering = (sounds, windows) if from_audio else (windows, sounds)
        low, high = _group(sheets if from_audio else recordings.side, name)
        vectors = (sheets if from_audio else recordings.side).vectors[low:high]
        bounds = np.array([0, len(vectors)])
        begins = []
        for query in (queries[n] for n in rows):
            path = paths(query.vectors @ vectors.T, bounds).windows[0]
            begins.append(int(straightened(path, query.edge, 0, len(vectors) - 1)[0]))
        firsts = [queries[n].first for n in rows]
        parts.append(errors(strip, answering[begins], asking[firsts]))
        for true in asking[firsts]:
            guess = errors(strip, answering, true)
            for within, shares in guesses.items():
                shares.append(float(guess.within(within).mean()))
        order += rows
    inverse = np.argsort(order)
    combined = Errors(
        *(
            np.concatenate([getattr(part, name) for part in parts])[inverse]
            for name in ("pixels", "systems", "measures")
        )
    )
    return combined, {name: np.array(shares)[inverse] for name, shares in guesses.items()}


def places(paper: Paper, sheets: Side, piece: str) -> NDArray[np.float64]:
    """Return where the middles of the windows of a piece's sheet are in the strip.

    Args:
        paper: the strip of the piece.
        sheets: the windows of all sheets.
        piece: id of the piece.

    Returns:
        Places in px of the strip, (windows of the piece,).
    """
    low, high = _group(sheets, piece)
    rows = sheets.places.iloc[low:high]
    return paper.place(rows["system"], rows["x"])


def _group(side: Side, piece: str) -> tuple[int, int]:
    """Return the first window of a piece's group, and the window after its last."""
    group = [name for name, _ in side.names].index(piece)
    return int(side.bounds[group]), int(side.bounds[group + 1])
