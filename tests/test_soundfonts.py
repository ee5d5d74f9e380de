"""The registry, where fonts are looked for, and what is said when one is missing or wrong."""

import hashlib
import io
import os
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from msmdtools.errors import SoundfontError
from msmdtools.perform import soundfonts
from msmdtools.perform.deb import extract_from_deb
from msmdtools.perform.soundfonts import (
    DEFAULT_ORDER,
    default_soundfont,
    find_soundfont,
    registry,
    search_folders,
    soundfont_sha256,
    user_folder,
)

FONT = b"RIFF\x04\x00\x00\x00sfbk"
OTHER = FONT + b"another"


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A registry of two small fonts, and an empty folder that is the only one searched."""
    table = """
    [{name}]
    files = ["{name}.sf2", "{name}-1.sf2"]
    sha256 = "{sha256}"
    size = 12
    licence = "MIT"
    author = "A"
    role = "train"
    package = "{name}-package"
    urls = []
    piano = "none"
    """
    toml = tmp_path / "registry.toml"
    sha256 = hashlib.sha256(FONT).hexdigest()
    names = ("Small", DEFAULT_ORDER[0])
    toml.write_text("".join(table.format(name=n, sha256=sha256) for n in names))
    monkeypatch.setattr(soundfonts, "soundfont_registry", lambda: toml)
    folder = tmp_path / "fonts"
    folder.mkdir()
    monkeypatch.setattr(soundfonts, "search_folders", lambda: [folder])
    registry.cache_clear()
    yield folder
    registry.cache_clear()


def test_every_registered_font_is_fully_described() -> None:
    assert set(registry()) == set(DEFAULT_ORDER)
    for font in registry().values():
        assert re.fullmatch(r"[0-9a-f]{64}", font.sha256), font.name
        assert font.size > 10**6
        assert font.role in ("train", "test")
        assert font.licence and font.author and font.piano
        assert all(file.endswith((".sf2", ".sf3")) for file in font.files)
        assert re.fullmatch(r"[a-z0-9-]+", font.package)
        assert all(u.startswith("https://") and f"/{font.package}_" in u for u in font.urls)
    assert {f.role for f in registry().values()} == {"train", "test"}


def test_the_registered_size_and_sum_are_those_of_the_file(soundfont: Path) -> None:
    assert soundfont.stat().st_size == registry()["TimGM6mb"].size
    assert hashlib.sha256(soundfont.read_bytes()).hexdigest() == registry()["TimGM6mb"].sha256


def test_finds_by_any_of_its_file_names(known: Path) -> None:
    (known / "Small-1.sf2").write_bytes(FONT)
    assert find_soundfont("Small") == known / "Small-1.sf2"


def test_a_path_is_a_name_too(known: Path) -> None:
    (known / "Mine.SF2").write_bytes(OTHER)
    assert find_soundfont(str(known / "Mine.SF2")) == known / "Mine.SF2"
    with pytest.raises(SoundfontError) as error:
        find_soundfont(str(known / "none.sf2"))
    assert str(error.value) == f"{known}/none.sf2: no such soundfont file"


def test_unknown_name_lists_the_known(known: Path) -> None:
    with pytest.raises(SoundfontError) as error:
        find_soundfont("Grand")
    assert str(error.value) == (
        f"unknown soundfont 'Grand': the registry has Small, {DEFAULT_ORDER[0]}; "
        "for another font, give the path of its .sf2 or .sf3 file"
    )


def test_missing_font_says_what_gets_it(known: Path) -> None:
    with pytest.raises(SoundfontError) as error:
        find_soundfont("Small")
    assert str(error.value) == (
        "soundfont Small is not installed: apt install Small-package, or msmd fetch soundfonts "
        f"Small (searched: {known})"
    )


def test_other_content_is_refused_with_both_sums(known: Path) -> None:
    (known / "Small.sf2").write_bytes(OTHER)
    with pytest.raises(SoundfontError) as error:
        find_soundfont("Small")
    assert str(error.value).startswith(f"{known}/Small.sf2 is not the registered Small: ")
    assert hashlib.sha256(OTHER).hexdigest() in str(error.value)
    assert registry()["Small"].sha256 in str(error.value)


def test_a_right_file_in_a_later_folder_is_taken(known: Path, tmp_path: Path) -> None:
    later = tmp_path / "later"
    later.mkdir()
    (known / "Small.sf2").write_bytes(OTHER)
    (later / "Small.sf2").write_bytes(FONT)
    assert find_soundfont("Small", [known, later]) == later / "Small.sf2"


@pytest.mark.parametrize("content", [b"", b"RIFF", b"RIFF\x04\x00\x00\x00WAVE", b"PK\x03\x04zip"])
def test_what_is_no_soundfont_is_refused(known: Path, content: bytes) -> None:
    path = known / "Small.sf2"
    path.write_bytes(content)
    for name in ("Small", str(path)):
        with pytest.raises(SoundfontError) as error:
            find_soundfont(name)
        assert str(error.value) == (
            f"{path} is not a soundfont (an .sf2 or .sf3 file begins RIFF…sfbk)"
        )


def test_the_sum_is_computed_once_until_the_file_changes(
    known: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = known / "Small.sf2"
    path.write_bytes(FONT)
    first = soundfont_sha256(path)
    read: list[str] = []
    digest = hashlib.file_digest

    def counted(file: io.BufferedReader, name: str) -> "hashlib._Hash":
        read.append(name)
        return digest(file, name)

    monkeypatch.setattr(hashlib, "file_digest", counted)
    assert soundfont_sha256(path) == first
    assert read == []
    path.write_bytes(OTHER)
    os.utime(path, ns=(1, 1))
    assert soundfont_sha256(path) == hashlib.sha256(OTHER).hexdigest()
    assert read == ["sha256"]


def test_default_is_the_first_that_is_installed(known: Path) -> None:
    with pytest.raises(
        SoundfontError, match="no soundfont is installed; to get one: apt install TimGM6mb-pa"
    ):
        default_soundfont()
    (known / f"{DEFAULT_ORDER[0]}.sf2").write_bytes(FONT)
    assert default_soundfont() == DEFAULT_ORDER[0]


def test_folders_are_searched_in_the_documented_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MSMD_SOUNDFONTS", "/a:/b")
    monkeypatch.setenv("XDG_DATA_HOME", "/home/data")
    assert user_folder() == Path("/home/data/msmdtools/soundfonts")
    assert search_folders()[:4] == [
        Path("/a"),
        Path("/b"),
        Path("/home/data/msmdtools/soundfonts"),
        Path("/usr/share/sounds/sf2"),
    ]


def deb(*members: tuple[bytes, bytes]) -> bytes:
    parts = [b"!<arch>\n"]
    for name, data in members:
        header = name.ljust(16) + b"0".ljust(12) + b"0".ljust(6) * 2 + b"100644".ljust(8)
        parts += [header, str(len(data)).encode().ljust(10), b"`\n", data, b"\n" * (len(data) % 2)]
    return b"".join(parts)


def tar_xz(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:xz") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return file.getvalue()


def test_a_font_is_unpacked_from_a_debian_package(tmp_path: Path) -> None:
    package = tmp_path / "font.deb"
    data = tar_xz("./usr/share/sounds/sf2/Small.sf2", FONT)
    package.write_bytes(deb((b"debian-binary", b"2.0\n\n"), (b"data.tar.xz", data)))
    extract_from_deb(package, "Small.sf2", tmp_path / "Small.sf2")
    assert (tmp_path / "Small.sf2").read_bytes() == FONT
    with pytest.raises(SoundfontError, match=r"font\.deb has no file Large\.sf2"):
        extract_from_deb(package, "Large.sf2", tmp_path / "Large.sf2")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["Small.sf2", "font.deb"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>not found</html>", "is not a Debian package"),
        (deb((b"debian-binary", b"2.0\n")), "has no data.tar.xz: it is cut short or of another"),
        (deb((b"data.tar.xz", tar_xz("a", bytes(9999))[:80])), "is damaged"),
        (deb((b"data.tar.xz", b"garbage")), "is damaged"),
    ],
)
def test_a_damaged_package_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    package = tmp_path / "font.deb"
    package.write_bytes(content)
    with pytest.raises(SoundfontError) as error:
        extract_from_deb(package, "Small.sf2", tmp_path / "Small.sf2")
    assert str(error.value).startswith(f"{package} {message}")
    assert [p.name for p in tmp_path.iterdir()] == ["font.deb"]
