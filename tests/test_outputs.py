"""No command ends in a traceback where its output cannot be: below a file, or with too long a name."""

import json

import build_fakes
import numpy as np
import pytest
import synthetic_dataset
import training_fakes
from click.testing import CliRunner

from msmdtools.base import resources
from msmdtools.cli import main
from msmdtools.models import model
from msmdtools.snippets import export


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = synthetic_dataset.make(tmp_path_factory.mktemp("data") / "dataset")
    description = json.loads((folder / "dataset.json").read_text())
    (folder / "dataset.json").write_text(json.dumps({**description, "state": "complete"}))
    return folder


class Model:
    name, dim, made = "fake", 8, {}

    class config:
        sheet_shape, frames = (80, 40), 42

    embed_sheet = embed_audio = staticmethod(lambda windows: np.ones((len(windows), 8), np.float32))


def arguments(name, dataset, tmp_path):
    """A command that would work, but for its output."""
    first, second = synthetic_dataset.PIECES
    if name == "ingest":
        return ["ingest", resources.pieces()]
    if name == "build":
        manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok 4"})
        return ["build", "--manifest", manifest, "--root", root, "--soundfonts", "Fake"]
    if name == "snippets":
        (tmp_path / "split.csv").write_text(f"piece,split\n{first},train\n{second},test\n")
        return ["snippets", dataset, "--split", f"{tmp_path}/split.csv:split"]
    if name == "train":
        pytest.importorskip("lightning_fabric")
        (tmp_path / "tiny.toml").write_text(TOML)
        return ["train", "synthetic", "--config", tmp_path / "tiny.toml", "--pairs", "32"]
    if name == "index":
        (tmp_path / "w.safetensors").write_bytes(b"weights")
        return ["index", dataset, "--model", tmp_path / "w.safetensors"]
    if name == "show":
        return ["show", "page", dataset, first]
    if name == "mutopia":
        return ["fetch", "mutopia"]
    return ["fetch", "soundfonts", "TimGM6mb"]


TOML = "\n".join(
    f"{key} = {value}".replace("'", '"').replace(": ", " = ").replace("None", "0")
    for key, value in training_fakes.content(onsets_per_piece=0).items()
).replace("name = tiny", 'name = "tiny"')
NAMES = ("ingest", "build", "snippets", "train", "index", "show", "mutopia", "soundfonts")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("below", [("file", "below"), ("x" * 300,)], ids=["below", "long"])
def test_an_output_that_cannot_be(name, below, dataset, tmp_path, monkeypatch):
    for module, function, fake in build_fakes.IN_BUILD:
        monkeypatch.setattr(module, function, fake)
    monkeypatch.setattr(export, "Pool", build_fakes.InlinePool)
    monkeypatch.setattr(model, "load_model", lambda *_, **__: Model())
    (tmp_path / "file").write_text("a file")
    out = tmp_path.joinpath(*below)
    option = "-o" if name == "show" else "--out"
    command = [
        *arguments(name, dataset, tmp_path),
        option,
        out.with_suffix(".png") if name == "show" else out,
    ]
    result = CliRunner().invoke(main, [str(part) for part in command])
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("Error: ")
    assert below[0] in result.stderr
    assert (tmp_path / "file").read_text() == "a file"
