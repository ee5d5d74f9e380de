"""Checksums over every byte of a Parquet file: nothing that is read can change without being seen."""

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from msmdtools.base import parquet, seal
from msmdtools.base.damage import Damage


@pytest.fixture(scope="module")
def table():
    random = np.random.default_rng(0)
    numbers = random.integers(0, 9, 600)
    lists = pa.ListArray.from_arrays(np.arange(0, 1801, 3, dtype=np.int32), random.random(1800))
    sheet = pa.StructArray.from_arrays(
        [pa.array([bytes(9)] * 600), pa.nulls(600, pa.string())], names=["bytes", "path"]
    )
    names = pa.array([f"piece {n // 100}" for n in range(600)])
    return pa.table({"piece": names, "number": numbers, "list": lists, "sheet": sheet})


@pytest.fixture(scope="module")
def whole(table, tmp_path_factory):
    path = tmp_path_factory.mktemp("parquet") / "whole.parquet"
    with parquet.writer(path, table.schema, use_dictionary=["piece"]) as writer:
        writer.write_table(table, row_group_size=250)
    return path.read_bytes()


def test_a_file_is_read_as_it_was_written(table, whole, tmp_path):
    path = tmp_path / "a.parquet"
    path.write_bytes(whole)
    parquet.verify(path)
    for mapped in (False, True):
        file = parquet.File(path, mapped=mapped)
        assert file.groups == 3
        assert file.schema.equals(table.schema)
        assert file.read().equals(table)
        assert file.read([2, 0]).equals(pa.concat_tables([table[500:], table[:250]]))
    assert pq.read_table(path, page_checksum_verification=True).equals(table)  # by everyone


def test_other_programs_read_it(table, whole, tmp_path):
    duckdb, polars = pytest.importorskip("duckdb"), pytest.importorskip("polars")
    path = tmp_path / "a.parquet"
    path.write_bytes(whole)
    total = table["number"].to_numpy().sum()
    assert duckdb.sql(f"select sum(number) from '{path}'").fetchall() == [(total,)]
    assert polars.read_parquet(path)["number"].sum() == total


def test_columns_of_a_file_that_is_not_local(table, whole):
    file = io.BytesIO(whole)  # all it can is seek and read
    footer = parquet.read_footer(file)
    found = parquet.read(file, footer, [1], ["sheet.bytes", "piece"], threads=False)
    assert found["piece"].equals(table["piece"][250:500])
    assert found["sheet"].combine_chunks().field("bytes").to_pylist() == [bytes(9)] * 250
    assert found["sheet"].type.names == ["bytes"]


def test_every_byte_matters_or_is_not_read(table, whole, tmp_path):
    path = tmp_path / "a.parquet"
    random = np.random.default_rng(1)
    unseen = []
    # Page headers and footer above all.
    ends = [*range(90), *range(len(whole) - 60, len(whole))]
    for place in [*random.integers(0, len(whole), 250), *ends]:
        broken = bytearray(whole)
        broken[place] ^= int(random.integers(1, 256))
        path.write_bytes(broken)
        try:
            found = parquet.File(path).read()
        except (OSError, pa.ArrowException, ValueError):
            continue
        assert found.equals(table), place
        unseen.append(place)
    # The first four bytes, and the name of the block of checksums: what is read is as it was.
    assert len(unseen) <= 12
    broken = bytearray(whole)
    broken[0] ^= 1
    path.write_bytes(broken)
    with pytest.raises(Damage, match="its checksum does not match"):
        parquet.verify(path)


def test_a_column_that_is_not_asked_for_is_not_looked_at(table, whole):
    footer = parquet.read_footer(io.BytesIO(whole))
    place = footer.metadata.row_group(0).column(1).data_page_offset + 40
    broken = bytearray(whole)
    broken[place] ^= 1
    file = io.BytesIO(broken)
    assert parquet.read(file, footer, [0], ["piece"])["piece"].equals(table["piece"][:250])
    assert parquet.read(file, footer, [1]).equals(table[250:500])
    with pytest.raises(Damage, match=r"bytes \d+ to \d+ do not match their checksum"):
        parquet.read(file, footer, [0], ["piece", "number"])


@pytest.mark.parametrize("length", [0, 5, 11, 400, -1, -9])
def test_a_file_that_is_cut_off(whole, length, tmp_path):
    path = tmp_path / "a.parquet"
    path.write_bytes(whole[:length])
    with pytest.raises((Damage, ValueError)):
        parquet.File(path).read()


def test_files_without_the_block_are_read(table, tmp_path):
    path = tmp_path / "old.parquet"
    pq.write_table(table, path, row_group_size=250)
    parquet.verify(path)
    assert parquet.File(path).read().equals(table)


def test_a_table_without_rows(table, tmp_path):
    path = tmp_path / "empty.parquet"
    with parquet.writer(path, table.schema):
        pass
    parquet.verify(path)
    assert parquet.File(path).read().equals(table[:0])


def test_descriptions_are_sealed():
    content = {"b": [1, 2.5], "a": {"x": "é", 10: None, 9: 1}, "checksum": "old"}
    made = seal.sealed(content)
    assert list(made) == ["b", "a", "checksum"]
    text = json.dumps(made).encode()
    assert seal.opened(text) == {
        "b": [1, 2.5],
        "a": {"x": "é", "10": None, "9": 1},
    }
    assert seal.opened(b'{"a": 1}') == {"a": 1}  # of an older msmdtools
    for place in range(len(text)):
        broken = bytearray(text)
        broken[place] ^= 4
        with pytest.raises(ValueError):
            seal.opened(bytes(broken))
