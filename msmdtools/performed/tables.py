"""Read tables of note alignments, CSV or TSV, whose first line names the columns."""

import csv
from collections.abc import Sequence
from pathlib import Path

from msmdtools.base.damage import why
from msmdtools.performed.alignment import refuse


def read_rows(path: Path, delimiter: str, columns: Sequence[str]) -> list[dict[str, str]]:
    """Read the rows of a table.

    Raises:
        PieceError: it cannot be read, or lacks one of the columns, or a value of a row.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, delimiter=delimiter)
            names = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = names
            rows = [{k: (v or "").strip() for k, v in row.items() if k} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise refuse("missing-file", f"{path} cannot be read: {why(error)}", "read") from error
    absent = [name for name in columns if name not in names]
    if absent:
        raise refuse(
            "unknown-format", f"{path.name} has no column {', '.join(absent)} ({', '.join(names)})"
        )
    return rows


def number(row: dict[str, str], column: str, path: Path) -> float:
    """A number of a row.

    Raises:
        PieceError: there is none.
    """
    try:
        return float(row[column])
    except ValueError as error:
        raise refuse("damaged", f"{path.name}: {column} {row[column]!r} is no number") from error
