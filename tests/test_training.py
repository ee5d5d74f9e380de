"""Training from end to end: it learns, it goes on exactly where it stopped, and it says what is wrong."""

import itertools
import json
import os
import signal
from dataclasses import replace
from types import SimpleNamespace

import pytest
import training_fakes as fakes

torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")

from msmdtools import load_model  # noqa: E402
from msmdtools.base import lock  # noqa: E402
from msmdtools.errors import DatasetError, MsmdError  # noqa: E402
from msmdtools.training import batches, run  # noqa: E402
from msmdtools.training.options import TrainOptions  # noqa: E402

OPTIONS = TrainOptions(pairs=320, validations=4, threads=1, accelerator="cpu")


@pytest.fixture(scope="module")
def snippets(tmp_path_factory):
    return fakes.snippets(tmp_path_factory.mktemp("training") / "snippets")


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


class Stopping:
    """Interrupts the process after so many pairs, as Ctrl-C or a batch system does."""

    def __init__(self, pairs, number=signal.SIGINT):
        self.pairs, self.number = pairs, number

    def __call__(self, told):
        if told.pairs == self.pairs and told.valid is None:
            os.kill(os.getpid(), self.number)


def lines(path):
    return path.read_text("utf-8").splitlines()


def stopped(where, folder, config, at, options=OPTIONS, number=signal.SIGINT):
    with pytest.raises(KeyboardInterrupt):
        run.train(where, config, folder, options, observe=Stopping(at, number))


@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
def test_frozen_towers_stay_as_they_were_and_the_projection_learns(snippets, tmp_path, optimiser):
    run.train(snippets, fakes.config(), tmp_path / "before", replace(OPTIONS, pairs=32))
    config = fakes.config(freeze_towers=True, optimiser=optimiser)
    options = replace(OPTIONS, pairs=64, init=str(tmp_path / "before" / "weights.safetensors"))
    run.train(snippets, config, tmp_path / "after", options)
    before, after = fakes.weights(tmp_path / "before"), fakes.weights(tmp_path / "after")
    assert {name.split(".")[0] for name in before if torch.equal(before[name], after[name])} == {
        "sheet_tower",
        "audio_tower",
    }
    assert {name for name in before if not torch.equal(before[name], after[name])} == {
        f"{side}_linear.{what}" for side in ("sheet", "audio") for what in ("weight", "bias")
    }


def test_frozen_towers_are_those_of_other_weights(tmp_path):
    with pytest.raises(MsmdError, match="keeps the towers of --init as they are; add --init, or"):
        run.train("synthetic", fakes.config(freeze_towers=True), tmp_path / "run", OPTIONS)


def test_learns_what_is_made_up_and_keeps_the_best(tmp_path):
    told = []
    config = fakes.config(batch_size=64, onsets_per_piece=0, lr=0.005)
    options = replace(OPTIONS, pairs=64 * 60, validations=3)
    summary = run.train("synthetic", config, tmp_path / "run", options, observe=told.append)
    assert summary.best["valid"]["audio-to-sheet"]["recall_1"] > 20 * told[0].chance
    assert told[0].chance == 0.5
    assert summary.best["valid"]["sheet-to-audio"]["mrr"] > 0.2
    assert sum(one.valid is not None for one in told) == 3
    assert [one.pairs for one in told if one.valid is None] == list(range(64, 64 * 61, 64))
    rows = [json.loads(line) for line in lines(tmp_path / "run" / "results.jsonl")]
    assert [row["pairs"] for row in rows] == [1280, 2560, 3840]
    assert rows[-1] == summary.last
    assert summary.best == max(rows, key=lambda row: row["mrr"])
    assert rows[0]["loss"] > rows[-1]["loss"]
    assert rows[-1]["lr"] < 1e-3 * rows[0]["lr"]  # of the last step, by the cosine
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        ".lock",
        "checkpoints",
        "config.json",
        "curves.png",
        "environment.json",
        "results.jsonl",
        "tensorboard",
        "weights.safetensors",
    ]
    assert json.loads((tmp_path / "run" / "config.json").read_text())["training"]["pairs"] == 3840
    assert len(json.loads((tmp_path / "run" / "environment.json").read_text())) == 1
    model = load_model(tmp_path / "run")
    assert model.name == "tiny"
    assert model.made["training"]["pairs"] == summary.best["pairs"]
    assert model.made["snippets"] == "synthetic"


