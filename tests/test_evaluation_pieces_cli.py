"""`msmd eval pieces` and `msmd eval position` from end to end: two bundled pieces and a tiny model."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import msmdtools
from msmdtools.cli import main
from msmdtools.evaluation.pieces import collection, speeds
from msmdtools.splits import selection

MELODY, MARCH = "SchumannR__O68__melody", "SchumannR__O68__soldiers-march"
NAME = "TimGM6mb-000_x1.00"
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
    """A dataset of two pieces, a split of one of them, and weights."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    from msmdtools.models import bundle, config
    from msmdtools.models.network import TwoTower

    folder = tmp_path_factory.mktemp("pieces")
    (folder / "pieces.csv").write_text(f"piece,mine\n{MELODY},test\n{MARCH},train\n")
    build = ["build", "--sample", "--out", folder / "dataset", "--pieces", "SchumannR*"]
    result = run(*build, "--soundfonts", "TimGM6mb", "--tempi", "1.0")
    assert result.exit_code == 0, result.output
    torch.manual_seed(0)
    made = config.from_mapping(TINY)
    bundle.save(folder, TwoTower(made), made, {})
    return folder


@pytest.fixture(scope="module")
def weights(folder):
    return next(folder.glob("*.safetensors"))


def test_pieces_among_distractors_and_at_other_speeds(folder, weights, tmp_path):
    dataset, kept = folder / "dataset", tmp_path / "index"
    asked = ["eval", "pieces", weights, dataset, "--excerpts", 2, "--index", kept]
    asked += ["--split", f"{folder / 'pieces.csv'}:mine:test"]
    result = run(*asked, "--distractors", dataset, "--tempi", "1.0,2.0", "-o", tmp_path / "report")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[:2] == [
        "tiny: 2.1 s of audio",
        f"{dataset}: 1 piece, {NAME}; 2 candidates with those of {dataset}",
    ]
    assert lines[3].split()[:4] == ["ranked", "by", "queries", "R@1"]
    table = next(n for n, line in enumerate(lines) if line.startswith("speed, R@1"))
    assert [line.split()[0] for line in lines[table + 1 : table + 3]] == ["1", "2"]
    # Two candidates are too few to be better than chance, and the weights are made up.
    assert lines[-4].startswith("Not distinguishable from chance: audio to sheet, 5 s, by paths; ")
    assert lines[-3].startswith("Whether 1 piece was in training is not known: these weights")
    assert lines[-1] == (
        f"The report is in {tmp_path / 'report'}: results.md, results.json, queries.csv, results.png."
    )
    values = json.loads((tmp_path / "report" / "results.json").read_text())
    assert (values["pieces"], values["candidates"], values["near_identical"]) == (1, 2, {})
    of = {
        (one["direction"], one["speed"], one["length"], one["method"]): one
        for one in values["results"]
    }
    assert len(of) == 2 * 4 * (2 + 1)  # votes at the speed of the dataset only
    assert {one["queries"] for key, one in of.items() if key[2] is None} == {1}
    assert {one["queries"] for key, one in of.items() if key[2]} == {2}
    assert of["audio-to-sheet", 2.0, 5.0, "paths"]["candidates"] == 2
    assert of["sheet-to-audio", 2.0, 400.0, "paths"]["candidates"] == 1  # no distractors there
    result = run(*asked, "--direction", "audio-to-sheet", "--json")
    again = json.loads(result.output)
    assert again["candidates"] == 1  # whatever else is in the index
    assert {one["direction"] for one in again["results"]} == {"audio-to-sheet"}


def test_position(folder, weights):
    asked = ["eval", "position", weights, folder / "dataset", "--excerpts", 2]
    result = run(*asked, "--json")
    assert result.exit_code == 0, result.output
    values = json.loads(result.output)
    assert [one["length"] for one in values["results"]] == [5, 10, 20, 400, 800, 1600]
    assert all(0 <= one["located"]["system"] <= 100 for one in values["results"])


def test_performed_at_the_same_speed_nothing_changes(folder, weights):
    from msmdtools.base.pool import Pool
    from msmdtools.models.model import load_model

    dataset, model = msmdtools.open(folder / "dataset"), load_model(weights)
    selected = selection.select(dataset)
    stored = collection.gather(model, weights, dataset, selected)
    with Pool(1) as pool:
        same = speeds.performed(stored, model, 1.0, pool)
        fast = speeds.performed(stored, model, 2.0, pool)
    assert np.allclose(same.recordings.side.vectors, stored.recordings.side.vectors, atol=1e-5)
    assert list(same.recordings.side.bounds) == list(stored.recordings.side.bounds)
    assert same.recordings.side.names == stored.recordings.side.names
    bands = [one.recordings.spectrogram(MARCH) for one in (stored, same, fast)]
    assert np.array_equal(bands[0], bands[1])
    assert bands[2].shape[1] < 0.7 * bands[0].shape[1]
    assert fast.recordings.speed == 2.0
    assert fast.sheets is stored.sheets


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["snippets", "--index", "i"], 2, "--index is for msmd eval pieces or position."),
        (["pieces", "--candidates", "9"], 2, "--candidates is for msmd eval snippets."),
        (["pieces", "--tempi", "fast"], 2, "--tempi is fast; give speeds such as"),
        (["pieces"], 1, "no such folder; name the folder that msmd build --out made"),
    ],
)
def test_options_of_other_tasks_and_folders_that_are_none(tmp_path, arguments, code, message):
    task, *options = arguments
    result = run("eval", task, "compact-4s", tmp_path / "nothing", *options)
    assert result.exit_code == code
    assert message in " ".join(result.output.split())


def test_a_speed_that_is_none(folder, weights):
    result = run("eval", "pieces", weights, folder / "dataset", "--tempi", "0")
    assert (result.exit_code, result.output) == (
        1,
        "Error: tempo is a speed above 0 (1.0 as written, 2.0 twice as fast), not 0.0\n",
    )
