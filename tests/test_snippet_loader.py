"""Reading snippets: every pair once an epoch, windows where they belong, exact resume, clear errors."""

import json
import weakref
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import snippet_shards
from hypothesis import given, settings
from hypothesis import strategies as st
from snippet_shards import INFO, level, stream

from msmdtools.errors import DatasetError, MsmdError
from msmdtools.loading import batch as batch_module
from msmdtools.loading.augment import PAPERS, STRONG, AudioAugment, Augment
from msmdtools.loading.batch import Batch, Rows
from msmdtools.loading.pairs import Pairs, PieceBatches
from msmdtools.snippets import reader

PIECES, ONSETS, PERFORMANCES = 4, 30, 2
PAIRS = PIECES * ONSETS * PERFORMANCES


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return snippet_shards.write(tmp_path_factory.mktemp("made") / "snippets")


@pytest.fixture(scope="module")
def snippets(folder: Path) -> reader.Snippets:
    return reader.open(folder)


def rows(batches) -> list[list[int]]:
    return [batch.index.tolist() for batch in batches]


def same(one: Batch, other: Batch) -> bool:
    return (
        np.array_equal(one.index, other.index)
        and np.array_equal(one.sheets, other.sheets)
        and np.array_equal(one.spectrograms, other.spectrograms)
        and one.columns.keys() == other.columns.keys()
        and all(np.array_equal(one.columns[name], other.columns[name]) for name in one.columns)
    )


# What a pair looks like.


