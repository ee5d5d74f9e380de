"""How likely an answer is right, and which moments are not on the sheet."""

import numpy as np
import pandas as pd
import pytest

from msmdtools.follow import presence
from msmdtools.search import verdict
from msmdtools.search.parts import Side
from msmdtools.search.search import Query, ranked


def music(seed, windows, dim=32):
    """Vectors of length 1 of which neighbours are alike, as overlapping windows are."""
    draw = np.random.default_rng(seed).normal(size=(windows + 8, dim))
    vectors = np.stack([draw[k : k + 8].sum(0) for k in range(windows)])
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def heard(vectors, seed, noise=0.1):
    """The same music with so much else in it."""
    other = vectors + np.random.default_rng(seed).normal(size=vectors.shape) * noise
    return (other / np.linalg.norm(other, axis=1, keepdims=True)).astype(np.float32)


def test_moments_are_those_of_all_similarities():
    one, other = music(1, 50), music(2, 70)
    similarities = one.astype(np.float64) @ other.T
    found = verdict.moments(one, other)
    assert found == pytest.approx((similarities.mean(), similarities.std()), abs=1e-6)


def test_what_unrelated_music_is_like_is_known_of_every_bundled_model():
    from msmdtools.models.model import bundled

    known = {name: verdict.of_model(name) for name in bundled()}
    assert set(known) >= {"compact-4s", "large-4s"}
    for null in known.values():
        assert null.scope == verdict.MODEL
        assert null.spread > 0
    assert verdict.of_model("runs/best.safetensors") is None


def test_the_right_piece_is_likely_and_a_wrong_one_is_not():
    piece = music(1, 300)
    for windows in (20, 60, 250):
        query = heard(piece[10 : 10 + windows], 3)
        for null in (None, verdict.Null(0.0, 0.2, verdict.MODEL)):
            right = verdict.evidence(query, piece, null)
            wrong = verdict.evidence(query, music(2, 300), null)
            assert right.windows == wrong.windows == min(windows, 40)
            assert verdict.probability(right, "audio") > 0.9
            assert verdict.probability(wrong, "audio") < 0.1
            # Turned around, nothing is left of the strength beyond chance.
            back = verdict.evidence(query[::-1].copy(), piece, null)
            assert back.direction < 0
            assert back.strength < right.strength - 1


def test_a_recording_with_other_music_around_it_is_still_of_the_piece():
    piece = music(1, 120)
    query = np.concatenate([music(8, 60), heard(piece, 3), music(9, 60)])
    assert verdict.probability(verdict.evidence(query, piece), "audio") > 0.9


def test_more_pieces_make_an_answer_less_likely():
    found = verdict.evidence(heard(music(1, 40)[:12], 3, 0.5), music(1, 40))
    values = [verdict.probability(found, "audio", pieces) for pieces in (1, 10, 1000)]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 3


def test_answers_of_an_index_have_probabilities():
    pieces = [music(seed, 60) for seed in range(12)]
    bounds = np.arange(13) * 60
    places = pd.DataFrame({"entry": 0, "piece": "", "page": 1, "system": 1}, index=range(720))
    names = [(f"p{n:02}", "") for n in range(12)]
    side = Side(places, np.concatenate(pieces), bounds, names)

    def asked(vectors):
        return Query(vectors, [{"query_second": n / 2} for n in range(len(vectors))], "audio")

    found = ranked(side, asked(heard(pieces[4][10:40], 99)), 3)
    assert found[0].piece == "p04"
    assert found[0].probability > 0.9
    assert max(match.probability for match in found[1:]) < 0.1
    found = ranked(side, asked(music(50, 30)), 3)  # of a piece that is not there
    assert max(match.probability for match in found) < 0.5


# Moments off the sheet

SECOND = np.arange(600) / 10
EVIDENCE = verdict.Evidence(3.0, 1.6, 40, verdict.Null(0.0, 0.2, verdict.MODEL))
CHANCE, MUSIC = 1.4 * 0.2, 3.0 * 0.2
LOUD = np.full((92, 1200), 0.5)


