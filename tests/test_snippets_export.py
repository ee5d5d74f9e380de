"""Exports that are killed, run out of disk, or meet each other; validation that finds what is wrong."""

import csv
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import snippet_fakes
import synthetic_dataset
from click.testing import CliRunner
from processes import wait_for

import msmdtools
from msmdtools.cli import main
from msmdtools.errors import DatasetError, MsmdError
from msmdtools.snippets import prepare, shards
from msmdtools.snippets.card import card
from msmdtools.snippets.export import ExportSummary, export
from msmdtools.snippets.options import parse_options
from msmdtools.snippets.validate import validate
from msmdtools.splits.splits import resolve

TESTS = Path(__file__).parent
FIRST, SECOND = synthetic_dataset.PIECES


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = synthetic_dataset.make(tmp_path_factory.mktemp("made") / "dataset")
    description = json.loads((folder / "dataset.json").read_text())
    (folder / "dataset.json").write_text(json.dumps({**description, "state": "complete"}))
    return folder


@pytest.fixture(scope="module")
def split(dataset: Path) -> str:
    path = dataset.parent / "split.csv"
    path.write_text(f"piece,split\n{FIRST},train\n{SECOND},test\n")
    return f"{path}:split"


def run(dataset: Path, out: Path, split: str, **options: object) -> ExportSummary:
    values = {"split": split, "jobs": 1, "context": 2.1, **options}
    return export(dataset, out, parse_options(values), warn=lambda _: None)


@pytest.fixture(scope="module")
def finished(dataset: Path, split: str) -> Path:
    out = dataset.parent / "finished"
    run(dataset, out, split)
    return out


def contents(out: Path) -> dict[str, bytes]:
    """All files of finished snippets; what differs by place is left out."""
    files = {p.relative_to(out).as_posix(): p for p in out.rglob("*") if p.is_file()}
    return {n: p.read_bytes() for n, p in files.items() if n not in {".lock", "snippets.json"}}


def test_a_finished_folder_holds_nothing_else(finished: Path) -> None:
    shards = {"data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"}
    assert contents(finished).keys() == {"README.md", "split.csv", *shards}
    description = json.loads((finished / "snippets.json").read_text())
    assert description["dataset"]["path"] == "../dataset"
    assert [row["rows"] for row in description["shards"]] == [64, 64]
    assert description["pieces"][0]["onsets"] == description["pieces"][0]["taken"] == 32
    readme = (finished / "README.md").read_text()
    assert "| train | 1 | 32 | 64 | 1 |" in readme
    assert "| CC0-1.0 | 128 | 100.0 % |" in readme
    assert "- The soundfont of the tests is heard in training." in readme


def test_the_split_is_written_by_itself_and_gives_the_same_again(
    dataset: Path, finished: Path
) -> None:
    text = (finished / "split.csv").read_text()
    works = {row[0]: row[1] for row in csv.reader(text.splitlines())}
    assert (
        text == f"piece,work,split\n{FIRST},{works[FIRST]},train\n{SECOND},{works[SECOND]},test\n"
    )
    assert resolve(msmdtools.open(dataset), f"{finished / 'split.csv'}:split") == {
        FIRST: "train",
        SECOND: "test",
    }
    assert "No work has pieces in more than one split." in (finished / "README.md").read_text()


def test_divided_works_are_in_the_card(finished: Path) -> None:
    description = json.loads((finished / "snippets.json").read_text())
    plan = description["plan"]
    plan["works"] = dict.fromkeys(plan["works"], "BachJS/BWV 1")
    assert "| work | train | valid | test |" in card(description)
    assert "| BachJS/BWV 1 | 1 | 0 | 1 |" in card(description)
    plan["leaks"] = [FIRST]
    assert "No work has pieces in more than one split." in card(description)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "No such file of splits"),
        (f"piece,work,split\n{FIRST},w,test\n{SECOND},w,test\n", "test, cut as train"),
        (f"piece,work,split\n{FIRST},w,train\n", "None, cut as test"),
    ],
)
def test_validation_of_another_split(
    text: str | None, says: str, finished: Path, dataset: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy)
    (copy / "split.csv").unlink() if text is None else (copy / "split.csv").write_text(text)
    (finding,) = validate(copy, dataset).findings
    assert (finding.check, finding.where) == ("split", "split.csv")
    assert says in finding.what


def test_shards_are_cut_by_size(dataset: Path, split: str, finished: Path) -> None:
    info = parse_options({}).info(420, "")
    counts = {"a": prepare.PieceCounts("a", "train", ("p",), "", "", 9, 9, {}, 9, 9 << 20)}
    planned = shards.plan(counts, info, 4 << 20, seed=0)
    assert planned[0].name == "train-00000-of-00003.parquet"
    assert [len(shard) for shard in planned] == [3, 3, 3]
    assert sorted(row for shard in planned for row in shard.row.tolist()) == list(range(9))