@pytest.mark.parametrize("context", [0.05, 1.0, 2.1, 4.2])
@pytest.mark.parametrize("window", [None, (120, 150), (184, 240), (1, 1)])
def test_windows_are_centred_on_the_onset(folder: Path, context: float, window) -> None:
    seen = 0
    for batch in stream(folder, context_s=context, window=window, spectrogram_type="float32").read(
        0
    ):
        frames = round(20 * context)
        height, width = window or (160, 200)
        assert batch.sheets.shape == (len(batch), height, width)
        assert batch.spectrograms.shape == (len(batch), 92, frames)
        for i, (piece, onset, performance) in enumerate(
            zip(*(batch.columns[n] for n in ("piece", "onset", "performance")), strict=True)
        ):
            wanted = level(int(piece[-1]), onset)
            assert batch.sheets[i, height // 2, width // 2] == wanted
            sound = batch.spectrograms[i]
            assert sound[1, frames // 2] == pytest.approx(wanted / 100, rel=1e-3)
            # Around it each frame has its number in the stored spectrogram, in thousandths.
            numbers = INFO.onset_frame - frames // 2 + np.arange(frames)
            expected = np.where(numbers == INFO.onset_frame, sound[1], numbers / 1000)
            np.testing.assert_allclose(sound[1], expected, atol=1e-4)
            assert sound[0, 0] == pytest.approx(int(performance[-1]) / 10, abs=1e-4)
            seen += 1
    assert seen == PAIRS


def test_the_nominal_window_has_the_frame_of_the_picture(folder: Path) -> None:
    sheets = next(stream(folder).read(0)).sheets
    for edge in (sheets[:, 0], sheets[:, -1], sheets[:, :, 0], sheets[:, :, -1]):
        assert not edge.any()


def test_types_and_columns(folder: Path) -> None:
    columns = ("snippet", "pitches", "second", "tempo")
    whole = next(stream(folder, columns=columns).read(0))
    batch = next(stream(folder, columns=columns, sheet_type="float32").read(0))
    assert (whole.sheets.dtype, whole.spectrograms.dtype) == (np.uint8, np.float16)
    assert batch.sheets.dtype == np.float32
    np.testing.assert_allclose(batch.sheets, whole.sheets / 255, atol=1e-6)
    assert tuple(batch.columns) == columns
    for snippet, pitches in zip(batch.columns["snippet"], batch.columns["pitches"], strict=True):
        assert pitches.tolist() == [60 + int(snippet.split("/")[0][-1])]
    assert next(stream(folder, columns=()).read(0)).columns == {}


# The order.


@given(
    readers=st.integers(1, 7),
    batch=st.integers(1, 100),
    buffer=st.integers(1, 300),
    shuffle=st.booleans(),
    pairs=st.sampled_from([None, 1, 17, 239, 1000]),
    per_piece=st.sampled_from([None, 4]),
    one_performance=st.booleans(),
    epoch=st.integers(0, 3),
)
@settings(max_examples=25, deadline=None)
def test_every_row_is_read_once_by_whatever_readers(
    snippets, readers, epoch, batch, **options
) -> None:
    augment = Augment(audio=AudioAugment(one_performance=options.pop("one_performance")))
    one = stream(snippets, batch, augment=augment, columns=("piece", "onset"), **options)
    read = [list(one.read(epoch, 0, number, readers)) for number in range(readers)]
    for number, batches in enumerate(read):
        assert len(batches) == one.count(epoch, number, readers)
        assert all(len(b) == batch for b in batches[:-1])
    found = [row for batches in read for b in batches for row in b.index.tolist()]
    assert len(set(found)) == len(found)
    some = min(options["pairs"] or PAIRS, PAIRS)
    if augment.audio.one_performance:
        keys = [
            key
            for batches in read
            for b in batches
            for key in zip(b.columns["piece"], b.columns["onset"], strict=True)
        ]
        assert len(set(keys)) == len(keys) == len(found)
        assert some < PAIRS or len(keys) == PAIRS // 2
    else:
        assert sorted(found) == list(range(some))
    sizes = [sum(map(len, batches)) for batches in read]
    assert max(sizes) - min(sizes) <= 1


@given(st.integers(1, 5), st.integers(1, 50))
@settings(max_examples=15, deadline=None)
def test_with_drop_last_all_readers_have_equally_many_full_batches(
    snippets, readers, batch
) -> None:
    one = stream(snippets, batch, drop_last=True, columns=())
    read = [rows(one.read(0, 0, number, readers)) for number in range(readers)]
    assert {len(batches) for batches in read} == {PAIRS // readers // batch}
    found = [row for batches in read for b in batches for row in b]
    assert len(set(found)) == len(found) == readers * batch * (PAIRS // readers // batch)


@given(
    skip=st.integers(0, 20),
    readers=st.integers(1, 3),
    per_piece=st.sampled_from([None, 4]),
    buffer=st.integers(1, 120),
)
@settings(max_examples=25, deadline=None)
def test_skipping_gives_the_rest_of_the_same_batches(snippets, skip, readers, **options) -> None:
    one = stream(snippets, 16, augment=PAPERS, seed=3, **options)
    whole = list(one.read(1, 0, readers - 1, readers))
    rest = list(one.read(1, skip, readers - 1, readers))
    assert len(rest) == max(len(whole) - skip, 0)
    assert all(same(a, b) for a, b in zip(rest, whole[skip:], strict=True))


def test_the_order_follows_from_the_seed_and_the_epoch(folder: Path) -> None:
    first = rows(stream(folder).read(0))
    assert rows(stream(folder).read(0)) == first
    assert rows(stream(folder, threads=3).read(0)) == first
    assert rows(stream(folder).read(1)) != first
    assert rows(stream(folder, seed=1).read(0)) != first
    in_order = rows(stream(folder, shuffle=False).read(0))
    assert list(chain.from_iterable(in_order)) == list(range(PAIRS))
    # Neighbours in a file do not stay neighbours.
    steps = np.diff(list(chain.from_iterable(first)))
    assert (np.abs(steps) == 1).mean() < 0.1


def test_augmentation_of_a_pair_is_the_same_in_whatever_batch(folder: Path) -> None:
    by_row = {}
    for batch in stream(folder, 32, augment=STRONG).read(2):
        for i, row in enumerate(batch.index.tolist()):
            by_row[row] = batch.sheets[i], batch.spectrograms[i]
    pairs = Pairs(folder, "train", augment=STRONG)
    pairs.epoch = 2
    other = [
        *stream(folder, 7, augment=STRONG, buffer=20).read(2, 0, 1, 3),
        pairs.batch(sorted(by_row)),
    ]
    for batch in other:
        for i, row in enumerate(batch.index.tolist()):
            if row in by_row:
                assert np.array_equal(batch.sheets[i], by_row[row][0])
                np.testing.assert_array_equal(batch.spectrograms[i], by_row[row][1])


def test_row_groups_without_a_row_of_the_epoch_are_not_read(folder: Path, monkeypatch) -> None:
    read = []
    original = reader.Split.read
    monkeypatch.setattr(
        reader.Split,
        "read",
        lambda self, group, *a: (read.append(group), original(self, group, *a))[1],
    )
    one = stream(folder, pairs=20)  # of groups of 16
    assert sorted(chain.from_iterable(rows(one.read(0)))) == list(range(20))
    assert sorted(read) == [0, 1]


@pytest.mark.parametrize("threads", [0, 2])
def test_memory_depends_on_the_buffer_and_not_on_the_split(
    tmp_path: Path, monkeypatch, threads: int
) -> None:
    """No more row groups are held at any time than the buffer and the batches under way need."""
    folder = snippet_shards.write(tmp_path, shards=2, group=4)
    read_so_far: list[weakref.ref[Rows]] = []
    original = batch_module.read

    def read(*arguments: object) -> Rows:
        rows_read = original(*arguments)
        read_so_far.append(weakref.ref(rows_read))
        return rows_read

    def held() -> int:
        return sum(rows_read() is not None for rows_read in list(read_so_far))

    monkeypatch.setattr(batch_module, "read", read)
    one = stream(folder, 4, buffer=8, threads=threads)
    most, count = 0, 0
    for _ in one.read(0):
        most, count = max(most, held()), count + 1
    assert len(one.split.sizes) == 60
    assert count == 60
    # Two blocks of two groups, and what the batches ahead are made of.
    assert most <= 4 + 2 * (1 + 2 * threads)
    assert held() == 0


def test_one_performance_changes_from_epoch_to_epoch(folder: Path) -> None:
    one = stream(folder, augment=PAPERS, columns=("piece", "onset", "performance"))
    epochs = []
    for epoch in range(4):
        batches = list(one.read(epoch))
        names = [np.concatenate([b.columns[n] for b in batches]) for n in one.view.also]
        epochs.append({(p, o): f for p, o, f in zip(*names, strict=True)})
        assert len(epochs[-1]) == PIECES * ONSETS
        share = np.mean([name == "performance-0" for name in epochs[-1].values()])
        assert 0.3 < share < 0.7
    changed = [k for k in epochs[0] if len({epoch[k] for epoch in epochs}) == 2]
    assert len(changed) > 0.7 * PIECES * ONSETS


def test_runs_of_one_piece(folder: Path) -> None:
    one = stream(folder, 20, per_piece=5, buffer=1000, columns=("piece",))
    whole = np.concatenate([batch.columns["piece"] for batch in one.read(0)]).reshape(-1, 5)
    assert all(len(set(run)) == 1 for run in whole)  # 60 of each: 12 runs, none is mixed
    assert len({tuple(run) for run in whole[:4]}) > 1


def test_resume_of_a_stream_in_any_place(folder: Path) -> None:
    whole = stream(folder, 50, augment=PAPERS, seed=5)
    batches = [batch for _ in range(2) for batch in whole]
    assert whole.state_dict()["epoch"] == 2
    for at in range(len(batches)):
        first = stream(folder, 50, augment=PAPERS, seed=5)
        taken = 0
        while taken < at:
            for _ in first:
                taken += 1
                if taken == at:
                    break
        state = json.loads(json.dumps(first.state_dict()))
        second = stream(folder, 50, augment=PAPERS, seed=5)
        second.load_state_dict(state)
        rest = [batch for _ in range(2) for batch in second][: len(batches) - at]
        assert all(same(a, b) for a, b in zip(rest, batches[at:], strict=True)), at


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"seed": 1}, "seed was 0 and is 1"),
        ({"batch_size": 5}, "batch_size was 16 and is 5"),
        ({"augment": PAPERS}, "one_performance was False and is True"),
        ({"pairs": 50}, "pairs was None and is 50"),
    ],
)
def test_a_state_of_other_batches_is_refused(folder: Path, options: dict, says: str) -> None:
    state = stream(folder).state_dict()
    with pytest.raises(MsmdError) as raised:
        stream(folder, **options).load_state_dict(state)
    assert str(raised.value).startswith(f"the saved state is of other batches: {says}; use the")


