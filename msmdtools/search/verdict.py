"""The probability that an answer is right: that a query is music of the piece it was matched with.

A path through a piece (`msmdtools.search.ranking`) has a score whether the music is the same or not, and
how high it is depends on the model. So it is compared with what chance gives:

- *strength*: the score less the mean of similarities of unrelated music, in their standard deviations. A
  path is the best of many, so a wrong piece has a strength too, the more the fewer windows the query has;
- *direction*: how much of that is lost when the query is reversed in time. Music that is similar by its
  sound alone, or by one chord, is as similar backwards; music that is the same is not;
- the number of windows, and of pieces: the best of many wrong pieces is better than the best of few.

Mean and deviation are those of the model where they were measured (calibration.json), or of the query with
all of an index of `ENOUGH` pieces or more, which comes to the same. Otherwise they are those of query and
piece, which say less: a piece of a few chords is like itself everywhere.

A long query is cut into passages of about `PASSAGE` windows, and the better half of them counts: a
recording may have other music before and after, and repeats that a path cannot go back for.

The probability is logistic in these. Its parameters, in calibration.json, were fitted to pairs known to be
right or wrong, half of them of either kind: it is that of somebody who finds both equally likely beforehand.
benchmarks/verdict.py fits them; docs/retrieval.md has the data and how often the probabilities are right.

Method: J. Platt, "Probabilistic outputs for support vector machines" (1999): from scores to probabilities;
J. Elias and S. Gygi, Nature Methods 4 (2007), target-decoy search: turned around as a sample of chance.
"""

import json
import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.search.ranking import path_scores

PASSAGE, ENOUGH = 40, 10
LIKELY = 0.5
MODEL, PIECE = "model", "piece"
TERMS = ("constant", "strength", "direction", "log_windows", "log_pieces")

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Null:
    """Cosine similarities of unrelated music, the null hypothesis.

    Attributes:
        mean: their mean.
        spread: their standard deviation.
        scope: "model", or "piece" if they are only those of a query and the piece in question.
    """

    mean: float
    spread: float
    scope: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence that a query is music of a piece; the module explains it.

    Attributes:
        strength: score of the path, in standard deviations above the mean of unrelated music.
        direction: how much higher that is than for the query reversed in time.
        windows: number of the query's windows in one passage.
        null: similarities of unrelated music, by which the strength is measured.
    """

    strength: float
    direction: float
    windows: int
    null: Null

    @property
    def backwards(self) -> float:
        """The strength of the query reversed in time: what chance gives."""
        return self.strength - self.direction


def evidence(query: Vectors, piece: Vectors, null: Null | None = None) -> Evidence:
    """Compare a query with a piece, forwards and reversed in time.

    Args:
        query: embeddings of its windows in the order of time, of length 1; (windows, dim).
        piece: embeddings of its windows in the order of time, of length 1; (windows, dim).
        null: similarities of unrelated music, from `of_model` or `of_index`; None for those of query and
            piece.

    Returns:
        The evidence that they are the same music.
    """
    null = null or Null(*moments(query, piece), PIECE)
    bounds = np.array([0, len(piece)])
    strengths = []
    for part in np.array_split(query, max(1, round(len(query) / PASSAGE))):
        forwards, backwards = (path_scores(p, piece, bounds)[0] for p in (part, part[::-1].copy()))
        strengths.append((float(forwards), float(backwards)))
    better = sorted(strengths)[len(strengths) // 2 :]
    forwards, backwards = (
        (float(np.mean(values)) - null.mean) / null.spread for values in zip(*better, strict=True)
    )
    return Evidence(forwards, forwards - backwards, min(len(query), PASSAGE), null)


def of_model(weights: str) -> Null | None:
    """Return the similarities of unrelated music that were measured with a bundled model, or None."""
    known = calibration()["null"].get(weights)
    return None if known is None else Null(known["mean"], known["spread"], MODEL)


def of_index(query: Vectors, vectors: Vectors, pieces: int) -> Null | None:
    """Estimate the similarities of unrelated music from a query and all windows of an index.

    Args:
        query: embeddings of the query's windows, (windows, dim).
        vectors: embeddings of the windows of the index, (windows, dim).
        pieces: number of pieces in the index.

    Returns:
        The similarities; None with fewer than `ENOUGH` pieces, which are too few for an estimate.
    """
    return Null(*moments(query, vectors), MODEL) if pieces >= ENOUGH else None


def moments(query: Vectors, piece: Vectors) -> tuple[float, float]:
    """Return mean and standard deviation of all similarities, without computing their matrix."""
    mean = float(query.mean(0, np.float64) @ piece.mean(0, np.float64))
    query_square, piece_square = (v.T @ v / np.float32(len(v)) for v in (query, piece))
    square = float((query_square.astype(np.float64) * piece_square).sum())
    return mean, math.sqrt(max(square - mean**2, 1e-12))


def terms(evidence: Evidence, pieces: int = 1) -> tuple[float, ...]:
    """Return the values that the parameters of `TERMS` are multiplied by.

    Args:
        evidence: the evidence for the piece.
        pieces: number of pieces among which this was one of the best.
    """
    return 1.0, evidence.strength, evidence.direction, math.log(evidence.windows), math.log(pieces)


def probability(evidence: Evidence, query_side: str, pieces: int = 1) -> float:
    """Return the probability that a piece is the right one.

    Args:
        evidence: the evidence for the piece.
        query_side: what the query is, "audio" or "sheet".
        pieces: number of pieces among which this was one of the best.

    Returns:
        The probability, from 0 to 1, if both answers were equally likely beforehand.
    """
    weights = calibration()["parameters"][evidence.null.scope][query_side]
    values = zip(TERMS, terms(evidence, pieces), strict=True)
    exponent = sum(weights[name] * value for name, value in values)
    return 1 / (1 + math.exp(-max(min(exponent, 500.0), -500.0)))


@cache
def calibration() -> dict[str, Any]:
    """Return what was measured: `null` by model; `parameters` by scope of the null and kind of query."""
    text = files("msmdtools.search").joinpath("calibration.json").read_text("utf-8")
    values: dict[str, Any] = json.loads(text)
    return values
