"""A dataset grows: performances, audio and pieces are added, and what is there stays."""

import json
import shutil

import build_fakes
import pyarrow.parquet as pq
import pytest

from msmdtools.build import additions, schedule, worker
from msmdtools.build.build import build
from msmdtools.build.options import BuildOptions
from msmdtools.build.summary import format_summary
from msmdtools.dataset import music_file, reader, records
from msmdtools.errors import DatasetError
from msmdtools.score import Music, Note, PedalChange, TempoChange

SOURCES = {"a": "ok 5", "b": "ok 40", "x": "fail"}
PROGRAMS = (("Fake", 0), ("Fake", 6))


def options(tempi=(1.0,), fonts=(("Fake", 0),), **more):
    return BuildOptions(soundfonts=fonts, tempi=tempi, jobs=1, **more)


ALL = options((0.5, 1.0), PROGRAMS, keep_audio=True)


@pytest.fixture(autouse=True)
def fakes(monkeypatch):
    for module, name, fake in (*build_fakes.IN_BUILD, *build_fakes.IN_WORKER):
        monkeypatch.setattr(module, name, fake)
    monkeypatch.setattr(schedule, "Pool", build_fakes.InlinePool)


def content(dataset):
    """All that must be the same however a dataset was built."""
    return {
        str(path.relative_to(dataset)): path.read_bytes()
        for path in sorted(dataset.rglob("*"))
        if path.is_file() and path.name not in {".lock", "build.jsonl"}
    }


def names(dataset, piece):
    return list(reader.open(dataset)[piece].performances.index)


@pytest.mark.parametrize(
    "steps",
    [
        [options((1.0,)), options((0.5,)), options((0.5, 1.0), (("Fake", 6),), keep_audio=True)],
        [options((0.5, 1.0), keep_audio=True), ALL],
        [options((0.5, 1.0), PROGRAMS), options((1.0,), keep_audio=True)],
    ],
    ids=["tempi, a font with audio", "a font beside audio", "audio alone"],
)
def test_grown_is_the_same_as_built_at_once(tmp_path, monkeypatch, steps):
    manifest, root = build_fakes.make_tree(tmp_path, SOURCES)
    build(manifest, root, tmp_path / "whole", ALL)
    first, *others = steps
    build(manifest, root, tmp_path / "ds", first)
    monkeypatch.setattr(worker, "make_piece", None)  # nothing is engraved again
    shutil.rmtree(root)
    root.mkdir()
    for step in others:
        summary = build(manifest, root, tmp_path / "ds", step)
        assert (summary.attempted, summary.added, summary.failed) == (0, 2, 1)
    assert content(tmp_path / "ds") == content(tmp_path / "whole")
    assert "  2 pieces got what the dataset lacked" in format_summary(summary).replace(".", " ")


def test_what_is_there_stays_and_new_pieces_get_it(tmp_path):
    first, root = build_fakes.make_tree(tmp_path, {"a": "ok 5"}, "first.csv")
    second, root = build_fakes.make_tree(tmp_path, {"b": "ok 7"}, "second.csv")
    build(first, root, tmp_path / "ds", options((0.5, 1.0), keep_audio=True))
    summary = build(second, root, tmp_path / "ds", options((2.0,)))
    assert (summary.attempted, summary.added) == (1, 1)
    everything = [f"Fake-000_x{tempo}" for tempo in ("0.50", "1.00", "2.00")]
    assert names(tmp_path / "ds", "a") == names(tmp_path / "ds", "b") == everything
    for piece in ("a", "b"):
        assert all(reader.open(tmp_path / "ds")[piece].performances["audio_sha256"])
    summary = build(first, root, tmp_path / "ds", options((1.0,)))  # fewer take nothing away
    assert (summary.attempted, summary.added) == (0, 0)
    assert names(tmp_path / "ds", "a") == everything


def test_velocities_are_added(tmp_path):
    manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok 5"})
    build(manifest, root, tmp_path / "ds", options())
    build(manifest, root, tmp_path / "ds", options(velocity=None))
    assert names(tmp_path / "ds", "a") == ["Fake-000_x1.00", "Fake-000_x1.00_vsource"]


@pytest.mark.slow
def test_killed_at_any_moment_growth_goes_on(tmp_path, monkeypatch):
    """Stop before each change of a name on the disk in turn; what is there is whole at any time."""
    manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok", "b": "fail", "c": "ok 2"})
    first, everything = options((1.0,)), options((0.5, 1.0), keep_audio=True)
    build(manifest, root, tmp_path / "whole", everything)
    build(manifest, root, tmp_path / "small", first)
    whole, small = content(tmp_path / "whole"), content(tmp_path / "small")

    for stop in range(1, 200):
        out = tmp_path / f"stopped-{stop}"
        shutil.copytree(tmp_path / "small", out)
        with build_fakes.killed_at_rename(stop) as killed:
            build(manifest, root, out, everything)
        if not killed:
            break
        for piece, record in records.read_records(out).items():  # all that was there is there
            assert not record.ok or additions.performed(record) >= {"Fake-000_x1.00"}
            for row in record.files:
                assert (
                    content(out / "pieces" / piece)[row["file"]]
                    == (whole[f"pieces/{piece}/{row['file']}"])
                )
        if stop % 2:
            build(manifest, root, out, everything)
            assert content(out) == whole
        else:  # another command than the one that was killed: nothing is in its way
            grown = any(
                len(additions.performed(r)) > 1 for r in records.read_records(out).values() if r.ok
            )
            build(manifest, root, out, first)
            assert grown or content(out).keys() >= small.keys()
            build(manifest, root, out, everything)
            assert content(out) == whole
        shutil.rmtree(out)
    assert stop > 18


