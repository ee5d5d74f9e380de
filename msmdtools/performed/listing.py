"""Find the performances that a list or a folder names: which piece, which file, which note alignment.

A list is a CSV file; `COLUMNS` says what its columns mean, and others are left alone. Paths are relative to the
list or, as in (n)ASAP, to the folder beside it that is named like the piece. A folder has a list,
`performances.csv` (or (n)ASAP's own, `metadata.csv`), or match files (`*.match`), each of which names its score.
"""

import csv
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from msmdtools.base.damage import no_folder, why
from msmdtools.base.files import file_sha256
from msmdtools.errors import ManifestError
from msmdtools.performance import AUDIO_ENDINGS
from msmdtools.performed import match_file, parangonada
from msmdtools.sources.repositories import REPOSITORIES

if TYPE_CHECKING:
    import pandas as pd

LIST = "performances.csv"
METADATA = "metadata.csv"
"""The list of (n)ASAP's own repository."""
COLUMNS = {
    "piece": "id of the piece in the dataset, or the name of its source file or of the folder that holds it",
    "file": "MIDI file, match file or Parangonada folder with the performance, or a recording (or: performance)",
    "alignment": "note alignment of a MIDI file: a match file, an (n)ASAP .tsv or a Parangonada folder; empty "
    "to make one with parangonar. Of a recording: marks of its bars or beats, in a table, as ASAP's beats or from "
    "Sonic Visualiser; empty to align it with a model",
    "name": "name of the performance; empty for that of the file",
    "licence": "licence of the performance, which the tables keep",
}
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Request:
    """A performance to be added to a dataset.

    Attributes:
        piece: what the list calls its piece.
        file: the file of the performance.
        alignment: the file or folder of its note alignment; None for none.
        name: its name, safe as that of a folder.
        licence: its licence, as given; "" for none.
    """

    piece: str
    file: Path
    alignment: Path | None
    name: str
    licence: str

    @property
    def is_recording(self) -> bool:
        """Whether the file is sound, by its name."""
        return self.file.suffix.lower() in AUDIO_ENDINGS


def listed(source: Path) -> list[Request]:
    """The performances that a list, or a folder, names.

    Raises:
        ManifestError: it cannot be read, lacks a column, or names no performance.
    """
    if source.is_dir():
        path = source / LIST
        if path.is_file():
            requests = _of_list(path)
        elif (source / METADATA).is_file():
            requests = _of_metadata(source / METADATA)
        else:
            requests = _of_match_files(source)
    else:
        requests = _of_list(source)
    if not requests:
        raise ManifestError(f"{source} names no performance")
    return list(_distinct(requests))


def _of_list(path: Path) -> list[Request]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            names = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = names
            rows = [{k: (v or "").strip() for k, v in row.items() if k} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        state = no_folder(path) if not path.exists() else why(error)
        raise ManifestError(f"{path}: {state}; name a CSV file or a folder with {LIST}") from error
    file_column = "file" if "file" in names else "performance"
    absent = [name for name in ("piece", file_column) if name not in names]
    if absent:
        raise ManifestError(
            f"{path} has no column {' and no column '.join(absent)}; a list of performances has the columns "
            f"{', '.join(COLUMNS)}, of which piece and file are needed"
        )
    requests = []
    for number, row in enumerate(rows, 2):
        if not any(row.values()):
            continue
        if not (row["piece"] and row[file_column]):
            raise ManifestError(f"{path}, line {number}: it names no piece, or no file")
        file = _beside(path.parent, row["piece"], row[file_column])
        alignment = row.get("alignment", "")
        requests.append(
            Request(
                row["piece"],
                file,
                _beside(path.parent, row["piece"], alignment) if alignment else None,
                safe_name(row.get("name", "") or file.stem),
                row.get("licence", ""),
            )
        )
    return requests


def _of_metadata(path: Path) -> list[Request]:
    """The performances of (n)ASAP's repository, as far as their files are there."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    columns = ("xml_score", "midi_performance", "note_alignments")
    if rows and any(column not in rows[0] for column in columns):
        raise ManifestError(
            f"{path} is not the list of (n)ASAP, which has the columns {', '.join(columns)}; write a list "
            f"{LIST} beside it, with the columns {', '.join(COLUMNS)}"
        )
    files = [(row, path.parent / row["midi_performance"]) for row in rows]
    return [
        Request(
            row["xml_score"],
            file,
            path.parent / row["note_alignments"] if row["note_alignments"] else None,
            safe_name(file.stem),
            REPOSITORIES["asap"].licence,
        )
        for row, file in files
        if file.is_file()
    ]


def _of_match_files(folder: Path) -> list[Request]:
    files = sorted(folder.rglob("*.match"))
    if not files:
        raise ManifestError(
            f"{folder} has neither {LIST} nor match files (*.match): write a list of its performances, with the "
            f"columns {', '.join(COLUMNS)}"
        )
    return [
        Request(match_file.score_name(file) or file.stem, file, None, safe_name(file.stem), "")
        for file in files
    ]


def _beside(folder: Path, piece: str, name: str) -> Path:
    """A path of a list: relative to it, or to the folder of the piece."""
    own = folder / piece / name
    return own if own.exists() and not (folder / name).exists() else folder / name


def safe_name(text: str) -> str:
    """A name made safe as that of a folder, on any system."""
    return _UNSAFE.sub("_", text).strip("._-")[:_LONGEST] or "performance"


def _distinct(requests: Iterable[Request]) -> Iterator[Request]:
    """The requests with a number behind a name that a piece has already; the same file is not taken twice."""
    names: dict[tuple[str, str], Path] = {}
    for request in requests:
        name, number = request.name, 1
        while names.get((request.piece, name.lower()), request.file) != request.file:
            number += 1
            name = f"{request.name}-{number}"
        if (request.piece, name.lower()) in names:
            continue
        names[request.piece, name.lower()] = request.file
        yield Request(request.piece, request.file, request.alignment, name, request.licence)


def pieces_by_name(pieces: "pd.DataFrame") -> dict[str, list[str]]:
    """The ids of a dataset's pieces by all names that a list may use: id, source file, folder of the source.

    Args:
        pieces: rows of the pieces table.
    """
    names: dict[str, list[str]] = {}
    for piece, path in zip(pieces["piece"], pieces["path"], strict=True):
        source = Path(path)
        whole = source.with_suffix("").as_posix()
        for name in {piece, path, whole, source.name, source.stem, source.parent.name} - {""}:
            names.setdefault(name, []).append(piece)
    # An id is that piece's, whatever else is called so.
    return names | {piece: [piece] for piece in pieces["piece"]}


def sha256_of(path: Path) -> str:
    """The sha256 of a file, or of the files of a Parangonada folder together; "" where there is none."""
    if path.is_dir():
        total = hashlib.sha256()
        for name in parangonada.FILES:
            if (path / name).is_file():
                total.update((path / name).read_bytes())
        return total.hexdigest()
    return file_sha256(path) if path.is_file() else ""
