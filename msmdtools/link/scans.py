"""Link scans to pieces of a dataset: one, those of a folder, or those that a table lists."""

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from msmdtools.base.progress import Progress, silent
from msmdtools.base.quantities import first_few, how_many
from msmdtools.dataset import reader
from msmdtools.dataset.reader import Dataset
from msmdtools.errors import DatasetError, MsmdError
from msmdtools.inputs import apart
from msmdtools.inputs.limits import LIMITS, Limits
from msmdtools.inputs.pages import read_sheet
from msmdtools.inputs.pictures import ENDINGS
from msmdtools.link.printing import Print, print_of
from msmdtools.link.storing import Source, checksum, storing
from msmdtools.models import require

COLUMNS = ("file", "piece", "name", "licence")
LINKED, THERE, FAILED = "linked", "there", "failed"


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan to link.

    Attributes:
        file: a PDF, a picture, or a folder of pictures.
        piece: the piece that it shows.
        name: name of the print; "" for the file's name without its ending.
        licence: licence of the print; "" if it is not known.
    """

    file: Path
    piece: str
    name: str = ""
    licence: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a scan.

    Attributes:
        scan: the scan, with the name of its print.
        status: "linked", "there" (it was linked before) or "failed".
        reason: why it failed, or what was probably missed on its pages.
        bars: rows of bars of the print.
        missing: numbers of the bars of the engraving that are not on it.
        quality: of the note heads of its bars, the part that was found.
        turned: whether it was upside down.
    """

    scan: Scan
    status: str
    reason: str = ""
    bars: int = 0
    missing: tuple[int, ...] = ()
    quality: float = 0.0
    turned: bool = False

    def to_json(self) -> dict[str, Any]:
        """The outcome as plain values."""
        return {
            "file": str(self.scan.file),
            "piece": self.scan.piece,
            "print": self.scan.name,
            "status": self.status,
            "reason": self.reason,
            "bars": self.bars,
            "missing": list(self.missing),
            "quality": round(self.quality, 4),
            "turned": self.turned,
        }


def link_scans(
    dataset: Path,
    scans: Sequence[Scan],
    *,
    again: bool = False,
    limits: Limits = LIMITS,
    progress: Progress = silent,
) -> list[Outcome]:
    """Link scans to pieces of a dataset, and store each as a print of its piece.

    A scan that is linked already, from the same file, stays as it is. One that fails costs itself.

    Args:
        dataset: the dataset folder.
        scans: the scans.
        again: whether to link scans anew that are linked already, or whose file has changed.
        limits: the most that is read of each file.
        progress: called with the number of scans done.

    Returns:
        What became of each scan, in their order.

    Raises:
        DatasetError: there is no dataset, it is damaged, cannot be written to, or another process changes it.
        MsmdError: two of the scans would have the same name, or PyTorch is not installed.
    """
    require("msmd link")
    scans = [replace(scan, name=scan.name or print_name(scan.file.stem)) for scan in scans]
    _check_names(scans)
    outcomes = []
    with storing(dataset) as store:
        store.finish()  # what a command that was stopped has left
        opened = reader.open(dataset)
        try:
            for number, scan in enumerate(scans):
                progress("scans", number, len(scans))
                try:
                    known = None if again else _known(opened, scan)
                    if known is not None:
                        outcomes.append(known)
                        continue
                    made, source = _linked(opened, scan, limits)
                except MsmdError as error:
                    outcomes.append(Outcome(scan, FAILED, str(error)))
                    continue
                store.put(scan.piece, source, made)
                outcomes.append(_outcome(scan, made, source))
            progress("scans", len(scans), len(scans))
        finally:
            apart.close()
            store.finish()
    return outcomes


def _linked(dataset: Dataset, scan: Scan, limits: Limits) -> tuple[Print, Source]:
    piece = dataset[scan.piece]
    if not scan.file.exists():
        raise MsmdError(f"{scan.file}: no such file or folder")
    sha256 = checksum(scan.file)
    sheet = apart.read(read_sheet, scan.file, scan.piece, limits=limits)
    try:
        made = print_of(sheet, piece)
    except DatasetError:
        raise
    except MsmdError as error:
        raise MsmdError(f"{scan.file}: {error}") from error
    if sheet.turned:  # already when it was read
        made = replace(made, turned=True)
    notes = "; ".join(sheet.notes)
    return made, Source(scan.name, scan.file.name, sha256, scan.licence, notes)


