"""Scans linked to a score: another print of it that looks like a scan, with bars and heads known exactly."""

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import scans
from click.testing import CliRunner

import msmdtools
from msmdtools.cli import main
from msmdtools.dataset import validate
from msmdtools.dataset.bars import bars_of
from msmdtools.link import aligning, storing
from msmdtools.paper.axis import axis_of
from msmdtools.paper.staff_height import SPACES, STAFF_HEIGHT

SPACE = STAFF_HEIGHT / SPACES
BARS = {"first": 44, "second": 30}


def engraved(folder: Path, out: str, *look: str) -> Path:
    arguments = [str(folder / "tree"), "--out", str(folder / out), "--soundfonts", "TimGM6mb"]
    result = CliRunner().invoke(main, ["build", *arguments, "--jobs", "1", *look])
    assert result.exit_code == 0, result.output
    return folder / out


@pytest.fixture(scope="module")
def made(soundfont: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A dataset of two pieces, and the same pieces in another print."""
    folder = tmp_path_factory.mktemp("link")
    (folder / "tree").mkdir()
    for seed, (name, bars) in enumerate(BARS.items()):
        (folder / "tree" / f"{name}.krn").write_text(scans.kern(bars, seed))
    look = [
        "--music-font",
        "Leland",
        "--staff-size",
        "20",
        "--page-width",
        "130",
        "--spacing",
        "1.2",
    ]
    return engraved(folder, "dataset"), engraved(folder, "other", *look)


@pytest.fixture(scope="module")
def dataset(made: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset with the other print of its first piece linked."""
    scan = scans.write(tmp_path_factory.mktemp("scan") / "other", pages_of(made[1], "first"))
    assert msmd("link", scan, "--dataset", made[0], "--piece", "first")["status"] == "linked"
    return made[0]


def pages_of(dataset: Path, piece: str) -> list[np.ndarray]:
    pages = msmdtools.open(dataset)[piece].pages
    return [scans.scanned(page, number) for number, page in enumerate(pages)]


def msmd(*arguments: object, code: int = 0) -> dict:
    """The outcome of the first scan."""
    result = CliRunner().invoke(main, [*map(str, arguments), "--json", "-q"])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)[0]


def faults(dataset: Path, piece: str = "*") -> tuple[object, ...]:
    """What validation finds."""
    validate._opened.cache_clear()  # it keeps a dataset that has not changed
    return validate.validate(dataset, piece).findings


