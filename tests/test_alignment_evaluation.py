"""How exactly recordings are followed: errors, shares, and `msmd eval alignment|following`."""

import csv
import json
from itertools import pairwise

import numpy as np
import oracle
import pytest
import synthetic_dataset
from click.testing import CliRunner
from PIL import Image

from msmdtools.cli import main
from msmdtools.errors import MsmdError
from msmdtools.evaluation.following.accuracy import Errors, accuracy_of, compare, moments_at
from msmdtools.follow import axis
from msmdtools.follow.alignment import Alignment
from msmdtools.paper.position import Passage
from msmdtools.snippets.onsets import find_onsets

FIRST, _ = synthetic_dataset.PIECES
SLOW, FAST = "Sine-000_x1.00", "Sine-000_x2.00"
LENGTH = 18.0


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return oracle.dataset(tmp_path_factory.mktemp("data") / "dataset")


@pytest.fixture(scope="module")
def piece(dataset):
    return dataset[FIRST]


def truth(piece, performance, late=0.0, shift=0.0, missing=()):
    """The right alignment, told so many seconds late, so many px too far, and not at some moments."""
    strip = axis.axis(piece)
    onsets = find_onsets(piece)
    times = np.unique(piece.events(performance)["onset_s"].to_numpy())[onsets.onset]
    places = strip.strip(onsets.system, onsets.x) + shift
    said = np.delete(places, missing)
    speed = np.zeros(len(said))
    return Alignment(strip, np.delete(times, missing) + late, said, speed, np.ones(len(said)))


# Errors


def test_the_right_way_has_no_errors(piece):
    for performance in (SLOW, FAST):
        found = compare(piece, performance, truth(piece, performance), LENGTH)
        assert found.errors.seconds == pytest.approx(0, abs=1e-9)
        assert found.errors.pixels == pytest.approx(0)
        assert len(found.onset) == len(find_onsets(piece))


def test_pixels_and_percent_of_the_page(piece):
    found = compare(piece, SLOW, truth(piece, SLOW, shift=-21.0), LENGTH)
    assert found.errors.pixels == pytest.approx(21)
    assert found.errors.widths == pytest.approx(100 * 21 / synthetic_dataset.WIDTH)


def test_a_performance_that_is_twice_as_fast(piece):
    """The fast performance is the slow one at speed 2."""
    slow = compare(piece, SLOW, truth(piece, FAST, shift=7.0), LENGTH / 2, 2.0)
    fast = compare(piece, FAST, truth(piece, FAST, shift=7.0), LENGTH / 2)
    assert slow.onset == pytest.approx(fast.onset)
    for name in ("seconds", "pixels", "widths"):
        assert getattr(slow.errors, name) == pytest.approx(getattr(fast.errors, name))
        assert getattr(slow.linear, name) == pytest.approx(getattr(fast.linear, name))


def test_a_place_told_late_is_the_place_before(piece):
    """0.1 s late: at each onset the place of the onset before is said, which was 0.5 s before."""
    found = compare(piece, SLOW, truth(piece, SLOW, late=0.1), LENGTH)
    onsets = found.onset
    assert np.isinf(found.errors.seconds[0])
    assert found.errors.seconds[1:] == pytest.approx(np.diff(onsets))


def test_onsets_without_a_place_are_wrong(piece):
    found = compare(piece, SLOW, truth(piece, SLOW, missing=[0, 1]), LENGTH)
    assert np.isinf(found.errors.seconds[:2]).all()
    assert np.isinf(found.errors.pixels[:2]).all()
    assert not np.isinf(found.errors.seconds[2:]).any()


def test_moments_are_those_of_the_dataset(piece):
    """Slow reference: `DatasetPiece.times`, a place at a time."""
    strip = axis.axis(piece)
    for performance in (SLOW, FAST):
        places = np.linspace(0, strip.length - 1e-6, 301)
        found = moments_at(piece.passages(performance), strip, places, np.zeros(301))
        for place, moment in zip(places, found, strict=True):
            page, _, x, y = (values[0] for values in strip.places(np.array([place])))
            assert moment == pytest.approx(piece.times(performance, int(page), x, y)[0])


def test_of_several_moments_the_nearest(piece):
    """System 1 is gone through twice, system 2 once, system 3 never."""
    strip = axis.axis(piece)

    def way(system, begin):
        return Passage(
            1, system, np.array([begin, begin + 4.0]), np.array([60.0, 400.0]), 40.0, 145.0
        )

    ways = [way(1, 0.0), way(1, 4.0), way(2, 8.0), way(4, 12.0)]
    places = strip.strip([1, 1, 2, 3, 3], [230.0, 230.0, 230.0, 30.0, 390.0])
    assert moments_at(ways, strip, places, [2.9, 4.1, 0, 0, 0]) == pytest.approx(
        [2.0, 6.0, 10.0, 12.0, 12.0]
    )
    assert np.isnan(moments_at(ways, strip, [np.nan], [0.0]))


def test_the_linear_baseline(piece):
    found = compare(piece, SLOW, truth(piece, SLOW), LENGTH)
    strip, onsets = axis.axis(piece), find_onsets(piece)
    expected = np.abs(found.onset / LENGTH * strip.length - strip.strip(onsets.system, onsets.x))
    assert found.linear.pixels == pytest.approx(expected)


def test_a_piece_without_places_cannot_be_measured(piece, monkeypatch):
    nothing = find_onsets(piece)
    monkeypatch.setattr(type(nothing), "__len__", lambda _: 0)
    with pytest.raises(MsmdError, match=r"first: no onset has a place on the sheet, so nothing"):
        compare(piece, SLOW, Alignment(axis.axis(piece), *np.zeros((4, 1))), LENGTH)


