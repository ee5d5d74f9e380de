import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msmdtools.metrics import ranks
from msmdtools.metrics.ranks import (
    METRICS,
    TIE,
    RetrievalMetrics,
    chance_metrics,
    most_similar,
    ranks_of_pairs,
    retrieval_metrics,
)


def slow_ranks(queries, candidates):
    """The full matrix in 64 bits, and a loop."""
    a = queries.astype(float)
    b = candidates.astype(float)
    norms = np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(b, axis=1)[None]
    with np.errstate(invalid="ignore", divide="ignore"):
        similarity = np.where(norms > 0, a @ b.T / norms, 0.0)
    result = []
    for i, row in enumerate(similarity):
        rank = 1
        for j, value in enumerate(row):
            rank += j != i and value >= row[i] - TIE
        result.append(rank)
    return result


small = st.integers(-2, 2)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_ranks_are_those_of_the_full_matrix(data):
    # Few different numbers: many exact ties, and none within rounding of the tolerance.
    n = data.draw(st.integers(1, 12))
    m = data.draw(st.integers(n, 20))
    dim = data.draw(st.integers(1, 4))
    row = st.lists(small, min_size=dim, max_size=dim)
    queries = np.array(data.draw(st.lists(row, min_size=n, max_size=n)), np.float32)
    candidates = np.array(data.draw(st.lists(row, min_size=m, max_size=m)), np.float32)
    chunk = data.draw(st.integers(1, 13))
    assert ranks_of_pairs(queries, candidates, chunk).tolist() == slow_ranks(queries, candidates)


@pytest.mark.parametrize(("chunk", "columns"), [(1, 7), (64, 100), (1000, 16384)])
def test_chunks_do_not_matter(monkeypatch, chunk, columns):
    random = np.random.default_rng(0)
    candidates = random.standard_normal((300, 8)).astype(np.float32)
    candidates[100:150] = candidates[:50]  # ties across chunks
    queries = candidates[:200] + random.standard_normal((200, 8)).astype(np.float32)
    monkeypatch.setattr(ranks, "CANDIDATES", columns)
    assert ranks_of_pairs(queries, candidates, chunk).tolist() == slow_ranks(queries, candidates)
    similarity = _cosine(queries, candidates)
    similarity[np.arange(200), np.arange(200)] = -np.inf
    found = most_similar(queries, candidates, 5, chunk)
    assert all(len(set(row)) == 5 for row in found.tolist())
    # Which of equal rows comes first may depend on how they were multiplied.
    expected = np.sort(similarity, axis=1)[:, :-6:-1]
    assert np.allclose(np.take_along_axis(similarity, found, 1), expected, atol=1e-6)


def _cosine(a, b):
    unit = [x / np.linalg.norm(x.astype(float), axis=1, keepdims=True) for x in (a, b)]
    return unit[0] @ unit[1].T


def test_collapsed_embeddings_are_not_rewarded():
    rows = np.ones((50, 4), np.float32)
    ranks = ranks_of_pairs(rows, rows)
    assert ranks.tolist() == [50] * 50
    assert retrieval_metrics(ranks).recall_25 == 0
    nothing = np.zeros((50, 4), np.float32)
    assert ranks_of_pairs(nothing, nothing).tolist() == [50] * 50


def test_lengths_do_not_matter_and_further_candidates_only_compete():
    queries = np.array([[1, 0], [0, 3]])
    candidates = np.array([[5, 1], [0, 0.1], [1, 0], [2, 0.1]])
    assert ranks_of_pairs(queries, candidates).tolist() == [3, 1]
    assert most_similar(queries, candidates, 3).tolist() == [[2, 3, 1], [0, 3, 2]]