def test_onsets_that_are_not_chosen_are_accounted_for(
    dataset: Path, split: str, tmp_path: Path
) -> None:
    summary = run(dataset, tmp_path / "out", split, onsets="every:5")
    assert summary.description["totals"]["dropped"] == {"not-chosen": 2 * 25}
    assert summary.description["totals"]["splits"]["test"]["snippets"] == 2 * 7
    assert validate(tmp_path / "out").ok


def test_a_worker_that_dies_once_costs_nothing(
    dataset: Path, split: str, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "prepare", snippet_fakes.die_once)
    run(dataset, tmp_path / "out", split)
    assert (tmp_path / "out.died").exists()
    assert contents(tmp_path / "out") == contents(finished)


def test_a_worker_that_dies_twice_is_said_and_what_is_finished_stays(
    dataset: Path, split: str, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(shards, "write_shard", snippet_fakes.die_on_test)
        with pytest.raises(MsmdError, match=r"^test-00000-of-00001\.parquet: the worker .* killed"):
            run(dataset, out, split)
    train = out / "data" / "train-00000-of-00001.parquet"
    written = train.stat().st_mtime_ns
    with pytest.raises(DatasetError, match="this export is not finished; run the same"):
        validate(out)
    run(dataset, out, split)
    assert train.stat().st_mtime_ns == written
    assert contents(out) == contents(finished)


def test_killed_it_goes_on_where_it_was(
    dataset: Path, split: str, finished: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    program = [sys.executable, TESTS / "snippet_fakes.py", dataset, out, split]
    child = subprocess.Popen(
        program,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)])},
        start_new_session=True,
    )
    wait_for(lambda: list(out.glob(".work/*/test-*.parquet")), child)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert not (out / "snippets.json").exists()
    train = out / "data" / "train-00000-of-00001.parquet"
    written = train.stat().st_mtime_ns
    run(dataset, out, split, context=8.4)  # as the program has it
    assert train.stat().st_mtime_ns == written
    assert {path.name for path in out.glob(".*")} == {".lock"}
    assert validate(out).ok