# Pairs by their numbers.


@pytest.mark.parametrize("in_memory", [False, True])
def test_pairs_by_their_numbers(folder: Path, in_memory: bool) -> None:
    pairs = Pairs(folder, "train", in_memory=in_memory, columns=("snippet", "onset"))
    assert len(pairs) == PAIRS
    table = pa.concat_tables([pq.read_table(p) for p in sorted((folder / "data").iterdir())])
    numbers = [200, 3, 77, 3, PAIRS - 1, 0]
    batch = pairs.batch(numbers)
    assert batch.index.tolist() == numbers
    assert batch.columns["snippet"].tolist() == table["snippet"].take(numbers).to_pylist()
    assert same(pairs[77], pairs.batch([77]))
    assert np.array_equal(pairs[77].sheets[0], batch.sheets[2])
    assert len(pairs.batch(range(PAIRS))) == PAIRS
    for wrong in ([PAIRS], [-1], [0, 1000]):
        with pytest.raises(IndexError, match=r"train: pairs have numbers from 0 to 239"):
            pairs.batch(wrong)


@pytest.mark.parametrize("augment", [PAPERS, STRONG], ids=["papers", "strong"])
def test_pictures_are_the_same_when_they_come_again(folder: Path, augment: Augment) -> None:
    held = Pairs(folder, "train", in_memory=True, augment=augment)
    read = Pairs(folder, "train", augment=augment)
    for epoch in range(3):
        numbers = np.random.default_rng(epoch).permutation(PAIRS)[:90]
        assert same(held.batch(numbers, epoch), read.batch(numbers, epoch))


