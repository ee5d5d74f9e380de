"""The parts of training: what is the same music, gathered gradients, optimisers, checkpoints, memory."""

import os
from itertools import islice

import numpy as np
import pyarrow as pa
import pytest
import training_fakes as fakes
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")

from msmdtools.errors import MsmdError  # noqa: E402
from msmdtools.models import bundle  # noqa: E402
from msmdtools.models import config as configs  # noqa: E402
from msmdtools.models.network import TwoTower  # noqa: E402
from msmdtools.models.options import Training as TrainingOptions  # noqa: E402
from msmdtools.snippets import reader  # noqa: E402
from msmdtools.training import (  # noqa: E402
    batches,
    checkpoints,
    hardware,
    identity,
    music,
    objective,
    optimisers,
    record,
    synthetic,
)
from msmdtools.training.averages import Average  # noqa: E402
from msmdtools.training.muon import Muon, orthogonalise  # noqa: E402

NOTES = st.lists(
    st.tuples(st.integers(21, 108), st.integers(-200, 200)), min_size=1, max_size=8, unique=True
)


def hashes(rows, half_s=2.1):
    table = pa.table(
        {
            "window_pitches": [[pitch for pitch, _ in row] for row in rows],
            "window_offsets": pa.array(
                [[at for _, at in row] for row in rows], pa.list_(pa.float32())
            ),
        }
    )
    return music._hashes(table, half_s)


@given(st.lists(NOTES, min_size=2, max_size=5), st.randoms())
def test_rows_have_equal_keys_where_their_notes_are_equal(rows, random):
    """Times are in 16ths of a second, where adding them up has no rounding; then a little beside."""
    seconds = [[(pitch, at / 16) for pitch, at in row] for row in rows]
    beside = [[(p, at + random.uniform(-1e-6, 1e-6)) for p, at in row] for row in seconds]
    for row in beside:
        random.shuffle(row)
    inside = [{note for note in row if abs(note[1]) < 2.1} for row in seconds]
    keys, again = hashes(seconds), hashes(beside)
    assert keys.tolist() == again.tolist()
    for i, one in enumerate(inside):
        for j, other in enumerate(inside):
            assert (keys[i] == keys[j]) == (one == other)


def test_keys_of_a_split(tmp_path):
    """Of snippets_shards: all onsets of a piece have the same notes, those of others another pitch."""
    split = reader.open(fakes.snippets(tmp_path / "snippets"))["train"]
    keys = music.keys(split, 2.1)
    assert keys.shape == (len(split), 2)
    assert len(np.unique(keys[:, 0])) == 4
    assert (keys[:, 1] == split.index.group).all()
    for piece in range(4):
        assert len(np.unique(keys[split.index.piece == piece, 0])) == 1


def test_the_same_music_by_any_key():
    keys = torch.tensor([[1, 1], [1, 2], [2, 2], [3, 3], [2, 4]])
    expected = [
        [0, 1, 0, 0, 0],
        [1, 0, 1, 0, 0],
        [0, 1, 0, 0, 1],
        [0, 0, 0, 0, 0],
        [0, 0, 1, 0, 0],
    ]
    assert objective.same(keys).int().tolist() == expected


def test_all_ranks_and_an_epoch_have_each_onset_once(tmp_path):
    snippets = reader.open(fakes.snippets(tmp_path / "snippets"))
    for memory in ("in-memory", "device", "stream"):
        seen = []
        for rank in range(2):
            source = batches.SnippetBatches(
                snippets["train"], fakes.config(), memory=memory, rank=rank, ranks=2
            )
            for batch in source.read(1, 0):
                if batch.epoch > 1:
                    break
                assert batch.sheets.shape == (16, fakes.ROWS, fakes.COLUMNS)
                assert batch.spectrograms.shape == (16, 92, 42)
                assert batch.spectrograms.dtype == torch.float32
                seen += source._split.index.group[batch.index].tolist()
        assert len(seen) == len(set(seen)) == 96


@pytest.mark.parametrize("memory", ["in-memory", "device", "stream"])
@pytest.mark.parametrize("onsets", [0, 8])
def test_batches_are_gone_on_with_anywhere(tmp_path, memory, onsets):
    snippets = reader.open(fakes.snippets(tmp_path / "snippets"))
    config = fakes.config(onsets_per_piece=onsets)
    source = batches.SnippetBatches(snippets["train"], config, memory=memory)
    reading = source.read(0, 0)
    line = [next(reading) for _ in range(15)]
    again = next(source.read(line[9].epoch, line[9].number))
    assert (again.epoch, again.number) == (1, 3)
    for name in ("sheets", "spectrograms", "music"):
        assert torch.equal(getattr(again, name), getattr(line[9], name))
    pieces = [source.names(batch.index) for batch in line[:6]]
    counts = [len({name.split("/")[0] for name in names}) for names in pieces]
    assert (max(counts) == 2) if onsets else (max(counts) > 2)