@pytest.mark.parametrize("memory", ["in-memory", "device", "stream"])
@pytest.mark.parametrize(("optimiser", "growth"), [("adamw", 1), ("muon", 2)])
def test_a_resumed_run_has_the_same_weights_bit_by_bit(
    snippets, tmp_path, memory, optimiser, growth
):
    config = fakes.config(optimiser=optimiser, growth=growth, ema=0.9, warmup_pairs=64, clip=1.0)
    options = replace(OPTIONS, memory=memory)
    run.train(snippets, config, tmp_path / "whole", options)
    # In the first epoch of 96 onsets and in the third, where validation is due (240 pairs); the second
    # time as a batch system does.
    stopped(snippets, tmp_path / "parts", config, 48, options)
    again = replace(options, resume=True)
    stopped(snippets, tmp_path / "parts", config, 224, again, signal.SIGTERM)
    summary = run.train(snippets, config, tmp_path / "parts", again)
    whole, parts = fakes.state(tmp_path / "whole"), fakes.state(tmp_path / "parts")
    for name in ("objective", "optimisers", "average", "epoch", "batch", "loss", "validated"):
        assert fakes.equal(whole[name], parts[name]), name
    assert fakes.equal(fakes.weights(tmp_path / "whole"), fakes.weights(tmp_path / "parts"))
    kept = ("pairs", "loss", "lr", "mrr", "valid")
    rows = [
        [
            {k: json.loads(line)[k] for k in kept}
            for line in lines(tmp_path / name / "results.jsonl")
        ]
        for name in ("whole", "parts")
    ]
    assert rows[0] == rows[1]
    assert len(json.loads((tmp_path / "parts" / "environment.json").read_text())) == 3
    # Ended, it is not trained further.
    assert run.train(snippets, config, tmp_path / "parts", again).last == summary.last


def test_results_after_the_checkpoint_are_done_again(snippets, tmp_path):
    config = fakes.config()
    stopped(snippets, tmp_path, config, 240)
    path = tmp_path / "results.jsonl"
    good = path.read_text()
    # As a run leaves them that is killed after a validation, while it writes a line.
    path.write_text(good + good.splitlines()[0].replace('"pairs": 80', '"pairs": 320') + '\n{"pa')
    run.train(snippets, config, tmp_path, replace(OPTIONS, resume=True))
    assert [json.loads(line)["pairs"] for line in lines(path)] == [80, 160, 240, 320]


def test_a_run_that_was_killed_before_any_checkpoint_goes_on(snippets, tmp_path):
    class Killed(BaseException):
        pass

    def kill(told):
        if told.pairs == 32:
            raise Killed

    config = fakes.config()
    run.train(snippets, config, tmp_path / "whole", OPTIONS)
    with pytest.raises(Killed):
        run.train(snippets, config, tmp_path / "run", OPTIONS, observe=kill)
    assert fakes.state(tmp_path / "run")["pairs"] == 0
    run.train(snippets, config, tmp_path / "run", replace(OPTIONS, resume=True))
    assert fakes.equal(fakes.weights(tmp_path / "whole"), fakes.weights(tmp_path / "run"))


def test_a_damaged_checkpoint_is_said_and_the_previous_one_used(snippets, tmp_path):
    config = fakes.config()
    run.train(snippets, config, tmp_path / "whole", OPTIONS)
    stopped(snippets, tmp_path / "run", config, 224)
    last = tmp_path / "run" / "checkpoints" / "last.pt"
    last.write_bytes(last.read_bytes()[:-100])
    said = []
    run.train(snippets, config, tmp_path / "run", replace(OPTIONS, resume=True), warn=said.append)
    assert said == [
        f"{last} is damaged; continuing from {last.with_name('previous.pt')}, 160 pairs"
    ]
    assert fakes.equal(fakes.weights(tmp_path / "whole"), fakes.weights(tmp_path / "run"))
    for name in ("last.pt", "previous.pt"):
        last.with_name(name).write_bytes(b"nothing")
    with pytest.raises(MsmdError, match=r"last\.pt and .*previous\.pt: damaged; start"):
        run.train(snippets, config, tmp_path / "run", replace(OPTIONS, resume=True))


