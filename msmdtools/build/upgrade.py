"""Upgrade the copy of a piece's sources with convert-ly and the corrections, and record the changes.

Only files that were written for an older LilyPond are changed. Each is recorded with its version. Where the
note lengths written in the music are no longer the same, the notes of the source as it stands are counted,
too, so that a difference is reported.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from msmdtools import engrave
from msmdtools.engrave import Engine, Limits
from msmdtools.piece import Piece
from msmdtools.sources.corrections import correct
from msmdtools.sources.tree import SOURCE_SUFFIXES
from msmdtools.sources.versions import (
    parse_version,
    stated_version,
    written_for,
    written_lengths,
)

LEGACY_BEFORE = (2, 25, 4)
"""Files of earlier versions may call functions that `engrave/lilypond/legacy.ily` has."""

_VERSION_LINE = re.compile(r'\\version\s*"[^"]*"\s*')


@dataclass(frozen=True, slots=True)
class Copy:
    """The copy of a piece's sources before the upgrade.

    Attributes:
        folder: the folder of the copy, in the layout of the tree.
        versions: the version that each file was written for, the main file first; "" when unknown.
        texts: the text of each LilyPond file.
    """

    folder: Path
    versions: Mapping[str, str]
    texts: Mapping[str, str]

    @property
    def lilypond_files(self) -> list[Path]:
        """The files for convert-ly."""
        return [self.folder / file for file in self.texts]

    @property
    def legacy(self) -> bool:
        """Whether any file may call functions that LilyPond no longer has."""
        versions = (parse_version(version) for version in self.versions.values())
        return any(version is not None and version < LEGACY_BEFORE for version in versions)


@dataclass(frozen=True, slots=True)
class Upgrade:
    """The changes in the copy of a piece's sources.

    Attributes:
        converted: the files that convert-ly changed, by the version that they were written for, as text.
        correction: the files that were corrected, with the reasons, as text.
        legacy: whether the files may call functions that LilyPond no longer has.
        lengths_differ: whether the note lengths written in the music have changed.
    """

    converted: str = ""
    correction: str = ""
    legacy: bool = False
    lengths_differ: bool = False


NOT_UPGRADED = Upgrade()


def read_copy(folder: Path, piece: Piece) -> Copy:
    """Read the copy of a piece's sources, which are UTF-8 afterwards."""
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    files = [piece.path, *(file for file in names if file != piece.path)]
    lilypond = [path.relative_to(folder).as_posix() for path in _lilypond_files(folder)]
    for file in lilypond:
        engrave.to_utf8(folder / file)
    versions = written_for(folder, files, piece.lilypond)
    return Copy(folder, versions, {file: _text(folder / file) for file in lilypond})


def name_versions(copy: Copy) -> None:
    """Write \\version into the files of a copy that lack it: convert-ly leaves such files alone."""
    for file, text in copy.texts.items():
        if copy.versions[file] and not stated_version(text):
            with_version = f'\\version "{copy.versions[file]}"\n{text}'
            (copy.folder / file).write_bytes(with_version.encode("utf-8", errors="surrogateescape"))


def finish_copy(copy: Copy) -> Upgrade:
    """Apply the corrections to a copy after convert-ly, and return all changes in its files.

    Raises:
        PieceError: stage "source", reason "correction-misses".
    """
    changed: dict[str, list[str]] = {}
    for file, before in copy.texts.items():
        if _compared(before) != _compared(_text(copy.folder / file)):
            changed.setdefault(copy.versions[file], []).append(Path(file).name)
    correction = correct(copy.folder, copy.versions)
    lengths_differ = any(
        (after := _text(copy.folder / file)) != before
        and written_lengths(after) != written_lengths(before)
        for file, before in copy.texts.items()
    )
    converted = "; ".join(f"{version}: {', '.join(names)}" for version, names in changed.items())
    return Upgrade(converted, correction, copy.legacy, lengths_differ)


def music_difference(
    upgraded: Path,
    original: Path,
    piece: Piece,
    *,
    engine: Engine,
    limits: Limits,
    sandbox: bool,
    cache: Path | None = None,
) -> str:
    """Compare the number of notes and the length of the music before and after the upgrade.

    Args:
        upgraded: the copy that was engraved.
        original: another copy, without the upgrade; its files are rewritten as UTF-8.
        piece: the piece.
        engine: the LilyPond that counts.
        limits: limits of each run.
        sandbox: whether to run LilyPond inside bubblewrap.
        cache: folder for fontconfig's cache; None: the user's.

    Returns:
        The difference in words; "" for none, or where LilyPond finds errors in the source as it stands.
    """
    for file in _lilypond_files(original):
        engrave.to_utf8(file)
    counts = []
    for base in (original, upgraded):
        folder = base.with_name(f"{base.name}-counted")
        folder.mkdir()
        count = engrave.count_notes(
            base / piece.path,
            base,
            folder,
            engine=engine,
            include=piece.include_path,
            limits=limits,
            sandbox=sandbox,
            cache=cache,
        )
        if count is None:
            return ""
        counts.append(count)
    before, after = counts
    if before == after:
        return ""
    return f"{after.text()} after the upgrade, {before.text()} as the source stands"


def _lilypond_files(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path.suffix.lower() in SOURCE_SUFFIXES - {".scm"}
    )


def _compared(text: str) -> str:
    """The text without the version and line ends, which convert-ly changes in every file."""
    return _VERSION_LINE.sub("", text).replace("\r\n", "\n").replace("\r", "\n")


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", errors="surrogateescape")
