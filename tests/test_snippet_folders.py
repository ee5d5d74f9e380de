"""Folders of snippets that are joined, missing or damaged, and options that make no sense."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import snippet_shards
from snippet_shards import INFO, level, stream

from msmdtools.errors import DatasetError, MsmdError
from msmdtools.loading.loader import Stream
from msmdtools.loading.pairs import Pairs
from msmdtools.snippets import reader


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return snippet_shards.write(tmp_path_factory.mktemp("made") / "snippets")


@pytest.fixture(scope="module")
def snippets(folder: Path) -> reader.Snippets:
    return reader.open(folder)


@pytest.fixture(scope="module")
def joined(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> reader.Split:
    """The folder, and another with two of its pieces."""
    other = snippet_shards.write(
        tmp_path_factory.mktemp("other") / "snippets",
        pieces=2,
        shards=1,
        info=replace(INFO, dataset_sha256="1" * 64, seed=3),
    )
    return reader.join([reader.open(folder), reader.open(other)], "train")


def test_folders_joined_have_all_rows_and_their_own_pieces(joined, snippets) -> None:
    first = snippets["train"]
    assert len(joined) == len(first) + 2 * 30 * 2
    assert joined.info.dataset_sha256 not in {first.info.dataset_sha256, "1" * 64}
    pieces = [joined.index.pieces[p] for p in joined.index.piece]
    assert pieces[: len(first)] == [first.index.pieces[p] for p in first.index.piece]
    assert sorted(pieces[len(first) :]) == ["1:piece-0"] * 60 + ["1:piece-1"] * 60
    assert len(np.unique(joined.index.group)) == len(np.unique(first.index.group)) + 2 * 30


def test_streams_and_pairs_of_joined_folders(joined) -> None:
    names = ("piece", "onset")
    read = [
        (one.columns["piece"][i], int(one.columns["onset"][i]), level_of(one.sheets[i]))
        for one in stream(joined, per_piece=4, columns=names).read(0)
        for i in range(len(one))
    ]
    assert len(read) == len(joined)
    assert {piece for piece, _, _ in read} == set(joined.index.pieces)
    for piece, onset, grey in read:
        assert grey == level(int(piece.rpartition("-")[2]), onset)
    pairs = Pairs(joined, "train", in_memory=True, columns=names)
    last = pairs.batch([len(joined) - 1])
    assert last.columns["piece"][0] == joined.index.pieces[joined.index.piece[-1]]


def test_folders_with_other_windows_are_not_joined(folder: Path, tmp_path: Path) -> None:
    other = snippet_shards.write(tmp_path / "other", pieces=1, info=replace(INFO, frames=42))
    with pytest.raises(DatasetError, match=r"other: its windows are not those of .*; export both"):
        reader.join([reader.open(folder), reader.open(other)], "train")
    with pytest.raises(DatasetError, match="no split 'valid'"):
        reader.join([reader.open(folder), reader.open(other)], "valid")


def level_of(sheet: np.ndarray) -> int:
    """The grey level in the middle of a window."""
    rows, columns = sheet.shape[-2:]
    return int(sheet[rows // 2, columns // 2])


def copied(folder: Path, to: Path) -> Path:
    return Path(shutil.copytree(folder, to / "copy"))


def shard(folder: Path, number: int = 1) -> Path:
    return folder / "data" / f"train-{number:05d}-of-00003.parquet"


def test_folders_that_hold_no_snippets(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "half" / "data").mkdir(parents=True)
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "snippets.json").write_text("{}")
    for place, says in [
        ("nowhere", "no such folder; name the folder that msmd snippets --out made"),
        ("empty", "not a folder of snippets (it has no snippets.json)"),
        ("half", "these snippets are not finished; run the same msmd snippets again"),
        ("bare", "no shards in data/; export or copy the snippets again"),
    ]:
        with pytest.raises(DatasetError) as raised:
            Stream(tmp_path / place, "train")
        assert str(raised.value) == f"{tmp_path / place}: {says}"
    for text, what in (("{", "it is not JSON"), ("[]", "it is not a JSON object")):
        (bare / "snippets.json").write_text(text)
        with pytest.raises(
            DatasetError, match=rf"bare/snippets\.json is damaged \({what}\); export"
        ):
            reader.open(bare)


def test_an_unknown_split(folder: Path) -> None:
    with pytest.raises(DatasetError) as raised:
        Stream(folder, "trian")
    assert str(raised.value) == f"{folder}: no split 'trian', there are train; did you mean train?"


def test_a_missing_shard(folder: Path, tmp_path: Path) -> None:
    copy = copied(folder, tmp_path)
    shard(copy).unlink()
    with pytest.raises(DatasetError) as raised:
        reader.open(copy)
    assert str(raised.value) == f"{shard(copy)} is missing; export or copy the snippets again"


def test_a_shard_that_goes_away_while_it_is_read(folder: Path, tmp_path: Path) -> None:
    copy = copied(folder, tmp_path)
    one = stream(copy, shuffle=False)
    shard(copy).unlink()
    with pytest.raises(DatasetError, match=r"00001-of-00003\.parquet is missing; export or copy"):
        list(one.read(0))


@pytest.mark.parametrize("kept", [0, 3, 1000, -1, -2000])
def test_a_shard_cut_off(folder: Path, tmp_path: Path, kept: int) -> None:
    copy = copied(folder, tmp_path)
    shard(copy).write_bytes(shard(copy).read_bytes()[:kept])
    with pytest.raises(DatasetError) as raised:
        Stream(copy, "train")
    assert str(raised.value).startswith(f"{shard(copy)} is damaged (")
    assert str(raised.value).endswith("); export or copy the snippets again")


def test_a_shard_damaged_inside(folder: Path, tmp_path: Path) -> None:
    copy = copied(folder, tmp_path)
    content = bytearray(shard(copy).read_bytes())
    content[4:2000] = bytes(1996)
    shard(copy).write_bytes(content)
    for threads in (0, 2):
        with pytest.raises(DatasetError, match=r"is damaged \("):
            list(stream(copy, shuffle=False, threads=threads, columns=("snippet",)).read(0))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda t: t.drop_columns(["heads", "x"]),
            ": not the schema of snippets: it lacks x, heads",
        ),
        (lambda t: t.replace_schema_metadata({}), ": not a shard of snippets (its schema has no "),
        (
            lambda t: t.replace_schema_metadata(
                {"msmdtools": json.dumps({**INFO.to_json(), "frames": 42})}
            ),
            ": not the schema of data/train-00000-of-00003.parquet: its windows have other sizes; ",
        ),
        (
            lambda t: t.replace_schema_metadata(
                {"msmdtools": json.dumps({**INFO.to_json(), "format": 9})}
            ),
            ": snippets of format 9, and this msmdtools reads 1; export them again or use the ",
        ),
        (
            lambda t: t.replace_schema_metadata({"msmdtools": json.dumps({"format": 1})}),
            " is damaged (its description lacks ",
        ),
    ],
)
def test_a_shard_of_another_schema(folder: Path, tmp_path: Path, change, says: str) -> None:
    copy = copied(folder, tmp_path)
    pq.write_table(change(pq.read_table(shard(copy))), shard(copy))
    with pytest.raises(DatasetError) as raised:
        Stream(copy, "train")
    assert str(raised.value).startswith(f"{shard(copy)}{says}")


def test_spectrograms_that_are_not_as_the_schema_says(folder: Path, tmp_path: Path) -> None:
    copy = copied(folder, tmp_path)
    table = pq.read_table(shard(copy, 0))
    shorter = [[band[:-1] for band in one] for one in table["spectrogram"].to_pylist()]
    at = table.schema.get_field_index("spectrogram")
    field = table.schema.field("spectrogram")
    kind = getattr(field.type, "storage_type", field.type)
    changed = table.set_column(at, field.with_type(kind), pa.array(shorter, kind))
    pq.write_table(changed, shard(copy, 0))
    with pytest.raises(DatasetError, match="row group 0: spectrograms are not 92 x 92 as the sch"):
        list(stream(copy, shuffle=False).read(0))


@pytest.mark.parametrize("png", [b"", b"no picture", None])
def test_a_damaged_picture(folder: Path, tmp_path: Path, png: bytes | None) -> None:
    copy = copied(folder, tmp_path)
    table = pq.read_table(shard(copy, 0))
    sheets = table["sheet"].to_pylist()
    sheets[5] = {"bytes": png, "path": None}
    at = table.schema.get_field_index("sheet")
    field = table.schema.field("sheet")
    pq.write_table(table.set_column(at, field, pa.array(sheets, field.type)), shard(copy, 0))
    with pytest.raises(DatasetError, match=r"^row 5: its picture is damaged; run msmd validate"):
        list(stream(copy, shuffle=False).read(0))


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        (
            {"context_s": 8.4},
            DatasetError,
            "a context of 8.4 s is longer than the 4.2 s that are stored; ask for less, or export "
            "with --context 8.4",
        ),
        ({"context_s": 0.01}, MsmdError, "a context of 0.01 s has no frame"),
        (
            {"window": (300, 200)},
            DatasetError,
            "a window of 300 x 200 px is not within the 184 x 240 px that are stored; ask for "
            "less, or export with --sheet 300x200",
        ),
        ({"columns": ("pitch",)}, MsmdError, "no column 'pitch'; there are snippet, piece,"),
        ({"columns": ("sheet",)}, MsmdError, "no column 'sheet'; there are snippet, piece,"),
        ({"sheet_type": "int8"}, MsmdError, "no type 'int8'; there are uint8 and float32"),
        ({"seed": -1}, MsmdError, "seed is -1; it must not be negative"),
        ({"batch_size": 0}, MsmdError, "batch_size is 0; it must be at least 1"),
        ({"buffer": 0}, MsmdError, "buffer is 0; it must be at least 1"),
        ({"pairs": 0}, MsmdError, "pairs is 0; it must be at least 1"),
        ({"per_piece": 0}, MsmdError, "per_piece is 0; it must be at least 1"),
    ],
)
def test_what_cannot_be_read_is_said_at_once(folder: Path, options, error, says: str) -> None:
    with pytest.raises(error) as raised:
        stream(folder, **options)
    assert str(raised.value).startswith(says)
    if not options.keys() & {"batch_size", "buffer", "per_piece"}:
        with pytest.raises(error):
            Pairs(folder, "train", **options)