def test_another_run_is_not_gone_on_with(snippets, tmp_path):
    stopped(snippets, tmp_path / "run", fakes.config(), 48)
    again = replace(OPTIONS, resume=True)
    ending = ". Give the options it was started with, or another folder with --out"
    with pytest.raises(MsmdError) as caught:
        other = replace(again, pairs=640, validations=5)
        run.train(snippets, fakes.config(lr=0.001), tmp_path / "run", other)
    assert str(caught.value) == (
        f"{tmp_path / 'run'} is another run: training.lr was 0.002 and is 0.001; training.pairs was "
        f"320 and is 640; validations was 4 and is 5{ending}"
    )
    with pytest.raises(MsmdError) as caught:
        run.train(snippets, fakes.config(), tmp_path / "run", replace(again, seed=1))
    assert str(caught.value) == f"{tmp_path / 'run'} is another run: seed was 0 and is 1{ending}"
    with pytest.raises(MsmdError, match=r"another run: snippets was 0{64} and is synthetic"):
        run.train("synthetic", fakes.config(), tmp_path / "run", again)


def test_folders_that_are_not_free(snippets, tmp_path):
    stopped(snippets, tmp_path / "run", fakes.config(), 16)
    for folder, resume, message in (
        ("run", False, "run holds a run already; continue it with --resume, or give another"),
        (
            "without",
            True,
            "without holds a run without a checkpoint to continue from (it has weights",
        ),
        ("other", False, "other is not empty and holds no run; give another folder with --out"),
        ("file", False, "file is a file; give a folder with --out"),
    ):
        (tmp_path / "other").mkdir(exist_ok=True)
        (tmp_path / "other" / "thing").touch()
        (tmp_path / "file").touch()
        (tmp_path / "without").mkdir(exist_ok=True)
        for name in ("config.json", "weights.safetensors"):
            (tmp_path / "without" / name).touch()
        with pytest.raises(MsmdError) as caught:
            run.train(snippets, fakes.config(), tmp_path / folder, replace(OPTIONS, resume=resume))
        assert message in str(caught.value)


@pytest.mark.parametrize("resume", [False, True])
def test_a_run_stopped_before_its_first_checkpoint_begins_anew(
    snippets, tmp_path, monkeypatch, killed_while_writing, resume
):
    def stop(*_):
        (tmp_path / "run" / "checkpoints").mkdir()
        names = ("checkpoints/last.pt", "curves.png", "config.json")
        left = killed_while_writing(*(tmp_path / "run" / name for name in names))
        assert len(left) == 3
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(run.checkpoints, "save", stop)
        run.train(snippets, fakes.config(), tmp_path / "run", OPTIONS)
    assert (tmp_path / "run" / "config.json").exists()
    said = []
    again = replace(OPTIONS, pairs=32, resume=resume)
    run.train(snippets, fakes.config(), tmp_path / "run", again, warn=said.append)
    assert (
        said
        == [
            f"{tmp_path}/run has no checkpoint to continue from: the training starts from the beginning"
        ]
        * resume
    )
    names = {path.name for path in (tmp_path / "run" / "checkpoints").iterdir()}
    assert names == {"last.pt", "previous.pt", "best.pt"}
    assert not [path.name for path in (tmp_path / "run").glob(".*") if path.name != ".lock"]
    assert len(json.loads((tmp_path / "run" / "environment.json").read_text())) == 1


