"""No changed byte is silent, and none ends in a traceback: benchmarks/flips.py on small data."""

import hashlib
import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import build_fakes
import numpy as np
import pyarrow.parquet as pq
import pytest
import synthetic_dataset

from msmdtools.base import parquet, seal
from msmdtools.dataset import records
from msmdtools.dataset.validate import validate
from msmdtools.search import sources, update
from msmdtools.snippets import export
from msmdtools.snippets.options import parse_options

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "flips.py"


class Model:
    name, dim = "fake", 8
    config = SimpleNamespace(sheet_shape=(80, 40), frames=42)

    def embed_sheet(self, images):
        return np.float32(256 - images.reshape(len(images), 8, -1).mean(2))

    def embed_audio(self, spectrograms):
        return np.float32(spectrograms[:, :88].reshape(len(spectrograms), 8, -1).mean(2) + 1)


@pytest.fixture(scope="module")
def flips():
    spec = importlib.util.spec_from_file_location("flips", BENCHMARK)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def sealed(dataset):
    """What this version adds to a dataset that is written by hand: checksums everywhere."""
    description = json.loads((dataset / "dataset.json").read_text())
    description = seal.sealed({**description, "state": "complete"})
    (dataset / "dataset.json").write_text(json.dumps(description))
    for path in dataset.glob("*.parquet"):
        table = pq.read_table(path)
        with parquet.writer(path, table.schema) as writer:
            writer.write_table(table, row_group_size=40)
    for path in dataset.glob("pieces/*/score.pdf"):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        (path.parent / "score.pdf.sha256").write_text(f"{digest}  score.pdf\n")
        with parquet.writer(path.parent / "tables.parquet", table.schema) as writer:
            writer.write_table(table)
        (path.parent / "tables").mkdir()
        (path.parent / "tables.parquet").rename(path.parent / "tables" / "events.parquet")
        record = records.Record({"piece": path.parent.name, "status": "ok"})
        (path.parent / "piece.json").write_bytes(record.to_bytes())
    return dataset


@pytest.fixture
def cases(flips, tmp_path, monkeypatch):
    pytest.importorskip("lightning_fabric")
    import training_fakes

    from msmdtools.training import run
    from msmdtools.training.options import TrainOptions

    monkeypatch.setattr(export, "Pool", build_fakes.InlinePool)
    dataset = sealed(synthetic_dataset.make(tmp_path / "dataset"))
    assert validate(dataset).ok
    first, second = synthetic_dataset.PIECES
    (tmp_path / "split.csv").write_text(f"piece,split\n{first},train\n{second},test\n")
    options = parse_options({"split": f"{tmp_path}/split.csv:split", "jobs": 1, "context": 2.1})
    export.export(dataset, tmp_path / "snippets", options, warn=lambda _: None)
    (tmp_path / "weights").write_bytes(b"weights")
    update.update(tmp_path / "index", sources.items(dataset), Model(), tmp_path / "weights")
    options = TrainOptions(pairs=32, validations=1, validation_pairs=16, threads=1)
    run.train("synthetic", training_fakes.config(onsets_per_piece=0), tmp_path / "run", options)
    found = [*flips.of_dataset(dataset), *flips.of_snippets(tmp_path / "snippets")]
    return [*found, *flips.of_index(tmp_path / "index"), *flips.of_run(tmp_path / "run")]


@pytest.mark.parametrize("count", [120, pytest.param(1000, marks=pytest.mark.slow)])
def test_no_changed_byte_is_silent(flips, cases, count):
    counts, wrong = flips.flips(cases, count, seed=1)
    assert wrong == []
    assert len(counts) == 11
    for kind, found in counts.items():
        # What is not read of a file: the first bytes of a table, blanks between entries.
        assert found["harmless"] <= found.total() / 3, kind
        assert found["refused"] + found["validate"] > 0, kind
