"""`msmd eval` from end to end: a bundled piece, performed and performed again, and a tiny model."""

import json
import subprocess
import sys

import numpy as np
import pytest
import snippet_shards
from click.testing import CliRunner

import msmdtools
from msmdtools.cli import main
from msmdtools.evaluation.rendering import Cut, Rendition, whole, windows
from msmdtools.evaluation.snippets import candidates
from msmdtools.loading.pairs import Pairs
from msmdtools.snippets import reader

PIECE = "PetzoldC__BWVAnh114__minuet-in-g"
SLOW, FAST = (f"TimGM6mb-000_x{tempo}" for tempo in ("1.00", "1.25"))
TINY = {
    "name": "tiny",
    "context_s": 2.1,
    "sheet_tower": {"kind": "vgg", "width": 2},
    "audio_tower": {"kind": "vgg", "width": 2},
    "projection": {"kind": "none"},
    "loss": {"kind": "infonce"},
}


def run(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


@pytest.fixture(scope="module")
def folder(soundfont, tmp_path_factory):
    """A dataset of one piece at two tempi, and its snippets, which are all for testing."""
    folder = tmp_path_factory.mktemp("evaluation")
    (folder / "pieces.csv").write_text(f"piece,split\n{PIECE},test\n")
    build = ["build", "--sample", "--out", folder / "dataset", "--pieces", PIECE]
    build += ["--soundfonts", "TimGM6mb", "--tempi", "1.0,1.25"]
    export = ["snippets", folder / "dataset", "--out", folder / "snippets", "--context", 4.2]
    export += ["--split", f"{folder / 'pieces.csv'}:split"]
    for arguments in (build, export):
        result = run(*arguments)
        assert result.exit_code == 0, result.output
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch = pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    from msmdtools.models import bundle, config
    from msmdtools.models.network import TwoTower

    torch.manual_seed(0)
    made = config.from_mapping(TINY)
    return bundle.save(tmp_path_factory.mktemp("weights"), TwoTower(made), made, {})


# Performing again


@pytest.mark.parametrize("performance", [SLOW, FAST])
def test_performed_again_a_piece_has_the_stored_windows(folder, performance):
    chosen = candidates.choose_candidates(reader.open(folder / "snippets"), "test", 20, performance)
    assert np.array_equal(_performed(folder, chosen, performance), _stored(chosen))


def test_another_tempo_is_that_of_another_performance(folder):
    snippets = reader.open(folder / "snippets")
    slow, fast = (candidates.choose_candidates(snippets, "test", 20, name) for name in (SLOW, FAST))
    assert np.array_equal(_performed(folder, slow, SLOW, tempo=1.25), _stored(fast))


def test_performed_again_a_whole_recording_is_the_stored_one(folder):
    stored = msmdtools.open(folder / "dataset")[PIECE].spectrogram(SLOW)
    assert np.array_equal(whole(Rendition(folder / "dataset", PIECE, SLOW)), stored)


def _stored(chosen):
    rows = chosen.table["row"].to_numpy()
    return Pairs(chosen.snippets, "test", context_s=2.1).batch(rows).spectrograms


def _performed(folder, chosen, performance, **changed):
    onsets = tuple(chosen.table["onset"].tolist())
    info = chosen.split.info
    rendition = Rendition(folder / "dataset", PIECE, performance, **changed)
    return windows(Cut(rendition, info, onsets, 42))


# The command


def test_msmd_eval_from_end_to_end(folder, weights, tmp_path):
    asked = ["eval", "snippets", weights, folder / "snippets", "--candidates", 50]
    result = run(*asked, "-o", tmp_path / "report")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == "tiny: 2.1 s of audio"
    assert lines[1] == f"{folder / 'snippets'}: test: 50 of 71 onsets, 1 piece, {SLOW}"
    assert lines[3].split() == ["R@1", "R@5", "R@10", "R@25", "MRR", "median", "mean"]
    assert lines[-1] == (
        f"The report is in {tmp_path / 'report'}: results.md, results.json, by_piece.csv, pictures."
    )
    once = json.loads((tmp_path / "report" / "results.json").read_text())
    result = run(*asked, "--json")
    assert json.loads(result.output) == once
    assert once["directions"]["audio-to-sheet"]["intervals"] is None  # one piece
    result = run(*asked, "--direction", "sheet-to-audio", "--performance", FAST, "--json")
    values = json.loads(result.output)
    assert list(values["directions"]) == ["sheet-to-audio"]
    assert values["performances"] == [FAST]


def test_robustness_with_the_dataset(folder, weights, monkeypatch):
    from msmdtools.evaluation.snippets import robustness

    monkeypatch.setattr(robustness, "TEMPI", (0.5, 1.0))
    monkeypatch.setattr(robustness, "TUNINGS_CENTS", (50.0,))
    monkeypatch.setattr(robustness, "_soundfonts", lambda: ["TimGM6mb"])
    asked = ["eval", "snippets", weights, folder / "snippets", "--candidates", 50, "--json"]
    more = ["--robustness", "--robustness-candidates", 30, "--dataset", folder / "dataset"]
    result = run(*asked, *more)
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)["robustness"]
    assert found["candidates"] == 30
    of = {(one["kind"], one["value"]): one["audio-to-sheet"] for one in found["conditions"]}
    # Every onset keeps its place: at the stored tempo, nothing changes.
    assert of["tempo", "1"] == of["stored", ""]
    assert of["tempo", "0.5"] != of["stored", ""]
    assert ("tuning", "+50 cents") in of
    assert not [one for one in of if one[0] == "soundfont"]  # that of the test set itself


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--split", "vaild"], "{snippets}: no split 'vaild', there are test"),
        (["--candidates", "1"], "candidates is 1; it must be at least 2"),
        (
            ["--performance", "TimGM6mb"],
            "{snippets}: test: no performance 'TimGM6mb' of PetzoldC__BWVAnh114__minuet-in-g; "
            "did you mean TimGM6mb-000_x1.25?",
        ),
    ],
)
def test_what_the_snippets_do_not_have(folder, weights, arguments, message):
    result = run("eval", "snippets", weights, folder / "snippets", *arguments)
    assert result.exit_code == 1
    assert result.output == f"Error: {message.format(snippets=folder / 'snippets')}\n"


