"""How sure an alignment is of its places, and what its bars say about repeats and leaps."""

import itertools

import numpy as np
import pytest

from msmdtools.follow import bars, confidence, posterior
from msmdtools.follow.similarity import Known, Similarities


def ways(similarities, steps, sharpness, leap):
    """The probability of every way through a few places, one by one."""
    rows, columns = similarities.shape
    for way in itertools.product(range(columns), repeat=rows):
        p = np.prod([np.exp(sharpness * similarities[t, place]) for t, place in enumerate(way)])
        for before, after in itertools.pairwise(way):
            p *= (1 - leap) / steps * (0 <= after - before < steps) + leap / columns
        yield np.array(way), p


def test_posterior_is_that_of_all_ways_one_by_one(monkeypatch):
    monkeypatch.setattr(posterior, "_EVERY", 1)
    monkeypatch.setattr(posterior, "LEAP", 0.01)
    values = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32) * 0.3
    path = np.array([0, 1, 2, 3, 4])
    for reach in (0, 1):
        near, total = np.zeros(5), 0.0
        for way, p in ways(values, 3, posterior.SHARPNESS, 0.01):
            near += p * (abs(way - path) <= reach)
            total += p
        found = posterior.near(Known(values), path, 3, reach)
        assert found == pytest.approx(near / total, rel=1e-4)


def test_posterior_of_vectors_and_of_their_similarities_is_the_same(monkeypatch):
    rng = np.random.default_rng(1)
    heard, seen = rng.normal(size=(40, 4)), rng.normal(size=(50, 4))
    path = np.sort(rng.integers(0, 50, 40))
    whole = posterior.near(Known(heard @ seen.T), path, 4, 3)
    monkeypatch.setattr("msmdtools.follow.similarity.CELLS", 150)
    assert Similarities(heard, seen).block == 3
    assert posterior.near(Similarities(heard, seen), path, 4, 3) == pytest.approx(whole, abs=1e-5)


def test_a_passage_that_is_printed_twice_is_half_as_probable():
    music = np.zeros((60, 60))
    music[np.arange(60), np.arange(60)] = 1.0
    twice = np.concatenate([music, music], axis=1)
    once = posterior.near(Known(music), np.arange(60), 4, 3)[20:40]
    assert once.min() > 0.9
    assert posterior.near(Known(twice), np.arange(60), 4, 3)[20:40] == pytest.approx(0.5, abs=0.05)


def terms(strip, jumps=(), probable=0.5):
    count = len(strip)
    leaps = np.zeros(count - 1, bool)
    leaps[list(jumps)] = True
    values = confidence.terms(
        np.arange(count) / 10, np.asarray(strip, float), np.full(count, probable), leaps
    )
    return dict(zip(confidence.TERMS, values.T, strict=True))


def test_a_path_of_even_speed_has_no_haste_and_no_jump():
    found = terms(np.arange(300) * 4.0)
    assert found["posterior"] == pytest.approx(np.zeros(300))
    assert found["haste"][20:-20] == pytest.approx(np.zeros(260), abs=0.02)
    assert not found["jump"].any() and set(found["constant"]) == {1.0}
    certain = terms(np.arange(300) * 4.0, probable=1.0)["posterior"]
    assert certain == pytest.approx(np.full(300, 8.0))  # odds have a limit


def test_a_path_that_stands_still_and_hurries_has_haste_there_alone():
    strip = np.concatenate([np.arange(150), np.full(30, 150), np.arange(150, 260)]) * 4.0
    haste = terms(strip)["haste"]
    assert haste[165] > 1.0
    assert haste[60] < 0.2


def test_a_jump_is_near_for_one_and_a_half_seconds_and_is_no_haste():
    strip = np.arange(300) * 4.0
    strip[150:] -= 400
    found = terms(strip, [149])
    assert np.flatnonzero(found["jump"]).tolist() == list(range(134, 165))
    assert found["haste"][150] < 0.2


def test_probability_falls_with_what_speaks_against_a_place():
    values = np.zeros((1, len(confidence.TERMS)))
    values[0, 0] = 1.0

    def at(**changed):
        row = values.copy()
        for name, value in changed.items():
            row[0, confidence.TERMS.index(name)] = value
        return float(confidence.probability(row)[0])

    assert at(posterior=4.0) > 0.9 > at(posterior=0.0) > at(posterior=-4.0) > 0
    assert at(posterior=4.0) > at(posterior=4.0, haste=2.0)
    assert at(posterior=4.0) > at(posterior=4.0, jump=1.0)


def played(*measures, numbers=None):
    return [
        {"measure": m, "second": 2.0 * k, "number": numbers[m] if numbers else str(m + 1)}
        for k, m in enumerate(measures)
    ]


def test_bars_played_straight_through_need_no_remark():
    assert bars.remarks(played(0, 1, 2, 3)) == []
    assert bars.remarks([]) == []


def test_bars_that_are_played_again_or_skipped():
    assert bars.remarks(played(0, 1, 2, 3, 0, 1, 2, 3, 4, 7, 8)) == [
        "bars 1 to 4 are played again at 8.0 s",
        "bars 6 to 7 are skipped at 18.0 s",
    ]


def test_one_bar_again_and_one_skipped_by_printed_numbers():
    numbers = [str(n) for n in range(12)]  # begins with an upbeat, "0"
    assert bars.remarks(played(3, 4, 4, 6, numbers=numbers)) == [
        "bar 4 is played again at 4.0 s",
        "bar 5 is skipped at 6.0 s",
    ]


def test_a_second_ending_after_a_repeat():
    # 1 2 3 | 1 2 4: the third bar is the first ending.
    assert bars.remarks(played(0, 1, 2, 0, 1, 3)) == [
        "bars 1 to 2 are played again at 6.0 s",
        "bar 3 is skipped at 10.0 s",
    ]
