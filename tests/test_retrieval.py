"""Windows, ranking, index and search, on drawn sheets and made-up embeddings."""

import json
import re
from dataclasses import replace
from itertools import pairwise, product
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
import synthetic_dataset
from click.testing import CliRunner

import msmdtools
from msmdtools.base import seal
from msmdtools.cli import main
from msmdtools.errors import MsmdError
from msmdtools.inputs import audio
from msmdtools.search import index, parts, search, sources, update, windows
from msmdtools.search.ranking import paths, votes

FIRST, SECOND = synthetic_dataset.PIECES
SHAPE, FRAMES = (80, 40), 42


# Windows


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return msmdtools.open(synthetic_dataset.make(tmp_path_factory.mktemp("data") / "dataset"))


def test_sheet_windows_stand_at_equal_distances_and_know_their_place(dataset):
    piece = dataset[FIRST]
    found = windows.sheet_windows(piece, SHAPE, 30)
    assert found.images.shape == (len(found.x), *SHAPE)
    assert found.images.dtype == np.uint8
    inside = np.diff(found.x)[np.diff(found.system) == 0]
    assert set(inside) == {30.0}
    assert list(np.unique(found.system)) == [1, 2, 3, 4]
    assert dict(zip(found.system, found.page, strict=True)) == {1: 1, 2: 1, 3: 2, 4: 2}
    # In the middle of a system a window is the page itself.
    i = int(np.flatnonzero(found.system == 2)[3])
    boxes = piece.systems[piece.systems["system"] == 2]
    top = int(np.floor((boxes["y0"].min() + boxes["y1"].max()) / 2 - SHAPE[0] / 2 + 0.5))
    left = int(np.floor(found.x[i] - SHAPE[1] / 2 + 0.5))
    page = piece.pages[0]
    assert np.array_equal(found.images[i], page[top : top + SHAPE[0], left : left + SHAPE[1]])


def test_audio_windows_have_silence_around_the_recording():
    spectrogram = np.arange(92 * 30, dtype=np.float32).reshape(92, 30) + 1
    found = windows.audio_windows(spectrogram, 10, 0.5)
    assert list(found.second) == [0.0, 0.5, 1.0]
    assert not found.spectrograms[0, :, :5].any()
    assert np.array_equal(found.spectrograms[0, :, 5:], spectrogram[:, :5])
    assert np.array_equal(found.spectrograms[1], spectrogram[:, 5:15])


def test_strides_must_be_positive(dataset):
    with pytest.raises(MsmdError, match=r"^the sheet stride is 0 px; it must be at least 1$"):
        windows.sheet_windows(dataset[FIRST], SHAPE, 0)
    with pytest.raises(MsmdError, match=r"^the audio stride is 0.01 s; it must be at least 0.05$"):
        windows.audio_windows(np.ones((92, 9)), 4, 0.01)
    with pytest.raises(MsmdError, match=r"^the recording is empty$"):
        windows.audio_windows(np.ones((92, 0)), 4, 0.5)


# Ranking


def slow_paths(similarities, bounds, steps):
    """The best path of each piece by trying all of them."""
    rows = len(similarities)
    for low, high in pairwise(bounds):
        scores = [-np.inf]
        for start, *moves in product(range(low, high), *[range(steps)] * (rows - 1)):
            columns = start + np.cumsum([0, *moves])
            if columns[-1] < high:
                scores.append(similarities[np.arange(rows), columns].mean())
        yield max(scores)


@pytest.mark.parametrize("seed", range(5))
def test_paths_are_the_best_of_all(seed):
    draw = np.random.default_rng(seed)
    bounds = np.array([0, 6, 6, 7, 12])
    similarities = draw.normal(size=(4, 12))
    found = paths(similarities, bounds, 3)
    assert found.scores == pytest.approx(list(slow_paths(similarities, bounds, 3)))
    for piece, way in enumerate(found.windows):
        if bounds[piece] == bounds[piece + 1]:
            assert set(way) == {-1}
            continue
        assert similarities[np.arange(4), way].mean() == pytest.approx(found.scores[piece])
        assert ((np.diff(way) >= 0) & (np.diff(way) < 3)).all()
        assert bounds[piece] <= way[0] <= way[-1] < bounds[piece + 1]


def test_order_decides_where_votes_cannot():
    """Two pieces of the same windows, in opposite order."""
    rows = np.eye(6)
    similarities, bounds = rows @ np.concatenate([rows, rows[::-1]]).T, np.array([0, 6, 12])
    assert list(votes(similarities, bounds, 2)) == [6, 6]
    scores = paths(similarities, bounds).scores
    assert scores[0] == 1.0
    assert scores[1] < 0.5


