"""A dataset as pairs of picture and transcription, for optical music recognition.

    FOLDER/README.md                                  the card, by which `datasets` finds the rest
    FOLDER/systems/train-00000-of-00001.parquet       a row per system
    FOLDER/pages/train-00000-of-00001.parquet         a row per page

With a split there is a file for each part: `train`, `validation` (that is what `datasets` calls valid) and `test`.

The columns are declared here (`PAGES`, `SYSTEMS`), and described in the files' schema for the `datasets` library,
which opens them with pictures as pictures. `transcription_kern` and `transcription_xml` are null where the source
has no such encoding.

A system's picture is as wide as its page. It is cut from the page where there is least ink between its heads and
staves and those of its neighbours, as near as possible to the middle; the first and the last one of a page reach
as far as two heights of a staff to the other side.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.base import parquet
from msmdtools.base.table import Column, Table, arrow_type
from msmdtools.dataset.reader import DatasetPiece
from msmdtools.export.task import Task
from msmdtools.export.transcription import Encoding, encoding_of, transcription
from msmdtools.paper.axis import Image, system_boxes
from msmdtools.paper.strip import encode_png
from msmdtools.score import PIECE
from msmdtools.splits.splits import SPLITS

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

PART_NAMES = {"train": "train", "valid": "validation", "test": "test"}
ROWS_PER_GROUP = 100
# How far the picture of the first or the last system of a page reaches at most, in heights of its first staff.
_OUTSIDE = 2.0
# A pixel darker than this is ink.
_INK = 128

_PICTURE = Column("image", "image", "", "the picture, an 8-bit grey PNG")
_PLACE = (
    Column("page", "int32", "", "page, from 1"),
    Column("x0", "int32", "px", "left edge of the picture in the page"),
    Column("y0", "int32", "px", "top edge of the picture in the page"),
    Column("width", "int32", "px", "width of the picture"),
    Column("height", "int32", "px", "height of the picture"),
)
_TEXTS = (
    Column("transcription_kern", "string", "", "its encoding as **kern; null for none"),
    Column("transcription_xml", "string", "", "its encoding as MusicXML or MEI; null for none"),
)
_HEADER = (
    Column("title", "string", "", "title"),
    Column("composer", "string", "", "composer"),
    Column("licence", "string", "", "SPDX identifier of the edition's licence, or unknown"),
    Column("format", "string", "", "format of the source, such as lilypond"),
)
_COUNTS = (
    Column("staves", "int32", "", "staves"),
    Column("noteheads", "int32", "", "printed note heads"),
)

PAGES = Table(
    "pages",
    "One row per page.",
    ("piece", "page"),
    (_PICTURE, *_TEXTS, PIECE, *_PLACE, *_COUNTS, *_HEADER),
)
SYSTEMS = Table(
    "systems",
    "One row per system.",
    ("piece", "system"),
    (
        *PAGES.columns[: -len(_COUNTS) - len(_HEADER)],
        Column("system", "int32", "", "system in the piece, from 1"),
        *_COUNTS,
        *_HEADER,
    ),
)


def write(task: Task) -> Counter[str]:
    """Write the pieces of a task as pairs of picture and transcription.

    Args:
        task: the work.

    Returns:
        The number of pages, systems and transcriptions.

    Raises:
        DatasetError: a file of the dataset is missing or damaged.
    """
    written: Counter[str] = Counter()
    parts = [part for part in SPLITS if part in set(task.split.values())] or [SPLITS[0]]
    with ExitStack() as stack:
        files = {
            (table.name, part): stack.enter_context(_Rows(task.folder, table, part))
            for table in (SYSTEMS, PAGES)
            for part in parts
        }
        for piece in task.each():
            part = task.split.get(piece.piece, parts[0])
            encoding = encoding_of(piece, task.root, task.warn)
            for page in range(1, len(piece.pages) + 1):
                for table, row in _page_rows(piece, page, encoding):
                    files[table.name, part].add(row)
                    written[table.name] += 1
                    transcribed = row["transcription_kern"] or row["transcription_xml"]
                    written["transcriptions"] += bool(transcribed)
    (task.folder / "README.md").write_text(_card(task, parts, written), encoding="utf-8")
    return written


def arrow_schema(table: Table) -> "pa.Schema":
    """The Arrow schema of a table, described for the `datasets` library too."""
    import pyarrow as pa

    picture = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])
    features: dict[str, Any] = {}
    fields = []
    for column in table.columns:
        is_picture = column.type == "image"
        kind = picture if is_picture else arrow_type(column.type)
        metadata = {"unit": column.unit, "meaning": column.meaning}
        fields.append(pa.field(column.name, kind, metadata=metadata))
        features[column.name] = (
            {"_type": "Image"} if is_picture else {"dtype": column.type, "_type": "Value"}
        )
    return pa.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": features}})})


class _Rows:
    """A Parquet file whose rows are written a group at a time."""

    def __init__(self, folder: Path, table: Table, part: str) -> None:
        (folder / table.name).mkdir(exist_ok=True)
        self._path = folder / table.name / f"{PART_NAMES[part]}-00000-of-00001.parquet"
        self._schema = arrow_schema(table)
        self._rows: list[dict[str, Any]] = []
        self._open = ExitStack()

    def __enter__(self) -> "_Rows":
        opened = parquet.writer(self._path, self._schema, compression="zstd")
        self._writer = self._open.enter_context(opened)
        return self

    def add(self, row: dict[str, Any]) -> None:
        self._rows.append(row)
        if len(self._rows) == ROWS_PER_GROUP:
            self._flush()

    def __exit__(self, *error: Any) -> None:
        if self._rows and error[0] is None:
            self._flush()
        self._open.__exit__(*error)

    def _flush(self) -> None:
        import pyarrow as pa

        self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
        self._rows = []


def _page_rows(
    piece: DatasetPiece, page: int, encoding: Encoding | None
) -> Iterator[tuple[Table, dict[str, Any]]]:
    """The rows of a page and of its systems, each with its table."""
    image = piece.pages[page - 1]
    staves = piece.systems[piece.systems["page"] == page]
    heads = piece.noteheads[piece.noteheads["page"] == page]
    place = {"page": page, "x0": 0, "y0": 0, "width": image.shape[1], "height": image.shape[0]}
    counts = {"staves": len(staves), "noteheads": len(heads)}
    yield PAGES, _row(piece, encoding, piece.pages.content(page - 1), place | counts)
    for system, (top, bottom) in bands(image, staves, heads).items():
        place = {"page": page, "system": system, "x0": 0, "y0": top}
        place |= {"width": image.shape[1], "height": bottom - top}
        counts = {"staves": int((staves["system"] == system).sum())}
        counts["noteheads"] = int((heads["system"] == system).sum())
        yield SYSTEMS, _row(piece, encoding, encode_png(image[top:bottom]), place | counts)


def bands(
    image: Image, staves: "pd.DataFrame", heads: "pd.DataFrame"
) -> dict[int, tuple[int, int]]:
    """The rows of a page that belong to each of its systems.

    Args:
        image: the page.
        staves: its staves.
        heads: its note heads.

    Returns:
        By system: its first row, and the one behind its last.
    """
    ink = (image < _INK).sum(axis=1)
    reach: list[tuple[int, float, float, float]] = []
    for system, box in system_boxes(staves).iterrows():
        own = heads[heads["system"] == system]
        top = min([box["y0"], *own["y0"]])
        bottom = max([box["y1"], *own["y1"]])
        first = staves[staves["system"] == system].iloc[0]
        reach.append((int(str(system)), top, bottom, first["y1"] - first["y0"]))
    found = {}
    for n, (system, top, bottom, staff) in enumerate(reach):
        highest, lowest = top - _OUTSIDE * staff, bottom + _OUTSIDE * staff
        above = reach[n - 1][2] if n else highest
        below = reach[n + 1][1] if n + 1 < len(reach) else lowest
        found[system] = _whitest(ink, above, top), _whitest(ink, bottom, below)
    return found


def _whitest(ink: NDArray[np.int64], low: float, high: float) -> int:
    """The row with the least ink of those between two heights, and of several the one nearest to their middle.

    Where the first is not above the second, heads of one system stand beside those of the other: the row of the
    second, if it ends a system, or of the first is as good as any.
    """
    first, behind = max(math.ceil(low), 0), min(math.floor(high), len(ink))
    if first >= behind:
        return min(max(round((low + high) / 2), 0), len(ink))
    rows = np.arange(first, behind + 1)
    amounts = np.append(ink, 0)[rows]
    away = np.abs(rows - (first + behind) / 2)
    return int(rows[np.lexsort((away, amounts))[0]])


def _row(
    piece: DatasetPiece, encoding: Encoding | None, png: bytes, values: dict[str, Any]
) -> dict[str, Any]:
    header = piece.header
    text = transcription(piece, encoding, values["page"], values.get("system"))
    return {
        "image": {"bytes": png, "path": None},
        "transcription_kern": text.kern,
        "transcription_xml": text.xml,
        "piece": piece.piece,
        **values,
        **{column.name: str(header[column.name]) for column in _HEADER},
    }


def _card(task: Task, parts: list[str], written: Counter[str]) -> str:
    """The text of README.md."""
    lines = ["---", "configs:"]
    for table in (SYSTEMS, PAGES):
        lines += [f"- config_name: {table.name}", "  data_files:"]
        for part in parts:
            name = PART_NAMES[part]
            lines += [f"  - split: {name}", f"    path: {table.name}/{name}-*.parquet"]
    lines += ["tags:", "- music", "- sheet-music", "- optical-music-recognition", "---", ""]
    lines += ["# Pictures of sheet music, and what they say", ""]
    lines += [
        f"{len(task.pieces):,} pieces of {task.dataset.path.absolute().name}: {written['pages']:,} pages, "
        f"{written['systems']:,} systems, {written['transcriptions']:,} transcriptions.",
        "",
        "Each piece has the licence of its edition (column `licence`); its pictures are under the same terms.",
        "",
    ]
    for table in (SYSTEMS, PAGES):
        lines += [f"## {table.name}", "", table.meaning, ""]
        lines += [f"- `{column.name}`: {column.meaning}" for column in table.columns] + [""]
    return "\n".join(lines)
