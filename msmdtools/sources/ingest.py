"""Find the pieces in a tree of scores, and describe each by its header.

Every encoded score is a piece (see `msmdtools.sources.scores`).

A LilyPond file is one if it ends in .ly, makes a printed score (its own, or that of a file it includes),
and no other .ly file that makes one includes it: of the same edition, or in a folder above if the
file is not in a `-lys` folder. Where two files include each other, that rule does not count between
them. Every such file of a `-lys` folder is a piece: the full score, each part, each paper size that
Mutopia offers. `Piece.edition` tells which belong together.
"""

import fnmatch
import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from msmdtools.base.damage import no_folder
from msmdtools.base.quantities import first_few, how_many
from msmdtools.errors import ManifestError, PieceError
from msmdtools.piece import FORMATS, LILYPOND, Piece
from msmdtools.sources import scores
from msmdtools.sources.ensemble import instruments_of
from msmdtools.sources.expansion import Expansion
from msmdtools.sources.formats import format_of
from msmdtools.sources.header import Header
from msmdtools.sources.ids import combined_sha256, piece_ids
from msmdtools.sources.instruments import is_solo_keyboard, normalize_instruments
from msmdtools.sources.licence import UNKNOWN, spdx
from msmdtools.sources.repositories import Collection as Fetched
from msmdtools.sources.repositories import collection_of
from msmdtools.sources.syntax import tokenize
from msmdtools.sources.tree import SourceTree

RENAMED = ">"
"""In `Piece.files`, "a>b": file a, needed under the name b (another spelling of its letters)."""

_VERSION = re.compile(r'\\version\s*"([^"]+)"')
_SCORE = re.compile(r"^[^%\n]*\\score\s*\{", re.MULTILINE)
_FIELDS = {
    "title": ("mutopiatitle", "title", "piece", "subtitle"),
    "composer": ("mutopiacomposer", "composer"),
    "opus": ("mutopiaopus", "opus"),
    "instrument": ("mutopiainstrument", "instrument"),
    "style": ("style",),
    "date": ("date",),
    "licence": ("license", "licence", "copyright"),
}
_LICENCE_FIELDS = (
    "license",
    "licence",
    "copyright",
    "mutopialicense",
    "mutopiacopyright",
    "tagline",
)


@dataclass(frozen=True, slots=True)
class ListedPiece:
    """A piece that a list names, whatever the rule for pieces says.

    Attributes:
        piece: its id.
        path: its main file, relative to the root of the tree.
        tune: as `Piece.tune`.
        extra: further columns to keep with it, as (column, value).
    """

    piece: str
    path: str
    tune: str = ""
    extra: tuple[tuple[str, str], ...] = ()


def ingest(
    tree: Path,
    instruments: Sequence[str] = (),
    composers: Sequence[str] = (),
    licences: Sequence[str] = (),
    listed: Sequence[ListedPiece] | None = None,
    left_out: Callable[[Piece, str], None] | None = None,
    *,
    formats: Collection[str] = FORMATS,
    below: Sequence[str] = (".",),
    unreadable: Callable[[Piece, PieceError], None] | None = None,
) -> list[Piece]:
    """Find and describe the pieces of a source tree.

    Args:
        tree: a folder of scores, such as the folder `ftp` of the Mutopia Project.
        instruments: "keyboard" (solo keyboard), "all", or terms of `Piece.instruments`, of which a
            piece must have at least one; none means all in a collection that says which of its files are scores
            (see `msmdtools.sources.repositories`), and keyboard in other trees.
        composers: patterns such as "Bach*" for the composer or the first folder; none means all.
        licences: patterns such as "CC-BY-*" for the SPDX identifier; none means all.
        listed: the pieces to describe, with their ids, whatever the rule for pieces says; None: those
            that the rule finds.
        left_out: called with each piece that is left out, and the reason: "instrument", "composer" or
            "licence".
        formats: the formats to look for in folders.
        below: folders of the tree, relative to it, to which the search is confined, and files, each of which is
            a piece.
        unreadable: called with each piece whose file cannot be read, and why; its row has no texts.

    Returns:
        The pieces, sorted by id.

    Raises:
        ManifestError: no such folder, no score in it, or a listed file is missing.
    """
    if not tree.is_dir():
        raise ManifestError(f"{tree}: {no_folder(tree)}. Name the root of a tree of scores.")
    collection = collection_of(tree)
    source = SourceTree(tree, below)
    if listed is None:
        listing, encoded = _found(source, formats, below, collection)
    else:
        listing = [entry for entry in listed if entry.path in source.known]
        others = [entry for entry in listed if entry.path not in source.known]
        encoded = list(zip(_scores(tree, others), others, strict=True))
    if not listing and not encoded and collection is not None:
        collection.check_scores()
    if not listing and not encoded:
        raise ManifestError(
            f"No file in {tree} makes a score. Name a folder with files of LilyPond (.ly), MusicXML (.musicxml,"
            " .mxl, .xml), MEI (.mei), Humdrum (.krn), ABC (.abc), MuseScore (.mscz, .mscx) or MIDI (.mid)."
        )
    stated = _edition_headers(source)
    pieces = [_describe(source, entry, stated) for entry in listing]
    pieces += [
        scores.describe(tree, score, entry.piece, entry.extra, unreadable)
        for score, entry in encoded
    ]
    if collection is not None:
        pieces = [collection.described(piece) for piece in pieces]
    if not instruments:
        chosen = collection is not None and bool(collection.repository.scores)
        instruments = ("all",) if chosen else ("keyboard",)
    selected = []
    for piece in pieces:
        reason = _reason_to_leave_out(piece, instruments, composers, licences)
        if not reason:
            selected.append(piece)
        elif left_out:
            left_out(piece, reason)
    return sorted(selected, key=lambda p: p.piece)


