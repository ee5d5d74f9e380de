"""The record of each attempted piece of a dataset, a file of its own.

The records alone are the state of a build: that of a finished piece lies in its folder in `pieces/`, that of
a failed one in `failed/`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msmdtools.base import seal
from msmdtools.base.damage import why
from msmdtools.base.files import json_bytes
from msmdtools.dataset.tables import DESCRIPTION, PIECE_FILE
from msmdtools.errors import DatasetError

PIECES_FOLDER = "pieces"
FAILED_FOLDER = "failed"


@dataclass(frozen=True, slots=True)
class Record:
    """The record of one attempted piece.

    Attributes:
        row: its row of the pieces table.
        files: its rows of the files table; none where it failed.
    """

    row: Mapping[str, Any]
    files: tuple[Mapping[str, Any], ...] = ()

    @property
    def piece(self) -> str:
        """The piece id."""
        return str(self.row["piece"])

    @property
    def ok(self) -> bool:
        """Whether the piece was built."""
        return bool(self.row["status"] == "ok")

    def to_bytes(self) -> bytes:
        """The record as the content of its file."""
        return json_bytes(seal.sealed({"row": self.row, "files": self.files}))


def read_description(dataset: Path) -> dict[str, Any] | None:
    """The content of dataset.json, or None when there is no such file.

    Raises:
        DatasetError: it is damaged.
    """
    path = dataset / DESCRIPTION
    try:
        return seal.read(path)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise _damaged(path, error, "remove the folder and build again") from error


def read_records(dataset: Path) -> dict[str, Record]:
    """The records of all pieces attempted so far, in the order of the ids.

    Raises:
        DatasetError: a piece's file is damaged; the message says what to remove.
    """
    by_piece = {}
    for path in (dataset / FAILED_FOLDER).glob("*.json"):
        by_piece[path.stem] = read_record(path, path)
    for folder in (dataset / PIECES_FOLDER).glob(
        "[!.]*"
    ):  # last: a piece with a folder did not fail
        by_piece[folder.name] = read_record(folder / PIECE_FILE, folder)
    return dict(sorted(by_piece.items()))


def read_record(path: Path, remove: Path) -> Record:
    """Read the record in a file.

    Args:
        path: the file.
        remove: the file or folder that the user must remove so that the piece is built again.

    Raises:
        DatasetError: it is missing or damaged.
    """
    try:
        content = seal.read(path)
        return Record(content["row"], tuple(content["files"]))
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, error, f"remove {remove} and build again") from error


def _damaged(path: Path, error: Exception, cure: str) -> DatasetError:
    state = f"damaged ({why(error)})" if path.exists() else "missing"
    return DatasetError(f"{path} is {state}: {cure}")
