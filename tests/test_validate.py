"""Validation finds what is wrong, and nothing where all is well.

Each test spoils one thing in a copy of a sound dataset and expects the check that is for it.
"""

import json
import os
import shutil
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import synthetic_dataset
from click.testing import CliRunner

import msmdtools as msmd
from msmdtools.cli import main
from msmdtools.dataset import checks, evidence, tables
from msmdtools.dataset.validate import validate
from msmdtools.errors import DatasetError, MsmdError

FIRST, SECOND = synthetic_dataset.PIECES
SLOW, FAST = synthetic_dataset.PERFORMANCES_OF
SEEN = "ink in 80 of 80 boxes of note heads; the sound rises at 80 of 80 sampled onsets"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_dataset.make(tmp_path_factory.mktemp("dataset"))


@pytest.fixture
def folder(sound, tmp_path) -> Path:
    return shutil.copytree(sound, tmp_path / "copy")


def found(folder):
    """(check, what, where) of each finding."""
    return [(f.check, f.what, f.where) for f in validate(folder).findings]


def test_a_sound_dataset_has_no_findings(sound):
    report = validate(sound)
    assert report.findings == ()
    assert report.pieces == (FIRST, SECOND)
    assert report.evidence == evidence.Evidence(boxes=80, inked=80, onsets=80, rising=80)
    assert report.to_text() == (f"{sound}: 2 pieces checked, all well; 1 was not built\n{SEEN}")


def test_only_the_pieces_asked_for_are_checked(folder):
    (folder / "pieces" / SECOND / "page-01.png").unlink()
    assert validate(folder, "*first").ok
    assert not validate(folder, "*second").ok
    with pytest.raises(DatasetError, match="no piece matches 'x' \\(there are 2\\)"):
        validate(folder, "x")


def test_worker_processes_find_the_same(folder, monkeypatch):
    monkeypatch.setattr("msmdtools.dataset.validate.CHUNK", 1)
    (folder / "pieces" / FIRST / "page-01.png").unlink()
    seen = []
    parallel = validate(folder, jobs=2, progress=lambda *told: seen.append(told))
    assert parallel == validate(folder)
    assert seen == [("pieces", 1, 2), ("pieces", 2, 2)]


def _die(task):
    os._exit(9)


def test_a_killed_worker_is_an_error_with_the_cure(sound, monkeypatch):
    monkeypatch.setattr("msmdtools.dataset.validate.CHUNK", 1)
    monkeypatch.setattr("msmdtools.dataset.validate._check_chunk", _die)
    with pytest.raises(MsmdError, match=r"a worker process was killed .* --jobs 1"):
        validate(sound, jobs=2)


def test_files_missing_altered_truncated_and_unknown(folder):
    piece = folder / "pieces" / FIRST
    (piece / "score.pdf").unlink()
    midi = piece / "performances" / SLOW / "performance.mid"
    content = midi.read_bytes()
    midi.write_bytes(content[:-1] + b"\x01")
    picture = piece / "page-02.png"
    size = picture.stat().st_size
    picture.write_bytes(picture.read_bytes()[:100])
    (piece / "notes.txt").write_text("mine")
    (folder / "pieces" / "Stranger").mkdir()
    result = found(folder)
    assert ("files", "folder of a piece that was not built", "pieces/Stranger") in result
    assert ("files", "is missing", "score.pdf") in result
    assert ("files", f"has 100 bytes, not {size}", "page-02.png") in result
    assert ("files", "is not in the files table", "notes.txt") in result
    altered = "is not the file that was written (sha256)"
    assert ("files", altered, f"performances/{SLOW}/performance.mid") in result
    assert any(where == "page 2" and "is damaged" in what for _, what, where in result)


def test_a_schema_that_differs_is_reported_alone(folder):
    file = folder / "systems.parquet"
    table = pq.read_table(file)
    pq.write_table(table.drop_columns(["y1"]), file)
    assert found(folder) == [("schema", "lacks y1", "systems.parquet")]


