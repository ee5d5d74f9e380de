"""The fast scores of pieces against the paths and votes that they are the scores of."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from msmdtools.search import ranking


@given(
    st.lists(st.integers(0, 7), min_size=1, max_size=6).filter(any),
    st.integers(1, 9),
    st.integers(1, 5),
    st.integers(0, 99),
)
def test_scores_are_those_of_the_paths(sizes, rows, steps, seed):
    draw = np.random.default_rng(seed)
    bounds = np.concatenate([[0], np.cumsum(sizes)])
    vectors, queries = (draw.normal(size=(n, 3)).astype(np.float32) for n in (bounds[-1], rows))
    found = ranking.path_scores(queries, vectors, bounds, steps)
    expected = ranking.paths(queries @ vectors.T, bounds, steps).scores
    assert found == pytest.approx(expected, abs=1e-5)
    votes = ranking.vote_scores(queries, vectors, bounds, 4)
    assert list(votes) == list(ranking.votes(queries @ vectors.T, bounds, 4))


def test_long_queries_go_through_in_blocks(monkeypatch):
    draw = np.random.default_rng(0)
    queries, vectors = (draw.normal(size=(n, 4)).astype(np.float32) for n in (20, 50))
    bounds = np.array([0, 30, 50])
    once = (
        ranking.path_scores(queries, vectors, bounds),
        ranking.vote_scores(queries, vectors, bounds),
    )
    monkeypatch.setattr(ranking, "_BLOCK", 7)
    assert np.allclose(ranking.path_scores(queries, vectors, bounds), once[0], atol=1e-5)
    assert list(ranking.vote_scores(queries, vectors, bounds)) == list(once[1])


def test_bounds_and_rows_are_checked():
    vectors = np.ones((3, 2), np.float32)
    with pytest.raises(ValueError, match=r"^a query has at least one window$"):
        ranking.path_scores(vectors[:0], vectors, np.array([0, 3]))
    with pytest.raises(ValueError, match=r"^bounds must rise from 0 to 3$"):
        ranking.path_scores(vectors, vectors, np.array([0, 2]))


def test_the_ends_of_a_path_go_on_as_their_neighbours_do():
    straight = np.arange(20, 50, 2)
    path = straight.copy()
    path[:2], path[-2:] = [17, 20], [48, 60]
    path[5] = 28  # a stray window
    expected = [*straight[:5], 28, *straight[6:]]
    assert list(ranking.straightened(path, 2, 0, 99)) == expected
    assert list(ranking.straightened(path, 2, 22, 45)) == [max(22, min(p, 45)) for p in expected]
    assert list(ranking.straightened(path, 0, 0, 99)) == list(path)
    assert list(ranking.straightened(path[:5], 2, 0, 99)) == list(path[:5])  # nothing to go by


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30), st.integers(0, 4))
def test_a_straightened_path_never_falls_and_stays_in_the_piece(steps, edge):
    path = 3 + np.cumsum(steps)
    found = ranking.straightened(path, edge, 3, path[-1] + 1)
    assert len(found) == len(path)
    assert (np.diff(found) >= 0).all()
    assert found.min() >= 3
    assert found.max() <= path[-1] + 1
    inner = slice(edge, len(path) - edge)
    assert np.array_equal(found[inner], path[inner])