def test_a_piece_that_cannot_be_performed_keeps_what_it_has(tmp_path):
    manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok 5", "b": "ok 9"})
    build(manifest, root, tmp_path / "ds", options())
    before = content(tmp_path / "ds" / "pieces" / "a")
    summary = build(manifest, root, tmp_path / "ds", options(fonts=(("Fake", 106),)))
    assert summary.lacking == ("a: no drums",)
    assert content(tmp_path / "ds" / "pieces" / "a") == before
    assert names(tmp_path / "ds", "b") == ["Fake-000_x1.00", "Fake-106_x1.00"]
    assert format_summary(summary).endswith(
        "1 piece could not get it and are as before:\n  a: no drums"
    )
    entry = json.loads((tmp_path / "ds" / "build.jsonl").read_text().splitlines()[-1])
    assert entry["status"] in {"ok", "failed"}


def test_an_addition_that_no_piece_can_have_leaves_no_trace(tmp_path):
    manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok 5"})
    build(manifest, root, tmp_path / "ds", options())
    before = content(tmp_path / "ds")
    assert build(manifest, root, tmp_path / "ds", options(fonts=(("Fake", 106),))).lacking
    assert content(tmp_path / "ds") == before


def test_pieces_whose_tables_lack_a_column_get_performances(tmp_path):
    manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok 5", "b": "ok 9"})
    build(manifest, root, tmp_path / "new", options((1.0, 0.5)))
    ds = tmp_path / "ds"
    build(manifest, root, ds, options())
    for table in ds.rglob("performances.parquet"):  # as a version wrote it that knew no alignment
        pq.write_table(pq.read_table(table).drop_columns(["alignment"]), table)
    build(manifest, root, ds, options((0.5,)))
    assert content(ds) == content(tmp_path / "new")


def test_a_dataset_of_an_earlier_version_is_engraved_again(tmp_path):
    manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok 5", "b": "ok 9"})
    other, _ = build_fakes.make_tree(tmp_path, {"c": "ok 4"}, "other.csv")
    ds = tmp_path / "ds"
    build(manifest, root, ds, options((1.0, 0.5)))
    build(other, root, ds, options((1.0, 0.5)))
    whole = content(ds)
    for path in (ds / "pieces").glob("*/piece.json"):  # as that version wrote it
        record = json.loads(path.read_text())
        del record["checksum"]
        record["files"] = [row for row in record["files"] if row["file"] != "music.json.gz"]
        path.write_text(json.dumps(record))
        (path.parent / "music.json.gz").unlink()
    description = json.loads((ds / "dataset.json").read_text())
    del description["checksum"]
    description["options"] = {
        "tempi": [1.0, 0.5], "soundfonts": ["Fake:0"], "velocity": 64, "width": 835,
        "keep_audio": False, "repeats": "written",
    }  # fmt: skip
    description |= {"msmdtools": "0.0", "format": 1}
    (ds / "dataset.json").write_text(json.dumps(description))
    with pytest.raises(DatasetError, match=r"format 1, .* give the same msmd build again"):
        reader.open(ds)
    said = []
    with pytest.raises(DatasetError, match="has 1 piece from an earlier version of msmdtools"):
        build(manifest, root, ds, options((1.0,)), warn=said.append)
    assert said == [
        "2 pieces will be engraved again: an earlier version of msmdtools, which built them, did not "
        "record all that this one does"
    ]
    build(other, root, ds, options((1.0,)))
    assert content(ds) == whole


def test_a_dataset_without_bars_gets_them_from_the_same_build(tmp_path):
    manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok 5", "b": "fail"})
    ds = tmp_path / "ds"
    build(manifest, root, ds, options())
    whole = content(ds)
    for path in (*(ds / "pieces").glob("*/piece.json"), *(ds / "failed").glob("*.json")):
        record = json.loads(path.read_text())
        del record["checksum"], record["row"]["measures"]
        path.write_text(json.dumps(record))
    for path in ds.rglob("measures.parquet"):
        path.unlink()
    said = []
    build(manifest, root, ds, options(), warn=said.append)
    assert said == [
        "2 pieces will be engraved again: an earlier version of msmdtools, which built them, did not "
        "record all that this one does"
    ]
    assert content(ds) == whole


def test_written_music_is_read_as_it_was():
    notes = tuple(
        Note(i * 7, i * 7 + 3, 60 + i, 1 + i, i % 3, i % 2 == 0, i % 2, "ä\n" * i) for i in range(5)
    )
    music = Music(notes, (TempoChange(0, 500_001),), (PedalChange(3, 1, 127),))
    assert music_file.from_bytes(music_file.to_bytes(music)) == music
    empty = Music((), (), ())
    assert music_file.from_bytes(music_file.to_bytes(empty)) == empty
    for damaged in (
        b"",
        b"{}",
        music_file.to_bytes(music)[:-9],
        music_file.to_bytes(music)[:30] + b"0",
    ):
        with pytest.raises(ValueError, match=r"it is not JSON|cannot be read|it lacks"):
            music_file.from_bytes(damaged)


def test_damaged_written_music_is_named(tmp_path):
    manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok 5"})
    build(manifest, root, tmp_path / "ds", options())
    path = tmp_path / "ds" / "pieces" / "a" / "music.json.gz"
    path.write_bytes(bytes(path.stat().st_size))  # as long as it was: a build does not see it
    with pytest.raises(DatasetError, match=r"music\.json\.gz is damaged \(.*\): remove "):
        build(manifest, root, tmp_path / "ds", options((0.5,)))
    shutil.rmtree(path.parent)
    build(manifest, root, tmp_path / "ds", options((0.5, 1.0)))
    build(manifest, root, tmp_path / "fresh", options((0.5, 1.0)))
    assert content(tmp_path / "ds") == content(tmp_path / "fresh")
