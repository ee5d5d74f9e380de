"""Manifests: CSV files that list pieces, with the checksums of their source files."""

import csv
import io
import shutil
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from msmdtools.base import damage
from msmdtools.base.files import file_sha256, write_atomically
from msmdtools.errors import ManifestError, PieceError
from msmdtools.piece import FORMATS, MANIFEST, Piece
from msmdtools.sources.ids import LONGEST_ID, combined_sha256
from msmdtools.sources.ingest import RENAMED, ListedPiece, files_of
from msmdtools.sources.tree import list_sources

_LISTS = ("instruments", "include_path", "files")
_SEPARATOR = ";"
MOST_SOURCE_BYTES = 64 << 20


def read_manifest(path: Path) -> list[Piece]:
    """The pieces of a manifest, in its order; columns that `MANIFEST` lacks are `Piece.extra`.

    Raises:
        ManifestError: no such file, not CSV, wrong columns, no rows, an empty or repeated id, an id
            or path that would lead out of its folder, an unknown format.
    """
    columns, rows = _read_csv(path, [c.name for c in MANIFEST.columns if not c.added])
    extra = [name for name in columns if name not in MANIFEST.names]
    pieces = []
    for row in rows:
        fields: dict[str, Any] = {c.name: row.get(c.name, c.before) for c in MANIFEST.columns}
        for name in _LISTS:
            fields[name] = _parted(row[name])
        pieces.append(Piece(**fields, extra=tuple((name, row[name]) for name in extra)))
    for piece in pieces:
        if piece.format not in FORMATS:
            raise ManifestError(
                f"{path}: piece {piece.piece}: {piece.format!r} is no format of sources"
                f" (there are: {', '.join(FORMATS)})."
            )
        for file in (piece.path, *(part for entry in piece.files for part in entry.split(RENAMED))):
            if not _inside(file):
                raise ManifestError(
                    f"{path}: piece {piece.piece}: path {file!r} leads out of the tree."
                )
    return pieces


def _joined(values: Iterable[str]) -> str:
    """Texts as one, with ";" between them; a ";" or "%" inside a text is written as in a URL."""
    return _SEPARATOR.join(value.replace("%", "%25").replace(_SEPARATOR, "%3B") for value in values)


def _parted(text: str) -> tuple[str, ...]:
    parts = filter(None, text.split(_SEPARATOR))
    return tuple(part.replace("%3B", _SEPARATOR).replace("%25", "%") for part in parts)


def read_list(path: Path) -> list[ListedPiece]:
    """The pieces that a CSV file with columns piece and path names; rows without path are left out.

    A manifest is such a file. Its columns that `MANIFEST` does not know are kept.

    Raises:
        ManifestError: as `read_manifest`.
    """
    columns, rows = _read_csv(path, ["piece", "path"])
    extra = [name for name in columns if name not in MANIFEST.names]
    return [
        ListedPiece(
            row["piece"],
            row["path"],
            row.get("tune", ""),
            tuple((name, row[name]) for name in extra),
        )
        for row in rows
        if row["path"]
    ]


def write_manifest(pieces: Iterable[Piece], path: Path) -> None:
    """Write a manifest: sorted by piece id, the same bytes for the same pieces.

    Raises:
        ManifestError: no pieces, an id twice, pieces with different extra columns, or a folder that
            cannot be written to.
    """
    pieces = list(pieces)
    if not pieces:
        raise ManifestError(f"There are no pieces to write to {path}: no piece fits the selection.")
    _check_unique((piece.piece for piece in pieces), path)
    text = manifest_text(pieces)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.encode())
    except OSError as error:
        raise ManifestError(f"Cannot write the manifest {path}: {damage.why(error)}.") from error


def manifest_text(pieces: Iterable[Piece]) -> str:
    """The content of the manifest of some pieces, at least one, in the order of their ids.

    Columns that later versions have added are left out if all pieces have their defaults, so the manifest of a
    tree of LilyPond files has the same columns as ever.

    Raises:
        ManifestError: the pieces have different extra columns.
    """
    pieces = sorted(pieces, key=lambda piece: piece.piece)
    extra = [name for name, _ in pieces[0].extra]
    columns = [
        column.name
        for column in MANIFEST.columns
        if not column.added or any(getattr(p, column.name) != column.before for p in pieces)
    ]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*columns, *extra])
    for piece in pieces:
        if [name for name, _ in piece.extra] != extra:
            raise ManifestError(
                f"Piece {piece.piece} has other extra columns than piece {pieces[0].piece}: a manifest has "
                "the same for all."
            )
        row = [getattr(piece, name) for name in columns]
        row = [_joined(value) if isinstance(value, tuple) else value for value in row]
        writer.writerow([*row, *(value for _, value in piece.extra)])
    return text.getvalue()