def test_the_first_pairs_only(folder: Path) -> None:
    pairs = Pairs(folder, "train", pairs=20, in_memory=True)
    assert len(pairs) == 20
    with pytest.raises(IndexError):
        pairs.batch([20])
    assert len(Pairs(folder, "train", pairs=10_000)) == PAIRS


def test_batches_of_pieces(folder: Path) -> None:
    pairs = Pairs(folder, "train", columns=("piece", "onset"))
    batches = PieceBatches(pairs, pieces=3, onsets=5)
    assert len(batches) == PIECES * ONSETS // 15
    epochs = []
    for epoch in range(3):
        keys = []
        for numbers in batches:
            batch = pairs.batch(numbers)
            runs = batch.columns["piece"].reshape(3, 5)
            assert all(len(set(run)) == 1 for run in runs)
            keys += zip(batch.columns["piece"], batch.columns["onset"], numbers, strict=True)
        assert pairs.epoch == epoch
        assert len({key[:2] for key in keys}) == len(keys) == PIECES * ONSETS
        epochs.append([key[2] for key in keys])
    assert epochs[0] != epochs[1]
    assert set(epochs[0]) != set(epochs[1]), "the same performances in each epoch"


def test_batches_of_pieces_by_ranks_and_after_a_stop(folder: Path) -> None:
    pairs = Pairs(folder, "train")
    ranks = [PieceBatches(pairs, 2, 5, rank=rank, ranks=3) for rank in range(3)]
    shares = [list(one) for one in ranks]
    assert {len(share) for share in shares} == {len(ranks[0])} == {4}
    found = [row for share in shares for numbers in share for row in numbers]
    assert len(set(found)) == len(found) == 120
    for at in range(4):
        first = PieceBatches(pairs, 2, 5, rank=1, ranks=3)
        going = iter(first)
        for _ in range(at):
            next(going)
        second = PieceBatches(pairs, 2, 5, rank=1, ranks=3)
        second.load_state_dict(json.loads(json.dumps(first.state_dict())))
        assert list(second) == shares[1][at:]
        assert (second.epoch, second.batches) == (1, 0)
    with pytest.raises(MsmdError, match="pieces was 2 and is 3"):
        PieceBatches(pairs, 3, 5).load_state_dict(ranks[0].state_dict())


# Places.


@pytest.mark.parametrize("scheme", ["file", "memory"])
def test_snippets_behind_a_url(folder: Path, scheme: str) -> None:
    fsspec = pytest.importorskip("fsspec")
    url = f"file://{folder}"
    if scheme == "memory":
        url = "memory://bucket/snippets"
        fsspec.filesystem("memory").put(str(folder), "/bucket/snippets", recursive=True)
    there = list(stream(url, 64, threads=2).read(0))
    assert all(same(a, b) for a, b in zip(there, stream(folder, 64).read(0), strict=True))
    assert same(Pairs(url, "train").batch([5, 1]), Pairs(folder, "train").batch([5, 1]))
    with pytest.raises(DatasetError, match=f"^{url}/no: no such folder"):
        reader.open(f"{url}/no")
    with pytest.raises(MsmdError, match="nonsense"):
        reader.open("nonsense://x")
