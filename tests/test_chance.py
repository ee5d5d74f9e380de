"""Whether ranks can be told from chance."""

import math

import numpy as np
import pytest

from msmdtools.metrics import bootstrap, chance
from msmdtools.metrics.ranks import RECALLS, retrieval_metrics


def test_the_tail_is_that_of_the_binomial_distribution():
    for queries, p in ((1, 0.3), (7, 0.5), (40, 0.02)):
        for hits in range(queries + 1):
            exact = sum(
                math.comb(queries, n) * p**n * (1 - p) ** (queries - n)
                for n in range(hits, queries + 1)
            )
            assert chance.tail(hits, queries, p) == pytest.approx(exact, rel=1e-9)
    assert chance.tail(500, 10_000, 1e-4) == 0
    assert chance.tail(1, 10_000, 1e-4) == pytest.approx(1 - (1 - 1e-4) ** 10_000)


def above(ranks, pieces, candidates):
    found = retrieval_metrics(ranks, candidates)
    recalls = {k: getattr(found, f"recall_{k}") for k in RECALLS}
    return chance.above(
        recalls, len(ranks), candidates, bootstrap.intervals(ranks, pieces, draws=200)
    )


def test_places_are_above_chance_if_more_are_near_than_by_a_guess():
    draw = np.random.default_rng(0)
    pieces = np.repeat(np.arange(20), 20)
    guessed = draw.uniform(0.1, 0.6, 400)
    assert not chance.near_above(draw.random(400) < guessed, guessed, pieces)
    assert chance.near_above(draw.random(400) < guessed + 0.2, guessed, pieces)
    lucky = (draw.random(400) < guessed) | (pieces == 3)  # one piece of twenty
    assert not chance.near_above(lucky, guessed, pieces)
    assert chance.near_above(np.array([True, True]), np.array([True, False]), np.array([0, 0]))
    assert not chance.near_above(np.array([True]), np.array([True]), np.array([0]))


def test_ranks_drawn_at_random_are_chance_and_good_ones_are_not():
    draw = np.random.default_rng(0)
    pieces = np.repeat(np.arange(20), 50)
    false = [above(draw.integers(1, 1001, 1000), pieces, 1000) for _ in range(100)]
    assert sum(false) <= 1  # at most one in a hundred
    better = np.minimum(draw.integers(1, 1001, 1000), draw.integers(1, 1001, 1000))
    better[::10] = 1
    assert above(better, pieces, 1000)
    assert not above(np.full(1000, 1000), pieces, 1000)
    assert not above(np.array([1, 1, 2]), np.array([0, 1, 2]), 3)  # too few to tell


def test_one_lucky_piece_is_not_knowledge():
    draw = np.random.default_rng(1)
    ranks = draw.integers(1, 1001, 1000)
    pieces = np.repeat(np.arange(20), 50)
    ranks[pieces == 3] = draw.integers(1, 40, 50)
    found = retrieval_metrics(ranks, 1000)
    recalls = {k: getattr(found, f"recall_{k}") for k in RECALLS}
    assert chance.above(recalls, 1000, 1000)  # to the test of independent queries it is
    assert not above(ranks, pieces, 1000)