def check_source(piece: Piece, root: Path) -> None:
    """Check that the tree holds the piece's files, with the checksums that the manifest has.

    Raises:
        PieceError: "missing-source" or "sha256-mismatch", at stage "source".
    """
    digests = {}
    for file in source_files(piece, root):
        try:
            digests[file] = file_sha256(_regular(root, file))
        except OSError as error:
            raise PieceError(
                "source",
                "missing-source",
                f"{root / file}: {error.strerror}. Is {root} the tree that the manifest was made from?",
            ) from error
    if digests[piece.path] != piece.sha256:
        changed = piece.path
    elif combined_sha256(digests.items()) != piece.files_sha256:
        changed = "a file that it includes"
    else:
        return
    raise PieceError(
        "source",
        "sha256-mismatch",
        f"{root / piece.path}: {changed} is not the file that the manifest names (its sha256 differs)."
        " Use the tree that the manifest was made from, or make a manifest of this tree with: msmd ingest.",
    )


def source_files(piece: Piece, root: Path) -> list[str]:
    """The files of a piece in the tree, relative to `root`, the main file first, each once."""
    paths: list[str] = []
    for folder in (entry for entry in piece.files if entry.endswith("/")):
        below = sorted(list_sources(root / folder))
        paths += [f"{folder}{file}" for file in below]
    return files_of(piece.path, piece.files, paths)


def copy_sources(piece: Piece, root: Path, folder: Path) -> Path:
    """Copy a piece's main file, and all files that it needs, into a folder, in the layout of the tree.

    Args:
        piece: the piece.
        root: root of the source tree.
        folder: where the copies go; it is made if it is missing.

    Returns:
        The copy of the main file.

    Raises:
        PieceError: "missing-source": a file is absent, or a symbolic link that leads out of `root`.
    """
    pairs = [(file, file) for file in source_files(piece, root)]
    for entry in piece.files:
        source, renamed, alias = entry.partition(RENAMED)
        if renamed:
            pairs.append((source, alias))
    for source, alias in pairs:
        target = folder / alias
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(_regular(root, source), target)
        except OSError as error:
            raise PieceError(
                "source", "missing-source", f"{root / source}: {error.strerror}: cannot be copied."
            ) from error
    return folder / piece.path


def _regular(root: Path, file: str) -> Path:
    """The real path of a regular file inside `root`; else an OSError that says what is wrong."""
    real = (root / file).resolve(strict=True)
    if not real.is_relative_to(root.resolve()):
        raise OSError(0, "leads out of the source tree", str(real))
    if not real.is_file():
        raise OSError(0, "not a regular file", str(real))
    if real.stat().st_size > MOST_SOURCE_BYTES:
        raise OSError(0, f"larger than {MOST_SOURCE_BYTES >> 20} MiB", str(real))
    return real


def _read_csv(path: Path, required: list[str]) -> tuple[list[str], list[dict[str, str]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ManifestError(
            f"No such manifest: {path}. Make one with: msmd ingest TREE --out {path}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"Cannot read the manifest {path}: {damage.why(error)}.") from error
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, restkey="")
    try:
        columns = list(reader.fieldnames or [])
        rows = list(reader)
    except csv.Error as error:
        raise ManifestError(f"{path}, line {reader.line_num}: not CSV: {error}.") from error
    missing = [name for name in required if name not in columns]
    if missing:
        raise ManifestError(
            f"{path} is not a manifest: it has no column {', '.join(missing)}."
            " Make one with: msmd ingest TREE --out MANIFEST.csv"
        )
    if not rows:
        raise ManifestError(
            f"{path} lists no pieces. Make a manifest with: msmd ingest TREE --out MANIFEST.csv"
        )
    for number, row in enumerate(rows, start=1):
        if None in row.values() or "" in row:
            raise ManifestError(
                f"{path}, row {number}: the number of values is not the number of columns."
            )
        if reason := _no_id(row["piece"]):
            raise ManifestError(
                f"{path}, row {number}: {row['piece']!r} cannot be a piece id: {reason}."
            )
    _check_unique((row["piece"] for row in rows), path)
    return columns, rows


def _no_id(piece: str) -> str:
    """Why a text cannot be a piece id, which is the name of a folder; "" if it can."""
    if not piece:
        return "it is empty"
    if piece.startswith("."):
        return "it begins with a dot"
    if "/" in piece or not piece.isprintable():
        return "it has characters that the name of a folder cannot have"
    if len(piece.encode("utf-8", "surrogatepass")) > LONGEST_ID:
        return f"it is longer than {LONGEST_ID} bytes"
    return ""


def _check_unique(ids: Iterable[str], path: Path) -> None:
    seen: set[str] = set()
    for piece in ids:
        if piece in seen:
            raise ManifestError(f"{path}: piece id {piece} occurs twice; ids must be unique.")
        seen.add(piece)


def _inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and ".." not in parts and "\0" not in path
