"""Reading a dataset, and the mapping between seconds and places on the paper."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import synthetic_dataset
from hypothesis import given
from hypothesis import strategies as st

import msmdtools as msmd
from msmdtools.dataset import checks, files, tables
from msmdtools.errors import DatasetError
from msmdtools.paper import position

FIRST, SECOND = synthetic_dataset.PIECES
SLOW, FAST = synthetic_dataset.PERFORMANCES_OF


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_dataset.make(tmp_path_factory.mktemp("dataset"))


@pytest.fixture(scope="module")
def dataset(folder):
    return msmd.open(folder)


def test_a_dataset_is_a_mapping_of_the_pieces_that_were_built(dataset, folder):
    assert len(dataset) == 2
    assert isinstance(dataset, Mapping)
    assert list(dataset) == list(dataset.keys()) == [FIRST, SECOND]
    assert [piece.piece for piece in dataset.values()] == [FIRST, SECOND]
    assert {name: piece.title for name, piece in dataset.items()} == {
        FIRST: "First",
        SECOND: "Second",
    }
    assert dataset.get("BachJS__third") is None
    assert dataset.get(FIRST).piece == FIRST
    assert dataset != msmd.open(folder)
    assert FIRST in dataset
    assert "BachJS__third" not in dataset
    assert dataset.pieces["piece"].tolist() == [FIRST, SECOND]
    assert dataset.failed["reason"].tolist() == ["timeout"]
    assert repr(dataset) == f"<Dataset '{folder}': 2 pieces, 1 failed>"
    assert repr(dataset[FIRST]) == f"<DatasetPiece {FIRST}: 2 pages, 40 noteheads, 2 performances>"


def test_bars_are_rows_in_the_order_of_the_score(dataset):
    bars = dataset[FIRST].measures
    assert bars["measure"].tolist() == list(range(8))
    assert bars["system"].tolist() == [1, 1, 2, 2, 3, 3, 4, 4]
    assert bars["onset_fraction"].tolist() == [str(4 * n) for n in range(8)]
    assert dataset.has_measures


def test_a_dataset_without_bars_is_read_and_says_what_it_lacks(folder, tmp_path):
    earlier = shutil.copytree(folder, tmp_path / "earlier")
    synthetic_dataset.without_measures(earlier)
    dataset = msmd.open(earlier)
    assert not dataset.has_measures
    assert dataset.pieces["measures"].tolist() == [0, 0]
    assert len(dataset[FIRST].noteheads) == 40
    with pytest.raises(DatasetError, match=r"did not record measures; run the same msmd build ag"):
        dataset[FIRST].measures  # noqa: B018


def test_performances_of_earlier_versions_are_exact(folder, dataset, tmp_path):
    assert dataset[FIRST].performances["alignment"].tolist() == ["exact", "exact"]
    earlier = shutil.copytree(folder, tmp_path / "earlier")
    table = earlier / "performances.parquet"
    pq.write_table(pq.read_table(table).drop_columns(["alignment"]), table)
    read = msmd.open(earlier)
    assert read.table("performances")["alignment"].to_pylist() == ["exact"] * 4
    assert read[FIRST].performances.equals(dataset[FIRST].performances)


def test_a_piece_has_its_own_rows_only(dataset, folder):
    piece = dataset[SECOND]
    whole = pd.read_parquet(folder / "noteheads.parquet")
    expected = whole[whole["piece"] == SECOND].reset_index(drop=True)
    pd.testing.assert_frame_equal(piece.noteheads, expected)
    assert len(piece.systems) == 8
    assert list(piece.performances.index) == [SLOW, FAST]
    assert (piece.title, piece.composer, piece.licence) == ("Second", "J. S. Bach", "CC0-1.0")
    assert piece.header["noteheads"] == 40


def test_events_and_spectrograms_are_those_of_the_performance(dataset):
    piece = dataset[FIRST]
    slow, fast = piece.events(SLOW), piece.events(FAST)
    assert slow["event"].tolist() == list(range(len(slow))) == fast["event"].tolist()
    np.testing.assert_allclose(slow["onset_s"], 2 * fast["onset_s"])
    pd.testing.assert_frame_equal(piece.events(), slow)
    spectrogram = piece.spectrogram(FAST)
    assert spectrogram.dtype == np.float16
    assert spectrogram.shape == (92, piece.performances.at[FAST, "frames"])
    assert piece.midi_path(FAST).read_bytes()[:4] == b"MThd"


def test_pages_are_a_sequence_of_images(dataset):
    pages = dataset[FIRST].pages
    assert len(pages) == 2
    assert [page.shape for page in pages] == [(500, 420)] * 2
    assert pages[-1].dtype == np.uint8
    assert [page.shape for page in pages[:1]] == [(500, 420)]
    with pytest.raises(IndexError):
        pages[2]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("BachJS__frist", f"no piece 'BachJS__frist'; did you mean {FIRST} or {SECOND}?"),
        ("Liszt", f"no piece 'Liszt'; there are 2: {FIRST}, {SECOND}"),
        ("BachJS__third", "BachJS__third was not built: timeout (took 600 s)"),
    ],
)
def test_an_unknown_piece_is_answered_with_near_names(dataset, folder, name, words):
    with pytest.raises(DatasetError) as error:
        dataset[name]
    assert str(error.value) == f"{folder}: {words}"


def test_an_unknown_performance_is_answered_with_near_names(dataset):
    with pytest.raises(DatasetError) as error:
        dataset[FIRST].events("Sine-000_x3")
    names = f"{FAST} or {SLOW}"
    assert str(error.value) == f"{FIRST}: no performance 'Sine-000_x3'; did you mean {names}?"


def test_audio_that_was_not_kept_is_an_error_with_the_cure(dataset):
    with pytest.raises(DatasetError, match="build it again with --keep-audio"):
        dataset[FIRST].audio()


def test_a_folder_that_is_no_dataset(tmp_path):
    with pytest.raises(DatasetError, match=r"missing: no such folder"):
        msmd.open(tmp_path / "missing")
    with pytest.raises(DatasetError, match=r"not a dataset \(it has no dataset.json\)"):
        msmd.open(tmp_path)
    (tmp_path / tables.DESCRIPTION).write_text("{}")
    with pytest.raises(DatasetError, match="this dataset is not finished; run the same msmd build"):
        msmd.open(tmp_path)


def test_a_dataset_whose_pieces_have_no_format_is_of_lilypond_sources(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    frame = pd.read_parquet(copy / "pieces.parquet").drop(columns=["format", "tune"])
    schema = pa.schema([f for f in tables.PIECES.arrow_schema() if f.name in frame.columns])
    pq.write_table(
        pa.Table.from_pandas(frame, schema, preserve_index=False), copy / "pieces.parquet"
    )
    older = msmd.open(copy)
    assert older.attempted.columns.tolist() == tables.PIECES.names
    assert set(older.attempted["format"]) == {"lilypond"}
    assert set(older.attempted["tune"]) == {""}
    whole = pq.read_schema(folder / "pieces.parquet")
    assert not list(checks.check_schema(tables.PIECES, files.read_schema(copy / "pieces.parquet")))
    assert not list(checks.check_schema(tables.PIECES, whole))


def test_a_dataset_of_another_format_or_with_a_damaged_description(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / tables.DESCRIPTION).write_text(json.dumps({"format": 99}))
    with pytest.raises(DatasetError, match="format 99, and this msmdtools reads 2"):
        msmd.open(copy)
    (copy / tables.DESCRIPTION).write_text('{"format": ')
    with pytest.raises(
        DatasetError, match=r"dataset.json is damaged .* delete the dataset's folder"
    ):
        msmd.open(copy)


def test_a_dataset_without_its_description_is_not_to_be_built_on(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / tables.DESCRIPTION).unlink()
    cure = "is missing; copy the dataset again, or delete the dataset's folder and build again"
    with pytest.raises(DatasetError, match=cure):
        msmd.open(copy)
    (copy / "pieces.parquet").unlink()
    with pytest.raises(DatasetError, match=cure):
        msmd.open(copy)


def test_what_is_to_be_deleted_is_what_a_build_makes_again(folder):
    page = f"pieces/{FIRST}/page-01.png"
    cures = {"events.parquet": "this file", page: "the piece's folder"}
    for name, what in cures.items():
        assert str(files.damaged(folder / name, "why")) == (
            f"{folder / name} is damaged (why); copy the dataset again, or delete {what} and build again"
        )


@pytest.mark.parametrize("name", ["pieces", "noteheads", "events"])
def test_a_truncated_table_is_named(folder, tmp_path, name):
    copy = shutil.copytree(folder, tmp_path / "copy")
    file = copy / f"{name}.parquet"
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(DatasetError, match=f"{name}.parquet is damaged"):
        msmd.open(copy)[FIRST].position(None, 1.0)


def test_a_truncated_picture_or_spectrogram_is_named(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    piece = msmd.open(copy)[FIRST]
    for file in ("page-01.png", f"performances/{SLOW}/spectrogram.npy"):
        path = piece.path / file
        path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(DatasetError, match=r"page-01.png is damaged"):
        piece.pages[0]
    with pytest.raises(DatasetError, match=r"spectrogram.npy is damaged"):
        piece.spectrogram()


def test_every_onset_is_at_its_heads(dataset):
    piece = dataset[FIRST]
    events = piece.events()
    heads = piece.noteheads[piece.noteheads["role"] == "played"]
    found = piece.position(None, events["onset_s"].to_numpy()[heads["event"]])
    np.testing.assert_array_equal(found.page, heads["page"])
    np.testing.assert_array_equal(found.system, heads["system"])
    np.testing.assert_allclose(found.x, (heads["x0"] + heads["x1"]) / 2)


def test_positions_before_between_and_after_the_onsets(dataset):
    piece = dataset[FIRST]
    # Halfway from onset 1 to 2; the last onset of system 1 moves on to the staff's end at x 400.
    found = piece.position(SLOW, [-0.1, 0.25, 3.75, 16.5, 16.6])
    np.testing.assert_array_equal(found.page, [0, 1, 1, 2, 0])
    np.testing.assert_array_equal(found.system, [0, 1, 1, 4, 0])
    np.testing.assert_allclose(found.x, [np.nan, 90.5, 375.25, 400.0, np.nan])
    np.testing.assert_allclose(found.y, [np.nan, 92.5, 92.5, 312.5, np.nan])


def test_one_moment_gives_numbers_and_an_array_gives_arrays(dataset):
    piece = dataset[FIRST]
    place = piece.position(SLOW, 0.25)
    assert [type(value) for value in place] == [int, int, float, float]
    assert place == (1, 1, 90.5, 92.5)
    nowhere = piece.position(SLOW, -1.0)
    assert (nowhere.page, nowhere.system) == (0, 0) and np.isnan([nowhere.x, nowhere.y]).all()
    assert type(piece.time(SLOW, 1, 90.5, 92.5)) is float
    assert piece.position(SLOW, [0.25]).x.shape == piece.time(SLOW, [1], 90.5, 92.5).shape == (1,)


@given(seconds=st.floats(0, 16.5))
def test_time_is_the_inverse_of_position(dataset, seconds):
    piece = dataset[FIRST]
    place = piece.position(SLOW, seconds)
    assert piece.time(SLOW, place.page, place.x, place.y) == pytest.approx(seconds, abs=1e-9)


def test_a_place_off_the_music_is_mapped_to_the_nearest(dataset):
    piece = dataset[FIRST]
    # Left of the first onset of system 2, far below it, and on a page that does not exist.
    found = piece.time(SLOW, [1, 1, 9], [0, 110.5, 100], [300, 5000, 100])
    np.testing.assert_array_equal(found, [4.0, 4.5, np.nan])


def _tables(heads, events):
    """Frames for `position.passages` of heads (system, x, quarters, role, event, grace)."""
    noteheads = pd.DataFrame(
        [
            {"notehead": n, "system": s, "x0": x - 5.0, "x1": x + 5.0, "onset_quarters": q}
            | {"duration_quarters": 1.0, "role": role, "event": event, "grace": grace}
            for n, (s, x, q, role, event, grace) in enumerate(heads)
        ]
    )
    systems = pd.DataFrame(
        [
            {"page": 1, "system": n, "staff": 1, "x0": 0.0, "y0": 100.0 * n, "x1": 500.0}
            | {"y1": 100.0 * n + 50}
            for n in (1, 2)
        ]
    )
    onsets = pd.DataFrame(
        [{"event": n, "onset_s": a, "offset_s": b} for n, (a, b) in enumerate(events)]
    )
    return noteheads, systems, onsets


def _starts(noteheads):
    return noteheads.loc[noteheads["role"] == "played", ["notehead", "event"]]


def test_a_chord_held_over_a_system_break_reaches_the_new_system_in_time():
    heads = [
        (1, 100, 0, "played", 0, False),
        (2, 60, 4, "tied", 0, False),
        (2, 200, 8, "played", 1, False),
    ]
    frames = _tables(heads, [(0.0, 4.0), (4.0, 5.0)])
    first, second = position.passages(*frames, _starts(frames[0]))
    assert (first.times.tolist(), first.xs.tolist()) == ([0, 2], [100, 500])
    assert (second.times.tolist(), second.xs.tolist()) == ([2, 4, 5], [60, 200, 500])


def test_grace_notes_are_places_of_their_own_also_before_a_system():
    heads = [
        (1, 100, 0, "played", 0, False),
        (2, 40, 4, "played", 1, True),
        (2, 60, 4, "played", 2, False),
    ]
    frames = _tables(heads, [(0.0, 1.8), (1.8, 2.0), (2.0, 3.0)])
    first, second = position.passages(*frames, _starts(frames[0]))
    assert first.times.tolist() == [0, 1.8]
    assert (second.times.tolist(), second.xs.tolist()) == ([1.8, 2, 3], [40, 60, 500])


def test_an_onset_that_would_go_back_is_left_out():
    columns = [(0, 100), (1, 200), (2, 150), (3, 300)]
    heads = [(1, x, q, "played", q, False) for q, x in columns]
    frames = _tables(heads, [(q, q + 1) for q, _ in columns])
    (way,) = position.passages(*frames, _starts(frames[0]))
    assert way.xs.tolist() in ([100, 200, 300, 500], [100, 150, 300, 500])


def test_a_repeat_gives_a_place_two_times():
    # Two bars, the first repeated: 0 1 | 0 1 | 2 3.
    heads = [(1, 100.0 + 50 * q, q, "played", q, False) for q in range(4)]
    frames = _tables(heads, [(t, t + 1.0) for t in range(6)])
    starts = pd.DataFrame({"notehead": [0, 1, 0, 1, 2, 3], "event": range(6)})
    ways = position.passages(*frames, starts)
    assert [way.times.tolist() for way in ways] == [[0, 1, 2], [2, 3, 4, 5, 6]]
    # The first time through ends at the next onset printed.
    assert ways[0].xs.tolist() == [100, 150, 200]
    assert position.times(ways, 1, 125.0, 100.0) == [0.5, 2.5]
    assert position.times(ways, 1, 225.0, 100.0) == [4.5]
    assert position.time(ways, 1, 125.0, 100.0) == 0.5


def test_a_repeat_over_several_systems_leaves_the_last_where_it_turns_back():
    # System 1: head 0. System 2: head 1, repeat sign, head 2. Played 0 1 0 1 2.
    heads = [(1, 100, 0, "played", 0, False)]
    heads += [(2, 100.0 * q, q, "played", q, False) for q in (1, 2)]
    frames = _tables(heads, [(t, t + 1.0) for t in range(5)])
    starts = pd.DataFrame({"notehead": [0, 1, 0, 1, 2], "event": range(5)})
    ways = position.passages(*frames, starts)
    assert [(way.system, way.xs.tolist()) for way in ways] == [
        (1, [100, 500]),
        (2, [100, 200]),
        (1, [100, 500]),
        (2, [100, 200, 500]),
    ]


def test_a_skipped_ending_is_jumped_over():
    # Bar, first ending, bar, second ending: heads 0 | 1 | 2, played 0 1 0 2.
    heads = [(1, 100.0 + 50 * q, q, "played", q, False) for q in range(3)]
    frames = _tables(heads, [(t, t + 1.0) for t in range(4)])
    starts = pd.DataFrame({"notehead": [0, 1, 0, 2], "event": range(4)})
    ways = position.passages(*frames, starts)
    assert [way.times.tolist() for way in ways] == [[0, 1, 2], [2, 3], [3, 4]]


def test_a_piece_without_sound_has_no_positions():
    frames = _tables([(1, 100, 0, "silent", -1, False)], [(0.0, 1.0)])
    assert position.passages(*frames, _starts(frames[0])) == []
    assert position.position([], [0.5]).page.tolist() == [0]
    assert position.times([], 1, 0.0, 0.0) == []


@given(
    steps=st.lists(st.tuples(st.floats(0.01, 2), st.floats(0.1, 90)), min_size=1, max_size=30),
    seed=st.integers(0, 99),
)
def test_x_rises_with_time_within_a_system(steps, seed):
    times = np.cumsum([0.0] + [s for s, _ in steps])
    xs = np.cumsum([50.0] + [x for _, x in steps])
    np.random.default_rng(seed).shuffle(xs[: len(xs) // 3])  # some out of order
    heads = [(1, x, q, "played", q, False) for q, x in enumerate(xs)]
    frames = _tables(heads, [(t, t + 0.5) for t in times])
    ways = position.passages(*frames, _starts(frames[0]))
    found = position.position(ways, np.linspace(0, times[-1] + 0.5, 200))
    assert (np.diff(found.x) >= -1e-9).all()
    assert (found.page == 1).all()
