"""Alignment of a recording with its sheet, score following, and what is written of them."""

import json
import re
from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import oracle
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import soundfile
import synthetic_dataset
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from msmdtools.cli import main
from msmdtools.errors import MsmdError
from msmdtools.follow import alignment, axis, bars, following, similarity
from msmdtools.follow import figure as alignment_picture
from msmdtools.follow import path as way
from msmdtools.follow.alignment import Alignment, best_path
from msmdtools.inputs import pages, recordings
from msmdtools.search import windows

FIRST, _ = synthetic_dataset.PIECES
SLOW = "Sine-000_x1.00"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return oracle.dataset(tmp_path_factory.mktemp("data") / "dataset")


@pytest.fixture(scope="module")
def piece(dataset):
    return dataset[FIRST]


@pytest.fixture(scope="module")
def strip(piece):
    return axis.axis(piece)


# The strip as an axis


def test_windows_are_where_the_axis_says(piece, strip):
    found = windows.sheet_windows(piece, oracle.SHAPE, alignment.SHEET_STRIDE)
    places = strip.places(alignment.window_centres(strip.length, len(found.x)))
    for name, values in places._asdict().items():
        assert np.array_equal(values, getattr(found, name)), name


def test_places_and_back(strip):
    places = np.linspace(0, strip.length, 77, endpoint=False)
    found = strip.places(places)
    assert strip.strip(found.system, found.x) == pytest.approx(places)
    beyond = strip.places(np.array([-5.0, strip.length + 5]))
    assert beyond.system.tolist() == [1, 4]


def test_places_on_a_picture_of_another_size(piece, strip):
    twice = [np.array([[2.0, 0, 3], [0, 2.0, 5]])] * 2
    sizes = [(843.0, 1005.0)] * 2
    sheet = pages.Sheet("larger", piece.pages, piece.systems, twice, piece.pages, sizes, [None] * 2)
    found, small = axis.axis(sheet).places(np.array([10.0])), strip.places(np.array([10.0]))
    assert (found.x, found.y) == (2 * small.x + 3, 2 * small.y + 5)
    assert axis.axis(sheet).boxes() == pytest.approx(2 * strip.boxes() + [3, 5, 3, 5])
    assert axis.axis(sheet).picture(1).shape == (1005, 843)


def test_a_sheet_without_systems(piece):
    empty = pages.Sheet(
        "blank", piece.pages, piece.systems[:0], [np.eye(2, 3)] * 2, [], [], [None] * 2
    )
    with pytest.raises(MsmdError, match=r"^blank: no systems, so there is nothing to align with$"):
        axis.axis(empty)


# The path


def slow_best(similarities, steps, jump):
    """The highest sum of any path, by trying all of them."""
    rows, columns = similarities.shape
    return max(
        similarities[np.arange(rows), path].sum()
        - jump * sum(not 0 <= b - a < steps for a, b in pairwise(path))
        for path in map(list, product(range(columns), repeat=rows))
    )


@pytest.mark.parametrize("seed", range(6))
def test_the_path_is_the_best_of_all(seed):
    draw = np.random.default_rng(seed)
    similarities = draw.normal(size=(5, 5))
    jump = draw.uniform(0, 3)
    path = best_path(similarities, 3, jump)
    cost = jump * sum(not 0 <= b - a < 3 for a, b in pairwise(path))
    found = similarities[np.arange(5), path].sum() - cost
    assert found == pytest.approx(slow_best(similarities, 3, jump))