def test_bounds_and_rows_are_checked():
    with pytest.raises(ValueError, match=r"^a query has at least one window$"):
        paths(np.ones((0, 3)), np.array([0, 3]))
    with pytest.raises(ValueError, match=r"^bounds must rise from 0 to 3$"):
        paths(np.ones((2, 3)), np.array([0, 2]))


# Audio


def test_recordings_of_other_rates_and_channels(tmp_path):
    time = np.arange(44_100 * 2) / 44_100
    wave = 0.5 * np.sin(2 * np.pi * 440 * time)
    soundfile.write(tmp_path / "a.wav", np.stack([wave, wave], axis=1), 44_100)
    found = audio.read(tmp_path / "a.wav")
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(44_100) / 22_050) * 32767
    assert found.dtype == np.int16
    assert abs(found - expected)[1000:-1000].max() < 5


def test_recordings_that_cannot_be_searched_for(tmp_path, monkeypatch):
    monkeypatch.setattr(audio.shutil, "which", lambda program: None)  # no ffmpeg
    with pytest.raises(MsmdError, match=r"none\.wav: no such file$"):
        audio.read(tmp_path / "none.wav")
    (tmp_path / "text.mp3").write_text("not music")
    with pytest.raises(
        MsmdError, match=r"text\.mp3: not a recording that libsndfile can read \(.*install"
    ):
        audio.read(tmp_path / "text.mp3")
    soundfile.write(tmp_path / "silent.wav", np.zeros(9000), 22_050)
    with pytest.raises(MsmdError, match=r"silent\.wav: the recording is silent$"):
        audio.read(tmp_path / "silent.wav")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 22_050)
    with pytest.raises(MsmdError, match=r"empty\.wav: the recording is empty$"):
        audio.read(tmp_path / "empty.wav")
    soundfile.write(tmp_path / "nan.wav", np.full(9000, np.nan, np.float32), 22_050, "FLOAT")
    with pytest.raises(MsmdError, match=r"nan\.wav: .* not numbers$"):
        audio.read(tmp_path / "nan.wav")


# Index and search


