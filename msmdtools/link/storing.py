"""Store prints in a dataset: each print is there as a whole or not at all, and the same command goes on.

The pages of a print are in `pieces/<piece>/prints/<print>`, its files in the piece's record, its rows in the
piece's own tables. Its row in the table of prints is written last, and what has none is not there. The tables at
the top are made when all prints of a command are stored (`msmdtools.build.finishing`).
"""

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msmdtools.base.files import explained, file_sha256, put, sync_file, sync_folder, sync_tree
from msmdtools.base.lock import locked
from msmdtools.base.quantities import first_few, how_many
from msmdtools.base.table import Table
from msmdtools.build import additions, finishing, parts, store
from msmdtools.dataset import records
from msmdtools.dataset.prints import FOLDER
from msmdtools.dataset.tables import DESCRIPTION, PIECE_FILE
from msmdtools.errors import DatasetError
from msmdtools.link.printing import Print
from msmdtools.paper.strip import encode_png
from msmdtools.prints import (
    ESTIMATED,
    PRINT_MEASURES,
    PRINT_NOTEHEADS,
    PRINT_SYSTEMS,
    PRINT_TABLES,
    PRINTS,
    SCANNED,
)
from msmdtools.version import __version__


@dataclass(frozen=True, slots=True)
class Source:
    """Where a print comes from: columns of the prints table.

    Attributes:
        name: name of the print.
        file: name of the file or folder.
        sha256: its checksum.
        licence: licence of the print, as given; "" if none was.
        notes: what was probably missed on its pages.
    """

    name: str
    file: str
    sha256: str
    licence: str = ""
    notes: str = ""


class Storing:
    """A dataset to which prints are being added; made by `storing`."""

    def __init__(self, dataset: Path, work: Path, description: Mapping[str, Any]) -> None:
        self._dataset, self._work = dataset, work
        self._description = dict(description)

    def put(self, piece: str, source: Source, what: Print) -> None:
        """Store a print, in place of one of the same name.

        Raises:
            DatasetError: the piece is damaged.
            OSError: the folder cannot be written to.
        """
        self._unfinished()
        folder = self._dataset / records.PIECES_FOLDER / piece
        place = folder / FOLDER / source.name
        self._remove(piece, source.name)
        pages, listed = _write_pages(self._work, piece, what, source.name)
        sync_tree(pages)
        place.parent.mkdir(exist_ok=True)
        os.rename(pages, place)
        sync_folder(place.parent)
        self._list(piece, source.name, listed)
        # The table of prints comes last: what is not in it is not there.
        self._write(piece, source.name, _rows(piece, source, what), reversed(PRINT_TABLES))

    def _remove(self, piece: str, name: str) -> None:
        """Remove a print of this name, or what a command that was killed has left of it."""
        place = self._dataset / records.PIECES_FOLDER / piece / FOLDER / name
        if parts.has_prints(self._dataset, piece):
            none: dict[str, list[dict[str, Any]]] = {table.name: [] for table in PRINT_TABLES}
            self._write(piece, name, none, PRINT_TABLES)
        self._list(piece, name, [])
        if place.exists():
            os.rename(place, Path(tempfile.mkdtemp(dir=self._work)) / "replaced")

    def _write(
        self,
        piece: str,
        name: str,
        rows: Mapping[str, list[dict[str, Any]]],
        order: Iterable[Table],
    ) -> None:
        """Write the piece's own tables of prints anew, with these rows for a print."""
        folder = self._dataset / records.PIECES_FOLDER / piece
        new = Path(tempfile.mkdtemp(dir=self._work, prefix="print-"))
        for table in order:
            file = f"{table.name}.parquet"
            before: list[dict[str, Any]] = []
            if (folder / parts.FOLDER / file).exists():
                before = parts.read_part(self._dataset, piece, table).to_pylist()
            kept = [row for row in before if row["print"] != name]
            parts.write_part(new, table, [*kept, *rows[table.name]])
            sync_file(new / parts.FOLDER / file)
            put(new / parts.FOLDER / file, folder / parts.FOLDER / file)

    def _list(self, piece: str, name: str, files: Sequence[Mapping[str, Any]]) -> None:
        """Make these the files of a print in the piece's record."""
        folder = self._dataset / records.PIECES_FOLDER / piece
        record = records.read_record(folder / PIECE_FILE, folder)
        start = f"{FOLDER}/{name}/"
        others = [row for row in record.files if not str(row["file"]).startswith(start)]
        if files or len(others) != len(record.files):
            in_order = sorted((*others, *files), key=lambda row: str(row["file"]))
            renewed = records.Record(record.row, tuple(in_order))
            store.rewrite(self._dataset, renewed, self._work)

    def _unfinished(self) -> None:
        if self._description["state"] != finishing.BUILDING:
            self._description |= {"state": finishing.BUILDING}
            finishing.write_description(self._dataset, self._description, self._work)

    def finish(self) -> None:
        """Make the tables of the dataset anew, if anything was stored, now or by a command that was stopped."""
        if self._description["state"] == finishing.BUILDING:
            finishing.finish(self._dataset, self._work, self._description)


