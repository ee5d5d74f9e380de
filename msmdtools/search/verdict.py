"""Whether an answer is right: a probability for a piece that a query was matched with.

A path through a piece (`msmdtools.search.ranking`) has a score whether the music is the same or not, and
how high it is depends on the model. So it is compared with what chance gives:

- *strength*: the score less the mean of similarities of unrelated music, in their standard deviations. A
  path is the best of many, so a wrong piece has a strength too, the more the fewer windows the query has;
- *direction*: how much of that is lost when the query is turned around in time. What is similar by its
  sound alone, or by one chord, is as similar backwards; music that is the same is not;
- the number of windows, and of pieces: of many wrong pieces the best is better than of few.

Mean and deviation are those of the model where they were measured (calibration.json), or of the query with
all of an index of `ENOUGH` pieces or more, which comes to the same. Else they are those of query and piece,
which say less: a piece of a few chords is like itself everywhere.

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
    """Similarities of unrelated music.

    Attributes:
        mean, spread: their mean and standard deviation.
        of: "model", or "piece" if they are only those of a query and the piece in question.
    """

    mean: float
    spread: float
    of: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a piece; see the module.

    Attributes:
        strength, direction: in standard deviations of the similarities of unrelated music.
        windows: of the query, in a passage.
        null: these similarities.
    """

    strength: float
    direction: float
    windows: int
    null: Null

    @property
    def backwards(self) -> float:
        """The strength of the query turned around in time: what chance gives."""
        return self.strength - self.direction


def evidence(query: Vectors, piece: Vectors, null: Null | None = None) -> Evidence:
    """The evidence for a piece.

    Args:
        query: (windows, dim), in the order of time.
        piece: (windows, dim), likewise; of length 1, as those of the query.
        null: of `of_model` or `of_index`; None for that of query and piece.
    """
    null = null or Null(*moments(query, piece), PIECE)
    bounds = np.array([0, len(piece)])
    found = []
    for part in np.array_split(query, max(1, round(len(query) / PASSAGE))):
        there, back = (path_scores(p, piece, bounds)[0] for p in (part, part[::-1].copy()))
        found.append((float(there), float(back)))
    better = sorted(found)[len(found) // 2 :]
    there, back = (
        (float(np.mean(values)) - null.mean) / null.spread for values in zip(*better, strict=True)
    )
    return Evidence(there, there - back, min(len(query), PASSAGE), null)


def of_model(weights: str) -> Null | None:
    """What was measured of a bundled model, by its name; None if nothing was."""
    known = calibration()["null"].get(weights)
    return None if known is None else Null(known["mean"], known["spread"], MODEL)


def of_index(query: Vectors, vectors: Vectors, pieces: int) -> Null | None:
    """That of a query and all windows of an index of so many pieces; None if these are too few."""
    return Null(*moments(query, vectors), MODEL) if pieces >= ENOUGH else None


def moments(query: Vectors, piece: Vectors) -> tuple[float, float]:
    """Mean and standard deviation of all similarities, without the matrix of them."""
    mean = float(query.mean(0, np.float64) @ piece.mean(0, np.float64))
    one, other = (v.T @ v / np.float32(len(v)) for v in (query, piece))
    square = float((one.astype(np.float64) * other).sum())
    return mean, math.sqrt(max(square - mean**2, 1e-12))


def terms(found: Evidence, pieces: int = 1) -> tuple[float, ...]:
    """What the parameters of `TERMS` are multiplied by.

    Args:
        pieces: among how many the piece was found to be one of the best.
    """
    return 1.0, found.strength, found.direction, math.log(found.windows), math.log(pieces)


def probability(found: Evidence, of: str, pieces: int = 1) -> float:
    """The probability that the piece is the right one, from 0 to 1.

    Args:
        of: what the query is, "audio" or "sheet".
        pieces: as for `terms`.
    """
    weights = calibration()["parameters"][found.null.of][of]
    values = zip(TERMS, terms(found, pieces), strict=True)
    exponent = sum(weights[name] * value for name, value in values)
    return 1 / (1 + math.exp(-max(min(exponent, 500.0), -500.0)))


@cache
def calibration() -> dict[str, Any]:
    """What was measured: `null` by model, and `parameters` by what the null is of and the query is."""
    text = files("msmdtools.search").joinpath("calibration.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found