def test_a_dataset_without_bars_is_told_so_and_checked(folder):
    synthetic_dataset.without_measures(folder)
    what = "is missing: an earlier version built the dataset; run the same msmd build again"
    assert found(folder) == [("schema", what, "measures.parquet")]
    (folder / "pieces" / FIRST / "score.pdf").unlink()
    assert ("files", "is missing", "score.pdf") in found(folder)


def test_a_kind_of_alignment_that_is_none(folder):
    synthetic_dataset.edit(folder, "performances", lambda rows: rows[0].update(alignment="sure"))
    what = "alignment is 'sure', not exact or matched or annotated or estimated"
    assert found(folder) == [("counts", what, "Sine-000_x1.00")]


def test_a_type_and_a_unit_that_differ():
    schema = tables.FILES.arrow_schema()
    field = schema.field("bytes").with_type(pa.int32()).with_metadata({"unit": "kilobytes"})
    spoilt = schema.set(2, field)
    assert [f.what for f in checks.check_schema(tables.FILES, spoilt)] == [
        "bytes is int32, not int64",
        "bytes has the unit 'kilobytes', not 'bytes'",
    ]


def _set(number, **values):
    """A change of one row of the noteheads or events table of the first piece."""

    def change(rows):
        rows[number].update(values)

    return change


@pytest.mark.parametrize(
    ("table", "change", "expected"),
    [
        ("noteheads", lambda rows: rows.reverse(), {"keys", "places"}),
        ("noteheads", lambda rows: rows.pop(), {"counts"}),
        ("pieces", _set(0, tied=7), {"counts"}),
        ("pieces", _set(0, upgrade_difference="3 notes, 4 as it stands"), {"upgrade"}),
        ("performances", _set(0, frames=9), {"spectrogram"}),
        ("performances", _set(0, duration_s=10.0), {"events", "spectrogram"}),
        ("performances", _set(0, midi_sha256="0"), {"files"}),
        ("systems", _set(1, y0=50.0), {"systems"}),
        ("systems", _set(2, y0=100.0), {"systems"}),
        ("systems", _set(1, staff=3), {"systems", "places"}),
        ("systems", _set(0, x1=999.0), {"boxes"}),
        ("noteheads", _set(0, x1=20.0), {"boxes", "ink"}),
        ("noteheads", _set(0, staff=5), {"places"}),
        ("noteheads", _set(0, role="sung"), {"roles", "counts", "alignment"}),
        ("noteheads", _set(0, onset_fraction="1/3"), {"roles"}),
        ("noteheads", _set(0, reason="cue"), {"roles"}),
        ("noteheads", _set(0, events=[1, 2]), {"roles", "alignment"}),
        ("noteheads", _set(0, grace_quarters=0.5), {"roles"}),
        ("noteheads", _set(11, tied_to=0), {"ties"}),
        ("noteheads", _set(11, event=0, events=[0]), {"ties"}),
        ("noteheads", _set(0, pitch=71), {"alignment"}),
        ("noteheads", _set(0, event=2, events=[2]), {"alignment"}),
        ("noteheads", _set(0, event=99, events=[99]), {"alignment"}),
        (
            "noteheads",
            _set(4, onset_quarters=9.5, onset_fraction="19/2"),
            {"alignment", "measures"},
        ),
        ("events", _set(0, heads=2), {"alignment"}),
        ("events", _set(0, reason="tremolo"), {"events"}),
        ("events", _set(0, heads=0), {"events", "counts", "alignment"}),
        ("events", _set(0, offset_s=99.0), {"events"}),
        ("events", _set(3, onset_s=0.2), {"events", "alignment"}),
        ("events", _set(0, velocity=0), {"events"}),
        ("events", _set(0, pitch=71), {"events", "alignment"}),
        ("events", _set(0, part=1), {"counts"}),
        ("noteheads", _set(0, part=1), {"counts"}),
        ("parts", _set(0, events=1), {"counts"}),
        ("parts", lambda rows: rows.pop(0), {"counts"}),
        ("measures", _set(0, x1=200.0), {"measures"}),
        ("measures", _set(0, x1=500.0), {"boxes", "measures"}),
        ("measures", _set(1, x0=150.0), {"measures"}),
        ("measures", _set(1, measure=7), {"keys", "counts", "measures"}),
        ("measures", _set(0, duration_quarters=3.0, duration_fraction="3"), {"measures"}),
        ("measures", _set(0, onset_fraction="1/3"), {"measures"}),
        ("measures", _set(1, onset_fraction="three"), {"measures"}),
        ("measures", _set(0, plays=-1), {"measures"}),
        ("measures", _set(0, page=2), {"measures"}),
        ("measures", lambda rows: rows.pop(1), {"counts", "measures"}),
        ("noteheads", _set(3, onset_quarters=4.0, onset_fraction="4"), {"measures", "alignment"}),
    ],
)
def test_each_rule_of_the_tables_has_its_check(folder, table, change, expected):
    synthetic_dataset.edit(folder, table, change)
    assert {check for check, _, _ in found(folder)} == expected