@pytest.mark.parametrize("threads", [2, 3])
def test_made_between_steps_or_beside_them_batches_are_the_same(tmp_path, monkeypatch, threads):
    snippets = reader.open(fakes.snippets(tmp_path / "snippets"))
    content = {**fakes.content(), "augment": {"sheet": {"shift_px": 5}, "audio": {"noise": 0.1}}}
    config = configs.from_mapping(content)
    monkeypatch.setattr(batches, "processors", lambda: threads)
    lines = []
    for used in (1, threads):
        monkeypatch.setattr(torch, "get_num_threads", lambda used=used: used)
        source = batches.SnippetBatches(snippets["train"], config, memory="in-memory")
        assert source._between == (used == threads)
        lines.append(list(islice(source.read(0, 2), 8)))
    for beside, between in zip(*lines, strict=True):
        assert (beside.epoch, beside.number) == (between.epoch, between.number)
        assert np.array_equal(beside.index, between.index)
        for name in ("sheets", "spectrograms", "music"):
            assert torch.equal(getattr(beside, name), getattr(between, name))


@pytest.mark.parametrize(("before", "after"), [(2.1, 4.2), (4.2, 2.1), (2.0, 2.2)])
def test_another_context_begins_with_the_weights_of_the_middle(tmp_path, before, after):
    """The map of a tower has a quarter of its window's columns, and 4 channels of 12 rows."""
    networks = []
    for context_s in (before, after):
        torch.manual_seed(len(networks))
        made = configs.from_mapping({**fakes.content(), "context_s": context_s})
        networks.append(TwoTower(made))
    old, new = networks
    path = bundle.save(tmp_path, old, old.config, {})
    assert objective.begin_with(new, str(path)) == []
    maps = [n.audio_linear.weight.unflatten(1, n.audio_tower.map) for n in (old, new)]
    assert [m.shape[3] for m in maps] == [n.audio_tower.map[2] for n in networks]
    low, high = sorted(maps, key=lambda m: m.shape[3])
    first = (high.shape[3] - low.shape[3] + (before > after)) // 2
    middle = high[..., first : first + low.shape[3]]
    assert torch.equal(new.sheet_linear.weight, old.sheet_linear.weight)
    if before > after:
        assert torch.equal(low, middle)
        assert torch.equal(new.audio_linear.bias, old.audio_linear.bias)
        return
    # What is new begins at zero, and must catch up.
    assert torch.equal(low * 0.2, middle)
    assert torch.count_nonzero(high) == torch.count_nonzero(low)
    assert torch.equal(new.audio_linear.bias, old.audio_linear.bias * 0.2)


def test_a_longer_context_begins_where_the_shorter_one_ended(tmp_path):
    """But for the edges of the shorter window, beside which its convolutions see zeros."""
    torch.manual_seed(0)
    old, new = (
        TwoTower(configs.from_mapping({**fakes.content(), "context_s": context_s})).eval()
        for context_s in (2.1, 4.2)
    )
    objective.begin_with(new, str(bundle.save(tmp_path, old, old.config, {})))
    audio = torch.rand(3, 92, new.config.frames)
    half = (new.config.frames - old.config.frames) // 2
    with torch.no_grad():
        shorter = old.embed_audio(audio[..., half : half + old.config.frames])
        cosines = torch.nn.functional.cosine_similarity(new.embed_audio(audio), shorter)
    assert cosines.min() > 0.9


def test_beside_frozen_towers_something_is_to_be_learned():
    tower = {**fakes.TOWER, "pool": "all"}
    content = {**fakes.content({"kind": "none"}), "sheet_tower": tower, "audio_tower": tower}
    with pytest.raises(MsmdError, match=r"tiny: training\.freeze_towers leaves nothing to learn"):
        TwoTower(configs.from_mapping(content)).freeze_towers()


@pytest.mark.parametrize("context_s", [2.1, 1.0])
def test_what_a_device_holds_are_the_same_pairs(tmp_path, context_s):
    snippets = reader.open(fakes.snippets(tmp_path / "snippets"))
    augment = {"sheet": {"shift_px": 5}, "audio": {"one_performance": True, "stretch": 0.1}}
    content = {**fakes.content(), "context_s": context_s, "augment": augment}
    config = configs.from_mapping(content)
    found, expected = (
        next(batches.SnippetBatches(snippets["train"], config, memory=memory).read(1, 2))
        for memory in ("device", "in-memory")
    )
    assert np.array_equal(found.index, expected.index)
    assert torch.equal(found.sheets, expected.sheets)
    torch.testing.assert_close(found.spectrograms, expected.spectrograms, rtol=0, atol=1e-6)
    assert torch.equal(found.music, expected.music)


