"""Snippet retrieval: how often a model finds the sheet of a sound, and the sound of a sheet.

`evaluate_snippets` embeds the candidates of a split (`msmdtools.evaluation.snippets.candidates`) with the
model's own length of context and ranks them in both directions (`msmdtools.metrics.ranks`). It also
computes how certain the figures are (`bootstrap`), the highest recall that repetition allows (`repetition`)
and the kinds of wrong answers (`answers`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from msmdtools.base.progress import Progress, silent
from msmdtools.errors import MsmdError
from msmdtools.evaluation.snippets import answers, repetition
from msmdtools.evaluation.snippets.candidates import Candidates
from msmdtools.evaluation.snippets.repetition import Ceiling
from msmdtools.loading.batch import Batch
from msmdtools.loading.pairs import Pairs
from msmdtools.metrics import bootstrap, chance
from msmdtools.metrics.bootstrap import Interval
from msmdtools.metrics.ranks import (
    RECALLS,
    RetrievalMetrics,
    most_similar,
    ranks_of_pairs,
    retrieval_metrics,
)

AUDIO_TO_SHEET, SHEET_TO_AUDIO = DIRECTIONS = ("audio-to-sheet", "sheet-to-audio")
_BATCH = 256

Embeddings = NDArray[np.float32]


class _Config(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def context_s(self) -> float: ...


class Embedder(Protocol):
    """A model that can be evaluated: `msmdtools.models.model.Model`, or anything with these methods."""

    @property
    def config(self) -> _Config:
        """The model's configuration, with its `name` and `context_s`, the length of its audio windows in s."""
        ...

    def embed_sheet(self, images: NDArray[np.uint8]) -> Embeddings:
        """Return embeddings, float32 (n, dim), of sheet windows, uint8 (n, rows, columns)."""
        ...

    def embed_audio(self, audio: NDArray[Any]) -> Embeddings:
        """Return embeddings, float32 (n, dim), of spectrogram windows, (n, 92, frames)."""
        ...


