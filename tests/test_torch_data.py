"""Snippets for PyTorch: workers and ranks without overlap, and exact resume."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import snippet_shards

torch = pytest.importorskip("torch")

from torch.utils.data import BatchSampler, DataLoader, SequentialSampler  # noqa: E402

from msmdtools.errors import DatasetError, MsmdError  # noqa: E402
from msmdtools.loading.augment import OFF, PAPERS  # noqa: E402
from msmdtools.loading.loader import Stream  # noqa: E402
from msmdtools.loading.pairs import Pairs, PieceBatches  # noqa: E402
from msmdtools.loading.torch_data import (  # noqa: E402
    PairsDataset,
    StreamDataset,
    StreamLoader,
    _per_worker,
    tensors,
)

PAIRS = 4 * 30 * 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return snippet_shards.write(tmp_path_factory.mktemp("made") / "snippets")


def stream(folder: Path, batch_size: int = 16, **options: object) -> Stream:
    return Stream(folder, "train", batch_size, **{"augment": PAPERS, "pairs": 200, **options})


def loader(folder: Path, workers: int, rank: int = 0, ranks: int = 1, **options) -> StreamLoader:
    return StreamLoader(stream(folder, **options), workers, rank=rank, ranks=ranks)


def same(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(
        torch.equal(one[n], other[n]) if isinstance(one[n], torch.Tensor) else one[n] == other[n]
        for n in one
    )


def test_a_batch_as_tensors(folder: Path) -> None:
    batch = next(stream(folder, columns=("piece", "onset", "tempo", "pitches")).read(0))
    found = tensors(batch)
    assert found["sheet"].dtype == torch.uint8
    assert found["spectrogram"].dtype == torch.float16
    assert found["index"].tolist() == batch.index.tolist()
    assert found["onset"].dtype == torch.int32
    assert found["tempo"].dtype == torch.float64
    assert found["piece"] == batch.columns["piece"].tolist()
    assert found["pitches"][0].tolist() == [60 + int(found["piece"][0][-1])]
    assert found["sheet"].data_ptr() == batch.sheets.ctypes.data, "a copy"


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_workers_read_each_row_once(folder: Path, workers: int) -> None:
    one = loader(folder, workers, augment=PAPERS, pairs=None)
    for epoch in range(2):
        assert one.epoch == epoch
        batches = list(one)
        found = [row for batch in batches for row in batch["index"].tolist()]
        assert len(set(found)) == len(found) == PAIRS // 2
        keys = {k for b in batches for k in zip(b["piece"], b["onset"].tolist(), strict=True)}
        assert len(keys) == PAIRS // 2
    assert (one.epoch, one.batches) == (2, 0)


def test_ranks_with_workers_do_not_overlap_and_are_equally_long(folder: Path) -> None:
    loaders = [loader(folder, 2, rank, 3, batch_size=4, drop_last=True) for rank in range(3)]
    read = [list(one) for one in loaders]
    assert {len(batches) for batches in read} == {
        len(loader(folder, 2, 0, 3, batch_size=4, drop_last=True))
    }
    assert len({len(batches) for batches in read}) == 1
    found = [row for batches in read for batch in batches for row in batch["index"].tolist()]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("workers", [0, 2])
def test_resume_in_the_middle_of_an_epoch(folder: Path, workers: int) -> None:
    """Uneven shares, so that one worker runs out before the other."""
    one = loader(folder, workers, pairs=75)
    batches = [batch for _ in range(2) for batch in one]
    assert len({len(batch["index"]) for batch in batches}) > 1
    for at in range(0, len(batches), 2 if workers else 1):
        first, taken = loader(folder, workers, pairs=75), 0
        while taken < at:
            for _ in first:
                taken += 1
                if taken == at:
                    break
        second = loader(folder, workers, pairs=75)
        second.load_state_dict(json.loads(json.dumps(first.state_dict())))
        rest = [batch for _ in range(2) for batch in second][: len(batches) - at]
        assert len(rest) == len(batches) - at
        assert all(same(a, b) for a, b in zip(rest, batches[at:], strict=True)), at


def test_a_state_of_other_workers_or_ranks_is_refused(folder: Path) -> None:
    state = loader(folder, 2).state_dict()
    with pytest.raises(MsmdError, match="other batches: workers was 2 and is 3"):
        loader(folder, 3).load_state_dict(state)
    with pytest.raises(MsmdError, match="other batches: ranks was 1 and is 2"):
        loader(folder, 2, 0, 2).load_state_dict(state)
    loader(folder, 2).load_state_dict(state)


def test_shares_that_run_out_one_after_the_other() -> None:
    """A DataLoader takes one batch of each worker in turn, of those that have any left."""
    counts = [3, 1, 2]
    order = [0, 1, 2, 0, 2, 0]
    for batches in range(7):
        assert _per_worker(counts, batches) == [order[:batches].count(w) for w in range(3)]


def test_ranks_are_those_of_distributed_training(folder: Path, tmp_path: Path) -> None:
    dataset = StreamDataset(stream(folder))
    assert (dataset.rank, dataset.ranks) == (0, 1)
    for rank, ranks in ((3, 3), (-1, 2)):
        with pytest.raises(MsmdError, match=f"rank {rank} of {ranks}; ranks are numbered from 0"):
            StreamDataset(stream(folder), rank, ranks)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/meet", rank=0, world_size=1
    )
    try:
        assert (StreamDataset(stream(folder)).rank, dataset.ranks) == (0, 1)
    finally:
        torch.distributed.destroy_process_group()


@pytest.mark.parametrize("workers", [0, 2])
def test_pairs_in_batches_of_pieces(folder: Path, workers: int) -> None:
    pairs = Pairs(folder, "train", in_memory=True, augment=PAPERS)
    sampler = PieceBatches(pairs, 2, 5)
    data = DataLoader(PairsDataset(pairs), sampler=sampler, batch_size=None, num_workers=workers)
    epochs = [list(data) for _ in range(2)]
    for epoch, batches in enumerate(epochs):
        assert len(batches) == 12
        pairs.epoch = epoch
        for batch in batches:
            assert all(len(set(batch["piece"][k : k + 5])) == 1 for k in (0, 5))
            assert same(batch, tensors(pairs.batch(batch["index"].numpy())))


def test_pairs_by_any_sampler(folder: Path) -> None:
    pairs = Pairs(folder, "train", columns=("onset",))
    dataset = PairsDataset(pairs)
    assert len(dataset) == PAIRS
    one = dataset[17]
    assert one["sheet"].shape == (160, 200)
    assert one["index"] == 17
    batches = BatchSampler(SequentialSampler(dataset), 50, drop_last=True)
    data = DataLoader(dataset, sampler=batches, batch_size=None)
    assert [batch["index"][0].item() for batch in data] == [0, 50, 100, 150]
    collated = next(iter(DataLoader(dataset, batch_size=8)))
    assert np.array_equal(collated["sheet"], pairs.batch(range(8)).sheets)
    with pytest.raises(IndexError):
        dataset[PAIRS]


def test_an_error_in_a_worker_arrives(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    one = loader(copy, 2, augment=OFF)
    (copy / "data" / "train-00001-of-00003.parquet").unlink()
    with pytest.raises(DatasetError, match=r"00001-of-00003\.parquet is missing"):
        list(one)


def test_a_program_may_end_with_the_stream_open(folder: Path) -> None:
    program = (
        "import torch\n"
        "from msmdtools.loading.loader import Stream\n"
        f"batches = Stream({str(folder)!r}, 'train', 16, threads=2).read(0)\n"
        "next(batches)\n"
        "def keeps():\n"
        "    return batches\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert (ended.returncode, ended.stderr) == (0, "")