def test_a_device_that_is_too_small_says_what_would_be_needed(tmp_path, monkeypatch):
    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    snippets = reader.open(fakes.snippets(tmp_path / "snippets"))
    monkeypatch.setattr(torch, "empty", full)
    with pytest.raises(MsmdError, match=r"train: needs 0\.0 GB on cpu, more.*--memory"):
        batches.SnippetBatches(snippets["train"], fakes.config(), memory="device")


def test_the_split_is_in_memory_where_it_fits(tmp_path, monkeypatch):
    snippets = reader.open(fakes.snippets(tmp_path / "snippets"))
    need = batches.need(snippets["train"], fakes.config())
    # 192 rows: 92 bands x (42 + 16) frames of 2 bytes, and about 10 kB of pictures.
    assert need == 192 * (92 * 58 * 2 + 10_000)
    for free, beside, expected in ((need * 2, 1, True), (need * 2, 2, False), (need, 1, False)):
        monkeypatch.setattr(batches, "free_memory", lambda free=free: free)
        source = batches.SnippetBatches(snippets["train"], fakes.config(), beside=beside)
        assert source.in_memory is expected


def test_free_memory_minds_the_limits_of_a_container(tmp_path, monkeypatch):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 8000 kB\nMemAvailable: 4000 kB\n")
    monkeypatch.setattr(hardware, "_MEMORY", meminfo)
    monkeypatch.setattr(hardware, "_LIMITS", tmp_path)
    assert hardware.free_memory() == 4000 * 1024
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("1000\n")
    assert hardware.free_memory() == 4000 * 1024
    (tmp_path / "memory.max").write_text("5000\n")
    assert hardware.free_memory() == 4000


@pytest.mark.parametrize(
    ("flags", "asked", "expected"),
    [
        ("fpu avx512f avx512_bf16", "auto", "bf16-mixed"),
        ("fpu avx512f", "auto", "32-true"),
        ("fpu avx512f", "bf16", "bf16-mixed"),
        ("fpu amx_bf16", "32", "32-true"),
        ("asimd bf16", "auto", "bf16-mixed"),
    ],
)
def test_precision_is_what_the_processor_has(tmp_path, monkeypatch, flags, asked, expected):
    (tmp_path / "cpuinfo").write_text(f"flags : {flags}\n")
    monkeypatch.setattr(hardware, "_CPU", tmp_path / "cpuinfo")
    assert hardware.precision(asked, "cpu") == expected


def test_made_up_pairs_follow_from_their_numbers():
    config = fakes.config()
    one = synthetic.pairs(config, 0, np.array([3, 4]))
    other = synthetic.pairs(config, 0, np.array([4]))
    assert (one.sheets[1] == other.sheets[0]).all()
    assert (one.spectrograms[1] == other.spectrograms[0]).all()
    assert (one.sheets[0] != one.sheets[1]).any()


def test_the_rate_rises_and_falls():
    options = TrainingOptions(warmup_pairs=100, schedule="cosine")
    assert optimisers.factor(options, 0, 0.0) == pytest.approx(0.01)
    assert optimisers.factor(options, 49, 0.0) == pytest.approx(0.5)
    assert optimisers.factor(options, 500, 0.5) == pytest.approx(0.5)
    assert optimisers.factor(options, 1000, 1.0) == pytest.approx(0.0)
    linear = TrainingOptions(schedule="linear")
    assert [optimisers.factor(linear, 9, done) for done in (0, 0.25, 1)] == [1, 0.75, 0]
    constant = TrainingOptions(schedule="constant")
    assert optimisers.factor(constant, 9, 0.9) == 1


def test_each_parameter_is_optimised_once():
    for name, kinds in (
        ("adam", [torch.optim.Adam]),
        ("adamw", [torch.optim.AdamW]),
        ("muon", [Muon, torch.optim.AdamW]),
    ):
        config = fakes.config(optimiser=name, weight_decay=0.1)
        one = objective.Objective(config)
        found = optimisers.make(config.training, one)
        assert [type(optimiser) for optimiser in found] == kinds
        groups = [g for optimiser in found for g in optimiser.param_groups]
        ids = [id(p) for group in groups for p in group["params"]]
        assert sorted(ids) == sorted(id(p) for p in one.parameters() if p.requires_grad)
        if name != "adam":
            for group in groups:
                matrices = {p.ndim > 1 for p in group["params"]}
                assert matrices == {group["weight_decay"] > 0}
        rates = optimisers.Rates(found)
        rates.set(0.5)
        assert rates.now() == [highest / 2 for highest in rates.highest]