def test_two_trainings_at_once(snippets, tmp_path):
    stopped(snippets, tmp_path / "run", fakes.config(), 16)
    before = (tmp_path / "run" / "checkpoints" / "last.pt").read_bytes()
    with lock.held(tmp_path / "run", "training"), pytest.raises(MsmdError) as caught:
        run.train(snippets, fakes.config(), tmp_path / "run", replace(OPTIONS, resume=True))
    assert str(caught.value) == (
        f"{tmp_path}/run is in use by another training (process {os.getpid()}): "
        "wait until it has finished, or stop it"
    )
    assert (tmp_path / "run" / "checkpoints" / "last.pt").read_bytes() == before
    run.train(snippets, fakes.config(), tmp_path / "run", replace(OPTIONS, resume=True))


def test_a_loss_that_is_not_finite_names_the_batch(snippets, tmp_path, monkeypatch):
    made = batches.SnippetBatches._training

    def poisoned(self, batch, epoch, number):
        one = made(self, batch, epoch, number)
        if number == 2:
            one.spectrograms[0] = float("nan")
        return one

    monkeypatch.setattr(batches.SnippetBatches, "_training", poisoned)
    with pytest.raises(MsmdError) as caught:
        run.train(snippets, fakes.config(), tmp_path / "run", OPTIONS)
    message = str(caught.value)
    assert message.startswith(
        "the loss is nan at batch 2 of epoch 0, after 32 pairs; its onsets: piece-"
    )
    assert "and 13 more. Lower training.lr, clip the gradient" in message
    assert not (tmp_path / "run" / "weights.safetensors").exists()


def test_shards_without_the_context(snippets, tmp_path):
    config = replace(fakes.config(), context_s=8.4)
    with pytest.raises(DatasetError) as caught:
        run.train(snippets, config, tmp_path / "run", OPTIONS)
    assert str(caught.value) == (
        "a context of 8.4 s is longer than the 4.2 s that are stored; ask for less, or export with "
        "--context 8.4"
    )
    assert not (tmp_path / "run").exists()


def test_fewer_onsets_than_a_batch(snippets, tmp_path):
    config = fakes.config(batch_size=128)
    with pytest.raises(MsmdError) as caught:
        run.train(snippets, config, tmp_path / "run", OPTIONS)
    assert str(caught.value) == (
        f"{snippets}: train has 96 onsets, less than one batch of 128; lower training.batch_size, or "
        "export more snippets"
    )


def test_a_budget_is_kept_over_all_resumptions_and_the_rate_follows_it(tmp_path, monkeypatch):
    looks = itertools.count()  # a clock that goes on by 20 ms whenever it is looked at
    clock = SimpleNamespace(monotonic=lambda: 0.02 * next(looks))
    monkeypatch.setattr(run, "time", clock)
    config = fakes.config(onsets_per_piece=0)
    options = replace(OPTIONS, pairs=None, budget_s=3.0, validations=2)
    stopped("synthetic", tmp_path, config, 160, options)
    used = fakes.state(tmp_path)["elapsed_s"]
    summary = run.train("synthetic", config, tmp_path, replace(options, resume=True))
    rows = [json.loads(line) for line in lines(tmp_path / "results.jsonl")]
    assert used < rows[0]["elapsed_s"]
    assert 1.5 <= rows[0]["elapsed_s"] < 1.7
    assert 3.0 <= rows[1]["elapsed_s"] < 3.2
    assert summary.last["lr"] < 0.2 * rows[0]["lr"]


def test_cca_is_fitted_again(snippets, tmp_path):
    config = fakes.config({"kind": "cca", "dim": 8, "latent": 8})
    options = replace(OPTIONS, pairs=64, validations=1, refit_cca=90)
    summary = run.train(snippets, config, tmp_path / "run", options)
    rows = [json.loads(line) for line in lines(tmp_path / "run" / "results.jsonl")]
    assert [row.get("refit_cca") for row in rows] == [None, 90]
    assert summary.best["valid"] == rows[1]["valid"]
    model = load_model(tmp_path / "run")
    assert model.made["refit_cca"] == 90
    # 90 pairs of two epochs' batches, embedded by the last weights: what the projections are of.
    network, _, _ = run.bundle.load(tmp_path / "run" / "weights.safetensors")
    assert int(network.cca.batches) == 1
    with pytest.raises(MsmdError, match="--refit-cca: tiny has no CCA projection; leave it out"):
        run.train(snippets, fakes.config(), tmp_path / "other", options)