@contextmanager
def storing(dataset: Path) -> Iterator[Storing]:
    """Lock a dataset to add prints to it.

    Raises:
        DatasetError: there is no dataset, another process is changing it, or it cannot be written to.
    """
    description = records.read_description(dataset) if dataset.is_dir() else None
    if description is None:
        raise DatasetError(f"{dataset}: not a dataset (it has no {DESCRIPTION})")
    if "imported" in description:
        raise DatasetError(
            f"{dataset} was imported and cannot be changed; build the pieces with msmd build"
        )
    try:
        with locked(dataset, (DESCRIPTION,), "a dataset", "build") as work:
            _check_current(dataset)
            yield Storing(dataset, work, records.read_description(dataset) or description)
    except OSError as error:
        raise explained(error, dataset, "prints") from error


def _check_current(dataset: Path) -> None:
    """Refuse a dataset of which this version could not write the tables anew."""
    found = records.read_records(dataset)
    if outdated := [one.piece for one in found.values() if not additions.is_current(one)]:
        raise DatasetError(
            f"{dataset} has {how_many(len(outdated), 'piece')} from an earlier version of msmdtools "
            f"({first_few(outdated)}); run the same msmd build again, which brings them up to date"
        )


def checksum(path: Path) -> str:
    """The sha256 of a file; of a folder, that of the list of its files with theirs."""
    if path.is_file():
        return file_sha256(path)
    files = sorted(p for p in path.rglob("*") if p.is_file())
    text = "".join(f"{file_sha256(p)}  {p.relative_to(path).as_posix()}\n" for p in files)
    return hashlib.sha256(text.encode()).hexdigest()


def _write_pages(
    work: Path, piece: str, what: Print, name: str
) -> tuple[Path, list[dict[str, Any]]]:
    """Write the pages into a new folder; with it come their rows of the files table."""
    folder = Path(tempfile.mkdtemp(dir=work, prefix="pages-"))
    rows = []
    for number, page in enumerate(what.pages, 1):
        content = encode_png(page)
        file = f"page-{number:02d}.png"
        (folder / file).write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        path = f"{FOLDER}/{name}/{file}"
        rows.append({"piece": piece, "file": path, "bytes": len(content), "sha256": sha256})
    folder.chmod(0o755)  # mkdtemp's own is for nobody else
    return folder, rows


def _rows(piece: str, source: Source, what: Print) -> dict[str, list[dict[str, Any]]]:
    """The rows of a print in all tables."""
    key = {"piece": piece, "print": source.name}
    head = {
        "kind": SCANNED,
        "source": source.file,
        "sha256": source.sha256,
        "licence": source.licence,
        "alignment": ESTIMATED,
        "pages": len(what.pages),
        "systems": len({row["system"] for row in what.systems}),
        "measures": len(what.measures),
        "noteheads": len(what.noteheads),
        "missing": list(what.missing),
        "turned": what.turned,
        "quality": what.quality,
        "notes": source.notes,
        "msmdtools": __version__,
    }
    return {
        PRINTS.name: [key | head],
        PRINT_SYSTEMS.name: [key | row for row in what.systems],
        PRINT_MEASURES.name: [key | row for row in what.measures],
        PRINT_NOTEHEADS.name: [key | row for row in what.noteheads],
    }
