"""Candidates, intervals, ceiling, wrong answers, robustness and reports, without PyTorch."""

import csv
import json
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest
import snippet_shards
from hypothesis import given, settings
from hypothesis import strategies as st

from msmdtools.errors import DatasetError, MsmdError
from msmdtools.evaluation.snippets import (
    answers,
    candidates,
    repetition,
    report,
    retrieval,
    robustness,
)
from msmdtools.evaluation.snippets import figure as picture
from msmdtools.metrics import bootstrap
from msmdtools.metrics.ranks import METRICS, retrieval_metrics
from msmdtools.snippets import reader


class Oracle:
    """Reads what the made-up snippets say: the grey level on the sheet, a magnitude in the audio."""

    def __init__(self, context_s=2.1, coarse=1):
        self.config = SimpleNamespace(name="oracle", context_s=context_s)
        self.coarse = coarse

    def embed_sheet(self, images):
        return self._point(images[:, images.shape[1] // 2, images.shape[2] // 2].astype(float))

    def embed_audio(self, spectrograms):
        levels = spectrograms[:, 50, spectrograms.shape[2] // 2].astype(float) * 100
        return self._point(np.round(levels / self.coarse) * self.coarse)

    def _point(self, level):
        angle = level / 250 * np.pi
        return np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32)


@pytest.fixture(scope="module")
def snippets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("snippets")
    return reader.open(snippet_shards.write(folder, split="test"))


# Candidates


def test_candidates_are_evenly_spaced_over_pieces_in_playing_order(snippets):
    chosen = candidates.choose_candidates(snippets, "test", 7)
    places = [piece * 30 + onset for piece, onset in _keys(chosen)]
    assert places == [0, 19, 39, 59, 79, 99, 119] == np.linspace(0, 119, 7).astype(int).tolist()
    assert (len(chosen), chosen.onsets) == (7, 120)
    assert set(chosen.table["performance"]) == {"performance-0"}
    # The rows are where the split has them.
    row = chosen.table["row"].to_numpy()
    assert np.array_equal(snippets["test"].index.onset[row], chosen.table["onset"])


def _keys(chosen):
    pairs = zip(chosen.table["piece"], chosen.table["onset"], strict=True)
    return [(int(piece.removeprefix("piece-")), onset) for piece, onset in pairs]


def test_more_candidates_than_onsets_are_all_of_them(snippets):
    chosen = candidates.choose_candidates(snippets, "test", 10_000, "performance-1")
    assert _keys(chosen) == [(p, o) for p in range(4) for o in range(30)]
    assert set(chosen.table["performance"]) == {"performance-1"}
    assert chosen.pieces.tolist() == np.repeat(np.arange(4), 30).tolist()


def test_candidates_that_cannot_be_chosen(snippets):
    with pytest.raises(DatasetError) as error:
        candidates.choose_candidates(snippets, "tset", 10)
    assert (
        str(error.value) == f"{snippets.path}: no split 'tset', there are test; did you mean test?"
    )
    with pytest.raises(DatasetError) as error:
        candidates.choose_candidates(snippets, "test", 10, "performance-7")
    assert str(error.value) == (
        f"{snippets.path}: test: no performance 'performance-7' of piece-0 and 3 more; "
        "did you mean performance-1?"
    )
    with pytest.raises(MsmdError, match="candidates is 1; it must be at least 2"):
        candidates.choose_candidates(snippets, "test", 1)


# Intervals


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_weighted_metrics_are_those_of_repeated_ranks(data):
    ranks = np.sort(data.draw(st.lists(st.integers(1, 40), min_size=1, max_size=12)))
    size = len(ranks)
    counts = np.array(data.draw(st.lists(st.integers(0, 3), min_size=size, max_size=size)))
    counts[0] += not counts.any()
    found = bootstrap._metrics(ranks, counts[None].astype(float))[0]
    expected = retrieval_metrics(np.repeat(ranks, counts), 40)
    for name, value in zip(METRICS, found, strict=True):
        assert value == pytest.approx(getattr(expected, name), rel=1e-12), name


def test_intervals_are_of_pieces_and_repeatable():
    # Half of the pieces are perfect, half hopeless: of 20 pieces, 10 are drawn on average.
    pieces = np.repeat(np.arange(20), 50)
    ranks = np.where(pieces % 2, 1, 500)
    found = bootstrap.intervals(ranks, pieces, seed=3)
    assert found == bootstrap.intervals(ranks, pieces, seed=3)
    low, high = found["recall_1"]
    # The binomial distribution's 2.5th and 97.5th percentiles: 6 and 14 of 20.
    assert (low, high) == pytest.approx((30, 70), abs=5)
    assert found["median_rank"] == (1, 500)
    # As if onsets were independent, the interval would be a seventh of that.
    low, high = bootstrap.intervals(ranks, np.arange(1000))["recall_1"]
    assert high - low < 8
    assert bootstrap.intervals(ranks, np.zeros(1000, int)) is None


# Repetition


def _notes(*notes):
    ordered = sorted((offset, pitch) for pitch, offset in notes)
    pitches = np.array([pitch for _, pitch in ordered], np.int32)
    return pitches, np.array([offset for offset, _ in ordered], np.float32)


def test_same_notes_are_equal_pitches_at_equal_times_within_the_context():
    windows = [
        _notes((60, 0), (64, 0.5)),
        _notes((60, 0), (64, 0.503)),  # within 5 ms
        _notes((60, 0), (64, 0.51)),  # not
        _notes((60, 0), (65, 0.5)),  # another pitch
        _notes((60, 0), (64, 0.5), (72, 1.2)),  # another note, outside of 2.1 s
        _notes((60, 0), (64, 0.5), (72, -1.05 + 1e-7)),  # at the left edge: inside
        _notes((60, 0), (64, 0.5), (72, 1.05 - 1e-7)),  # at the right edge: outside
        _notes(),
        _notes(),
    ]
    pitches, offsets = zip(*windows, strict=True)
    classes = repetition.classes(pitches, offsets, 2.1)
    assert classes.tolist() == [0, 0, 1, 2, 0, 3, 0, 4, 4]
    assert repetition.classes(pitches, offsets, 8.4).tolist() == [0, 0, 1, 2, 3, 4, 5, 6, 6]
    ceiling = repetition.ceiling(classes)
    assert ceiling.classes == 5
    assert ceiling.recall_1 == pytest.approx(100 * (4 / 4 + 3 + 2 / 2) / 9)
    assert ceiling.repeated == pytest.approx(100 * 6 / 9)


# Wrong answers


def test_kinds_of_answers():
    table = pd.DataFrame(
        {
            "piece": ["a"] * 6 + ["b"] * 2,
            "onset": [0, 1, 2, 9, 20, 30, 0, 1],
            "strip_x": [0.0, 20, 150, 250, 900, 1900, 0, 20],
            "second": [0.0, 1, 8, 1.5, 20, 30, 0, 1],
        }
    )
    classes = np.array([0, 1, 2, 3, 0, 4, 0, 5])
    right, answer = np.zeros(8, int), np.arange(8)
    found = answers.kinds(table, right, answer, classes, context_s=2.1, columns=200)
    assert found.tolist() == [
        "right",
        "adjacent",
        "overlapping",  # on the sheet
        "overlapping",  # in time
        "same-notes",
        "same-piece",
        "same-notes",  # in another piece
        "other-piece",
    ]
    shares = answers.shares(found)
    assert list(shares) == list(answers.KINDS)
    assert list(shares.values()) == [12.5, 25.0, 25.0, 12.5, 12.5]


# Retrieval


def test_an_oracle_finds_everything(snippets):
    found = retrieval.evaluate_snippets(
        Oracle(), candidates.choose_candidates(snippets, "test", 120)
    )
    assert list(found.directions) == ["audio-to-sheet", "sheet-to-audio"]
    for direction in found.directions.values():
        assert direction.ranks.tolist() == [1] * 120
        assert direction.retrieval.recall_1 == 100
        assert set(direction.kinds) == {"right"}
        assert direction.intervals["recall_1"] == (100, 100)
    # All onsets of a piece have the same notes in these snippets.
    assert found.ceiling == repetition.Ceiling(recall_1=100 * 4 / 120, repeated=100, classes=4)


def test_the_ranks_belong_to_the_candidates_in_their_order(snippets):
    chosen = candidates.choose_candidates(snippets, "test", 40)
    found = retrieval.evaluate_snippets(Oracle(coarse=50), chosen)
    level = [snippet_shards.level(p, o) for p, o in _keys(chosen)]
    model = Oracle(coarse=50)
    sheets = model._point(np.array(level, float))
    sounds = model._point(np.round(np.array(level) / 50) * 50.0)
    assert np.allclose(found.sheets, sheets)
    assert np.allclose(found.sounds, sounds, atol=1e-2)  # float16
    assert 0 < found.directions["audio-to-sheet"].retrieval.recall_1 < 50
    by = found.directions["audio-to-sheet"].by(chosen.table["piece"])
    assert [one.queries for one in by.values()] == [10] * 4
    assert np.mean([one.mrr for one in by.values()]) == pytest.approx(
        found.directions["audio-to-sheet"].retrieval.mrr
    )


def test_what_cannot_be_evaluated(snippets):
    chosen = candidates.choose_candidates(snippets, "test", 10)
    with pytest.raises(DatasetError) as error:
        retrieval.evaluate_snippets(Oracle(context_s=8.4), chosen)
    assert str(error.value) == (
        "a context of 8.4 s is longer than the 4.2 s that are stored; ask for less, or export with "
        "--context 8.4"
    )
    broken = Oracle()
    broken.embed_audio = lambda windows: np.full((len(windows), 2), np.nan, np.float32)
    with pytest.raises(MsmdError, match="model oracle: 10 of 10 audio embeddings are not finite"):
        retrieval.evaluate_snippets(broken, chosen)


# Reports


def test_the_report(snippets, tmp_path):
    model = Oracle(coarse=25)
    chosen = candidates.choose_candidates(snippets, "test", 40)
    found = retrieval.evaluate_snippets(model, chosen)
    outcomes = robustness.evaluate_robustness(model, chosen)
    paths = report.write(tmp_path / "report", model, found, outcomes)
    assert {path.name for path in paths} == {path.name for path in (tmp_path / "report").iterdir()}
    values = json.loads((tmp_path / "report" / "results.json").read_text())
    assert values == report.to_json(found, outcomes)
    assert values["candidates"] == 40
    assert (values["onsets"], values["pieces"], values["split"]) == (120, 4, "test")
    direction = values["directions"]["audio-to-sheet"]
    assert direction["recall_1"] + sum(direction["wrong"].values()) == pytest.approx(100)
    assert values["chance"]["recall_5"] == 12.5
    rows = list(csv.DictReader((tmp_path / "report" / "by_piece.csv").open()))
    assert len(rows) == 8
    assert rows[0]["piece"] == "piece-0"
    assert float(rows[0]["mrr"]) == pytest.approx(direction["pieces"]["piece-0"]["mrr"], rel=1e-5)
    text = report.to_text(found, outcomes)
    assert f"{snippets.path}: test: 40 of 120 onsets, 4 pieces, performance-0" in text
    for word in ("R@25", "95 % interval", "chance", "ceiling by repetition", "noise 20 dB SNR"):
        assert word in text
    assert "| ceiling by repetition | 10.00 |" in (tmp_path / "report" / "results.md").read_text()
    for name in ("audio-to-sheet", "sheet-to-audio"):
        image = cv2.imread(str(tmp_path / "report" / f"answers-{name}.png"))[..., ::-1]
        green = (image == picture.RIGHT).all(axis=2)
        # A frame of 6 px for every query, around a window 300 px wide.
        frames = np.flatnonzero(green.sum(axis=1) > 250)
        assert 8 * 2 * 5 <= len(frames) <= 8 * 2 * 7


@pytest.mark.parametrize("count", [2, 4, 6])
def test_a_report_on_few_candidates(snippets, tmp_path, count):
    chosen = candidates.choose_candidates(snippets, "test", count)
    for coarse in (1, 1000):  # all answers right, and none
        model = Oracle(coarse=coarse)
        found = retrieval.evaluate_snippets(model, chosen)
        report.write(tmp_path, model, found)
        for name in ("audio-to-sheet", "sheet-to-audio"):
            image = cv2.imread(str(tmp_path / f"answers-{name}.png"))
            rows = image[2 * picture.MARGIN + picture.TITLE + picture.LABEL :]
            assert (rows[:, -picture.MARGIN + 8 :] == 255).all()  # a margin, so nothing is cut off


def test_a_picture_of_a_perfect_model_has_right_answers_only(snippets):
    found = retrieval.evaluate_snippets(
        Oracle(), candidates.choose_candidates(snippets, "test", 40)
    )
    assert picture._choose(found, "audio-to-sheet", 8) == [2, 7, 12, 17, 22, 27, 32, 37]
    best = picture._best(found, "audio-to-sheet", 12)
    assert best[0] == (12, pytest.approx(1))
    assert len(best) == 5


# Robustness


def test_gain_and_noise_act_on_magnitudes():
    random = np.random.default_rng(0)
    magnitude = random.random((3, 92, 42)) * 10 + 1
    stored = np.log10(1 + magnitude).astype(np.float32)
    louder = 10 ** robustness.louder(stored, 6.0).astype(float) - 1
    assert louder == pytest.approx(magnitude * 10 ** (6 / 20), rel=1e-4)
    noisy = 10 ** robustness.noisy(stored, np.array([5, 6, 7]), 10.0).astype(float) - 1
    signal = (magnitude**2).mean(axis=(1, 2))
    noise = (noisy**2 - magnitude**2).mean(axis=(1, 2))
    assert 10 * np.log10(signal / noise) == pytest.approx([10] * 3, abs=0.3)
    # What is drawn belongs to the pair.
    again = robustness.noisy(stored[::-1], np.array([7, 6, 5]), 10.0)[::-1]
    assert np.array_equal(again, robustness.noisy(stored, np.array([5, 6, 7]), 10.0))


def test_the_first_condition_is_the_stored_audio(snippets):
    chosen = candidates.choose_candidates(snippets, "test", 40)
    outcomes = robustness.evaluate_robustness(Oracle(), chosen, directions=["sheet-to-audio"])
    assert [(one.kind, one.value) for one in outcomes] == [
        ("stored", ""),
        *(("gain", f"{db} dB") for db in ("-12", "-6", "+6", "+12")),
        *(("noise", f"{db} dB SNR") for db in ("30", "20", "10", "0")),
    ]
    whole = retrieval.evaluate_snippets(Oracle(), chosen).directions["sheet-to-audio"].retrieval
    assert outcomes[0].directions == {"sheet-to-audio": whole}
    # This model reads magnitudes: it cannot do with another gain.
    assert outcomes[1].directions["sheet-to-audio"].recall_1 < 50


def test_only_the_dataset_of_the_snippets_is_performed_again(snippets, tmp_path):
    chosen = candidates.choose_candidates(snippets, "test", 40)
    with pytest.raises(DatasetError, match=r"nothing: no such folder; name the folder that msmd"):
        robustness.evaluate_robustness(Oracle(), chosen, tmp_path / "nothing")
    with pytest.raises(DatasetError, match=r"dataset.json is missing; copy the dataset again"):
        robustness.evaluate_robustness(Oracle(), chosen, tmp_path)
