"""`msmd info`: what each kind of thing says of itself, finished or not, whole or damaged."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import snippet_shards
import synthetic_dataset
import training_fakes
from click.testing import CliRunner

from msmdtools.base.quantities import first_few, how_many
from msmdtools.cli import main
from msmdtools.errors import MsmdError
from msmdtools.info import describe
from msmdtools.info.facts import counted
from msmdtools.search import sources, update

SHAPE, FRAMES = (80, 40), 42


def test_a_dataset(tmp_path: Path) -> None:
    folder = synthetic_dataset.make(tmp_path / "ds")
    facts = describe(folder)
    assert (facts.kind, facts.path) == ("dataset", folder)
    assert facts.values["pieces"].startswith("2 (1 more failed: ")
    assert "timeout 1" in facts.values["pieces"]
    assert facts.values["licences"] == "CC0-1.0 2"


def test_a_dataset_names_the_formats_and_manifests_of_its_sources(tmp_path: Path) -> None:
    folder = synthetic_dataset.make(tmp_path / "ds")
    assert describe(folder).values["formats"] == ""
    table = pq.read_table(folder / "pieces.parquet")
    column = table.column_names.index("format")
    formats = pa.array(["abc", "midi", "abc"], table.schema.field("format").type)
    table = table.set_column(column, table.schema.field("format"), formats)
    pq.write_table(table, folder / "pieces.parquet")
    about = json.loads((folder / "dataset.json").read_text())
    manifests = ("", "songs.csv")
    about["sources"] = [{"manifest": name, "commit": ""} for name in manifests]
    (folder / "dataset.json").write_text(json.dumps(about))
    values = describe(folder).values
    assert values["sources"] == "files named to msmd build, songs.csv"
    assert values["formats"] == "abc 1, midi 1"  # without the piece that failed


def test_a_dataset_that_is_not_finished(tmp_path: Path) -> None:
    folder = synthetic_dataset.make(tmp_path / "ds")
    (folder / "pieces.parquet").unlink()
    facts = describe(folder)
    assert facts.state == "not finished: the same msmd build again goes on where it stopped"
    assert facts.values["pieces"] == "2 so far, 0 failed"


def test_a_dataset_that_grows_names_no_zeros(tmp_path: Path) -> None:
    folder = synthetic_dataset.make(tmp_path / "ds")
    about = json.loads((folder / "dataset.json").read_text())
    about |= {"state": "building", "totals": {}}
    (folder / "dataset.json").write_text(json.dumps(about))
    facts = describe(folder)
    assert facts.state == "not finished: the same msmd build again goes on where it stopped"
    assert facts.values["music"] == facts.values["size"] == "counted when the dataset is finished"
    assert not facts.values["performances"].startswith("0")


def test_snippets(tmp_path: Path) -> None:
    folder = training_fakes.snippets(tmp_path / "sn")
    with pytest.raises(MsmdError, match=r"snippets\.json is damaged"):
        describe(folder)
    row = {"pieces": 4, "snippets": 192, "shards": 2, "bytes": 1_500_000}
    plan = {
        "windows": vars(SimpleNamespace(**_windows())),
        "performances": {"train": ["a", "b"]},
        "near_duplicates": [],
        "leaks": [],
        "msmdtools": "0.1.0",
    }
    about = {"totals": {"splits": {"train": row}}, "plan": plan, "dataset": {"path": "../ds"}}
    about["pieces"] = [{"composer": "BachJS", "licence": "CC0-1.0"}] * 4
    (folder / "snippets.json").write_text(json.dumps(about))
    facts = describe(folder)
    assert (facts.kind, facts.state) == ("snippets", "complete")
    assert facts.values["train"] == "4 pieces, 192 snippets, 2 shards, 1.5 MB; a, b"
    assert facts.values["audio"] == "4.2 s, 84 frames of 92 bands"
    (folder / "snippets.json").unlink()
    (folder / ".export").mkdir()
    assert describe(folder).state.startswith("not finished: the same msmd snippets again")


def _windows() -> dict[str, object]:
    info = snippet_shards.INFO
    return {name: getattr(info, name) for name in type(info).__dataclass_fields__}


def test_an_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = synthetic_dataset.make(tmp_path / "ds")
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(b"weights")
    model = SimpleNamespace(
        name="fake",
        dim=8,
        config=SimpleNamespace(sheet_shape=SHAPE, frames=FRAMES),
        embed_sheet=lambda images: np.ones((len(images), 8), np.float32),
        embed_audio=lambda spectrograms: np.ones((len(spectrograms), 8), np.float32),
    )
    update.update(tmp_path / "ix", sources.items(folder), model, weights)
    facts = describe(tmp_path / "ix")
    assert (facts.kind, facts.values["pieces"]) == ("index", "2")
    assert facts.values["sheets"].startswith("2, ")
    assert facts.values["recordings"].startswith("4, ")
    assert facts.values["model"] == f"fake ({weights.resolve()})"


def test_a_training_run(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    (tmp_path / "config.json").write_text(json.dumps(training_fakes.config().to_json()))
    measured = {"recall_1": 12.5, "recall_10": 50.0, "mrr": 0.25, "candidates": 200}
    row = {"pairs": 64, "valid": {"audio-to-sheet": measured}}
    worse = {"pairs": 128, "valid": {"audio-to-sheet": {**measured, "mrr": 0.2}}}
    (tmp_path / "results.jsonl").write_text(f"{json.dumps(row)}\n{json.dumps(worse)}\n")
    facts = describe(tmp_path)
    assert (facts.kind, facts.values["best after"]) == ("training run", "64 pairs")
    assert facts.values["trained on"] == "128 pairs"
    assert facts.values["best, audio to sheet"] == "R@1 12.5, R@10 50.0, MRR 0.250 of 200"
    assert facts.values["model"].startswith("tiny: residual towers, linear projection to 16")
    assert "has no weights yet" in facts.state


def test_a_model_without_a_projection(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    config = training_fakes.config(projection={"kind": "none"}).to_json()
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "results.jsonl").write_text("")
    assert describe(tmp_path).values["model"].startswith("tiny: residual towers, no projection, ")


def test_weights_and_a_manifest_by_their_names() -> None:
    pytest.importorskip("torch")
    assert describe("compact-4s").values["parameters"] == "2,277,632"
    facts = describe("msmd-v1.1")
    assert (facts.kind, facts.values["pieces"]) == ("manifest", "467")
    assert facts.values["all_split"] == "train 354, test 94, valid 19"


def test_the_command_prints_text_or_json(tmp_path: Path) -> None:
    folder = synthetic_dataset.make(tmp_path / "ds")
    text = CliRunner().invoke(main, ["info", str(folder)])
    assert text.exit_code == 0
    assert text.stdout.splitlines()[0] == f"{folder}: dataset"
    found = json.loads(CliRunner().invoke(main, ["info", str(folder), "--json"]).stdout)
    assert (found["kind"], found["composers"]) == ("dataset", describe(folder).values["composers"])


@pytest.mark.parametrize("name", ["nothing", "no/such/folder", "no.csv", "no.safetensors"])
def test_what_is_not_there(name: str) -> None:
    answer = CliRunner().invoke(main, ["info", name])
    assert answer.exit_code == 1
    assert name in answer.stderr


def test_what_is_something_else(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    for thing in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(MsmdError, match="msmd info describes a dataset"):
            describe(thing)


def test_values_are_counted_and_shortened() -> None:
    assert counted(["b", "a", "a", ""]) == "a 2, b 1, none 1"
    assert counted("abcdefgh", shown=2) == "a 1, b 1 and 6 more"
    assert first_few(range(4), shown=2) == "0, 1 and 2 more"
    assert first_few(range(2), shown=2) == "0, 1"


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 pieces"), (1, "1 piece"), (2, "2 pieces"), (1470, "1,470 pieces")]
)
def test_a_number_has_its_noun_in_singular_or_plural(number, text):
    assert how_many(number, "piece") == text
    assert how_many(number, "query", "queries") == text.replace("piece", "query").replace(
        "querys", "queries"
    )
