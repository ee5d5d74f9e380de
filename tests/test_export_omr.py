"""Pairs of picture and transcription for OMR, opened by the library `datasets`."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import synthetic_dataset

import msmdtools
from msmdtools.base.table import arrow_type
from msmdtools.export import omr
from msmdtools.export.export import export
from msmdtools.export.transcription import Transcription

FIRST, SECOND = synthetic_dataset.PIECES
WIDTH, HEIGHT = synthetic_dataset.WIDTH, synthetic_dataset.HEIGHT


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return synthetic_dataset.make(tmp_path_factory.mktemp("omr") / "made")


@pytest.fixture
def load(tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets", reason="needs datasets")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()

    def loaded(out: Path, name: str, **more):
        return datasets.load_dataset(str(out), name, cache_dir=str(tmp_path / "cache"), **more)

    return loaded


def test_datasets_opens_typed_columns(folder, tmp_path, load):
    done = export(folder, tmp_path / "omr", "omr")
    assert done.counts == {"pages": 4, "systems": 8, "transcriptions": 0}
    for table, rows in ((omr.PAGES, 4), (omr.SYSTEMS, 8)):
        read = load(tmp_path / "omr", table.name, split="train")
        assert read.num_rows == rows
        kinds = {name: getattr(feature, "dtype", "") for name, feature in read.features.items()}
        declared = {column.name: column.type for column in table.columns if column.type != "image"}
        assert {k: v for k, v in kinds.items() if k != "image"} == declared
        assert type(read.features["image"]).__name__ == "Image"
        assert set(read["transcription_kern"]) == set(read["transcription_xml"]) == {None}
        assert set(read["licence"]) == {"CC0-1.0"}


def test_pictures_are_cut_where_the_row_says(folder, tmp_path, load):
    export(folder, tmp_path / "omr", "omr")
    dataset = msmdtools.open(folder)
    for page in load(tmp_path / "omr", "pages", split="train"):
        expected = dataset[page["piece"]].pages[page["page"] - 1]
        assert np.array_equal(np.asarray(page["image"]), expected)
        assert (page["staves"], page["noteheads"]) == (4, 20)
    systems = load(tmp_path / "omr", "systems", split="train")
    assert [(row["piece"], row["page"], row["system"]) for row in systems] == [
        (piece, (system + 1) // 2, system) for piece in (FIRST, SECOND) for system in range(1, 5)
    ]
    for row in systems:
        piece = dataset[row["piece"]]
        page = piece.pages[row["page"] - 1]
        top, bottom = row["y0"], row["y0"] + row["height"]
        assert np.array_equal(np.asarray(row["image"]), page[top:bottom])
        assert (row["x0"], row["width"]) == (0, WIDTH)
        own = piece.noteheads[piece.noteheads["system"] == row["system"]]
        staves = piece.systems[piece.systems["system"] == row["system"]]
        assert top <= min(own["y0"].min(), staves["y0"].min())
        assert bottom >= max(own["y1"].max(), staves["y1"].max())
        assert (row["noteheads"], row["staves"]) == (len(own), 2)
        others = piece.systems[(piece.systems["page"] == row["page"])]
        others = others[others["system"] != row["system"]]
        assert ((others["y1"] <= top) | (others["y0"] >= bottom)).all()


def test_parts_are_splits_of_datasets(folder, tmp_path, load):
    (tmp_path / "split.csv").write_text(f"piece,mine\n{FIRST},valid\n{SECOND},test\n", "utf-8")
    export(folder, tmp_path / "omr", "omr", split=f"{tmp_path / 'split.csv'}:mine")
    read = load(tmp_path / "omr", "systems")
    assert {name: set(rows["piece"]) for name, rows in read.items()} == {
        "validation": {FIRST},
        "test": {SECOND},
    }


def test_transcriptions_are_written_where_there_are_any(folder, tmp_path, load, monkeypatch):
    def of_systems(piece, encoding, page, system=None):
        return (
            Transcription(kern=f"**kern {piece.piece} {page} {system}")
            if system
            else Transcription()
        )

    monkeypatch.setattr(omr, "transcription", of_systems)
    done = export(folder, tmp_path / "omr", "omr", pieces=FIRST)
    assert done.counts["transcriptions"] == 4
    systems = load(tmp_path / "omr", "systems", split="train")
    texts = [f"**kern {FIRST} {(n + 1) // 2} {n}" for n in range(1, 5)]
    assert list(systems["transcription_kern"]) == texts
    assert set(systems["transcription_xml"]) == {None}
    assert "4 transcriptions" in (tmp_path / "omr" / "README.md").read_text("utf-8")


def test_files_have_their_checksums_and_say_what_columns_are(folder, tmp_path):
    from msmdtools.base import parquet

    export(folder, tmp_path / "omr", "omr")
    for table in (omr.PAGES, omr.SYSTEMS):
        (path,) = (tmp_path / "omr" / table.name).iterdir()
        parquet.verify(path)
        schema = parquet.File(path).schema
        assert schema.names == table.names
        for column in table.columns:
            assert schema.field(column.name).metadata[b"meaning"].decode() == column.meaning
            if column.type != "image":
                assert schema.field(column.name).type == arrow_type(column.type)


def page_of(*ink: tuple[int, int]) -> np.ndarray:
    image = np.full((400, 100), 255, np.uint8)
    for first, behind in ink:
        image[first:behind, 10:90] = 0
    return image


def staves_of(*boxes: tuple[int, int]) -> pd.DataFrame:
    rows = [
        {"page": 1, "system": n, "staff": 1, "x0": 0.0, "x1": 100.0, "y0": float(a), "y1": float(b)}
        for n, (a, b) in enumerate(boxes, start=1)
    ]
    return pd.DataFrame(rows)


def heads_of(*places: tuple[int, int, int]) -> pd.DataFrame:
    rows = [{"system": system, "y0": float(a), "y1": float(b)} for system, a, b in places]
    return pd.DataFrame(rows, columns=["system", "y0", "y1"])


def test_systems_are_cut_apart_where_there_is_least_ink():
    # Beams reach from the lower system far beyond the middle, which is at 150.
    image = page_of((80, 120), (130, 180), (180, 220))
    found = omr.bands(image, staves_of((80, 120), (180, 220)), heads_of((2, 170, 178)))
    (top, middle), (again, bottom) = found[1], found[2]
    assert middle == again and 120 <= middle <= 130
    # Outwards, up to two heights of a staff, where nothing is in the way.
    assert (top, bottom) == (40, 260)


def test_systems_whose_heads_are_side_by_side_are_cut_between_them():
    image = page_of((80, 120), (180, 220))
    heads = heads_of((1, 150, 160), (2, 140, 150))
    found = omr.bands(image, staves_of((80, 120), (180, 220)), heads)
    assert found[1][1] == found[2][0] == 150


def test_a_page_without_systems_has_none():
    assert omr.bands(page_of(), staves_of((80, 120)).iloc[:0], heads_of()) == {}