def _outcome(scan: Scan, made: Print, source: Source) -> Outcome:
    return Outcome(
        scan,
        LINKED,
        source.notes,
        len(made.measures),
        made.missing,
        made.quality,
        made.turned,
    )


def _known(dataset: Dataset, scan: Scan) -> Outcome | None:
    """The outcome of a scan that is linked already."""
    prints = dataset[scan.piece].prints
    if scan.name not in prints:
        return None
    row = prints[scan.name].header
    if not scan.file.exists() or row["sha256"] != checksum(scan.file):
        raise MsmdError(
            f"{scan.piece} has a print {scan.name} of another file ({row['source']}); "
            "give another name with --name, or --again to replace it"
        )
    missing = tuple(int(number) for number in row["missing"])
    quality, turned = float(row["quality"]), bool(row["turned"])
    return Outcome(scan, THERE, str(row["notes"]), int(row["measures"]), missing, quality, turned)


def print_name(text: str) -> str:
    """A text as the name of a print, which is that of a folder: letters, digits, ".", "_" and "-"."""
    return re.sub(r"[^\w.-]+", "-", text).strip("-.") or "scan"


def _check_names(scans: Sequence[Scan]) -> None:
    seen: dict[tuple[str, str], Path] = {}
    for scan in scans:
        if scan.name != print_name(scan.name):
            raise MsmdError(
                f"{scan.name!r} cannot be the name of a print; {print_name(scan.name)} can"
            )
        other = seen.setdefault((scan.piece, scan.name), scan.file)
        if other != scan.file:
            raise MsmdError(
                f"{other} and {scan.file} would both be the print {scan.name} of {scan.piece}; "
                "give them names of their own in the column name of a CSV file"
            )


def listed(
    path: Path, dataset: Dataset, piece: str = "", name: str = "", licence: str = ""
) -> list[Scan]:
    """The scans that a path names: one file, the files of a folder, or those of a CSV file.

    Args:
        path: a scan; a folder of scans, each a file whose name begins with the id of its piece; or a CSV file with
            the columns file (relative to it), piece and, if wanted, name and licence.
        dataset: the dataset.
        piece: the piece that they show, where the path does not say it.
        name: name of the print, for one scan.
        licence: licence of the prints, where the path does not say it.

    Raises:
        MsmdError: the path names no scans, or does not say which piece one shows.
    """
    if path.suffix.lower() == ".csv" and path.is_file():
        scans = _of_table(path, piece, licence)
    elif path.is_dir() and not any(p.suffix.lower() in ENDINGS for p in path.iterdir()):
        files = sorted(p for p in path.iterdir() if p.suffix.lower() == ".pdf" or p.is_dir())
        if not files:
            raise MsmdError(f"{path}: there are no PDFs or pictures in this folder")
        scans = [Scan(file, piece or _piece_of(file, dataset), "", licence) for file in files]
    else:
        scans = [Scan(path, piece or _piece_of(path, dataset), name, licence)]
    if name and len(scans) > 1:
        raise MsmdError("--name is for one scan; a CSV file can have a column name")
    return scans


def _of_table(path: Path, piece: str, licence: str) -> list[Scan]:
    with open(path, encoding="utf-8-sig", newline="") as table:
        rows = list(csv.DictReader(table))
    needed = [c for c in COLUMNS[:2] if c != "piece" or not piece]
    if absent := [c for c in needed if not rows or c not in rows[0]]:
        raise MsmdError(
            f"{path}: it needs the columns file and piece; {', '.join(absent)} is missing"
        )
    scans = []
    for number, row in enumerate(rows, 2):
        values = {column: (row.get(column) or "").strip() for column in COLUMNS}
        if not values["file"] or not (values["piece"] or piece):
            raise MsmdError(f"{path}, line {number}: file or piece is empty")
        scans.append(
            Scan(
                path.parent / values["file"],
                values["piece"] or piece,
                values["name"],
                values["licence"] or licence,
            )
        )
    return scans


def _piece_of(file: Path, dataset: Dataset) -> str:
    """The piece whose id a file's name begins with."""
    found = _longest(file.name, dataset.ids)
    if not found:
        raise MsmdError(
            f"{file}: which piece is it? Give --piece, or a CSV file; {dataset.path} has "
            f"{how_many(len(dataset), 'piece')}: {first_few(dataset.ids, 3)}"
        )
    return found


def _longest(text: str, ids: Iterable[str]) -> str:
    return max((one for one in ids if text.startswith(one)), key=len, default="")