@pytest.mark.parametrize("cells", [1, 40, 95, 200, 10**6])
def test_the_path_does_not_depend_on_how_much_is_in_memory(cells, monkeypatch):
    """In blocks of 1, 2, 5 and 10 rows and in one, with jumps in between."""
    random = np.random.default_rng(3)
    heard, seen = (random.normal(size=(n, 6)).astype(np.float32) for n in (37, 19))
    expected = heard @ seen.T
    windows, values = way.best(similarity.Known(expected), 4, 3.0)
    assert (np.diff(windows) < 0).sum() >= 2
    assert np.array_equal(values, expected[np.arange(37), windows])
    monkeypatch.setattr(similarity, "CELLS", cells)
    matrix = similarity.Similarities(heard, seen)
    assert matrix.block == min(max(cells // 19, 1), 37)
    assert np.stack([matrix.row(i) for i in range(37)]) == pytest.approx(expected, abs=1e-5)
    found = way.best(matrix, 4, 3.0)
    assert found[0].tolist() == windows.tolist()
    assert found[1] == pytest.approx(values, abs=1e-5)


def test_following_does_not_depend_on_how_much_is_in_memory(monkeypatch):
    random = np.random.default_rng(4)
    heard, seen = (random.normal(size=(n, 6)).astype(np.float32) for n in (30, 19))
    expected = following.track([heard @ seen.T] * 2, [0, 3])
    monkeypatch.setattr(similarity, "CELLS", 50)
    found = following.track([similarity.Similarities(heard, seen)] * 2, [0, 3])
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, rel=1e-4)


def test_a_repeat_goes_back_once():
    """30 windows; the first 20 are heard twice."""
    heard = np.concatenate([np.arange(20), np.arange(30)])
    similarities = np.eye(30)[heard]
    assert best_path(similarities).tolist() == heard.tolist()
    stayed = best_path(similarities, jump=np.inf)
    assert (np.diff(stayed) >= 0).all()


@given(st.lists(st.integers(0, alignment.STEPS - 1), min_size=1, max_size=40))
def test_any_speed_is_followed(steps):
    heard = np.cumsum([0, *steps])
    similarities = np.exp(-np.abs(heard[:, None] - np.arange(heard[-1] + 1)) / 3.0)
    assert best_path(similarities).tolist() == heard.tolist()


def test_places_are_smoothed_between_jumps_only(strip):
    heard = np.concatenate([np.arange(0, 60, 2), np.arange(40, 70)])
    similarities = np.eye(round(strip.length / alignment.SHEET_STRIDE))[heard] * 5
    found = alignment.from_similarities(strip, np.arange(60) * 0.1, similarities)
    # Straight lines stay as they are but for their ends; the jump is where it was.
    assert found.strip[5:25] == pytest.approx(5 + 20.0 * np.arange(5, 25))
    assert found.strip[35:55] == pytest.approx(5 + 10.0 * np.arange(45, 65))
    assert found.speed[5:25] == pytest.approx(200)
    assert found.strip[30] < found.strip[29] - 100
    assert found.at(2.95) > found.strip[29]
    assert found.at([0.05, 1.03]) == pytest.approx(
        [found.strip[0] + 0.5 * 10 * 0.25 * 4, 211], abs=8
    )
    assert [part.start for part in found.passages()] == sorted({*_begins(found)})


def _begins(found):
    system = found.places.system
    return {0, 30} | {i + 1 for i in range(59) if system[i] != system[i + 1]}


# Bars


def test_bars_are_listed_as_they_are_played(strip):
    seconds = np.arange(0, 12, 0.5)
    # 40 px a quarter, two quarters a second: to the end of system 1, back to its second bar, on into system 2.
    places = np.concatenate([50.5 + 40 * np.arange(9), 210.5 + 40 * np.arange(15)])
    found = Alignment(strip, seconds, places, np.full(24, 80.0), np.ones(24))
    listed = bars.rows(found)
    assert [(row["measure"], row["number"], row["system"], row["x"]) for row in listed] == [
        (0, "1", 1, 20.0),
        (1, "2", 1, 210.0),
        (1, "2", 1, 210.0),
        (2, "3", 2, 20.0),
        (3, "4", 2, 210.0),
    ]
    beats = [50.5, 210.5, 210.5, 380 + 50.5, 380 + 210.5]
    begun = [0, 0, 4.5, 4.5, 4.5]
    expected = [t + (x - (210.5 if t else 50.5)) / 80 for x, t in zip(beats, begun, strict=True)]
    assert [row["second"] for row in listed] == pytest.approx(expected, abs=1e-3)
    # Nothing is listed of what is not on the sheet.
    away = replace(found, heard=seconds < 4)
    assert [row["measure"] for row in bars.rows(away)] == [0, 1]


def test_bars_of_a_picture_are_those_between_its_bar_lines(piece):
    drawn = [page.copy() for page in piece.pages]
    for page in drawn:
        for top in (40, 260):
            page[top : top + 105, [20, 209, 210, 399]] = 0
    scale = [np.array([[2.0, 0, 3], [0, 2.0, 5]])] * 2
    sheet = pages.Sheet("p", drawn, piece.systems, scale, drawn, [(843.0, 1005.0)] * 2, [None] * 2)
    way_over = np.arange(0.0, 1520, 10)
    second = np.arange(len(way_over)) / 10
    found = Alignment(axis.axis(sheet), second, way_over, np.full(len(second), 100.0), second)
    listed = bars.rows(found)
    assert [row["measure"] for row in listed] == list(range(8))
    assert {row["number"] for row in listed} == {""}
    assert [row["system"] for row in listed] == [1, 1, 2, 2, 3, 3, 4, 4]
    assert [row["x"] for row in listed[:2]] == pytest.approx([2 * 20 + 3, 2 * 210 + 3], abs=2)
    assert [row["second"] for row in listed[:3]] == pytest.approx(
        [0.56, 2.04, 3.8 + 0.56], abs=0.02
    )


def test_before_the_first_moment_there_is_no_place(strip):
    moments = np.array([1.0, 2.0])
    found = Alignment(strip, moments, moments * 100, np.array([50.0, 0]), moments)
    assert found.at([0.5, 1.0, 1.5, 9.0]) == pytest.approx([np.nan, 100, 125, 200], nan_ok=True)


def test_a_whole_piece(piece):
    found = alignment.align(piece, piece.spectrogram(SLOW), oracle.Oracle(piece, SLOW))
    true = piece.position(SLOW, found.second)
    known = true.system > 0
    right = found.axis.strip(true.system[known], true.x[known])
    assert np.median(np.abs(found.strip[known] - right)) < 5
    assert np.abs(found.strip[known] - right).max() < 40


def test_recordings_that_are_too_short(piece):
    for method in (alignment.align, following.follow):
        with pytest.raises(
            MsmdError, match=r"^the recording has 0\.9 s, which is too short; give 1 s"
        ):
            method(piece, np.ones((92, 19), np.float16), oracle.Oracle(piece))


# Following


def slow_track(similarities, lags):
    """The filter with a matrix of all transitions, begun anew at every moment."""
    speeds = following.SPEEDS
    moments, columns = similarities[0].shape
    size = len(speeds) * columns
    move = np.zeros((size, size))
    for k, speed in enumerate(speeds):
        far = speed * alignment.AUDIO_STRIDE / alignment.SHEET_STRIDE
        for change, p in (
            (-1, following.CHANGE / 2),
            (0, 1 - following.CHANGE),
            (1, following.CHANGE / 2),
        ):
            other = min(max(k + change, 0), len(speeds) - 1)
            for place in range(columns):
                for whole, q in ((int(far), 1 - far % 1), (int(far) + 1, far % 1)):
                    target = min(place + whole, columns - 1)
                    move[k * columns + place, other * columns + target] += p * q
    assert move.sum(axis=1) == pytest.approx(1)
    for now in range(moments):
        state = np.full(size, 1 / size)
        for moment in range(now + 1):
            cut = max(i for i, lag in enumerate(lags) if moment + lag <= now)
            seen = np.exp(following.SHARPNESS * (similarities[cut][moment] - 1))
            state = (state @ move if moment else state) * np.tile(seen, len(speeds))
            state = (1 - following.LOST) * state / state.sum() + following.LOST / size
        yield state.reshape(len(speeds), columns)


@pytest.mark.parametrize("lags", [(0,), (0, 2), (0, 1, 4)])
def test_the_filter_is_that_of_the_definition(lags):
    draw = np.random.default_rng(3)
    similarities = [draw.uniform(-1, 1, size=(8, 9)) for _ in lags]
    places, speeds = following.track(similarities, lags)
    for now, state in enumerate(slow_track(similarities, lags)):
        assert (places[now], speeds[now]) == pytest.approx(following._estimate(state))


def test_what_is_told_does_not_depend_on_what_comes_later(piece):
    bands = piece.spectrogram(SLOW)
    draw = np.random.default_rng(0)
    mix = draw.normal(size=(16, 92)).astype(np.float32)

    class Listener(oracle.Oracle):
        """Its embeddings depend on all that it is given."""

        def embed_audio(self, spectrograms):
            heard = np.einsum("db,nbt->nd", mix, spectrograms.astype(np.float32))
            codes = super().embed_audio(spectrograms)
            codes[:, :16] += heard / (1 + np.abs(heard))
            return codes

    whole = following.follow(piece, bands, Listener(piece, SLOW))
    for second in (2.0, 5.3):
        changed = bands.copy()
        # The first frame that is not over at this second.
        first = int(np.ceil((second - 2048 / 22_050) * 20 + 1e-9))
        changed[:, first:] = draw.uniform(0, 2, size=changed[:, first:].shape)
        other = following.follow(piece, changed, Listener(piece, SLOW))
        told = whole.second <= second + 1e-9
        assert np.array_equal(whole.strip[told], other.strip[told])
        assert not np.array_equal(whole.strip, other.strip)


def test_cuts_leave_what_was_heard_and_seen():
    cut = following.Cut(5, 8)
    sheet = cut.sheet(np.zeros((1, 2, 40), np.uint8))
    assert sheet[0, 0].tolist() == [0] * 28 + [255] * 12
    heard = cut.audio(np.ones((1, 92, 42)))[0, 0]
    # Frame 21 is the middle, 10 frames are half a second, and the last of them is not over.
    assert heard.tolist() == [1] * 30 + [0] * 12


def test_a_follower_gets_there_and_finds_its_way_again(piece):
    found = following.follow(piece, piece.spectrogram(SLOW), oracle.Oracle(piece, SLOW))
    true = piece.position(SLOW, found.second)
    late = (found.second > 2) & (true.system > 0)
    right = found.axis.strip(true.system[late], true.x[late])
    assert np.abs(found.strip[late] - right).max() < 60
    heard = np.concatenate([np.arange(40), np.arange(10, 60)])
    similarities = np.exp(-np.abs(heard[:, None] - np.arange(80)) / 3.0)
    places, _ = following.track([similarities], [0])
    assert places[39] == pytest.approx(39, abs=2)
    assert places[-1] == pytest.approx(59, abs=2)


# Files and commands


@pytest.fixture
def run(piece, monkeypatch):
    monkeypatch.setattr("msmdtools.models.model.load_model", lambda *_: oracle.Oracle(piece, SLOW))
    return lambda *arguments: CliRunner().invoke(main, ["align", *map(str, arguments)])


@pytest.fixture(scope="module")
def heard(tmp_path_factory):
    """A file that is as long as the performance and whose content does not matter."""
    path = tmp_path_factory.mktemp("audio") / "heard.wav"
    seconds = np.arange(16 * 22_050) / 22_050
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 440 * seconds), 22_050)
    return path