def test_an_unfinished_export_is_not_gone_on_with_other_options(
    dataset: Path, split: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(prepare, "prepare", snippet_fakes.full_disk)
        with pytest.raises(DatasetError, match=rf"^No space is left on the disk of {out}\."):
            run(dataset, out, split)
    with pytest.raises(
        DatasetError, match=r"made differently\. They differ in: --context\. Give another folder"
    ):
        run(dataset, out, split, context=4.2)
    assert run(dataset, out, split).new


def test_two_exports_into_one_folder(dataset: Path, split: str, tmp_path: Path) -> None:
    with open(tmp_path / ".lock", "w") as lock:
        lock.write("4711\n")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(DatasetError, match=r"in use by another export \(process 4711\)"):
            run(dataset, tmp_path, split)


def test_a_folder_of_something_else_is_left_alone(
    dataset: Path, split: str, tmp_path: Path
) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(DatasetError, match=r"is not a folder of snippets, and not empty"):
        run(dataset, tmp_path, split)
    with pytest.raises(DatasetError, match=r"is not a folder of snippets, and not empty"):
        run(dataset, dataset, split)


def test_leaks_are_left_out_of_training(dataset: Path, split: str, tmp_path: Path) -> None:
    copy = tmp_path / "dataset"
    shutil.copytree(dataset, copy)

    def same(rows: list[dict]) -> None:  # the second piece gets the first one's pitches
        for row in rows:
            row["pitch"] -= 2 * (row["piece"] == SECOND)

    synthetic_dataset.edit(copy, "noteheads", same)
    summary = run(copy, tmp_path / "out", split, drop_leaks=True)
    plan = summary.description["plan"]
    assert plan["leaks"] == [FIRST]
    assert plan["near_duplicates"] == [[FIRST, SECOND, 1.0]]
    assert summary.description["totals"]["splits"]["train"]["snippets"] == 0
    assert f"| `{FIRST}` |" in (tmp_path / "out" / "README.md").read_text()
    assert FIRST not in (tmp_path / "out" / "split.csv").read_text()
    assert validate(tmp_path / "out").ok


def test_leaks_in_another_key_are_left_out_where_it_is_asked_for(
    dataset: Path, split: str, tmp_path: Path
) -> None:
    # The second piece is the first one, a whole tone higher.
    summary = run(dataset, tmp_path / "as it is", split, drop_leaks=True)
    assert summary.description["plan"]["leaks"] == []
    summary = run(dataset, tmp_path / "transposed", split, drop_leaks=True, transpose=True)
    assert summary.description["plan"]["leaks"] == [FIRST]


def damaged(finished: Path, to: Path, change: Callable[[pa.Table], pa.Table]) -> Path:
    """A copy of which one shard's table was changed."""
    shutil.copytree(finished, to)
    shard = to / "data" / "train-00000-of-00001.parquet"
    pq.write_table(change(pq.read_table(shard)), shard)
    return to


def replaced(table: pa.Table, column: str, change: Callable[[list], object]) -> pa.Table:
    values = table[column].to_pylist()
    change(values)
    index = table.schema.get_field_index(column)
    field = table.schema.field(column)
    return table.set_column(index, field, pa.array(values, field.type))


CHANGES: dict[str, tuple[str, Callable[[list], object]]] = {
    "pitches": ("pitches", lambda v: v.__setitem__(0, [1])),
    "frame": ("frame", lambda v: v.__setitem__(0, v[0] + 1)),
    "split": ("split", lambda v: v.__setitem__(0, "test")),
    "keys": ("snippet", lambda v: v.__setitem__(0, v[1])),
    "counts": ("piece", lambda v: v.__setitem__(0, SECOND)),
    "sheet": ("sheet", lambda v: v.__setitem__(0, {"bytes": b"no picture", "path": None})),
    "tempo": ("tempo", lambda v: v.__setitem__(0, 3.0)),
    "window_offsets": ("window_offsets", lambda v: v.__setitem__(0, [1.0, 0.0])),
}


@pytest.mark.parametrize("check", CHANGES)
def test_validation_finds(check: str, finished: Path, dataset: Path, tmp_path: Path) -> None:
    column, change = CHANGES[check]
    folder = damaged(finished, tmp_path / "s", lambda table: replaced(table, column, change))
    report = validate(folder, dataset, samples=64)
    assert not report.ok
    # A shard written again always has another size or sum.
    assert check in {finding.check for finding in report.findings} - {"files"}


def test_validation_compares_pixels_and_magnitudes(
    finished: Path, dataset: Path, tmp_path: Path
) -> None:
    def swap(values: list) -> None:
        values[0], values[1] = values[1], values[0]

    for column in ("sheet", "spectrogram"):
        folder = damaged(finished, tmp_path / column, lambda t, c=column: replaced(t, c, swap))
        report = validate(folder, dataset, samples=64)
        wrong = [f for f in report.findings if f.check == column]
        assert len(wrong) == 2, column
        assert f"is not that of the {'page' if column == 'sheet' else 'dataset'}" in wrong[0].what


def test_validation_of_another_schema_a_missing_and_a_foreign_shard(
    finished: Path, dataset: Path, tmp_path: Path
) -> None:
    folder = damaged(finished, tmp_path / "s", lambda t: t.drop_columns(["heads"]))
    (folder / "data" / "test-00000-of-00001.parquet").unlink()
    (folder / "data" / "more.parquet").touch()
    found = {(f.where, f.what) for f in validate(folder, dataset).findings}
    assert ("data/more.parquet", "is not in snippets.json") in found
    assert ("data/test-00000-of-00001.parquet", "is missing") in found
    train = "data/train-00000-of-00001.parquet"
    assert (train, "other columns (missing: heads; more: )") in found


def test_validation_without_the_dataset_or_with_another_one(
    finished: Path, dataset: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "a" / "copy"
    shutil.copytree(finished, copy)
    result = CliRunner().invoke(main, ["validate", str(copy)])
    assert result.exit_code == 0
    assert "Not compared with the dataset" in result.output
    other = tmp_path / "other"
    shutil.copytree(dataset, other)
    (other / "dataset.json").write_text((other / "dataset.json").read_text() + "\n")
    result = CliRunner().invoke(main, ["validate", str(copy), "--dataset", str(other)])
    assert result.exit_code == 3
    assert "is not the dataset that the snippets were cut from" in result.output
    result = CliRunner().invoke(main, ["validate", str(copy), "--dataset", str(dataset), "--json"])
    assert result.exit_code == 0
    assert json.loads(result.output)["compared"] == 32


def test_validate_says_what_its_options_are_for(finished: Path, dataset: Path) -> None:
    result = CliRunner().invoke(main, ["validate", str(finished), "--pieces", "x"])
    assert result.exit_code == 2
    result = CliRunner().invoke(main, ["validate", str(dataset), "--dataset", "x"])
    assert result.exit_code == 2


@pytest.mark.parametrize("state", ["missing", "cut off"])
def test_an_export_that_is_given_again_sees_that_a_shard_is_gone(
    dataset: Path, split: str, finished: Path, tmp_path: Path, state: str
) -> None:
    copy = shutil.copytree(finished, tmp_path / "copy")
    assert not run(dataset, copy, split).new
    shard = copy / "data" / "train-00000-of-00001.parquet"
    shard.unlink() if state == "missing" else shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(DatasetError) as raised:
        run(dataset, copy, split)
    assert str(raised.value) == f"{shard} is {state}; remove {copy} and run the same command again"