def off(similarity, bands=LOUD, evidence=EVIDENCE):
    """The stretches that are off the sheet, as (first, last) second."""
    there = presence.on_sheet(similarity, SECOND, bands, evidence)
    edges = np.flatnonzero(np.diff(np.concatenate([[True], there, [True]]).astype(int)))
    return [(SECOND[a], SECOND[b - 1]) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def test_music_that_the_sheet_lacks_is_found_before_and_after():
    similarity = np.full(600, MUSIC)
    assert off(similarity) == []
    similarity[:200] = similarity[450:] = CHANCE
    assert off(similarity) == [(0.0, 19.9), (45.0, 59.9)]
    # Where chance is as high as the music, nothing can be said.
    assert off(similarity, evidence=verdict.Evidence(3.0, 0.5, 40, EVIDENCE.null)) == []


def test_what_is_hard_to_read_inside_or_shortly_at_an_end_stays():
    similarity = np.full(600, MUSIC)
    similarity[250:350] = 0.0
    similarity[:20] = similarity[-20:] = CHANCE  # windows half beyond the recording
    assert off(similarity) == []


def test_silence_is_off_the_sheet_whatever_it_is_like():
    bands = LOUD.copy()
    bands[:, :200] = bands[:, 1100:] = 0.0  # 10 s and 5 s
    assert off(np.full(600, MUSIC), bands) == [(0.0, 8.9), (56.1, 59.9)]
    similarity = np.full(600, MUSIC)
    similarity[:120] = CHANCE
    bands = LOUD.copy()
    bands[:, 240:360] = 0.0  # other music, then 6 s of silence, then the piece
    assert off(similarity, bands) == [(0.0, 16.9)]
    assert off(similarity, np.zeros((92, 1200))) == [(0.0, 11.9)]  # no sound says nothing


# While it is heard

STRIDE, REACH = 0.5, 2.1
NULL = verdict.Null(0.0, 0.2, verdict.MODEL)


def told(vectors, sheet, bands=None):
    bands = np.full((92, 10 * len(vectors)), 0.5) if bands is None else bands
    return presence.so_far(vectors, sheet, bands, NULL, STRIDE, REACH)


def test_while_it_is_heard_other_music_is_told_and_the_piece_again():
    sheet = music(1, 200)
    parts = [heard(sheet[:80], 3), music(7, 60), heard(sheet[80:180], 4)]
    likely, there = told(np.concatenate(parts), sheet)
    # Six windows, and the half of the last that lies ahead, must have been heard.
    assert np.isnan(likely[:9]).all()
    assert not np.isnan(likely[9:]).any()
    assert there[:80].all()
    assert not there[100:140].any()
    assert there[155:].all()
    assert likely[79] > 0.9
    assert likely[139] < 0.1


@pytest.mark.parametrize("null", [None, NULL])
def test_all_moments_at_once_are_judged_as_each_alone(null):
    sheet, vectors = music(1, 90), heard(music(1, 400)[20:340], 3, 0.3)
    begun = [0] * 60 + [None] * 5 + [65] * 255
    known = presence.heard_whole(begun, 4)
    found = presence.lately(vectors, sheet, null, known, 4, (10, 40))
    for now, begin in enumerate(begun):
        whole = [] if begin is None else vectors[begin : max(now - 3, begin)]
        assert known[now] == len(whole)
        alone = [verdict.evidence(whole[-n:], sheet, null) for n in (10, 40)] if len(whole) else []
        expected = [verdict.probability(evidence, "audio") for evidence in alone]
        assert found[now].tolist() == pytest.approx(expected or [0, 0], abs=1e-4)
    assert found.min() < 0.1
    assert found.max() > 0.9


def test_what_left_the_sheet_is_on_it_again_when_it_is_likely_enough():
    likely = np.array([np.nan, 0.9, 0.4, 0.2, 0.4, 0.6, np.nan, 0.1, np.nan, np.nan])
    there = presence.decided(likely, [0] * 8 + [None, 9], leave=0.3, back=0.5)
    assert there.tolist() == [True, True, True, False, False, True, True, False, False, True]


def test_a_repeat_is_on_the_sheet_while_it_is_heard():
    sheet = music(1, 100)
    assert told(heard(np.concatenate([sheet[:60], sheet[:100]]), 3), sheet)[1].all()


def test_while_it_is_heard_nothing_depends_on_what_comes_later():
    sheet = music(1, 120)
    vectors = np.concatenate([heard(sheet[:50], 3), music(7, 50)])
    bands = np.full((92, 1000), 0.5)
    bands[:, :40] = bands[:, 400:480] = 0.0
    bands[:, 700:] = 5.0
    likely, there = told(vectors, sheet, bands)
    for windows in (1, 20, 47, 70, 99):
        before = told(vectors[:windows], sheet, bands[:, : 10 * windows])
        assert np.array_equal(before[0], likely[:windows], equal_nan=True)
        assert np.array_equal(before[1], there[:windows])


def test_silence_before_the_first_sound_and_after_the_last_is_told_while_it_is_heard():
    sheet = music(1, 120)
    bands = np.full((92, 1200), 0.5)
    bands[:, :100] = bands[:, 500:540] = bands[:, 1000:] = 0.0  # 5 s, a rest of 2 s, 10 s
    likely, there = told(heard(sheet, 3), sheet, bands)
    assert np.flatnonzero(~there).tolist() == [*range(10), *range(107, 120)]
    assert np.isnan(likely[:19]).all()
    assert not told(heard(sheet, 3), sheet, np.zeros((92, 1200)))[1].any()
