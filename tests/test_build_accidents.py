"""What is no piece's fault costs no piece: an engraver that is killed, a home that is not writable, old work."""

import os
from pathlib import Path

import build_fakes
import pyarrow.parquet as pq
import pytest

from msmdtools.build import schedule
from msmdtools.build.build import build
from msmdtools.build.options import BuildOptions
from msmdtools.sources import manifest as sources

OPTIONS = BuildOptions(soundfonts=(("Fake", 0),), jobs=1)


@pytest.fixture(autouse=True)
def fakes(monkeypatch):
    for module, name, fake in (*build_fakes.IN_BUILD, *build_fakes.IN_WORKER):
        monkeypatch.setattr(module, name, fake)
    monkeypatch.setattr(schedule, "Pool", build_fakes.InlinePool)


def reasons(dataset):
    found = pq.read_table(dataset / "pieces.parquet").to_pylist()
    return {row["piece"]: (row["status"], row["reason"]) for row in found}


def test_a_piece_whose_engraver_was_killed_is_tried_by_the_next_build(tmp_path):
    texts = {"a": "ok 5", "x": f"killed-once {tmp_path}/seen", "y": "fail"}
    manifest, root = build_fakes.make_tree(tmp_path, texts)
    build(manifest, root, tmp_path / "ds", OPTIONS)
    assert reasons(tmp_path / "ds")["x"] == ("failed", "killed")
    summary = build(manifest, root, tmp_path / "ds", OPTIONS)
    assert (summary.attempted, summary.failed) == (1, 1)
    found = {"a": ("ok", ""), "x": ("ok", ""), "y": ("failed", "syntax-error")}
    assert reasons(tmp_path / "ds") == found


@pytest.mark.parametrize(
    "name",
    [
        "page-01.png",
        "score.pdf",
        "music.json.gz",
        "tables/events.parquet",
        "performances/Fake-000_x1.00/spectrogram.npy",
    ],
)
@pytest.mark.parametrize("cut", [False, True], ids=["removed", "a folder in its place"])
def test_a_piece_of_which_a_file_is_gone_is_made_again(tmp_path, name, cut):
    manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok 5", "b": "ok 4"})
    build(manifest, root, tmp_path / "ds", OPTIONS)
    path = tmp_path / "ds" / "pieces" / "b" / name
    whole = path.read_bytes()
    path.unlink()
    if cut:
        path.mkdir()
    warnings: list[str] = []
    assert build(manifest, root, tmp_path / "ds", OPTIONS, warn=warnings.append).attempted == 1
    assert path.read_bytes() == whole
    assert warnings[0] == (
        f"Files of finished pieces are missing or cut off, such as b/{name}. They are built again: b"
    )
    warnings.clear()
    assert build(manifest, root, tmp_path / "ds", OPTIONS, warn=warnings.append).attempted == 0
    assert warnings == []


def test_a_file_that_is_cut_off_is_seen_and_one_of_another_manifest_is_said(tmp_path):
    first, root = build_fakes.make_tree(tmp_path, {"a": "ok 5"}, "first.csv")
    second, root = build_fakes.make_tree(tmp_path, {"b": "ok 4"}, "second.csv")
    build(first, root, tmp_path / "ds", OPTIONS)
    build(second, root, tmp_path / "ds", OPTIONS)
    path = tmp_path / "ds" / "pieces" / "a" / "page-01.png"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    warnings: list[str] = []
    assert build(second, root, tmp_path / "ds", OPTIONS, warn=warnings.append).attempted == 0
    assert warnings == [
        "Files of pieces that are not to be built now are missing or cut off, such as "
        "a/page-01.png. To mend a, build with their manifest too."
    ]
    assert build(first, root, tmp_path / "ds", OPTIONS, warn=warnings.append).attempted == 1
    assert path.read_bytes() == whole


def test_a_home_that_cannot_be_written_to_is_said_once(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok 5", "b": "ok 4"})
    warnings: list[str] = []
    summary = build(manifest, root, tmp_path / "ds", OPTIONS, warn=warnings.append)
    assert summary.failed == 0
    assert warnings == [
        f"{tmp_path}/file/msmdtools cannot be written to (Not a directory): the list of fonts is "
        "made for this build alone. To keep it, set XDG_CACHE_HOME to a folder that you may write to."
    ]
    assert not (tmp_path / "ds" / ".work").exists()


def test_nested_folders_that_a_killed_build_has_left_are_cleared(tmp_path):
    manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok 5"})
    place = tmp_path / "ds" / ".work"
    place.mkdir(parents=True)
    handle = os.open(place, os.O_RDONLY)
    for _ in range(1100):  # more than a recursion can follow
        os.mkdir("d", dir_fd=handle)
        inner = os.open("d", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = inner
    os.close(handle)
    assert build(manifest, root, tmp_path / "ds", OPTIONS).failed == 0
    assert not place.exists()


def test_a_source_of_a_size_that_no_music_has_is_not_read(tmp_path, monkeypatch):
    manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok 5", "x": "ok 4"})
    monkeypatch.setattr(sources, "MOST_SOURCE_BYTES", 100)
    with open(Path(root) / "x.ly", "ab") as file:
        file.truncate(1000)
    build(manifest, root, tmp_path / "ds", OPTIONS)
    assert reasons(tmp_path / "ds") == {"a": ("ok", ""), "x": ("failed", "missing-source")}
    [row] = pq.read_table(tmp_path / "ds" / "pieces.parquet").slice(1).to_pylist()
    assert "larger than" in row["message"]