@pytest.mark.parametrize("shape", [(8, 8), (6, 40), (40, 6), (1, 9)])
def test_orthogonalised_matrices_keep_their_directions(shape):
    torch.manual_seed(0)
    matrix = torch.randn(shape)
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    inner = left.T @ orthogonalise(matrix) @ right.T
    values = inner.diagonal()
    assert (inner - torch.diag(values)).abs().max() < 1e-4
    assert values.min() > 0.3
    assert values.max() < 1.3
    # The iteration as it is published, on the matrix itself.
    x = matrix / (matrix.norm() + 1e-7)
    for _ in range(5):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    torch.testing.assert_close(orthogonalise(matrix), x, rtol=1e-3, atol=1e-4)


def test_muon_takes_matrices_only_and_is_not_moved_by_their_scale():
    with pytest.raises(ValueError, match="two or more dimensions"):
        Muon([torch.nn.Parameter(torch.zeros(3))])
    found = []
    for scale in (1.0, 100.0):
        torch.manual_seed(0)
        weight = torch.nn.Parameter(torch.zeros(4, 3, 3, 3))
        optimiser = Muon([weight], 0.1)
        for _ in range(3):
            weight.grad = scale * torch.randn(weight.shape)
            optimiser.step()
        found.append(weight.detach().clone())
    torch.testing.assert_close(found[0], found[1], rtol=1e-3, atol=1e-4)


def test_averages_follow_the_weights():
    network = torch.nn.BatchNorm1d(1)
    average = Average(network, 0.9)
    expected = float(network.weight.detach())
    for step, value in enumerate((2.0, 3.0, 5.0), 1):
        network.weight.data.fill_(value)
        network.num_batches_tracked.fill_(step)
        average.update(network)
        decay = min(0.9, step / (step + 10))
        expected = decay * expected + (1 - decay) * value
    assert float(average.state["weight"]) == pytest.approx(expected)
    assert int(average.state["num_batches_tracked"]) == 3


def test_a_checkpoint_that_cannot_be_written_leaves_those_that_are_there(tmp_path, monkeypatch):
    checkpoints.save(tmp_path, {"pairs": 1})
    checkpoints.save(tmp_path, {"pairs": 2}, best=True)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoints.save(tmp_path, {"pairs": 3}, best=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.pt", "last.pt", "previous.pt"]
    assert checkpoints.load(tmp_path, pytest.fail)["pairs"] == 2
    # Killed between the two renames: the last one is the previous one already.
    (tmp_path / "last.pt").unlink()
    assert checkpoints.load(tmp_path, pytest.fail)["pairs"] == 1


def test_the_best_checkpoint_stays(tmp_path, monkeypatch):
    checkpoints.save(tmp_path, {"pairs": 1}, best=True)
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError("no links here")))
    checkpoints.save(tmp_path, {"pairs": 2}, best=True)
    checkpoints.save(tmp_path, {"pairs": 3})
    assert checkpoints._read(tmp_path / "best.pt") == {"pairs": 2}
    assert checkpoints._read(tmp_path / "previous.pt") == {"pairs": 2}
    with pytest.raises(MsmdError, match="no checkpoint to continue from"):
        checkpoints.load(tmp_path / "none", pytest.fail)


def test_what_is_different_is_named():
    assert identity.differences({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 3, "d": None}) == [
        "b was 2 and is 3"
    ]


def test_a_results_file_that_was_cut_off(tmp_path):
    (tmp_path / "results.jsonl").write_text('{"pairs": 1}\n{"pairs": 2}\n{"pai')
    assert record.read(tmp_path) == [{"pairs": 1}, {"pairs": 2}]
    record.Record(tmp_path, 1).close()
    assert record.read(tmp_path) == [{"pairs": 1}]
    assert record.read_list(tmp_path / "results.jsonl") == []


def test_a_step_takes_more_batches_as_the_training_goes_on():
    def sizes(growth):
        options = TrainingOptions(growth=growth)
        return [optimisers.together(options, done / 12) for done in range(13)]

    assert sizes(1) == 13 * [1]
    assert sizes(4) == 4 * [1] + 4 * [2] + 5 * [4]
    assert sizes(7) == sizes(4)


def test_joined_batches_have_the_pairs_of_all_in_their_order(tmp_path):
    snippets = reader.open(fakes.snippets(tmp_path / "snippets"))
    source = batches.SnippetBatches(snippets["train"], fakes.config(), memory="in-memory")
    read = source.read(0, 0)
    first, second = next(read), next(read)
    read.close()
    both = batches.join([first, second])
    assert (both.epoch, both.number) == (second.epoch, second.number)
    assert both.index.tolist() == [*first.index, *second.index]
    for name in ("sheets", "spectrograms", "music"):
        half = len(first.index)
        assert torch.equal(getattr(both, name)[:half], getattr(first, name))
        assert torch.equal(getattr(both, name)[half:], getattr(second, name))
    assert batches.join([first]) is first