def test_tables_pictures_and_players(run, dataset, heard, tmp_path):
    names = ["way.csv", "way.parquet", "way.json", "way.png", "way.html"]
    asked = [part for name in names for part in ("-o", tmp_path / name)]
    result = run(heard, FIRST, "--dataset", dataset.path, *asked)
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert [re.sub(r"[\d.]+ to [\d.]+", "N", line).strip() for line in lines[:-2]] == [
        "N s  page 1 system 1 x N",
        "N s  page 1 system 2 x N",
        "N s  page 2 system 3 x N",
        "N s  page 2 system 4 x N",
    ]
    assert lines[-2] == "mean similarity 1.00"
    assert re.fullmatch(r"probability that this is the piece: \d+ %", lines[-1])
    table = json.loads((tmp_path / "way.json").read_text())
    names = ["second", "page", "system", "x", "y", "speed", "similarity", "on_sheet"]
    assert list(table[0]) == [*names, "probability", "confidence"]
    assert all(row["on_sheet"] for row in table)
    assert len({row["probability"] for row in table}) == 1
    assert [row["second"] for row in table] == pytest.approx(np.arange(160) / 10)
    assert pq.read_table(tmp_path / "way.parquet").to_pylist() == table
    assert pyarrow.csv.read_csv(tmp_path / "way.csv").to_pylist() == table
    with Image.open(tmp_path / "way.png") as picture:
        assert picture.size == (2 * alignment_picture.WIDTH + 110, picture.height)
    player = (tmp_path / "way.html").read_text()
    assert "<title>heard.wav on First, J. S. Bach</title>" in player
    assert "default-src 'none'" in player
    assert not re.search(r"(src|href)=|https?:", player)
    content = json.loads(re.search(r'id="data">(.*?)</script>', player)[1])
    assert [len(content[name]) for name in ("pages", "systems", "moments")] == [2, 4, 160]
    assert [number for _, number in content["bars"]] == [str(n) for n in range(1, 9)]
    assert content["systems"][2] == {"page": 2, "box": [20.0, 38.0, 400.0, 147.0], "height": 109.0}
    for moment, row in zip(content["moments"], table, strict=True):
        second, system, x, y, speed, slope = moment
        assert system + 1 == row["system"]
        assert (second, slope) == (row["second"], 0)
        assert (x, y, speed) == pytest.approx((row["x"], row["y"], row["speed"]), abs=0.06)


