"""What a build does where the disk is full, or the folder cannot be used."""

import errno
import os
import subprocess
from pathlib import Path

import build_fakes
import pytest
from build_fakes import OPTIONS, content

from msmdtools.base import lock
from msmdtools.build import schedule, store, worker
from msmdtools.build.build import build
from msmdtools.dataset import records
from msmdtools.errors import DatasetError


@pytest.fixture(autouse=True)
def fakes(monkeypatch):
    for module, name, fake in (*build_fakes.IN_BUILD, *build_fakes.IN_WORKER):
        monkeypatch.setattr(module, name, fake)
    monkeypatch.setattr(schedule, "Pool", build_fakes.InlinePool)


def test_a_full_disk_stops_the_build_and_harms_nothing(tmp_path):
    manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok 100", "b": "full", "c": "ok"})
    with pytest.raises(
        DatasetError, match=r"^No space is left on the disk of .*/ds\. The finished"
    ):
        build(manifest, root, tmp_path / "ds", OPTIONS)
    assert set(records.read_records(tmp_path / "ds")) == {"a"}  # the longest came first
    assert not (tmp_path / "ds" / lock.WORK).exists()
    build_fakes.make_tree(tmp_path, {"a": "ok 100", "b": "ok 2", "c": "ok"})
    assert build(manifest, root, tmp_path / "ds", OPTIONS).totals["ok"] == 3


def test_a_piece_that_fails_on_a_full_disk_is_not_blamed(tmp_path, monkeypatch):
    manifest, root = build_fakes.make_tree(tmp_path, {"x": "fail"})
    monkeypatch.setattr(worker, "FULL_DISK_BYTES", 1 << 60)
    with pytest.raises(DatasetError, match="No space is left"):
        build(manifest, root, tmp_path / "ds", OPTIONS)
    assert records.read_records(tmp_path / "ds") == {}


@pytest.mark.parametrize(("where", "name"), [(os, "replace"), (os, "fsync"), (store, "put")])
def test_a_disk_full_in_the_process_that_builds(tmp_path, monkeypatch, where, name):
    manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok"})

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(where, name, full)
        with pytest.raises(DatasetError, match="No space is left"):
            build(manifest, root, tmp_path / "ds", OPTIONS)
    assert build(manifest, root, tmp_path / "ds", OPTIONS).totals["ok"] == 1


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(folder)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("making a small disk needs root and the right to mount")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_really_full(tmp_path, small_disk):
    manifest, root = build_fakes.make_tree(
        tmp_path, {f"p{i:02d}": f"ok {50 * i}" for i in range(30)}
    )
    with pytest.raises(DatasetError, match="No space is left"):
        build(manifest, root, small_disk / "ds", OPTIONS)
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    assert 0 < len(records.read_records(small_disk / "ds")) < 30
    build(manifest, root, small_disk / "ds", OPTIONS)
    build(manifest, root, tmp_path / "whole", OPTIONS)
    assert content(small_disk / "ds") == content(tmp_path / "whole")


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok"})

    def read_only(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), "here")

    monkeypatch.setattr(Path, "mkdir", read_only)
    with pytest.raises(DatasetError) as caught:
        build(manifest, root, tmp_path / "ds", OPTIONS)
    assert str(caught.value) == (
        f"{tmp_path / 'ds'} cannot be written to (here: read-only file system). "
        "Give a folder that you may write to with --out."
    )


def test_a_file_in_the_place_of_the_folder(tmp_path):
    manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok"})
    (tmp_path / "ds").write_text("mine")
    with pytest.raises(DatasetError, match=r"ds is a file: give a folder with --out$"):
        build(manifest, root, tmp_path / "ds", OPTIONS)
    assert (tmp_path / "ds").read_text() == "mine"


def test_a_folder_that_is_something_else(tmp_path):
    manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok"})
    (tmp_path / "ds").mkdir()
    (tmp_path / "ds" / "thesis.tex").touch()
    with pytest.raises(
        DatasetError, match=r"ds is not a dataset, and not empty \(it has thesis\.tex\)"
    ):
        build(manifest, root, tmp_path / "ds", OPTIONS)
