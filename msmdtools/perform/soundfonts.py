"""The soundfonts of the registry, and where they lie on this machine.

The registry is soundfonts/registry.toml. A font is only used when its content is the registered one: a
dataset must record the font that it was made with, and a synthesizer plays a wrong file without complaint.
"""

import os
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from msmdtools.base.files import file_sha256
from msmdtools.base.resources import soundfont_registry
from msmdtools.errors import SoundfontError

SYSTEM_FOLDERS = (
    Path("/usr/share/sounds/sf2"),
    Path("/usr/share/sounds/sf3"),
    Path("/usr/share/soundfonts"),
    Path("/usr/local/share/soundfonts"),
    Path("/opt/homebrew/share/soundfonts"),
)

# The order of `default_soundfont`: the smallest first, as it is the one that an installation most
# probably has, and the test font last, as training data must not be played with it.
DEFAULT_ORDER = ("TimGM6mb", "GMbank", "MuseScore_General_Lite", "FluidR3_GM")


@dataclass(frozen=True, slots=True)
class Soundfont:
    """A soundfont of the registry.

    Attributes:
        name: its name in the registry.
        files: file names under which it is distributed.
        sha256: checksum of the file.
        size: size of the file, in bytes.
        licence: SPDX identifier, or the licence's name.
        author: its author.
        role: "train" or "test".
        package: the Debian package that holds it.
        urls: Debian packages (.deb) to unpack it from, on systems without apt.
        piano: the samples that its piano is made of.
    """

    name: str
    files: tuple[str, ...]
    sha256: str
    size: int
    licence: str
    author: str
    role: str
    package: str
    urls: tuple[str, ...]
    piano: str

    @property
    def cure(self) -> str:
        """How to get it, in a few words for an error message."""
        return f"apt install {self.package}, or msmd fetch soundfonts {self.name}"


@cache
def registry() -> dict[str, Soundfont]:
    """All registered soundfonts by name, in the order of the registry."""
    tables = tomllib.loads(soundfont_registry().read_text(encoding="utf-8"))
    return {
        name: Soundfont(
            **{"name": name, **table, "files": tuple(table["files"]), "urls": tuple(table["urls"])}
        )
        for name, table in tables.items()
    }


def user_folder() -> Path:
    """The folder for fetched soundfonts: $XDG_DATA_HOME/msmdtools/soundfonts."""
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(home) / "msmdtools" / "soundfonts"


def search_folders() -> list[Path]:
    """The folders that are searched, in order: $MSMD_SOUNDFONTS, the user's, the system's."""
    configured = [Path(f) for f in os.environ.get("MSMD_SOUNDFONTS", "").split(os.pathsep) if f]
    return [*configured, user_folder(), *SYSTEM_FOLDERS]


def find_soundfont(name: str, folders: Iterable[Path] | None = None) -> Path:
    """Find the file of a soundfont, and verify its content.

    Args:
        name: a name of the registry, or the path of an .sf2 or .sf3 file.
        folders: folders to search instead of `search_folders()`.

    Returns:
        The soundfont file.

    Raises:
        SoundfontError: the name is unknown, the font is not installed, the file has other content than the
            registered one, or is not a soundfont.
    """
    if name.lower().endswith((".sf2", ".sf3")):
        path = Path(name).expanduser()
        if not path.is_file():
            raise SoundfontError(f"{path}: no such soundfont file")
        _check_header(path)
        return path
    if name not in registry():
        names = ", ".join(registry())
        raise SoundfontError(
            f"unknown soundfont {name!r}: the registry has {names}; "
            "for another font, give the path of its .sf2 or .sf3 file"
        )
    font = registry()[name]
    folders = list(search_folders() if folders is None else folders)
    candidates = [folder / file for folder in folders for file in font.files]
    mismatch: SoundfontError | None = None
    for path in candidates:
        if path.is_file():
            try:
                verify(font, path)
            except SoundfontError as error:
                mismatch = mismatch or error
            else:
                return path
    if mismatch:
        raise mismatch
    searched = ", ".join(str(folder) for folder in folders)
    raise SoundfontError(f"soundfont {name} is not installed: {font.cure} (searched: {searched})")


def default_soundfont() -> str:
    """The name of the first installed soundfont of `DEFAULT_ORDER`.

    Raises:
        SoundfontError: none of them is installed.
    """
    for name in DEFAULT_ORDER:
        try:
            find_soundfont(name)
        except SoundfontError:
            continue
        return name
    smallest = registry()[DEFAULT_ORDER[0]]
    raise SoundfontError(f"no soundfont is installed; to get one: {smallest.cure}")


def verify(font: Soundfont, path: Path) -> None:
    """Check that a file is that of a registered soundfont.

    Raises:
        SoundfontError: it is not a soundfont, or another one; the message has both checksums.
    """
    _check_header(path)
    actual = soundfont_sha256(path)
    if actual != font.sha256:
        raise SoundfontError(
            f"{path} is not the registered {font.name}: its sha256 is {actual}, that of the "
            f"registered font {font.sha256}. Get that font ({font.cure}), or name this file by its path"
        )


def soundfont_sha256(path: Path) -> str:
    """The sha256 of a soundfont file, computed once per process while the file does not change."""
    status = path.stat()
    return _sha256(path.resolve(), status.st_size, status.st_mtime_ns)


@cache
def _sha256(path: Path, _size: int, _mtime_ns: int) -> str:
    return file_sha256(path)


def _check_header(path: Path) -> None:
    try:
        with path.open("rb") as file:
            header = file.read(12)
    except OSError as error:
        raise SoundfontError(f"{path}: cannot be read ({error.strerror})") from error
    if header[:4] != b"RIFF" or header[8:] != b"sfbk":
        raise SoundfontError(f"{path} is not a soundfont (an .sf2 or .sf3 file begins RIFF…sfbk)")
