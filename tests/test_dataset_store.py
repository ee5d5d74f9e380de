"""The dataset folder: what is damaged is named, and equal pieces give equal tables."""

import json

import pyarrow.parquet as pq
import pytest

from msmdtools.base import lock
from msmdtools.build import parts, store
from msmdtools.build.parts import write_part, write_tables
from msmdtools.dataset import records
from msmdtools.dataset.records import Record
from msmdtools.dataset.tables import PIECES
from msmdtools.errors import DatasetError
from msmdtools.performance import EVENTS, PERFORMANCES
from msmdtools.score import MEASURES, NOTEHEADS, PARTS, SYSTEMS


def record(piece, status="ok", **fields):
    zero = {"string": "", "int32": 0}
    row = {column.name: zero[column.type] for column in PIECES.columns}
    return Record({**row, "piece": piece, "status": status, **fields})


def put(dataset, piece, systems):
    """A piece without notes, with a number of systems."""
    folder = dataset / lock.WORK / piece
    folder.mkdir(parents=True)
    box = {"x0": 0.0, "y0": 0.0, "x1": 1.0, "y1": 1.0}
    numbers = range(systems, 0, -1)
    rows = [{"piece": piece, "page": 1, "system": n, "staff": 1, **box} for n in numbers]
    write_part(folder, SYSTEMS, rows)
    for table in (MEASURES, NOTEHEADS, EVENTS, PARTS, PERFORMANCES):
        write_part(folder, table, [])
    (folder / "piece.json").write_bytes(record(piece).to_bytes())
    store.commit(dataset, piece, folder)


def test_a_table_carries_its_name_and_the_meaning_of_its_columns():
    schema = PIECES.arrow_schema()
    assert schema.metadata == {b"msmdtools.table": b"pieces"}
    meaning = {column.name: column.meaning for column in PIECES.columns}
    assert {f.name: f.metadata[b"meaning"].decode() for f in schema} == meaning


def test_row_groups_hold_whole_pieces_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "ROWS_PER_GROUP", 5)
    for piece, systems in (("c", 1), ("a", 3), ("b", 3), ("d", 0)):
        put(tmp_path, piece, systems)
    write_tables(tmp_path, records.read_records(tmp_path), tmp_path / lock.WORK)
    file = pq.ParquetFile(tmp_path / "systems.parquet")
    groups = [file.read_row_group(i) for i in range(file.num_row_groups)]
    assert [group["piece"].to_pylist() for group in groups] == [["a"] * 3 + ["b"] * 3, ["c"]]
    assert groups[0]["system"].to_pylist() == [1, 2, 3, 1, 2, 3]
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"


def test_tables_without_a_piece_have_their_columns(tmp_path):
    (tmp_path / "work").mkdir()
    totals = write_tables(tmp_path, {}, tmp_path / "work")
    assert totals["attempted"] == totals["noteheads"] == 0
    assert pq.read_table(tmp_path / "noteheads.parquet").column_names == NOTEHEADS.names


def test_a_damaged_part_is_named(tmp_path):
    put(tmp_path, "a", 3)
    part = tmp_path / "pieces" / "a" / "tables" / "systems.parquet"
    part.write_bytes(part.read_bytes()[:100])
    with pytest.raises(DatasetError) as caught:
        write_tables(tmp_path, records.read_records(tmp_path), tmp_path / lock.WORK)
    assert str(caught.value) == (
        f"{part} is damaged (it is cut off, or not a Parquet file): "
        f"remove {tmp_path / 'pieces' / 'a'} and build again"
    )


@pytest.mark.parametrize(
    ("content", "state"),
    [
        (None, "missing"),
        (b"", "damaged (it is empty)"),
        (bytes(9), "damaged (it has nothing but zeros or spaces)"),
        (b"{", "damaged (it is not JSON)"),
        (b'{"a": "\xe9\xff"}', "damaged (it is not text)"),
        (b"[" * 100_000, "damaged (its content cannot be read)"),
        (b"[]", "damaged (it is not a JSON object)"),
        (b'{"row": {}}', "damaged (it lacks 'files')"),
        (b'{"row": {}, "checksum": "0"}', "damaged (its checksum does not match)"),
    ],
)
def test_a_damaged_record_is_named(tmp_path, content, state):
    put(tmp_path, "a", 3)
    path = tmp_path / "pieces" / "a" / "piece.json"
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(DatasetError) as caught:
        records.read_records(tmp_path)
    assert str(caught.value) == (
        f"{path} is {state}: remove {tmp_path / 'pieces' / 'a'} and build again"
    )


def test_a_damaged_description_is_named(tmp_path):
    (tmp_path / "dataset.json").write_text('{"state":')
    with pytest.raises(
        DatasetError, match=r"dataset\.json is damaged \(it is not JSON\): remove the"
    ):
        records.read_description(tmp_path)


def test_a_built_piece_counts_more_than_its_failure(tmp_path):
    """As after a kill between the rename of a piece and the removal of its old failure."""
    put(tmp_path, "a", 1)
    store.commit_failure(tmp_path, record("b", "failed"), tmp_path / lock.WORK)
    (tmp_path / "failed" / "a.json").write_bytes(record("a", "failed").to_bytes())
    assert {name: found.ok for name, found in records.read_records(tmp_path).items()} == {
        "a": True,
        "b": False,
    }


def test_what_a_kill_has_left_is_cleaned(tmp_path):
    with lock.locked(tmp_path / "ds", ("dataset.json",), "a dataset", "build") as work:
        pass
    (tmp_path / "ds" / lock.WORK / "old").mkdir(parents=True)
    with lock.locked(tmp_path / "ds", ("dataset.json",), "a dataset", "build") as work:
        assert list((tmp_path / "ds" / lock.WORK).iterdir()) == [work]
    assert not (tmp_path / "ds" / lock.WORK).exists()


def test_an_unfinished_last_line_of_the_log_is_cut_off(tmp_path):
    store.append_log(tmp_path, {"piece": "a"})
    with open(tmp_path / "build.jsonl", "a", encoding="utf-8") as log:
        log.write('{"piece": "b", "st')
    store.mend_log(tmp_path)
    store.append_log(tmp_path, {"piece": "c"})
    lines = (tmp_path / "build.jsonl").read_text().splitlines()
    assert [json.loads(line)["piece"] for line in lines] == ["a", "c"]


def test_the_lock_is_free_when_its_holder_is_gone(tmp_path):
    with (
        lock.locked(tmp_path / "ds", ("dataset.json",), "a dataset", "build"),
        pytest.raises(DatasetError, match="is in use by another build"),
        lock.locked(tmp_path / "ds", ("dataset.json",), "a dataset", "build"),
    ):
        pass
    with lock.locked(tmp_path / "ds", ("dataset.json",), "a dataset", "build"):
        pass
