"""Near-duplicates: pairs of pieces that share music."""

import itertools

import pandas as pd
import pytest
import synthetic_dataset
from hypothesis import given, settings
from hypothesis import strategies as st

import msmdtools as msmd
from msmdtools.errors import DatasetError, MsmdError
from msmdtools.splits.duplicates import Pair, compare, crossing, leaks, near_duplicates

FIRST, SECOND = synthetic_dataset.PIECES

# 30 onsets without a repeated passage: (quarter, pitch).
THEME = [(n * 0.5 + (n % 7 == 3) * 0.25, 60 + n * n * 7 % 29) for n in range(30)]


def heads(**pieces):
    """Rows of the note heads table from (quarter, pitch) of each piece."""
    columns = ["piece", "onset_quarters", "pitch", "role", "grace"]
    rows = [(name, q, p, "played", False) for name, notes in pieces.items() for q, p in notes]
    return pd.DataFrame(rows, columns=columns)


def score(a, b, **options):
    """The score of two pieces, 0 when they share nothing."""
    pairs = compare(heads(a=a, b=b), threshold=1e-9, **options)
    return pairs[0].score if pairs else 0


def test_the_same_music_is_found_however_it_is_written():
    assert score(THEME, THEME) == 1
    assert score(THEME, THEME[::-1]) == 1  # the rows' order, such as that of voices, is nothing
    assert score(THEME, [(2 * q, p) for q, p in THEME]) == 1  # in longer note values
    assert score(THEME, [(q + 12, p) for q, p in THEME]) == 1  # after something else
    bass = [(q, p - 24) for q, p in THEME]
    assert score(THEME, [*THEME, *bass]) == 1  # with other notes below


def test_pitch_and_rhythm_matter():
    assert score(THEME, [(q, p + 1) for q, p in THEME]) == 0
    assert score(THEME, [(q, p + 1) for q, p in THEME], transpose=True) == 1
    assert score(THEME, [(q * q, p) for q, p in THEME]) == 0
    assert score(THEME, [(q, 120 - p) for q, p in THEME], transpose=True) == 0


def test_an_excerpt_is_wholly_contained_and_a_changed_note_costs_its_ngrams():
    excerpt = THEME[5:20]
    assert score(THEME, excerpt) == 1
    changed = [(q, p + (n == 10)) for n, (q, p) in enumerate(THEME)]
    # 23 n-grams of 8 onsets, 8 of which hold onset 10.
    assert score(THEME, changed) == pytest.approx(15 / 23)
    assert score(THEME, changed, length=4) == pytest.approx(23 / 27)


def test_an_ngram_never_runs_from_one_piece_into_the_next():
    assert compare(heads(a=THEME[:4], b=THEME[4:8], c=THEME[:7]), threshold=1e-9) == []
    pairs = compare(heads(a=THEME[:4], b=THEME[4:], c=THEME), threshold=1e-9)
    assert pairs == [Pair("b", "c", 1.0)]


def test_grace_notes_and_ties_are_left_out():
    frame = heads(a=THEME, b=[(q, p + (n % 4 == 0) * 12) for n, (q, p) in enumerate(THEME)])
    ornaments = heads(b=[(q - 0.1, 90) for q, _ in THEME]).assign(grace=True)
    ties = heads(b=[(q, 91) for q, _ in THEME]).assign(role="tied")
    plain = heads(a=THEME, b=THEME)
    assert compare(pd.concat([plain, ornaments, ties])) == [Pair("a", "b", 1.0)]
    assert compare(frame) == []


@settings(deadline=None)  # the first call loads pandas
@given(
    st.lists(
        st.lists(st.tuples(st.integers(1, 2), st.integers(60, 62)), max_size=25),
        min_size=2,
        max_size=5,
    ),
    st.booleans(),
    st.integers(3, 4),
)
def test_the_scores_are_those_of_a_plain_count(melodies, transpose, length):
    pieces, ngrams = {}, {}
    for n, melody in enumerate(melodies):
        times = list(itertools.accumulate(step for step, _ in melody))
        pitches = [pitch for _, pitch in melody]
        pieces[f"p{n}"] = list(zip(times, pitches, strict=True))
        ngrams[f"p{n}"] = set()
        for i in range(len(melody) - length + 1):
            base = pitches[i] if transpose else 0
            gaps = [b - a for a, b in itertools.pairwise(times[i : i + length])]
            ratios = tuple(b / a for a, b in itertools.pairwise(gaps))
            gram = (tuple(p - base for p in pitches[i : i + length]), ratios)
            ngrams[f"p{n}"].add(gram)
    expected = {}
    for a, b in itertools.combinations(pieces, 2):
        shared = len(ngrams[a] & ngrams[b])
        if shared:
            expected[a, b] = shared / min(len(ngrams[a]), len(ngrams[b]))
    found = compare(heads(**pieces), transpose, threshold=1e-9, length=length)
    assert {pair[:2]: pair.score for pair in found} == pytest.approx(expected)
    assert [pair.score for pair in found] == sorted(expected.values(), reverse=True)


def test_pairs_of_a_dataset(tmp_path):
    dataset = msmd.open(synthetic_dataset.make(tmp_path / "dataset"))
    assert near_duplicates(dataset) == []
    assert near_duplicates(dataset, transpose=True) == [Pair(FIRST, SECOND, 1.0)]
    assert near_duplicates(dataset, [FIRST], transpose=True) == []
    with pytest.raises(DatasetError, match="BachJS__third was not built: timeout"):
        near_duplicates(dataset, [FIRST, "BachJS__third"])
    with pytest.raises(DatasetError, match="no piece 'nobody'"):
        near_duplicates(dataset, ["nobody"])
    for threshold in (0, 1.1):
        with pytest.raises(MsmdError, match="above 0 and at most 1"):
            near_duplicates(dataset, threshold=threshold)
    with pytest.raises(MsmdError, match="it must be at least 3"):
        near_duplicates(dataset, length=2)


def test_leaks_are_the_training_side_of_pairs_across_splits():
    split = dict.fromkeys("abc", "train") | {"v": "valid", "s": "test", "t": "test"}
    pairs = [
        Pair("a", "b", 1.0),  # both in train
        Pair("s", "v", 0.9),  # across, but neither is in train
        Pair("c", "t", 0.5),
        Pair("a", "v", 0.2),
        Pair("s", "t", 0.2),
        Pair("s", "x", 0.2),  # x is in no split
        Pair("b", "s", 0.19),
    ]
    assert crossing(pairs, split) == [pairs[1], pairs[2], pairs[3]]
    assert leaks(pairs, split) == ["a", "c"]
    assert leaks(pairs, split, 0.4) == ["c"]
    assert leaks(pairs, split, 0.1) == ["a", "b", "c"]
    assert leaks([], split) == []
