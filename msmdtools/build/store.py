"""Move finished pieces into the dataset folder, in place of older versions.

The finished pieces alone are the state of a build. A piece is made in `.work`, written
through to the disk, and moved to `pieces/` by one rename, together with its rows of every table; a
failed one leaves its row in `failed/`. Whenever a build is killed, each piece is there as a whole or
not at all. The tables at the top are made from those rows when all pieces are done (see
`msmdtools.build.parts`).
"""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msmdtools.base.files import put, sync_folder, write_atomically
from msmdtools.base.folders import remove_tree
from msmdtools.dataset.records import FAILED_FOLDER, PIECES_FOLDER, Record, read_record
from msmdtools.dataset.tables import BUILD_LOG, PIECE_FILE


def commit(dataset: Path, piece: str, folder: Path) -> None:
    """Move a finished piece, already written through to the disk, to its place.

    An older version of the piece is moved away first. If the build is killed between the two, the dataset
    lacks the piece, and the next build makes it again.

    Args:
        dataset: the dataset folder.
        piece: the piece id.
        folder: the finished folder, on the same disk.
    """
    pieces = dataset / PIECES_FOLDER
    pieces.mkdir(exist_ok=True)
    replaced = _move_away(pieces / piece, folder.parent)
    put(folder, pieces / piece)
    remove_tree(replaced)
    (dataset / FAILED_FOLDER / f"{piece}.json").unlink(missing_ok=True)


def extend(dataset: Path, record: Record, additions: Path, work: Path) -> None:
    """Add performances to a piece, already written through to the disk.

    A new performance is moved as a whole, audio for an existing one by itself; the new tables, which have all
    rows, replace the old ones; the record comes last. If the build is killed in between, the piece has all
    files of its record, and further ones that do no harm.

    Args:
        dataset: the dataset folder.
        record: the new record of the piece.
        additions: the folder with the new performances and tables.
        work: a folder on the same disk for unfinished files.
    """
    piece = dataset / PIECES_FOLDER / record.piece
    listed = {row["file"] for row in read_record(piece / PIECE_FILE, piece).files}
    for folder in sorted((additions / "performances").iterdir()):
        place = piece / "performances" / folder.name
        if f"performances/{folder.name}/spectrogram.npy" in listed:
            for file in sorted(folder.iterdir()):
                os.replace(file, place / file.name)
            sync_folder(place)
        else:
            _move_away(place, work)  # a killed build may have left files there
            os.rename(folder, place)
    sync_folder(piece / "performances")
    for table in sorted((additions / "tables").iterdir()):
        os.replace(table, piece / "tables" / table.name)
    sync_folder(piece / "tables")
    rewrite(dataset, record, work)


def commit_failure(dataset: Path, record: Record, work: Path) -> None:
    """Write the record of a failed piece, and then remove an older version of the piece.

    Args:
        dataset: the dataset folder.
        record: the new record of the piece.
        work: a folder on the same disk for unfinished files.
    """
    failed = dataset / FAILED_FOLDER
    failed.mkdir(exist_ok=True)
    write_atomically(failed / f"{record.piece}.json", record.to_bytes(), work, durable=True)
    remove_tree(_move_away(dataset / PIECES_FOLDER / record.piece, work))


def rewrite(dataset: Path, record: Record, work: Path) -> None:
    """Replace the record of a piece whose columns in the manifest have changed, or to which files were added.

    Args:
        dataset: the dataset folder.
        record: the new record of the piece.
        work: a folder on the same disk for unfinished files.
    """
    if record.ok:
        path = dataset / PIECES_FOLDER / record.piece / PIECE_FILE
    else:
        path = dataset / FAILED_FOLDER / f"{record.piece}.json"
    write_atomically(path, record.to_bytes(), work, durable=True)


def mend_log(dataset: Path) -> None:
    """Cut off a last line of the build log that a killed build has not finished."""
    path = dataset / BUILD_LOG
    if path.exists():
        content = path.read_bytes()
        if not content.endswith(b"\n"):
            os.truncate(path, content.rfind(b"\n") + 1)


def append_log(dataset: Path, entry: Mapping[str, Any]) -> None:
    """Add one line to the build log."""
    with open(dataset / BUILD_LOG, "a", encoding="utf-8") as log:
        log.write(json.dumps(entry, ensure_ascii=False) + "\n")


def _move_away(path: Path, work: Path) -> Path:
    away = Path(tempfile.mkdtemp(dir=work, prefix="replaced-"))
    if path.exists():
        os.rename(path, away / path.name)
    return away
