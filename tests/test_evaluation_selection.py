"""Which pieces and performances of a dataset are evaluated."""

import pytest
import synthetic_dataset

import msmdtools
from msmdtools.errors import DatasetError, ManifestError
from msmdtools.splits.selection import Selection, performances, select

FIRST, SECOND = synthetic_dataset.PIECES
SLOW, FAST = synthetic_dataset.PERFORMANCES_OF


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return msmdtools.open(synthetic_dataset.make(tmp_path_factory.mktemp("data") / "dataset"))


def test_pieces_of_a_split_with_the_performance_nearest_to_the_written_tempo(dataset, tmp_path):
    assert select(dataset) == Selection("test", {FIRST: SLOW, SECOND: SLOW})
    csv = tmp_path / "split.csv"
    csv.write_text(f"piece,mine\n{FIRST},test\n{SECOND},train\nnowhere,valid\n")
    assert select(dataset, f"{csv}:mine:test") == Selection("test", {FIRST: SLOW})
    assert select(dataset, f"{csv}:mine") == Selection("test", {FIRST: SLOW})
    assert select(dataset, f"{csv}:mine:train", FAST) == Selection("train", {SECOND: FAST})
    assert select(dataset, f"{csv}:mine").pieces == [FIRST]


def test_what_a_dataset_lacks(dataset, tmp_path):
    csv = tmp_path / "split.csv"
    csv.write_text(f"piece,mine\n{FIRST},train\nnowhere,valid\n")
    with pytest.raises(ManifestError, match=r"mine: no piece is in the part test of this split\.$"):
        select(dataset, f"{csv}:mine")
    with pytest.raises(ManifestError) as error:
        select(dataset, f"{csv}:mine:valid")
    assert str(error.value) == (
        f"{csv}:mine: {dataset.path} lacks 1 of the 1 valid piece: nowhere. "
        "Build them, or name a split of pieces that are there."
    )
    with pytest.raises(ManifestError, match=r"has no column 'other'"):
        select(dataset, f"{csv}:other:test")
    with pytest.raises(DatasetError, match=r"first: no performance 'Sine-000_x1'; did you mean"):
        select(dataset, None, "Sine-000_x1")


def test_soundfonts_for_testing_come_first(dataset, monkeypatch):
    def chosen(table, globs, warn):
        return {"test": (FAST,), "train": (SLOW,)}

    monkeypatch.setattr("msmdtools.splits.selection.performances_by_split", chosen)
    assert performances(dataset, [SECOND, FIRST], "test") == {FIRST: FAST, SECOND: FAST}
    assert performances(dataset, [FIRST], "train") == {FIRST: SLOW}