class Fake:
    """Embeds a window as its own coarse content; the two sides are not in one space."""

    name, dim, made = "fake", 8, {}
    config = SimpleNamespace(sheet_shape=SHAPE, frames=FRAMES)

    def __init__(self):
        self.embedded = 0

    def embed_sheet(self, images):
        self.embedded += len(images)
        return self._unit(255.1 - images.reshape(len(images), 8, -1).mean(2))

    def embed_audio(self, spectrograms):
        self.embedded += len(spectrograms)
        return self._unit(spectrograms[:, :88].reshape(len(spectrograms), 8, -1).mean(2) + 1e-3)

    def _unit(self, rows):
        rows = rows.astype(np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture
def made(dataset, tmp_path, monkeypatch):
    """The index of two pieces, with the weights' file, the dataset and the model."""
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(b"weights")
    model = Fake()
    items = sources.items(dataset.path)
    change = update.update(tmp_path / "index", items, model, weights)
    assert (change.added, change.removed, change.kept, change.failed) == (2, 0, 0, ())
    return SimpleNamespace(
        path=tmp_path / "index", weights=weights, model=model, dataset=dataset, items=items
    )


def test_an_index_has_all_windows(made):
    opened = index.open_index(made.path)
    expected = windows.sheet_windows(made.dataset[FIRST], SHAPE, 50)
    assert opened.pieces == [FIRST, SECOND]
    assert opened.sheet.names == [(FIRST, ""), (SECOND, "")]
    assert len(opened.audio.names) == 4
    assert opened.sheet.bounds[1] == len(expected.x)
    assert np.array_equal(
        opened.sheet.vectors[: len(expected.x)], Fake().embed_sheet(expected.images)
    )
    assert list(opened.sheet.places["x"][: len(expected.x)]) == list(expected.x)
    assert pq.read_schema(made.path / "sheet-0001.parquet").field("x").metadata[b"unit"] == b"px"


def test_pieces_are_added_and_removed_without_embedding_the_others(made):
    before = index.open_index(made.path)
    made.model.embedded = 0
    change = update.update(made.path, [], made.model, made.weights, remove=[FIRST])
    assert (change.added, change.removed, change.kept) == (0, 1, 1)
    assert index.open_index(made.path).pieces == [SECOND]
    assert made.model.embedded == 0
    assert update.update(made.path, made.items, made.model, made.weights).added == 1
    after = index.open_index(made.path)
    there = after.entries["piece"] == FIRST
    assert made.model.embedded == after.entries.loc[there, "windows"].sum()
    assert sorted(after.sheet.names) == sorted(before.sheet.names)
    second, first = (before.read("sheet", [entry]).places["x"].tolist() for entry in (3, 0))
    assert after.sheet.places["x"].tolist() == second + first
    files = sorted(p.name for p in made.path.iterdir() if p.name[0] != ".")
    assert files == [
        "audio-0005.parquet",
        "entries-0005.parquet",
        "index.json",
        "sheet-0005.parquet",
    ]
    assert update.update(made.path, made.items, made.model, made.weights).kept == 2
    # Nothing to do, nothing written.
    assert sorted(p.name for p in made.path.iterdir() if p.name[0] != ".") == files


def test_kept_pieces_of_which_there_is_more_are_named(made, tmp_path):
    fewer = [item for item in made.items if (item.piece, item.side) != (FIRST, "audio")]
    out, rest = tmp_path / "grown", (made.model, made.weights)
    assert update.update(out, fewer, *rest).incomplete == ()
    change = update.update(out, made.items, *rest)
    assert (change.kept, change.incomplete) == (2, (FIRST,))
    change = update.update(out, made.items, *rest, remove=[FIRST])
    assert (change.added, change.kept, change.incomplete) == (1, 1, ())


def test_a_killed_run_goes_on_where_it_was(made, tmp_path, monkeypatch):
    """Killed at the second piece: the first one is there, and is not embedded again."""
    monkeypatch.setattr(update, "WRITE_EVERY_S", -1)
    embed_sheet = made.model.embed_sheet

    def killed(images):
        if made.model.embedded:
            raise KeyboardInterrupt
        return embed_sheet(images)

    made.model.embedded = 0
    monkeypatch.setattr(made.model, "embed_sheet", killed)
    out = tmp_path / "killed"
    with pytest.raises(KeyboardInterrupt):
        update.update(out, made.items, made.model, made.weights)
    assert index.open_index(out).pieces == [FIRST]
    monkeypatch.setattr(made.model, "embed_sheet", embed_sheet)
    change = update.update(out, made.items, made.model, made.weights)
    assert (change.added, change.kept) == (1, 1)
    whole, again = index.open_index(made.path), index.open_index(out)
    assert again.sheet.names == whole.sheet.names
    assert np.array_equal(again.sheet.vectors, whole.sheet.vectors)
    assert np.array_equal(again.audio.vectors, whole.audio.vectors)
    assert len(list(out.glob("sheet-*.parquet"))) == 1


def test_an_interrupted_change_leaves_the_old_index(made, monkeypatch):
    def killed(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(update, "write_atomically", killed)
    with pytest.raises(KeyboardInterrupt):
        update.update(made.path, [], made.model, made.weights, remove=[FIRST])
    monkeypatch.undo()
    assert index.open_index(made.path).pieces == [FIRST, SECOND]


def test_what_cannot_be_read_is_a_row(made, tmp_path):
    spectrogram = made.dataset.path / "pieces" / FIRST / "performances" / "Sine-000_x2.00"
    kept = (spectrogram / "spectrogram.npy").read_bytes()
    (spectrogram / "spectrogram.npy").write_bytes(b"x")
    try:
        change = update.update(tmp_path / "rows", made.items, made.model, made.weights)
    finally:
        (spectrogram / "spectrogram.npy").write_bytes(kept)
    assert (change.added, [(piece, source) for piece, source, _ in change.failed]) == (
        2,
        [(FIRST, str(made.dataset.path.resolve()))],
    )
    opened = index.open_index(tmp_path / "rows")
    assert len(opened.audio.names) == 3
    assert list(opened.failed["performance"]) == ["Sine-000_x2.00"]
    assert "spectrogram.npy is damaged" in opened.failed["message"].iloc[0]


def test_indexes_that_cannot_be_used(made, tmp_path):
    def change(**changed):
        update.update(made.path, [], made.model, **{"weights": made.weights, **changed})

    with pytest.raises(MsmdError, match=r"none: not an index \(it has no index\.json\)"):
        index.open_index(tmp_path / "none")
    with pytest.raises(MsmdError, match=r"none: not an index .* so nothing can be removed$"):
        update.update(tmp_path / "none", [], made.model, made.weights, remove=["x"])
    assert not (tmp_path / "none").exists()
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"others")
    with pytest.raises(MsmdError, match=r"made with the model fake .* or make another index$"):
        change(weights=other)
    with pytest.raises(MsmdError, match=r"made with the model fake .* or make another index$"):
        index.open_index(made.path).check(made.model, other)
    with pytest.raises(MsmdError, match=r"has windows every 50 px and 0\.5 s; use these strides"):
        change(sheet_stride=20)
    with pytest.raises(MsmdError, match=r"index: no piece 'x' to remove; check its id$"):
        change(remove=["x"])
    assert index.weights_of(made.path) == str(made.weights)
    assert index.weights_of(tmp_path / "none") == "compact-4s"
    made.weights.unlink()
    with pytest.raises(
        MsmdError, match=r"w\.safetensors, which is no longer there; .* with --model$"
    ):
        index.weights_of(made.path)


def test_damaged_indexes(made):
    sheet = next(made.path.glob("sheet-*.parquet"))
    content = sheet.read_bytes()
    broken = bytearray(content)
    broken[len(content) // 2] ^= 1  # in the vectors: only a checksum sees it
    sheet.write_bytes(broken)
    opened = index.open_index(made.path)
    with pytest.raises(MsmdError, match=r"sheet-0001\.parquet is damaged \(.*again$"):
        opened.sheet  # noqa: B018
    sheet.write_bytes(b"PAR1 not")
    with pytest.raises(MsmdError, match=r"sheet-0001\.parquet is damaged \(.*again$"):
        index.open_index(made.path)
    sheet.write_bytes(content)
    entries = next(made.path.glob("entries-*.parquet"))
    entries.unlink()
    with pytest.raises(MsmdError, match=r"entries-0001\.parquet is missing; remove the index and"):
        index.open_index(made.path)
    description = json.loads((made.path / "index.json").read_text())
    (made.path / "index.json").write_text(json.dumps(seal.sealed({**description, "format": 9})))
    with pytest.raises(MsmdError, match=r"format 9, and this msmdtools reads 2; make the index"):
        index.open_index(made.path)
    (made.path / "index.json").write_text("{")
    with pytest.raises(MsmdError, match=r"index\.json is damaged \(it is not JSON\); remove"):
        index.open_index(made.path)


@pytest.mark.parametrize("at", ["read_entries", "open_part"])
def test_an_index_is_changed_while_it_is_opened(made, monkeypatch, at):
    """What was in force is gone when its files are looked for: what is in force now is opened."""
    where = index if at == "read_entries" else parts
    read = getattr(where, at)

    def late(path, *rest):
        monkeypatch.setattr(where, at, read)
        update.update(made.path, [], made.model, made.weights, remove=[FIRST])
        return read(path, *rest)

    monkeypatch.setattr(where, at, late)
    opened = index.open_index(made.path)
    assert opened.pieces == [SECOND]
    assert opened.description.generation > 1
    assert len(opened.sheet.vectors) == opened.count("sheet")


def test_an_opened_index_stays_what_it_was(made):
    opened = index.open_index(made.path)
    update.update(made.path, [], made.model, made.weights, remove=[FIRST])
    assert not (made.path / "sheet-0001.parquet").exists()
    assert opened.sheet.names == [(FIRST, ""), (SECOND, "")]
    assert len(opened.audio.vectors) == opened.count("audio")


def test_what_is_asked_for_is_checked_first(dataset, tmp_path, monkeypatch):
    with pytest.raises(MsmdError, match=r"no performance 'Sine-000_x3\.00'; did you mean Sine-000"):
        sources.items(dataset.path, performances=["Sine-000_x3.00"])
    assert [i.side for i in sources.items(dataset.path, [FIRST], [])] == ["sheet"]
    with pytest.raises(MsmdError, match=r"none: no such folder; name a dataset, or a folder of"):
        sources.items(tmp_path / "none")


def test_search_finds_the_place(made):
    """Sheet vectors as a query: the path is the way through the piece, with similarity 1."""
    whole = index.open_index(made.path).sheet
    draw = np.random.default_rng(0).normal(size=whole.vectors.shape).astype(np.float32)
    side = replace(whole, vectors=draw / np.linalg.norm(draw, axis=1, keepdims=True))
    start, rows = int(side.bounds[1]) + 2, 5
    seconds = [{"query_second": 0.5 * i} for i in range(rows)]
    asked = search.Query(side.vectors[start : start + rows], seconds, "audio")
    matches = search.ranked(side, asked)
    assert [(m.rank, m.piece) for m in matches] == [(1, SECOND), (2, FIRST)]
    assert matches[0].score == pytest.approx(1)
    expected = side.places.iloc[start : start + rows].to_dict("records")
    for found, when, where in zip(matches[0].path, seconds, expected, strict=True):
        del where["piece"], where["entry"]
        assert found == {**when, **where, "similarity": pytest.approx(1)}
    assert len(search.ranked(side, asked, top=1)) == 1


def test_an_index_without_the_other_side(made, tmp_path):
    sheets = [item for item in made.items if item.side == "sheet"]
    update.update(tmp_path / "sheets", sheets, made.model, made.weights)
    opened = index.open_index(tmp_path / "sheets")
    assert opened.audio.vectors.shape == (0, 8)
    asked = search.sheet_query(made.dataset[FIRST], made.model, 50)
    with pytest.raises(MsmdError, match=r"has no recordings to search in; add some with msmd"):
        search.search(opened, asked)


def test_search_by_sheet_gives_one_recording_a_piece(made):
    opened = index.open_index(made.path)
    asked = search.sheet_query(made.dataset[FIRST], made.model, 50, page=2)
    assert {place["query_page"] for place in asked.places} == {2}
    matches = search.search(opened, asked)
    assert {m.piece for m in matches} == {FIRST, SECOND}
    assert set(matches[0].path[0]) == {
        "query_page", "query_system", "query_x", "query_y", "second", "similarity",
    }  # fmt: skip
    with pytest.raises(MsmdError, match=r"first: no systems on page 3; search with another page$"):
        search.sheet_query(made.dataset[FIRST], made.model, 50, page=3)


def test_parts_of_recordings(made):
    spectrogram = made.dataset[FIRST].spectrogram()
    asked = search.audio_query(spectrogram, made.model, 0.5, 2, 4)
    assert [p["query_second"] for p in asked.places] == [2.0, 2.5, 3.0, 3.5]
    assert np.array_equal(
        asked.vectors, search.audio_query(spectrogram[:, 40:80], made.model, 0.5).vectors
    )
    with pytest.raises(MsmdError, match=r"^0\.5 s is too short to search with; give 1 s or more$"):
        search.audio_query(spectrogram, made.model, 0.5, 2, 2.5)
    with pytest.raises(MsmdError, match=r"s; it has nothing at 999 s, so give an earlier --start$"):
        search.audio_query(spectrogram, made.model, 0.5, 999)


# Commands


def test_index_and_search_from_the_command_line(made, monkeypatch):
    monkeypatch.setattr("msmdtools.models.model.load_model", lambda *_: made.model)
    out = made.path.parent / "cli"

    def run(*arguments):
        result = CliRunner().invoke(main, [*map(str, arguments), "--model", str(made.weights)])
        assert result.exit_code == 0, result.output
        return result.output

    done = json.loads(run("index", made.dataset.path, "--out", out, "--pieces", FIRST, "--json"))
    assert (done["added"], done["removed"], done["kept"], done["failed"]) == (1, 0, 0, [])
    said = run("index", made.dataset.path, "--out", out)
    windows_of = dict(index.open_index(out).entries.groupby("side")["windows"].sum())
    assert said == (
        f"{out}: 1 added, 0 removed, 1 kept.\n"
        f"{windows_of['sheet']} sheet windows, searched by: exact\n"
        f"{windows_of['audio']} audio windows, searched by: exact\n"
        "Whether 2 pieces were in training is not known: these weights do not say what they were "
        "trained on.\n"
    )
    lines = run("search", out, FIRST, "--dataset", made.dataset.path).splitlines()
    # The two sides are not in one space, so no answer is likely, and that is said.
    assert lines[2:] == ["Probably not in the index: none of these is likely to be the piece."]
    assert re.fullmatch(
        r"  1  [01]\.\d{3}  [ \d]{3} %  BachJS__\w+  page \d system \d x \d+ to page \d system \d x \d+",
        lines[0],
    )
    soundfile.write(out.parent / "a.flac", np.sin(np.arange(66_150) / 20), 22_050)
    answers = json.loads(run("search", out, out.parent / "a.flac", "--json", "--top", 1))
    assert [m["rank"] for m in answers] == [1]
    assert 0 <= answers[0]["probability"] < 0.5
    assert len(answers[0]["path"]) == 6
    by_sheet = ["--dataset", made.dataset.path, "--by", "sheet", "--page", 1]
    assert " s" in run("search", out, FIRST, *by_sheet)


def test_wrong_usage():
    for arguments, message in (
        (["index", "--out", "i", "--model", "m"], "Give a SOURCE to add, or pieces to --remove."),
        (["search", "i", "q", "--performance", "p"], "need --dataset."),
        (
            ["search", "i", "q", "--model", "m", "--dataset", "d", "--page", "1"],
            "give --page with --by sheet.",
        ),
    ):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 2
        assert message in result.output