def _found(
    source: SourceTree, wanted: Collection[str], below: Sequence[str], of: Fetched | None
) -> tuple[list[ListedPiece], list[tuple[scores.Found, ListedPiece]]]:
    """The LilyPond files that are pieces and the encoded scores, with their ids; of a collection, only its own."""
    main = [path for path in below if path.endswith(".ly") and path in source.known]
    if LILYPOND in wanted:
        main += [path for path in main_files(source) if _is_in(path, below) and path not in main]
    found = scores.find(source.root, below, wanted)
    if of is not None:
        main = [path for path in main if of.has(path, below)]
        found = [
            replace(score, named=of.stem(score.path))
            for score in found
            if of.has(score.path, below)
        ]
    listing = [ListedPiece(piece, path) for path, piece in piece_ids(main).items()]
    given = scores.ids(found, (entry.piece for entry in listing))
    encoded = [
        (score, ListedPiece(piece, score.path, score.tune)) for score, piece in given.items()
    ]
    return listing, encoded


def _is_in(path: str, folders: Iterable[str]) -> bool:
    return any(folder == "." or path.startswith(f"{folder}/") for folder in folders)


def _scores(tree: Path, listed: Sequence[ListedPiece]) -> Iterator[scores.Found]:
    """The encoded scores that a list names; all of them must be there."""
    kinds = {entry.path: format_of(tree / entry.path) for entry in listed}
    absent = [
        path
        for path, kind in kinds.items()
        if kind in ("", LILYPOND) or not (tree / path).is_file()
    ]
    if absent:
        raise ManifestError(
            f"{tree} lacks {how_many(len(absent), 'listed file')}: {first_few(absent)}."
            " Give the tree that the list was made from."
        )
    for entry in listed:
        yield scores.Found(entry.path, kinds[entry.path], entry.tune, entry.tune)


def main_files(source: SourceTree) -> list[str]:
    """The files that are pieces, by the rule at the top of this module."""
    candidates = [p for p in source.paths if p.endswith(".ly") and _makes_score(source, p)]
    closures = {path: frozenset(source.expansion(path).files) for path in candidates}
    including: dict[str, list[str]] = defaultdict(list)
    for path, closure in closures.items():
        for file in closure:
            including[file].append(path)
    return [
        path
        for path in candidates
        if not any(
            _contains(edition_of(includer), includer, path) and includer not in closures[path]
            for includer in including[path]
            if includer != path
        )
    ]


def _contains(edition: str, including: str, path: str) -> bool:
    """Whether a file that `including` includes is a part of it: of its edition, or below and of none."""
    folder = posixpath.dirname(including)
    below = path.startswith(f"{folder}/" if folder else "") and "-lys/" not in path
    return edition == edition_of(path) or below


def _makes_score(source: SourceTree, path: str) -> bool:
    expansion = source.expansion(path)
    if expansion.scores or expansion.dynamic:
        return True
    # LilyPond takes a stray quotation mark in lyrics as part of a word; our tokens go astray there.
    text = source.text(path)
    return text.count('"') % 2 == 1 and bool(_SCORE.search(text))


def edition_of(path: str) -> str:
    """The folder of a file's edition: the one above its `-lys` folder, else its own."""
    folders = path.split("/")[:-1]
    for index, name in enumerate(folders):
        if name.endswith("-lys"):
            return "/".join(folders[:index])
    return "/".join(folders) or posixpath.splitext(path)[0]


def _edition_headers(source: SourceTree) -> dict[str, dict[str, str]]:
    """Per edition the fields on which all headers that name a Mutopia composer agree.

    Some editions keep that header in a file that nothing includes.
    """
    texts_of: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for path in source.paths:
        if posixpath.splitext(path)[1] in (".ly", ".ily") and "mutopia" in source.text(path):
            expansion = source.expansion(path)
            if any(name == "mutopiacomposer" for _, name, _ in expansion.fields):
                header = Header(expansion.fields, expansion.variables)
                for column, names in _FIELDS.items():
                    if text := header.text(*names):
                        texts_of[edition_of(path)][column].add(text)
    return {
        edition: {name: min(texts) for name, texts in columns.items() if len(texts) == 1}
        for edition, columns in texts_of.items()
    }