def test_a_head_outside_of_the_bar_of_its_time_is_named(folder):
    synthetic_dataset.edit(folder, "measures", _set(0, x1=100.0))
    synthetic_dataset.edit(folder, "measures", _set(1, x0=100.0))
    assert found(folder) == [
        ("measures", "does not stand in the bar that holds its onset", f"notehead {n}, measure 0")
        for n in (2, 3, 4)
    ]


def test_a_grace_note_may_stand_in_the_bar_that_ends_with_its_onset(folder):
    late = "does not stand in the bar that holds its onset"
    synthetic_dataset.edit(folder, "noteheads", _set(3, onset_quarters=4.0, onset_fraction="4"))
    assert ("measures", late, "notehead 3, measure 1") in found(folder)
    synthetic_dataset.edit(folder, "noteheads", _set(3, grace=True))
    assert "measures" not in {check for check, _, _ in found(folder)}


def test_a_table_out_of_order_or_with_strangers(folder):
    synthetic_dataset.edit(folder, "systems", lambda rows: rows.sort(key=lambda r: r["system"]))
    assert ("keys", "not sorted by piece", "systems.parquet") in found(folder)


@pytest.mark.parametrize(("dx", "dy"), [(2, 0), (-2, 0), (0, 2), (0, -2), (40, 0), (3, 3)])
def test_boxes_beside_their_heads_are_found(folder, dx, dy):
    def shift(rows):
        for row in rows:
            row.update({"x0": row["x0"] + dx, "x1": row["x1"] + dx})
            row.update({"y0": row["y0"] + dy, "y1": row["y1"] + dy})

    synthetic_dataset.edit(folder, "noteheads", shift)
    assert {check for check, _, _ in found(folder)} >= {"ink"}


def test_one_box_without_ink_is_named(folder):
    synthetic_dataset.edit(folder, "noteheads", _set(3, x0=100.0, x1=111.0, y0=200.0, y1=207.0))
    report = validate(folder)
    what = "no ink in the box (darkness 0.00)"
    assert report.findings == (checks.Finding(FIRST, "ink", what, "notehead 3, page 1"),)
    assert (report.evidence.boxes, report.evidence.inked) == (80, 79)


def test_darkness_is_the_exact_mean_over_parts_of_pixels():
    page = np.full((4, 4), 255, np.uint8)
    page[1, 1] = 0
    boxes = np.array(
        [[1, 1, 2, 2], [0, 0, 4, 4], [1.5, 1, 2.5, 2], [1.25, 1.5, 1.75, 2.5], [3, 3, 5, 5]]
    )
    np.testing.assert_allclose(evidence.darkness(page, boxes), [1, 1 / 16, 0.5, 0.5, 0])