def test_begins_with_other_weights(snippets, tmp_path):
    options = replace(OPTIONS, pairs=32, validations=1)
    run.train(snippets, fakes.config(), tmp_path / "first", options)
    begun = replace(options, pairs=16, init=str(tmp_path / "first"))
    slow = fakes.config(lr=1e-9)
    run.train(snippets, slow, tmp_path / "second", begun)
    first, second = (fakes.weights(tmp_path / name) for name in ("first", "second"))
    for name in first:
        if name.endswith("weight"):
            assert torch.allclose(first[name], second[name], atol=1e-6), name
    said = []
    wider = fakes.config({"kind": "linear", "dim": 8}, lr=1e-9)
    run.train(snippets, wider, tmp_path / "third", begun, warn=said.append)
    third = fakes.weights(tmp_path / "third")
    anew = [f"{tower}_linear.{kind}" for tower in ("sheet", "audio") for kind in ("weight", "bias")]
    assert said == [
        f"--init {tmp_path / 'first'}: these layers have another size there, and begin at random: "
        f"{', '.join(anew)}"
    ]
    for name in first:
        if name.endswith("weight") and name not in anew:
            assert torch.allclose(first[name], third[name], atol=1e-6), name
    other = fakes.config({"kind": "cca", "dim": 4, "latent": 8})
    with pytest.raises(MsmdError, match="the network of tiny has other layers than that of tiny"):
        run.train(snippets, other, tmp_path / "fourth", begun)


def test_equal_seeds_make_equal_weights_and_others_do_not(snippets, tmp_path):
    options = replace(OPTIONS, pairs=64, validations=1)
    found = []
    for number, seed in enumerate((3, 3, 4)):
        run.train(snippets, fakes.config(), tmp_path / str(number), replace(options, seed=seed))
        found.append(fakes.weights(tmp_path / str(number)))
    assert fakes.equal(found[0], found[1])
    assert not fakes.equal(found[0], found[2])


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"pairs": 0}, "pairs is 0; it must be more than 0"),
        ({"budget_s": -1.0}, "budget_s is -1.0; it must be more than 0"),
        ({"seed": -1}, "seed is -1; it must be a whole number of at least 0"),
        (
            {"pairs": 64, "budget_s": 9.0},
            "pairs and budget_s are both set; set only one of them, at which the training ends",
        ),
        (
            {"memory": "disk"},
            "memory is 'disk'; it must be 'auto', 'in-memory', 'device' or 'stream'",
        ),
    ],
)
def test_options_that_make_no_sense(option, message):
    with pytest.raises(MsmdError) as caught:
        TrainOptions(**option)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"accelerator": "abacus"}, "Training on the accelerator abacus, with auto for --devices"),
        ({"accelerator": "cuda"}, "Training on the accelerator cuda, with auto for --devices"),
        ({"devices": 0}, "Training on the accelerator cpu, with 0 for --devices and 1 for --nodes"),
        (
            {"devices": "x"},
            "Training on the accelerator cpu, with x for --devices and 1 for --nodes",
        ),
    ],
)
def test_devices_that_are_not_there(tmp_path, option, message):
    if option.get("accelerator") == "cuda" and torch.cuda.is_available():
        pytest.skip("here is a GPU")
    with pytest.raises(MsmdError) as caught:
        run.train("synthetic", fakes.config(), tmp_path / "run", replace(OPTIONS, **option))
    assert str(caught.value).startswith(message)
    assert not (tmp_path / "run").exists()


def test_what_is_averaged_is_saved(snippets, tmp_path):
    options = replace(OPTIONS, pairs=64, validations=1)
    run.train(snippets, fakes.config(ema=0.5), tmp_path, options)
    state, saved = fakes.state(tmp_path), fakes.weights(tmp_path)
    assert fakes.equal(dict(sorted(state["average"]["state"].items())), dict(sorted(saved.items())))
    own = state["objective"]["network.sheet_linear.weight"]
    assert not torch.equal(own, saved["sheet_linear.weight"])