def test_a_table_whose_name_ends_in_bars_has_a_row_for_each_bar(run, dataset, heard, tmp_path):
    asked = [part for name in ("bars.csv", "first-bars.json") for part in ("-o", tmp_path / name)]
    result = run(heard, FIRST, "--dataset", dataset.path, *asked)
    assert result.exit_code == 0, result.output
    listed = json.loads((tmp_path / "first-bars.json").read_text())
    assert list(listed[0]) == ["measure", "second", "page", "system", "x", "number", "confidence"]
    assert all(0 <= row["confidence"] <= 1 for row in listed)
    assert [(row["measure"], row["number"]) for row in listed] == [
        (n, str(n + 1)) for n in range(8)
    ]
    # A bar has four quarters, and a quarter takes half a second.
    assert [row["second"] for row in listed] == pytest.approx(2 * np.arange(8), abs=0.25)
    csv = pyarrow.csv.ConvertOptions(column_types={"number": pyarrow.string()})
    assert pyarrow.csv.read_csv(tmp_path / "bars.csv", convert_options=csv).to_pylist() == listed


def test_the_wrong_piece_is_an_answer_that_says_so(run, dataset, heard, tmp_path, monkeypatch):
    monkeypatch.setattr(alignment.verdict, "probability", lambda *_: 0.004)
    result = run(heard, FIRST, "--dataset", dataset.path, "-o", tmp_path / "way.html")
    assert (result.exit_code, result.output.splitlines()) == (
        0,
        [
            "mean similarity 1.00",
            "This is probably not the piece.",
            "probability that this is the piece: 0 %",
        ],
    )
    player = (tmp_path / "way.html").read_text()
    content = json.loads(re.search(r'id="data">(.*?)</script>', player)[1])
    assert {moment[1] for moment in content["moments"]} == {-1}  # no cursor anywhere