def test_a_context_that_is_not_stored(tmp_path, weights):
    info = {name: getattr(snippet_shards.INFO, name) for name in snippet_shards.INFO.__slots__}
    short = type(snippet_shards.INFO)(**{**info, "context_s": 1.0, "frames": 20})
    snippet_shards.write(tmp_path, split="test", info=short, pieces=1, onsets=3, shards=1)
    result = run("eval", "snippets", weights, tmp_path)
    assert result.exit_code == 1
    assert result.output == (
        "Error: a context of 2.1 s is longer than the 1 s that are stored; ask for less, or export "
        "with --context 2.1\n"
    )


def test_folders_and_models_that_are_none(folder, weights, tmp_path):
    result = run("eval", "snippets", weights, tmp_path / "nothing")
    assert result.output == (
        f"Error: {tmp_path / 'nothing'}: no such folder; name the folder that msmd snippets --out "
        "made\n"
    )
    result = run("eval", "snippets", weights, folder / "dataset")
    assert result.output == (
        f"Error: {folder / 'dataset'}: not a folder of snippets (it has no snippets.json)\n"
    )
    result = run("eval", "snippets", "compcat-4s", folder / "snippets")
    assert (result.exit_code, result.output) == (
        1,
        "Error: no model compcat-4s; did you mean compact-4s?\n",
    )
    result = run("eval", "snippets", weights, folder / "snippets", "--dataset", folder / "dataset")
    assert result.exit_code == 2
    assert "--dataset is for --robustness; give both." in result.output


def test_without_torch_the_extra_is_named(folder, monkeypatch):
    from msmdtools import models

    found = models.find_spec
    monkeypatch.setattr(models, "find_spec", lambda name: None if name == "torch" else found(name))
    result = run("eval", "snippets", "compact-4s", folder / "snippets")
    assert (result.exit_code, result.output) == (
        1,
        "Error: model compact-4s needs PyTorch: pip install 'torch>=2.4'\n",
    )


def test_the_directions_of_the_command_are_those_of_the_evaluation():
    from msmdtools.cli.eval import task
    from msmdtools.evaluation.snippets import retrieval

    assert task.DIRECTIONS == retrieval.DIRECTIONS


def test_the_command_loads_nothing_that_it_does_not_use(folder, weights):
    """What takes seconds to import, and is for training, indexing and pictures."""
    program = (
        "import sys\n"
        "from msmdtools.cli import main\n"
        "main(sys.argv[1:], standalone_mode=False)\n"
        "heavy = ['datasets', 'faiss', 'lightning_fabric', 'matplotlib', 'scipy', 'tensorboard']\n"
        "print('HEAVY', [name for name in heavy if name in sys.modules])\n"
    )
    asked = ["eval", "snippets", str(weights), str(folder / "snippets"), "--candidates", "2"]
    done = subprocess.run(
        [sys.executable, "-c", program, *asked], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "HEAVY []"
