"""Find the encoded scores below a folder, all but LilyPond's, and describe each by what it says of itself.

Every file of a format in `msmdtools.sources.formats` is a piece, and so is every tune of an ABC file. The edition
of a piece is its file without the suffix, so that forms of the same music in one folder belong together.
"""

import functools
import os
import posixpath
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from msmdtools.base.files import file_sha256
from msmdtools.errors import PieceError
from msmdtools.piece import FORMATS, LILYPOND, Piece
from msmdtools.sources import abc, archive, formats, kern, mei, midi, musescore, musicxml, text
from msmdtools.sources.heading import Heading
from msmdtools.sources.ids import combined_sha256, piece_ids

_HEAD_BYTES = 1 << 20
NO_HEADING = Heading()


@dataclass(frozen=True, slots=True)
class Found:
    """A score that was found.

    Attributes:
        path: relative to the root.
        format: one of `msmdtools.piece.FORMATS`.
        tune: as `Piece.tune`.
        number: of the tune, with as many digits as the number of tunes in its file has; "" without one.
        named: what identifies the music, if not its path.
    """

    path: str
    format: str
    tune: str = ""
    number: str = ""
    named: str = ""

    @property
    def stem(self) -> str:
        """What identifies the music: the path without its suffix, and the tune."""
        stem = self.named or posixpath.splitext(self.path)[0]
        return f"{stem}/{self.number}" if self.number else stem


def find(
    root: Path, below: Sequence[str] = (".",), wanted: Collection[str] = FORMATS
) -> list[Found]:
    """Find the encoded scores in a tree, sorted by path: no hidden folders, no symbolic links.

    Args:
        root: the root of the tree.
        below: folders in it, relative to the root, to be searched, and files, which are scores whatever is in
            them.
        wanted: the formats to look for in folders.

    Returns:
        The scores; each tune of an ABC file is one.
    """
    found: list[Found] = []
    named = {start for start in below if (root / start).is_file()}
    for path in sorted(set(_files(root, below))):
        kind = formats.format_of(root / path)
        if path in named:
            kind = kind or formats.SUFFIXES.get(posixpath.splitext(path)[1].lower(), "")
        elif kind not in wanted:
            continue
        if kind == "abc":
            found += _tunes(root, path)
        elif kind not in ("", LILYPOND):
            found.append(Found(path, kind))
    return found


def unread(root: Path) -> Counter[str]:
    """How many files in a tree are of no format that is read, by suffix: other programs' scores, and other XML."""
    counts: Counter[str] = Counter()
    for path in _files(root, ["."], formats.is_music):
        if not formats.format_of(root / path):
            counts[posixpath.splitext(path)[1].lower()] += 1
    return counts


def ids(found: Sequence[Found], taken: Iterable[str] = ()) -> dict[Found, str]:
    """An id for each score, made as those of LilyPond files.

    Of several formats of the same music the first in `FORMATS` has the plain id, and the others end in their
    suffix.

    Args:
        found: the scores.
        taken: ids that other pieces have.

    Returns:
        The ids, each once; upper and lower case count as equal.
    """
    used = {piece.casefold() for piece in taken}
    plain = piece_ids([f"{stem}.x" for stem in dict.fromkeys(score.stem for score in found)])
    given: dict[Found, str] = {}
    for score in sorted(found, key=lambda score: (FORMATS.index(score.format), score.path)):
        first = plain[f"{score.stem}.x"]
        piece, number = first, 2
        if piece.casefold() in used:
            first = piece = f"{first}{posixpath.splitext(score.path)[1].lower()}"
        while piece.casefold() in used:
            piece, number = f"{first}-{number}", number + 1
        used.add(piece.casefold())
        given[score] = piece
    return given


def describe(
    root: Path,
    score: Found,
    piece: str,
    extra: tuple[tuple[str, str], ...] = (),
    unreadable: Callable[[Piece, PieceError], None] | None = None,
) -> Piece:
    """The row of a score.

    Args:
        root: the root of the tree.
        score: the score.
        piece: its id.
        extra: further columns.
        unreadable: called with a score that cannot be read, and why; its row has no texts.

    Returns:
        The piece.
    """
    heading, error = NO_HEADING, None
    try:
        heading = _heading(root / score.path, score)
    except PieceError as reason:
        error = reason
    licence, licence_text = heading.licence()
    sha256 = file_sha256(root / score.path)
    described = Piece(
        piece=piece,
        path=score.path,
        sha256=sha256,
        title=heading.title,
        composer=heading.composer,
        opus=heading.opus,
        instrument=heading.instrument,
        instruments=heading.instruments,
        style=heading.style,
        date=heading.date,
        licence=licence,
        licence_text=licence_text,
        edition=score.stem,
        lilypond="",
        include_path=(),
        files=(),
        files_sha256=combined_sha256([(score.path, sha256)]),
        format=score.format,
        tune=score.tune,
        extra=extra,
    )
    if error is not None and unreadable is not None:
        unreadable(described, error)
    return described


def _heading(path: Path, score: Found) -> Heading:
    where = str(path)
    if score.format == "midi":
        return midi.heading(path)
    if score.format == "musicxml":
        return musicxml.heading(archive.read(path, _HEAD_BYTES), where)
    if score.format == "musescore":
        return musescore.heading(archive.read(path, _HEAD_BYTES), where)
    if score.format == "mei":
        return mei.heading(archive.read(path, _HEAD_BYTES), where)
    content = _text(path, path.stat().st_mtime_ns)
    if score.format == "kern":
        return kern.heading(content)
    return abc.heading(content, abc.tune(content, score.tune, where))


@functools.lru_cache(maxsize=1)
def _text(path: Path, _: int) -> str:
    """The text of a file as it was when it was last changed."""
    return text.decode(archive.read(path), str(path))


def _tunes(root: Path, path: str) -> Iterator[Found]:
    """The tunes of an ABC file; a file without any, or that cannot be read, counts as one."""
    try:
        count = len(abc.tunes(_text(root / path, (root / path).stat().st_mtime_ns)))
    except PieceError:
        count = 0
    if count < 2:
        yield Found(path, "abc")
        return
    for number in range(1, count + 1):
        yield Found(path, "abc", str(number), f"{number:0{len(str(count))}d}")


def _files(
    root: Path, below: Iterable[str], fits: Callable[[str], bool] = formats.has_suffix
) -> Iterator[str]:
    for start in below:
        if (root / start).is_file():
            yield posixpath.normpath(start)
            continue
        for folder, names, files in os.walk(root / start, followlinks=False):
            names[:] = [name for name in names if not name.startswith(".")]
            for name in files:
                full = Path(folder, name)
                if fits(name) and not name.startswith(".") and not full.is_symlink():
                    yield full.relative_to(root).as_posix()
