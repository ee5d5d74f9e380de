"""Snippet retrieval: how often a model finds the sheet of a sound, and the sound of a sheet.

`evaluate` embeds the candidates of a split (`msmdtools.evaluation.snippets.candidates`) with the model's own
length of context, ranks them in both directions (`metrics`), and says how sure the figures are
(`bootstrap`), what repetition leaves to be reached (`repetition`) and what wrong answers are
(`answers`).
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
    """What is evaluated: `msmdtools.models.model.Model`, or anything with these two methods."""

    @property
    def config(self) -> _Config:
        """Has the model's name and the length of its audio windows, `context_s`."""
        ...

    def embed_sheet(self, images: NDArray[np.uint8]) -> Embeddings:
        """Embeddings (n, dim) of sheet windows (n, rows, columns)."""
        ...

    def embed_audio(self, audio: NDArray[Any]) -> Embeddings:
        """Embeddings (n, dim) of spectrogram windows (n, 92, frames)."""
        ...


@dataclass(frozen=True, eq=False)
class Direction:
    """The answers in one direction.

    Attributes:
        name: of `DIRECTIONS`.
        ranks: of the right answers, (queries,).
        retrieval: the metrics.
        intervals: their 95 % intervals; None with a single piece.
        first: the number of each query's first answer, (queries,).
        kinds: what it is, "right" or of `answers.KINDS`, (queries,).
        same_notes: percent of queries whose first answer has the notes of the right one.
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
        """Whether the ranks can be told from chance; see `msmdtools.metrics.chance`."""
        recalls = {k: float(getattr(self.retrieval, f"recall_{k}")) for k in RECALLS}
        return chance.above(recalls, len(self.ranks), self.retrieval.candidates, self.intervals)

    def by(self, column: "pd.Series[Any]") -> dict[str, RetrievalMetrics]:
        """The metrics of the queries of each value of a column, such as the piece."""
        return {
            str(value): retrieval_metrics(self.ranks[rows], len(self.ranks))
            for value, rows in sorted(column.groupby(column).indices.items())
        }


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A model's retrieval on the candidates of a split.

    Attributes:
        model: its name.
        context_s: length of its audio windows.
        candidates: the pairs.
        sheets, sounds: their embeddings, (candidates, dim).
        classes: which of them have the same notes, (candidates,).
        ceiling: what repetition leaves to be reached.
        directions: by their names.
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
        """The embeddings of the queries and of the candidates."""
        both = self.sounds, self.sheets
        return both if direction == AUDIO_TO_SHEET else both[::-1]


def evaluate(
    model: Embedder,
    candidates: Candidates,
    directions: Sequence[str] = DIRECTIONS,
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> Evaluation:
    """How well a model finds the candidates.

    Args:
        seed: of the intervals' draws.
        progress: told what is done, how many of how many.

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
    back = np.argsort(order)
    sheet, sound = np.concatenate(sheets)[back], np.concatenate(sounds)[back]
    for side, values in (("sheet", sheet), ("audio", sound)):
        bad = int((~np.isfinite(values).all(axis=1)).sum())
        if bad:
            raise MsmdError(
                f"model {model.config.name}: {bad} of {len(values)} {side} embeddings are not "
                "finite; the weights are of no use, take an earlier checkpoint"
            )
    classes = repetition.classes(candidates.pitches, candidates.offsets, context)
    found = {}
    for name in directions:
        sides = (sound, sheet) if name == AUDIO_TO_SHEET else (sheet, sound)
        found[name] = _direction(name, *sides, candidates, classes, context, seed)
    return Evaluation(
        model=model.config.name,
        context_s=context,
        candidates=candidates,
        sheets=sheet,
        sounds=sound,
        classes=classes,
        ceiling=repetition.ceiling(classes),
        directions=found,
    )


def pairs(model: Embedder, candidates: Candidates) -> Pairs:
    """The windows of a split as the model takes them. Raises DatasetError if they are too short."""
    return Pairs(
        candidates.snippets,
        candidates.split.name,
        context_s=model.config.context_s,
        window=getattr(model.config, "sheet_shape", None),
        columns=(),
    )


def windows(model: Embedder, candidates: Candidates, numbers: Sequence[int]) -> Batch:
    """The windows of candidates by their numbers."""
    return pairs(model, candidates).batch(candidates.table["row"].to_numpy()[list(numbers)])


def _direction(
    name: str,
    queries: Embeddings,
    found: Embeddings,
    candidates: Candidates,
    classes: NDArray[np.int64],
    context_s: float,
    seed: int,
) -> Direction:
    ranks = ranks_of_pairs(queries, found)
    right = np.arange(len(ranks))
    other = most_similar(queries, found)[:, 0]
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