def test_metrics_of_ranks():
    found = retrieval_metrics(np.array([1, 1, 2, 5, 10, 11, 25, 100]), candidates=200)
    assert found == RetrievalMetrics(
        recall_1=25.0,
        recall_5=50.0,
        recall_10=62.5,
        recall_25=87.5,
        mrr=(1 + 1 + 1 / 2 + 1 / 5 + 1 / 10 + 1 / 11 + 1 / 25 + 1 / 100) / 8,
        median_rank=7.5,
        mean_rank=155 / 8,
        queries=8,
        candidates=200,
    )


def test_golden_numbers():
    """Made once by the full-matrix reference; `python tests/test_evaluation_metrics.py` made them."""
    golden = json.loads(Path(__file__).with_name("test_evaluation_golden.json").read_text())
    queries, candidates = golden_embeddings()
    ranks = ranks_of_pairs(queries, candidates)
    for name, value in golden.items():
        assert getattr(retrieval_metrics(ranks), name) == pytest.approx(value, rel=1e-12)


def golden_embeddings():
    """300 pairs from a formula, not from a generator of random numbers that may change."""
    i, j = np.arange(300)[:, None], np.arange(16)[None]
    candidates = np.sin(1.7 * i * (j + 1) + j**2)
    return candidates + 0.9 * np.cos(2.3 * i * (j + 2)), candidates


def test_chance_is_the_mean_over_random_orders():
    random = np.random.default_rng(0)
    ranks = random.integers(1, 41, 200_000)
    found, expected = retrieval_metrics(ranks, 40), chance_metrics(40)
    for name in METRICS:
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=0.03)
    assert chance_metrics(10).recall_25 == 100


@pytest.mark.parametrize(
    ("queries", "candidates", "message"),
    [
        ((3, 4), (3, 5), r"queries \(3, 4\) and candidates \(3, 5\) must be \(n, dim\) and"),
        ((4, 2), (3, 2), "4 queries, but only 3 candidates"),
    ],
)
def test_shapes_that_do_not_match(queries, candidates, message):
    with pytest.raises(ValueError, match=message):
        ranks_of_pairs(np.zeros(queries), np.zeros(candidates))


def test_what_is_not_finite_has_no_rank():
    rows = np.eye(3)
    bad = rows.copy()
    bad[1, 0] = np.nan
    with pytest.raises(ValueError, match="candidates: 1 of 3 embeddings are not finite"):
        ranks_of_pairs(rows, bad)
    with pytest.raises(ValueError, match="no ranks: there was no query"):
        retrieval_metrics(np.array([], np.int64))
    with pytest.raises(ValueError, match="ranks from 0 to 3 of 2 candidates"):
        retrieval_metrics(np.array([0, 3]), 2)


@pytest.mark.slow
def test_a_million_candidates_fit_in_memory():
    program = """
import resource, numpy as np
from msmdtools.metrics.ranks import ranks_of_pairs
random = np.random.default_rng(0)
candidates = random.standard_normal((1_000_000, 32), dtype=np.float32)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
ranks = ranks_of_pairs(candidates[:2000], candidates)
print(set(ranks.tolist()), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1000)
"""
    asked = [sys.executable, "-c", program]
    found, megabytes = subprocess.run(
        asked, check=True, capture_output=True, text=True
    ).stdout.split()
    assert found == "{1}"
    # A copy of the candidates is 128 MB, a block of similarities 64 MB; the matrix would be 8 GB.
    assert int(megabytes) < 600


if __name__ == "__main__":  # writes the golden numbers
    reference = np.array(slow_ranks(*golden_embeddings()))
    values = {
        "recall_1": 100 * sum(reference == 1) / 300,
        "recall_5": 100 * sum(reference <= 5) / 300,
        "recall_10": 100 * sum(reference <= 10) / 300,
        "recall_25": 100 * sum(reference <= 25) / 300,
        "mrr": sum(1 / r for r in reference) / 300,
        "median_rank": sum(sorted(reference)[149:151]) / 2,
        "mean_rank": sum(int(r) for r in reference) / 300,
    }
    path = Path(__file__).with_name("test_evaluation_golden.json")
    path.write_text(json.dumps(values, indent=1) + "\n")
