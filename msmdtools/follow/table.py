"""An alignment as a table: one row per moment, written as CSV, Parquet or JSON."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msmdtools.base.files import write_atomically
from msmdtools.base.table import Column, Table
from msmdtools.errors import MsmdError
from msmdtools.follow.alignment import Alignment

ALIGNMENT = Table(
    "alignment",
    "One row per moment of the recording, in time.",
    ("second",),
    (
        Column("second", "float64", "s", "moment, from the start of the recording"),
        Column("page", "int32", "", "page, from 1"),
        Column("system", "int32", "", "system in the sheet, from 1"),
        Column("x", "float64", "px", "place on the page, or on the picture that was given"),
        Column("y", "float64", "px", "middle of the system there"),
        Column("speed", "float64", "px/s", "how fast it goes on along the systems"),
        Column("similarity", "float64", "", "cosine similarity of sheet and audio, from -1 to 1"),
        Column(
            "on_sheet",
            "bool",
            "",
            "whether the sheet has this music; if not, the place means nothing",
        ),
        Column(
            "probability",
            "float64",
            "",
            "that the recording is of this sheet: by all of it, or online by the seconds before; "
            "empty where these are too few",
            nullable=True,
        ),
        Column(
            "confidence",
            "float64",
            "",
            "probability that the place is right to half a second; empty where it was followed online",
            nullable=True,
        ),
    ),
)
ENDINGS = (".csv", ".parquet", ".json")
# Decimals of a text; a hundredth of a pixel and of a second are finer than any alignment.
_DECIMALS = {
    "second": 3,
    "x": 2,
    "y": 2,
    "speed": 2,
    "similarity": 4,
    "probability": 4,
    "confidence": 4,
}


def rows(alignment: Alignment) -> list[dict[str, Any]]:
    """Return the rows of the table, rounded."""
    places = alignment.places
    columns = {
        "second": alignment.second,
        **places._asdict(),
        "speed": alignment.speed,
        "similarity": alignment.similarity,
        "on_sheet": alignment.on_sheet,
        "probability": alignment.likely_at,
        "confidence": alignment.confidence_at,
    }
    names = ALIGNMENT.names
    lists = [
        (values.round(_DECIMALS[name]) if name in _DECIMALS else values).tolist()
        for name, values in ((name, columns[name]) for name in names)
    ]
    for number, name in enumerate(names):
        if name in ("probability", "confidence"):
            lists[number] = [None if math.isnan(value) else value for value in lists[number]]
    return [dict(zip(names, row, strict=True)) for row in zip(*lists, strict=True)]


def write_table(table: Table, records: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write a table in the format that the file's ending names.

    Args:
        table: the table.
        records: its rows.
        path: the file.

    Raises:
        MsmdError: the ending is none of `ENDINGS`.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise MsmdError(
            f"{path}: not the name of a table; give one that ends in .csv, .parquet or .json"
        )
    if ending == ".json":
        text = "[\n" + ",\n".join(json.dumps(row) for row in records) + "\n]\n"
        write_atomically(path, text.encode())
        return
    import pyarrow as pa
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    content = table.from_rows(records)
    if ending == ".csv":
        pa_csv.write_csv(content, sink, pa_csv.WriteOptions(quoting_style="none"))
    else:
        pq.write_table(content, sink)
    write_atomically(path, sink.getvalue().to_pybytes())