def test_sound_and_pages_in_the_player_are_what_was_given(run, dataset, heard, tmp_path):
    import base64
    import io

    run(heard, FIRST, "--dataset", dataset.path, "-o", tmp_path / "way.html")
    player = (tmp_path / "way.html").read_text()
    content = json.loads(re.search(r'id="data">(.*?)</script>', player)[1])
    assert content["sound"]["type"] == "audio/mpeg"
    sound, rate = soundfile.read(io.BytesIO(base64.b64decode(content["sound"]["base64"])))
    assert len(sound) / rate == pytest.approx(16, abs=0.2)
    assert np.abs(sound).max() == pytest.approx(0.9, abs=0.1)
    with Image.open(io.BytesIO(base64.b64decode(content["pages"][1]["png"]))) as page:
        assert np.array_equal(np.asarray(page), dataset[FIRST].pages[1])


def test_the_title_cannot_break_the_player(strip):
    from msmdtools.follow import player

    moments = np.array([0.0, 1.0])
    found = Alignment(strip, moments, moments, moments, moments)
    made = player.page(found, [np.zeros(22_050, np.int16)], "a <b> {{data}} & c").decode()
    assert "<title>a &lt;b&gt; {{data}} &amp; c</title>" in made


def test_a_performance_of_the_dataset_and_json(run, dataset):
    result = run(SLOW, FIRST, "--dataset", dataset.path, "--json", "--online")
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert [row["page"] for row in rows][::60] == [1, 1, 2]
    assert rows[0]["probability"] is None  # nothing has been heard yet
    assert {row["confidence"] for row in rows} == {None}  # not known online
    assert 0 <= rows[-1]["probability"] <= 1