def expected(made: tuple[Path, Path], piece: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bars and heads of the other print, in px of the pages of its scan, which are resized as a whole."""
    other = msmdtools.open(made[1])[piece]
    prints = msmdtools.open(made[0])[piece].prints
    wide = prints["other"].pages[0].shape[1] if "other" in prints else other.pages[0].shape[1]
    scale = wide / other.pages[0].shape[1]
    tables = []
    for frame in (other.measures.copy(), other.noteheads.copy()):
        frame[["x0", "y0", "x1", "y1"]] *= scale
        tables.append(frame)
    return tables[0], tables[1]


def test_every_bar_is_where_it_stands_on_the_scan(made, dataset):
    bars, _ = expected(made, "first")
    found = msmdtools.open(dataset)["first"].prints["other"].measures
    assert found["measure"].tolist() == list(range(BARS["first"]))
    assert found[["page", "system"]].values.tolist() == bars[["page", "system"]].values.tolist()
    for edge in ("x0", "x1"):
        off = np.abs(found[edge].to_numpy() - bars[edge].to_numpy())
        assert off.max() < SPACE / 2
    assert found["confidence"].between(0.5, 1).all()


def test_heads_that_are_found_are_those_of_the_engraving(made, dataset):
    _, heads = expected(made, "first")
    piece = msmdtools.open(dataset)["first"]
    found = piece.prints["other"].noteheads
    truth = heads[["source", "pitch", "page", "system", "x0", "x1", "y0", "y1"]]
    assert len(found) > 0.95 * len(heads)
    joined = found.merge(truth, on=["source", "pitch"], suffixes=("", "_true"))
    assert len(joined) == len(found)
    same = (joined["page"] == joined["page_true"]) & (joined["system"] == joined["system_true"])
    for a, b in (("x0", "x1"), ("y0", "y1")):
        middle, true = joined[a] + joined[b], joined[f"{a}_true"] + joined[f"{b}_true"]
        same &= (middle - true).abs() / 2 < SPACE / 2
    assert same.mean() > 0.97
    # Each has the music of its head of the engraving.
    assert found["pitch"].tolist() == piece.noteheads["pitch"][found["notehead"]].tolist()


def test_the_dataset_is_valid_and_its_engraving_as_before(made, dataset):
    assert faults(dataset) == ()
    piece = msmdtools.open(dataset)["first"]
    assert list(piece.prints) == ["other"] and not len(msmdtools.open(dataset)["second"].prints)
    assert piece.prints["other"].header["alignment"] == "estimated"
    assert len(piece.pages) == piece.header["pages"] and set(piece.systems) == {
        *("piece", "page", "system", "staff", "x0", "y0", "x1", "y1")
    }


def test_a_page_of_a_print_is_drawn_with_its_bars(made, dataset, tmp_path):
    arguments = [
        "show",
        "page",
        str(dataset),
        "first",
        "--page",
        "2",
        "-o",
        str(tmp_path / "a.png"),
    ]
    assert CliRunner().invoke(main, [*arguments, "--print", "other"]).exit_code == 0
    picture = cv2.imread(str(tmp_path / "a.png"))
    page = msmdtools.open(dataset)["first"].prints["other"].pages[1]
    assert picture.shape[1] == 2 * page.shape[1]
    # Paper and ink are grey: what has colour are bars and heads.
    assert (np.ptp(picture[150:], axis=2) > 60).sum() > 5000
    failed = CliRunner().invoke(main, [*arguments, "--print", "othr"])
    assert failed.exit_code == 1 and "no print 'othr'; did you mean other?" in failed.output


def test_the_bars_of_a_print_are_those_of_its_table(made, dataset):
    view = msmdtools.open(dataset)["first"].prints["other"]
    axis = axis_of(view)
    bars = bars_of(view, axis)
    assert bars.measure.tolist() == list(range(BARS["first"]))
    assert (np.diff(bars.begins) > 0).all() and bars.begins[0] == 0
    assert (bars.beats >= bars.begins).all()
    assert bars.number[:3] == ("1", "2", "3")


def test_the_same_command_again_does_nothing(made, dataset, tmp_path):
    scan = scans.write(tmp_path / "other", pages_of(made[1], "first"))
    before = {p: p.stat().st_mtime_ns for p in dataset.rglob("*") if p.is_file()}
    assert msmd("link", scan, "--dataset", dataset, "--piece", "first")["status"] == "there"
    after = {p: p.stat().st_mtime_ns for p in dataset.rglob("*") if p.is_file()}
    assert {p for p in before if before[p] != after[p]} <= {dataset / ".lock"}
    assert set(after) == set(before)


def test_another_file_of_the_same_name_is_refused(made, dataset, tmp_path):
    scan = scans.write(tmp_path / "other", pages_of(made[1], "first")[:1])
    outcome = msmd("link", scan, "--dataset", dataset, "--piece", "first", code=3)
    assert "another file" in outcome["reason"] and "--again" in outcome["reason"]


def test_a_scan_of_another_piece_is_refused_with_figure_and_limit(made, dataset, tmp_path):
    scan = scans.write(tmp_path / "wrong", pages_of(made[1], "second"))
    outcome = msmd("link", scan, "--dataset", dataset, "--piece", "first", code=3)
    assert outcome["status"] == "failed"
    assert (
        "probably not first" in outcome["reason"]
        and "it needs 4 bars with 65%" in outcome["reason"]
    )


def test_a_scan_upside_down_is_turned(made, dataset, tmp_path):
    pages = [np.ascontiguousarray(page[::-1, ::-1]) for page in pages_of(made[1], "second")]
    scan = scans.write(tmp_path / "turned", pages)
    outcome = msmd("link", scan, "--dataset", dataset, "--piece", "second")
    assert outcome["turned"] and outcome["bars"] == BARS["second"] and not outcome["missing"]
    assert faults(dataset, "second") == ()


def test_bars_of_a_missing_page_and_pages_of_other_music_are_noticed(made, dataset, tmp_path):
    bars, _ = expected(made, "first")
    pages = pages_of(made[1], "first")
    assert len(pages) >= 3
    pages = [*pages_of(made[1], "second")[:1], pages[0], *pages[2:]]
    scan = scans.write(tmp_path / "gap", pages)
    outcome = msmd("link", scan, "--dataset", dataset, "--piece", "first")
    assert outcome["missing"] == bars.loc[bars["page"] == 2, "measure"].tolist()
    found = msmdtools.open(dataset)["first"].prints["gap"].measures
    there = bars[bars["page"] != 2]
    assert found["measure"].tolist() == there["measure"].tolist()
    assert found["page"].tolist() == there["page"].replace(1, 2).tolist()


def test_a_pdf_without_music_is_refused(dataset, tmp_path):
    page = np.full((1200, 850), 255, np.uint8)
    for row in range(80, 1100, 40):
        cv2.putText(page, "Words, and no music at all.", (60, row), 0, 1.2, 0, 2)
    from PIL import Image

    Image.fromarray(page).save(tmp_path / "words.pdf")
    arguments = ("--dataset", dataset, "--piece", "first")
    outcome = msmd("link", tmp_path / "words.pdf", *arguments, code=3)
    assert "no staves found" in outcome["reason"] or "probably not first" in outcome["reason"]


def test_a_scan_that_is_too_long_is_refused(made, dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(aligning, "LARGEST", 1000)
    scan = scans.write(tmp_path / "long", pages_of(made[1], "first"))
    outcome = msmd("link", scan, "--dataset", dataset, "--piece", "first", code=3)
    assert "too long to be aligned" in outcome["reason"]
    assert "only those pages that have the piece" in outcome["reason"]


def test_a_table_of_scans_has_an_outcome_for_each(made, dataset, tmp_path):
    scans.write(tmp_path / "other", pages_of(made[1], "first"))
    (tmp_path / "list.csv").write_text(
        "file,piece,name,licence\nother,first,again,CC0-1.0\nabsent.pdf,second,,\n"
    )
    result = CliRunner().invoke(
        main, ["link", str(tmp_path / "list.csv"), "--dataset", str(dataset), "--json", "-q"]
    )
    assert result.exit_code == 3, result.output
    one, other = json.loads(result.stdout)
    assert (one["status"], one["print"]) == ("linked", "again")
    assert other["status"] == "failed" and "no such file" in other["reason"]
    assert msmdtools.open(dataset)["first"].prints["again"].header["licence"] == "CC0-1.0"


def test_a_command_that_is_stopped_leaves_no_half_print(made, dataset, tmp_path, monkeypatch):
    scan = scans.write(tmp_path / "stopped", pages_of(made[1], "second"))
    arguments = ["link", str(scan), "--dataset", str(dataset), "--piece", "second", "--json", "-q"]
    with monkeypatch.context() as patch:

        def stop(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(storing.Storing, "_list", stop)
        assert CliRunner().invoke(main, arguments).exit_code == 130
    assert "stopped" not in msmdtools.open(dataset)["second"].prints
    assert msmd(*arguments[:-2])["status"] == "linked"
    assert faults(dataset, "second") == ()