def _describe(
    source: SourceTree, listed: ListedPiece, edition_texts: dict[str, dict[str, str]]
) -> Piece:
    """The row of one main file."""
    path = listed.path
    expansion = source.expansion(path)
    edition = edition_of(path)
    header = Header(expansion.fields, expansion.variables)
    texts = {name: header.text(*fields) for name, fields in _FIELDS.items()}
    licence, licence_text = _licence(header)
    common = edition_texts.get(edition, {})
    texts = {name: text or common.get(name, "") for name, text in texts.items()}
    if licence == UNKNOWN and (spdx_id := spdx(common.get("licence", ""))) != UNKNOWN:
        licence, licence_text = spdx_id, ""
    files = list(expansion.files)
    folders = []
    if expansion.dynamic:
        folders = _dynamic_folders(path, expansion)
        files += [] if all(folders) else [p for p in source.paths if "/" not in p and p != path]
        folders = [folder for folder in folders if folder]
        files = [file for file in files if not file.startswith(tuple(folders))]
    renamed = [f"{file}{RENAMED}{alias}" for file, alias in expansion.renamed]
    entries = (*folders, *sorted(files), *sorted(renamed))
    versions = (_VERSION.search(source.text(file)) for file in (path, *expansion.files))
    return Piece(
        piece=listed.piece,
        path=path,
        sha256=source.sha256(path),
        title=texts["title"],
        composer=texts["composer"],
        opus=texts["opus"],
        instrument=texts["instrument"],
        instruments=normalize_instruments(texts["instrument"])
        or instruments_of(tokenize(source.text(file)) for file in (path, *expansion.files)),
        style=texts["style"],
        date=texts["date"],
        licence=licence,
        licence_text=licence_text[:200],
        edition=edition,
        lilypond=next((version[1] for version in versions if version), ""),
        include_path=tuple(sorted(_include_path(path, expansion))),
        files=entries,
        files_sha256=combined_sha256(
            (file, source.sha256(file)) for file in files_of(path, entries, source.paths)
        ),
        extra=listed.extra,
    )


def _dynamic_folders(path: str, expansion: Expansion) -> list[str]:
    """Folders that may hold files which the piece includes by names that it computes; "" for the root."""
    names = dict.fromkeys(_sources_folder(file) for file in (path, *expansion.dynamic))
    folders = [f"{folder}/" if folder else "" for folder in names]
    return [f for f in folders if not any(f != g and g and f.startswith(g) for g in folders)]


def _include_path(path: str, expansion: Expansion) -> Iterable[str]:
    """Folders to search; the tree's root is ".", and LilyPond looks in the main file's by itself."""
    for folder in expansion.include_path:
        if folder:
            yield folder
        elif "/" in path:
            yield "."


def _licence(header: Header) -> tuple[str, str]:
    """The SPDX identifier of the licence that the header names, and where it names none, its words."""
    statement = ""
    for name in _LICENCE_FIELDS:
        for text in header.texts(name):
            if (spdx_id := spdx(text)) != UNKNOWN:
                return spdx_id, ""
            if name != "tagline":
                statement = statement or text
    return UNKNOWN, statement


def files_of(main: str, entries: Iterable[str], paths: Iterable[str]) -> list[str]:
    """The files that the entries of `Piece.files` stand for.

    Args:
        main: the main file; all paths are relative to the root of the tree.
        entries: files; "a>b", which stands for file a; or folders ending in a slash, which stand for
            all of `paths` below them.
        paths: the source files of the tree.

    Returns:
        The files, each once, the main file first.
    """
    files = [main]
    for entry in entries:
        if entry.endswith("/"):
            files += [path for path in paths if path.startswith(entry)]
        else:
            files.append(entry.split(RENAMED)[0])
    return list(dict.fromkeys(files))


def _sources_folder(path: str) -> str:
    """The `-lys` folder that a file is in, else its own folder."""
    folders = path.split("/")[:-1]
    for index, name in enumerate(folders):
        if name.endswith("-lys"):
            return "/".join(folders[: index + 1])
    return "/".join(folders)


def _reason_to_leave_out(
    piece: Piece, instruments: Sequence[str], composers: Sequence[str], licences: Sequence[str]
) -> str:
    """The selection that leaves a piece out: "instrument", "composer" or "licence"; "" for none."""
    if "all" not in instruments:
        keyboard = "keyboard" in instruments and is_solo_keyboard(piece.instruments)
        if not keyboard and not (set(instruments) - {"keyboard"}).intersection(piece.instruments):
            return "instrument"
    names = (piece.composer.casefold(), piece.path.split("/")[0].casefold())
    if composers and not any(fnmatch.fnmatch(n, c.casefold()) for n in names for c in composers):
        return "composer"
    if licences and not any(fnmatch.fnmatch(piece.licence, pattern) for pattern in licences):
        return "licence"
    return ""