def test_sound_that_was_not_kept_is_rendered(run, dataset, tmp_path):
    result = run(SLOW, FIRST, "--dataset", dataset.path, "-o", tmp_path / "way.html")
    assert result.exit_code == 1
    assert "Sine" in result.output.splitlines()[-1]
    assert not list(tmp_path.iterdir())


def test_midi_files_are_played(piece, soundfont, monkeypatch):
    monkeypatch.setattr("msmdtools.perform.soundfonts.default_soundfont", lambda: "TimGM6mb")
    played = recordings.of_file(piece.midi_path(SLOW))
    assert played.name == "performance.mid"
    assert played.spectrogram.shape[1] == pytest.approx(18 * 20, abs=60)
    assert max(np.abs(block).max() for block in played.sound()) > 100


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "way.txt",
            r"way\.txt: unknown ending; give a table \(\.csv, \.parquet, \.json\), a picture",
        ),
        ("none/way.csv", r"none/way\.csv: there is no folder .*none; make it first"),
    ],
)
def test_names_of_files_are_checked_first(run, heard, tmp_path, name, message):
    result = run(heard, FIRST, "--dataset", tmp_path, "-o", tmp_path / name)
    assert result.exit_code == 1
    assert re.search(message, result.output)


def test_what_cannot_be_aligned(run, dataset, heard, tmp_path):
    silent, short, broken = (tmp_path / f"{name}.wav" for name in ("silent", "short", "broken"))
    soundfile.write(silent, np.zeros(44_100), 22_050)
    soundfile.write(short, 0.5 * np.ones(5000), 22_050)
    broken.write_bytes(b"RIFF")
    blank = tmp_path / "blank.png"
    Image.new("L", (400, 500), 255).save(blank)
    on = ("--dataset", dataset.path)
    for arguments, message in (
        ((silent, FIRST, *on), "silent.wav: the recording is silent"),
        ((short, FIRST, *on), "the recording has 0.2 s, which is too short"),
        ((broken, FIRST, *on), "broken.wav: not a recording that"),
        ((heard, "BachJS__frist", *on), "no piece 'BachJS__frist'; did you mean BachJS__first"),
        (("Sine", FIRST, *on), "no performance 'Sine'; did you mean Sine-000_x"),
        ((heard, blank), "blank.png: no staves found"),
        ((tmp_path / "no.wav", blank), "no.wav: no such file"),
    ):
        result = run(*arguments)
        assert result.exit_code == 1, arguments
        assert message in result.output
