"""How sure an alignment is of each of its places: the probability that it is right to half a second.

A path goes through every recording, and some stretches of it are guesses. Those look different from the others:

- *posterior*: how probable the places near the path are, when all ways through the sheet are weighed
  (`msmdtools.follow.posterior`), as log odds. Where the music comes again, or the model does not read it, other
  places are as probable;
- *haste*: how far the speed there is from the usual speed around it, as a ratio of any direction. A path that has
  lost the music stands still, and then hurries;
- *jump*: whether the path jumps nearby.

Posterior and speed are means over `AROUND_S` on either side. The probability is logistic in them. Its parameters,
in confidence.json, were fitted by benchmarks/confidence.py to beats whose places people have marked;
docs/following.md has the data, and how often the probabilities are right.

Method: J. Platt, "Probabilistic outputs for support vector machines" (1999): from scores to probabilities.
"""

import json
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

TERMS = ("constant", "posterior", "haste", "jump")
RIGHT_S = 0.5
"""A place is right if the music is there within this time."""
AROUND_S = 1.5
USUAL_S = 8.0
_LEAST_SPEED = 5.0  # px/s
_MOST_HASTE = 6.0
_MOST_ODDS = 8.0

Floats = NDArray[np.float64]


def terms(second: Floats, strip: Floats, posterior: Floats, jumps: NDArray[np.bool_]) -> Floats:
    """The terms of the probability at each moment.

    Args:
        second: the moments in s, at equal distances; (moments,).
        strip: place at each moment in px, (moments,).
        posterior: probability of the places near it, (moments,).
        jumps: whether the path jumps between each moment and the next, (moments - 1,).

    Returns:
        (moments, `TERMS`).
    """
    step = second[1] - second[0] if len(second) > 1 else 1.0
    around, usual = max(round(AROUND_S / step), 1), max(round(USUAL_S / step), 1)
    moved = np.diff(strip, append=strip[-1]) / step
    leaping = np.append(jumps, False)
    moved[leaping] = 0.0
    speed, usually = (np.log(_mean(moved, reach) + _LEAST_SPEED) for reach in (around, usual))
    columns = {
        "constant": np.ones(len(second)),
        "posterior": _mean(_log_odds(posterior), around),
        "haste": np.minimum(np.abs(speed - usually), _MOST_HASTE),
        "jump": (_mean(leaping.astype(float), around) > 0).astype(float),
    }
    return np.stack([columns[name] for name in TERMS], axis=1)


def probability(values: Floats) -> Floats:
    """The probability that places are right, from their terms (moments, `TERMS`); (moments,)."""
    scores = np.clip(values @ _parameters(), -30, 30)
    return np.asarray(1 / (1 + np.exp(-scores)))


@cache
def _parameters() -> Floats:
    content = json.loads(files("msmdtools.follow").joinpath("confidence.json").read_text("utf-8"))
    return np.array([content["parameters"][name] for name in TERMS], np.float64)


def _log_odds(probability: Floats) -> Floats:
    """The logarithm of the odds, between -`_MOST_ODDS` and `_MOST_ODDS`."""
    least = 1 / (1 + np.exp(_MOST_ODDS))
    clipped = np.clip(probability, least, 1 - least)
    return np.asarray(np.log(clipped / (1 - clipped)))


def _mean(values: Floats, reach: int) -> Floats:
    """The mean over `reach` values on either side, as far as there are."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    index = np.arange(len(values))
    low, high = np.maximum(index - reach, 0), np.minimum(index + reach + 1, len(values))
    return np.asarray((sums[high] - sums[low]) / (high - low))