@pytest.mark.parametrize(
    ("frames", "what"),
    [
        (-4, "the sound is 0.20 s early"),
        (-2, "the sound is 0.10 s early"),
        (4, "the sound is 0.20 s late"),
        (22, "sampled onsets without a rise of energy"),
    ],
)
def test_a_spectrogram_that_is_early_or_late_is_found(sound, frames, what):
    piece = msmd.open(sound)[FIRST]
    events, spectrogram = piece.events(), piece.spectrogram()
    assert list(evidence.check_onsets(FIRST, SLOW, events, spectrogram, Counter())) == []
    shifted = np.roll(spectrogram, frames, axis=1)
    findings = list(evidence.check_onsets(FIRST, SLOW, events, shifted, Counter()))
    assert {finding.check for finding in findings} == {"onsets"}
    assert any(what in finding.what for finding in findings)


def test_the_spectrogram_of_another_piece_is_found(sound):
    first, second = msmd.open(sound).values()
    findings = list(
        evidence.check_onsets(FIRST, FAST, first.events(FAST), second.spectrogram(SLOW), Counter())
    )
    assert {finding.check for finding in findings} == {"onsets"}


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((92, 360), np.float32), "float32 of shape (92, 360), not float16 of (92, 360)"),
        (np.zeros((91, 360), np.float16), "float16 of shape (91, 360), not float16 of (92, 360)"),
        (np.full((92, 360), np.nan, np.float16), "has values that are no magnitudes"),
    ],
)
def test_a_spectrogram_of_another_form(folder, array, words):
    file = f"performances/{SLOW}/spectrogram.npy"
    np.save(folder / "pieces" / FIRST / file, array)
    assert ("spectrogram", words, file) in found(folder)


def test_a_page_of_another_width(folder):
    path = folder / "pieces" / FIRST / "page-01.png"
    cv2.imwrite(str(path), np.full((500, 419), 255, np.uint8))
    assert ("files", "the page is 419 px wide, not 420", "page 1") in found(folder)


def test_the_command_prints_the_findings_by_piece_and_exits_with_3(folder):
    synthetic_dataset.edit(folder, "pieces", _set(0, tied=7))
    result = CliRunner().invoke(main, ["validate", str(folder), "--jobs", "1"])
    assert result.exit_code == 3
    assert result.stdout == (
        "piece          check   what                                  where\n"
        f"{FIRST}  counts  tied: 7 in the pieces table, 1 found  pieces.parquet\n\n"
        f"{folder}: 2 pieces checked, 1 with findings (counts 1); 1 was not built\n{SEEN}\n"
    )


def test_the_command_prints_json(sound, folder):
    result = CliRunner().invoke(main, ["validate", str(sound), "--json", "--jobs", "1"])
    assert result.exit_code == 0
    seen = {"boxes": 80, "inked": 80, "onsets": 80, "rising": 80}
    counts = {"dataset": str(sound), "ok": True, "pieces": 2, "failed": 1, "evidence": seen}
    assert json.loads(result.stdout) == counts | {"findings": []}
    synthetic_dataset.edit(folder, "pieces", _set(0, tied=7))
    result = CliRunner().invoke(main, ["validate", str(folder), "--json", "--jobs", "1"])
    assert result.exit_code == 3
    finding = {"piece": FIRST, "check": "counts", "where": "pieces.parquet"}
    (reported,) = json.loads(result.stdout)["findings"]
    assert reported == finding | {"what": "tied: 7 in the pieces table, 1 found"}


def test_the_command_says_what_is_no_dataset_and_exits_with_1(folder, tmp_path):
    result = CliRunner().invoke(main, ["validate", str(tmp_path / "nothing")])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {tmp_path / 'nothing'}: no such folder")
    file = folder / "events.parquet"
    file.write_bytes(file.read_bytes()[:-9])
    result = CliRunner().invoke(main, ["validate", str(folder)])
    assert result.exit_code == 1
    assert f"{file} is damaged" in result.stderr