@dataclass(frozen=True, eq=False)
class Direction:
    """The answers in one direction.

    Attributes:
        name: "audio-to-sheet" or "sheet-to-audio".
        ranks: rank of the right answer to each query, from 1; (queries,).
        retrieval: the metrics.
        intervals: their 95 % intervals; None with a single piece.
        first: number of the candidate that is each query's first answer, (queries,).
        kinds: kind of that answer, "right" or one of `answers.KINDS`; (queries,).
        same_notes: percentage of queries whose first answer has the notes of the right one.
    """

    name: str
    ranks: NDArray[np.int64]
    retrieval: RetrievalMetrics
    intervals: dict[str, Interval] | None
    first: NDArray[np.int64]
    kinds: NDArray[np.object_]
    same_notes: float

    @property
    def above_chance(self) -> bool:
        """Whether the ranks are better than chance; see `msmdtools.metrics.chance`."""
        recalls = {k: float(getattr(self.retrieval, f"recall_{k}")) for k in RECALLS}
        return chance.above(recalls, len(self.ranks), self.retrieval.candidates, self.intervals)

    def by(self, column: "pd.Series[Any]") -> dict[str, RetrievalMetrics]:
        """Return the metrics of the queries for each value of a column, such as the piece."""
        return {
            str(value): retrieval_metrics(self.ranks[rows], len(self.ranks))
            for value, rows in sorted(column.groupby(column).indices.items())
        }


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A model's retrieval on the candidates of a split.

    Attributes:
        model: name of the model.
        context_s: length of its audio windows in s.
        candidates: the pairs.
        sheets: embeddings of their sheet windows, (candidates, dim).
        sounds: embeddings of their audio windows, (candidates, dim).
        classes: class of each candidate, the same for the same notes; (candidates,).
        ceiling: the recall that repetition leaves to be reached.
        directions: the answers in each direction, by its name.
    """

    model: str
    context_s: float
    candidates: Candidates
    sheets: Embeddings
    sounds: Embeddings
    classes: NDArray[np.int64]
    ceiling: Ceiling
    directions: dict[str, Direction]

    def sides(self, direction: str) -> tuple[Embeddings, Embeddings]:
        """Return the embeddings of the queries and those of the candidates."""
        vectors = self.sounds, self.sheets
        return vectors if direction == AUDIO_TO_SHEET else vectors[::-1]


def evaluate_snippets(
    model: Embedder,
    candidates: Candidates,
    directions: Sequence[str] = DIRECTIONS,
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> Evaluation:
    """Evaluate how well a model finds the candidates.

    Args:
        model: the model.
        candidates: the pairs; each is a query once.
        directions: "audio-to-sheet", "sheet-to-audio", or both.
        seed: seed of the intervals' draws.
        progress: called with what is counted, how much of it is done, and how much there is.

    Returns:
        The answers, with metrics and intervals.

    Raises:
        DatasetError: the snippets' windows are shorter than the model's context, or a shard is damaged.
        MsmdError: the model gives numbers that are not finite.
    """
    context = model.config.context_s
    windows = pairs(model, candidates)
    sheets, sounds = [], []
    rows = candidates.table["row"].to_numpy()
    order = np.argsort(rows)  # row groups one after the other
    for first in range(0, len(rows), _BATCH):
        batch = windows.batch(rows[order[first : first + _BATCH]])
        sheets.append(model.embed_sheet(batch.sheets))
        sounds.append(model.embed_audio(batch.spectrograms))
        progress("embedding", min(first + _BATCH, len(rows)), len(rows))
    inverse = np.argsort(order)
    sheet, sound = np.concatenate(sheets)[inverse], np.concatenate(sounds)[inverse]
    for side, values in (("sheet", sheet), ("audio", sound)):
        bad = int((~np.isfinite(values).all(axis=1)).sum())
        if bad:
            raise MsmdError(
                f"model {model.config.name}: {bad} of {len(values)} {side} embeddings are not "
                "finite, so the weights are unusable; take an earlier checkpoint"
            )
    classes = repetition.classes(candidates.pitches, candidates.offsets, context)
    results = {}
    for name in directions:
        sides = (sound, sheet) if name == AUDIO_TO_SHEET else (sheet, sound)
        results[name] = _direction(name, *sides, candidates, classes, context, seed)
    return Evaluation(
        model=model.config.name,
        context_s=context,
        candidates=candidates,
        sheets=sheet,
        sounds=sound,
        classes=classes,
        ceiling=repetition.ceiling(classes),
        directions=results,
    )


def pairs(model: Embedder, candidates: Candidates) -> Pairs:
    """Return the windows of a split as the model takes them. Raises DatasetError if they are too short."""
    return Pairs(
        candidates.snippets,
        candidates.split.name,
        context_s=model.config.context_s,
        window=getattr(model.config, "sheet_shape", None),
        columns=(),
    )


def windows(model: Embedder, candidates: Candidates, numbers: Sequence[int]) -> Batch:
    """Return the windows of some candidates as the model takes them.

    Args:
        model: the model.
        candidates: the pairs.
        numbers: which of them, from 0.

    Returns:
        The windows, in the order of `numbers`.
    """
    return pairs(model, candidates).batch(candidates.table["row"].to_numpy()[list(numbers)])


def _direction(
    name: str,
    query_vectors: Embeddings,
    candidate_vectors: Embeddings,
    candidates: Candidates,
    classes: NDArray[np.int64],
    context_s: float,
    seed: int,
) -> Direction:
    ranks = ranks_of_pairs(query_vectors, candidate_vectors)
    right = np.arange(len(ranks))
    other = most_similar(query_vectors, candidate_vectors)[:, 0]
    first = np.where(ranks == 1, right, other)
    columns = candidates.split.info.columns
    kinds = answers.kinds(candidates.table, right, first, classes, context_s, columns)
    return Direction(
        name=name,
        ranks=ranks,
        retrieval=retrieval_metrics(ranks),
        intervals=bootstrap.intervals(ranks, candidates.pieces, seed),
        first=first,
        kinds=kinds,
        same_notes=100.0 * float(np.mean(classes[right] == classes[first])),
    )
