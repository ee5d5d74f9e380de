"""Files get their names when they are whole; what killed processes leave is known by its name."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from msmdtools.base import files


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is done for durability: files and folders written through, names given, in order."""
    made: list[str] = []
    sync, move = os.fsync, os.replace

    def fsync(handle: int) -> None:
        made.append(f"sync {Path(os.readlink(f'/proc/self/fd/{handle}')).name}")
        sync(handle)

    def replace(source: Path, target: Path) -> None:
        made.append(f"name {Path(target).name}")
        move(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    return made


def test_a_file_is_written_through_before_it_gets_its_name(
    tmp_path: Path, calls: list[str]
) -> None:
    files.write_atomically(tmp_path / "a.json", b"1", durable=True)
    assert calls == [f"sync .a.{os.getpid()}.tmp.json", "name a.json", f"sync {tmp_path.name}"]
    calls.clear()
    files.write_atomically(tmp_path / "a.json", b"2")
    assert calls == ["name a.json"]
    assert {path.name for path in tmp_path.iterdir()} == {"a.json"}


def test_a_folder_or_file_made_elsewhere_gets_its_name_durably(
    tmp_path: Path, calls: list[str]
) -> None:
    made, place = tmp_path / "work" / "piece", tmp_path / "pieces"
    made.mkdir(parents=True)
    place.mkdir()
    (made / "x").write_text("new")
    files.put(made, place / "piece")
    assert (place / "piece" / "x").read_text() == "new"
    (tmp_path / "x").write_text("newer")
    files.put(tmp_path / "x", place / "piece" / "x")
    assert (place / "piece" / "x").read_text() == "newer"
    assert calls == ["name piece", "sync pieces", "name x", "sync piece"]


def test_what_failed_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")

    def fail() -> None:
        with files.replacing(tmp_path / "a.txt") as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.txt": "old"}


@pytest.mark.parametrize("name", ["a.json", "page-01.png", "LOCK", "a.tar.gz", ".hidden"])
def test_what_a_killed_process_left_is_known_by_its_name(
    tmp_path: Path, killed_while_writing: Callable[..., set[Path]], name: str
) -> None:
    (left,) = killed_while_writing(tmp_path / name)
    assert files.is_temporary(left.name)
    others = [name, ".lock", ".work", "a.123.tmp", ".a.tmp.json", ".hidden.json"]
    assert not any(map(files.is_temporary, others))
    for other in others:
        (tmp_path / other).touch()
    files.remove_temporaries(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*others}
    files.remove_temporaries(tmp_path / "none")
