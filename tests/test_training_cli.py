"""`msmd train` as a command: what it prints, what it refuses, several processes."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import training_fakes as fakes
from click.testing import CliRunner

from msmdtools import load_model
from msmdtools.cli import main

torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")

MSMD = str(Path(sys.executable).with_name("msmd"))
TOML = """
context_s = 2.1
sheet = {rows = 24, columns = 40, scale = 1}
sheet_tower = {kind = "residual", unshuffle = 2, stem = 4, widths = [8], blocks = [1], head = 4}
audio_tower = {kind = "residual", unshuffle = 2, stem = 4, widths = [8], blocks = [1], head = 4}
projection = {kind = "linear", dim = 16}
loss = {kind = "infonce"}
training = {batch_size = 16, onsets_per_piece = 8, precision = "32"}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a configuration and snippets."""
    folder = tmp_path_factory.mktemp("training")
    (folder / "tiny.toml").write_text(TOML)
    fakes.snippets(folder / "snippets")
    return folder


def train(*arguments):
    return CliRunner().invoke(main, ["train", *map(str, arguments)])


def test_trains_and_says_how_it_went(folder, tmp_path):
    arguments = [folder / "snippets", "--config", folder / "tiny.toml", "--out", tmp_path / "run"]
    arguments += ["--pairs", 64, "--validations", 2, "--threads", 1, "--memory", "stream"]
    result = train(*arguments)
    assert result.exit_code == 0, result.output
    # On a busy machine a line says every half minute how far it is.
    lines = [line for line in result.output.splitlines() if not line.startswith("training: ")]
    rows = [json.loads(line) for line in (tmp_path / "run" / "results.jsonl").open()]
    for line, row in zip(lines, rows, strict=False):
        one = row["valid"]["audio-to-sheet"]
        assert line.startswith(
            f"{row['pairs']:>11,} pairs  loss {row['loss']:.3f}  R@1 {one['recall_1']:.1f} "
            f"(chance 3.33)  R@10 {one['recall_10']:.1f}  MRR {one['mrr']:.3f}"
        )
        assert line.endswith(" pairs/s")
    best = max(rows, key=lambda row: row["mrr"])
    assert (
        lines[2]
        == f"{best['pairs']} pairs gave the best weights: {tmp_path}/run/weights.safetensors"
    )
    assert lines[5:] == [
        "That is not distinguishable from chance: train longer, on more pieces, or start from "
        "trained weights (--init)."
    ]
    assert lines[4].startswith("  sheet to audio: R@1 ")
    assert lines[4].endswith(" of 30 validation pairs")
    again = train(*arguments)
    assert (again.exit_code, again.output) == (
        1,
        f"Error: {tmp_path}/run holds a run already; continue it with --resume, or give another folder "
        "with --out\n",
    )


def test_weights_record_the_licences_of_their_music_and_say_what_follows(folder, tmp_path):
    restricted = fakes.snippets(tmp_path / "restricted", licence="CC-BY-NC-SA-4.0")
    arguments = ["--config", folder / "tiny.toml", "--pairs", 32, "--threads", 1]
    first = train(folder / "snippets", *arguments, "--out", tmp_path / "free")
    assert "commercial" not in first.output
    weights = tmp_path / "free" / "weights.safetensors"
    second = train(restricted, *arguments, "--out", tmp_path / "run", "--init", weights)
    assert (
        "These weights were trained on music that is not for commercial use (CC-BY-NC-SA-4.0 50.0 %, "
        "CC0-1.0 50.0 %): the same holds for them.\n"
    ) in second.output
    shown = CliRunner().invoke(main, ["info", str(tmp_path / "run" / "weights.safetensors")])
    assert "CC-BY-NC-SA-4.0 50.0 %, CC0-1.0 50.0 %" in shown.output


def test_trains_on_several_folders_and_validates_on_the_first(folder, tmp_path):
    other = fakes.snippets(tmp_path / "other")
    options = ["--config", folder / "tiny.toml", "--out", tmp_path / "run", "--validations", 1]
    # An epoch is 96 onsets of either folder.
    result = train(folder / "snippets", other, *options, "--pairs", 192 + 16, "--threads", 1)
    assert result.exit_code == 0, result.output
    assert "of 30 validation pairs" in result.output
    row = json.loads((tmp_path / "run" / "results.jsonl").read_text())
    assert row["epoch"] == 1
    made = load_model(tmp_path / "run").made
    assert made["snippets"] == f"{folder / 'snippets'}, {other}"
    assert made["batches"]["rows"] == 2 * 192


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "compact-4"], "Error: no model compact-4; did you mean compact-4s?"),
        (["--config", "none.toml"], "Error: none.toml: no such file"),
        ([], "Error: Give either --model or --config."),
        (["--model", "a", "--config", "b"], "Error: Give either --model or --config."),
        (
            ["--model", "compact-2s", "--budget", "1m", "--pairs", "9"],
            "Error: Give either --budget or --pairs: one of them ends the training.",
        ),
        (
            ["--model", "compact-2s", "--budget", "soon"],
            "Error: budget: 'soon' is not a time such as 90m, 3h or 45s",
        ),
        (["--model", "compact-2s", "--pairs", "0"], "Error: pairs is 0; it must be more than 0"),
        (
            ["--model", "compact-2s", "--init", "none.safetensors"],
            "Error: none.safetensors: no such file",
        ),
    ],
)
def test_what_is_wrong_is_said(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    result = train("synthetic", "--out", "run", *arguments)
    assert result.exit_code in (1, 2)
    assert result.output.splitlines()[-1] == message
    assert not Path("run").exists()


def test_snippets_that_are_not_there(tmp_path):
    result = train(tmp_path / "none", "--model", "compact-2s", "--out", tmp_path / "run")
    assert result.exit_code == 1
    assert result.output == (
        f"Error: {tmp_path}/none: no such folder; name the folder that msmd snippets --out made\n"
    )


def test_without_pytorch_the_extra_is_named(tmp_path, monkeypatch):
    found = importlib.util.find_spec
    missing = ("torch", "lightning_fabric")
    monkeypatch.setattr(
        "msmdtools.models.find_spec", lambda name: None if name in missing else found(name)
    )
    result = train("synthetic", "--model", "compact-2s", "--out", tmp_path / "run")
    assert (result.exit_code, result.output) == (
        1,
        "Error: msmd train needs PyTorch and Lightning Fabric: "
        "pip install 'torch>=2.4' 'lightning-fabric>=2.4'\n",
    )


def environment():
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def test_interrupted_it_says_how_to_go_on(tmp_path):
    program = [MSMD, "train", "synthetic", "--out", "run"]
    (tmp_path / "tiny.toml").write_text(
        TOML.replace("onsets_per_piece = 8", "onsets_per_piece = 0")
    )
    program += ["--config", "tiny.toml", "--pairs", "1000000", "--validations", "62500"]
    process = subprocess.Popen(
        program, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=environment()
    )
    assert process.stderr is not None
    assert "pairs/s" in process.stderr.readline()
    process.terminate()
    rest = process.stderr.read().splitlines()
    assert process.wait() == 143
    assert rest[-2:] == [
        "A checkpoint was saved: continue with the same command and --resume.",
        "Terminated.",
    ]
    assert (tmp_path / "run" / "checkpoints" / "last.pt").exists()


@pytest.mark.slow
def test_two_processes_train_as_one(folder, tmp_path):
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    torchrun += [
        "--no-python",
        MSMD,
        "train",
        folder / "snippets",
        "--config",
        folder / "tiny.toml",
    ]
    torchrun += ["--validations", "2", "--threads", "1", "--accelerator", "cpu", "--pairs"]

    def run(*arguments):
        done = subprocess.run(
            [*torchrun, *arguments], capture_output=True, text=True, check=False, env=environment()
        )
        assert done.returncode == 0, done.stderr
        return done

    done = run("192", "--out", tmp_path / "run")
    assert done.stdout.count("gave the best weights") == 1
    assert "deprecated" not in done.stderr
    state = fakes.state(tmp_path / "run")
    # Two processes with 16 pairs each: 192 pairs are 6 steps, two epochs of 96 onsets.
    assert (state["pairs"], state["steps"], state["epoch"], state["batch"]) == (192, 6, 1, 3)
    assert state["identity"]["ranks"] == 2
    refused = subprocess.run(
        [*torchrun, "192", "--out", tmp_path / "run"],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    assert refused.returncode == 1
    assert "run holds a run already" in refused.stderr