# Figures


def errors(*seconds):
    values = np.array(seconds)
    return Errors(values, 100 * values, 10 * values)


def test_shares_and_medians_against_a_slow_reference():
    draw = np.random.default_rng(1)
    pieces = [errors(*draw.exponential(0.5, size=n), np.inf) for n in (3, 9, 14)]
    found = accuracy_of(pieces)
    values = sorted(value for piece in pieces for value in piece.seconds)
    assert (found.onsets, found.unreached) == (29, 3)
    for limit, share in found.within.items():
        assert share == pytest.approx(100 * sum(value <= limit for value in values) / 29)
        low, high = found.intervals[limit]
        assert low <= share <= high
    assert (found.median_s, found.median_px, found.median_width) == pytest.approx(
        (values[14], 100 * values[14], 10 * values[14])
    )


def test_limits_belong_to_the_shares():
    found = accuracy_of([errors(0.05, 0.1, 0.5, 1.0, 5.0, 6.0)])
    assert list(found.within.values()) == pytest.approx([100 * k / 6 for k in range(1, 6)])
    assert found.intervals is None


def test_intervals_are_of_pieces_not_of_onsets():
    """One of two pieces is right: drawing pieces gives anything from 0 to 100 %."""
    found = accuracy_of([errors(*[0.01] * 500), errors(*[9.0] * 500)])
    assert found.within[0.5] == 50
    assert found.intervals[0.5] == (0, 100)


def test_no_onsets_have_no_figures():
    with pytest.raises(ValueError, match="no onsets to sum up"):
        accuracy_of([])


# The command


@pytest.fixture
def run(piece, monkeypatch):
    model = oracle.Oracle(piece, SLOW)
    monkeypatch.setattr("msmdtools.models.model.load_model", lambda *_: model)

    def call(task, *arguments):
        return CliRunner().invoke(main, ["eval", task, "oracle", *map(str, arguments)])

    return call


def test_alignment_from_the_command_line(run, dataset, tmp_path):
    result = run("alignment", dataset.path, "-o", tmp_path / "report")
    assert result.exit_code == 0, result.output
    head, _, *table = result.output.splitlines()
    assert head == "oracle: alignment, 2.1 s of audio"
    assert table[1].split()[:6] == ["≤", "0.05", "s", "≤", "0.1", "s"]
    assert [line.split()[0] for line in table[2:5]] == ["alignment", "95", "linear"]
    assert table[-1] == (
        f"The report is in {tmp_path / 'report'}: "
        "results.md, results.json, onsets.csv, results.png."
    )
    found = json.loads((tmp_path / "report" / "results.json").read_text())
    assert (found["task"], found["model"], found["pieces"]) == ("alignment", "oracle", 2)
    assert found["performances"] == [SLOW]
    shares = found["alignment"]["within"]
    assert list(shares) == ["0.05", "0.1", "0.5", "1", "5"]
    assert all(below <= above for below, above in pairwise(shares.values()))
    assert shares["0.5"] == 100
    assert found["linear"]["within"]["0.5"] < 100
    assert found["above_linear"] is True
    assert "Not distinguishable" not in result.output
    assert [piece["onsets"] for piece in found["by_piece"]] == [32, 32]
    with open(tmp_path / "report" / "onsets.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == found["alignment"]["onsets"] == 64
    share = sum(float(row["error_s"]) <= 0.1 for row in rows) / 64 * 100
    assert share == pytest.approx(shares["0.1"])
    with Image.open(tmp_path / "report" / "results.png") as picture:
        assert picture.mode == "RGB"
    assert "| alignment | " in (tmp_path / "report" / "results.md").read_text()


def test_a_model_that_hears_nothing_is_no_better_than_a_cursor(run, piece, dataset, monkeypatch):
    deaf = oracle.Oracle(piece, SLOW, wrong_from=0)
    monkeypatch.setattr("msmdtools.models.model.load_model", lambda *_: deaf)
    result = run("alignment", dataset.path)
    assert result.exit_code == 0, result.output
    assert "Not distinguishable from a cursor of constant speed (linear)." in result.output


def test_other_speeds(run, dataset, monkeypatch):
    """At speed 2 the model, which knows only the slow performance, is wrong."""

    def rendered(rendition):
        assert (rendition.performance, rendition.tempo) == (SLOW, 2.0)
        return dataset[rendition.piece].spectrogram(FAST)

    monkeypatch.setattr("msmdtools.evaluation.following.accuracy.whole", rendered)
    result = run("alignment", dataset.path, "--tempi", "1,2", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["pieces"] == 2
    assert list(found["speeds"]) == ["2"]
    assert found["speeds"]["2"]["within"]["0.5"] < 50 < found["alignment"]["within"]["0.5"]


def test_following_as_json(run, dataset):
    result = run("following", dataset.path, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["task"] == "following"
    assert found["following"]["within"]["1"] > 90
    assert found["following"]["unreached"] == 0


def test_infinite_medians_are_null():
    from msmdtools.evaluation.following import report as alignment_report

    values = alignment_report._values(accuracy_of([errors(0.1, np.inf, np.inf)]))
    assert values["median_s"] is None
    json.dumps(values, allow_nan=False)


def test_options_of_other_tasks_are_refused(run, dataset):
    result = run("following", dataset.path, "--excerpts", 3)
    assert result.exit_code == 2
    assert "--excerpts is for msmd eval pieces or position." in result.output
