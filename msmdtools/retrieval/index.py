"""An index: embeddings of windows slid over many pieces, and where each window is.

    INDEX/index.json            format, model and its weights' sha256, strides, and the files in force
    INDEX/sheet-0001.parquet    piece, page, system, x, vector
    INDEX/audio-0001.parquet    piece, performance, second, vector

The windows of a piece (of a recording, with audio) are together and in order. A change writes new
Parquet files beside the old ones and then replaces index.json, which names them: whatever kills it,
the index is the old one or the new one. Pieces that stay are copied, not embedded again.
"""

import json
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, fields, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.dataset import reader
from msmdtools.dataset.store import locked
from msmdtools.errors import MsmdError
from msmdtools.models.model import Model
from msmdtools.models.model import find as find_model
from msmdtools.retrieval.windows import audio_windows, sheet_windows
from msmdtools.score import PIECE
from msmdtools.snippets.schema import NOMINAL_WIDTH
from msmdtools.table import Column, Table

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

FORMAT = 1
DESCRIPTION = "index.json"
SHEET_STRIDE, AUDIO_STRIDE = 50, 0.5

_VECTOR = Column("vector", "list<float>", "", "embedding, of length 1")
SHEET = Table(
    "sheet",
    "One row per sheet window, from left to right through the piece.",
    ("piece", "system", "x"),
    (
        PIECE,
        Column("page", "int32", "", "page, from 1"),
        Column("system", "int32", "", "system in the piece, from 1"),
        Column("x", "float64", "px", "centre of the window on the page"),
        _VECTOR,
    ),
)
AUDIO = Table(
    "audio",
    "One row per audio window, in time.",
    ("piece", "performance", "second"),
    (
        PIECE,
        Column("performance", "string", "", "performance of the piece"),
        Column("second", "float64", "s", "middle of the window"),
        _VECTOR,
    ),
)
SIDES = {table.name: table for table in (SHEET, AUDIO)}


@dataclass(frozen=True, slots=True)
class Description:
    """What an index was made with.

    Attributes:
        format: version of the files.
        model: name of the model.
        model_sha256: of the file of its weights.
        dim: dimensions of its embeddings.
        sheet_stride: px between sheet windows. audio_stride: s between audio windows.
        generation: how often the index was written; part of its files' names.
    """

    format: int
    model: str
    model_sha256: str
    dim: int
    sheet_stride: int
    audio_stride: float
    generation: int


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """The sheet windows or the audio windows of an index, grouped by sheet or by recording.

    Attributes:
        places: where each window is: the table without the vectors.
        vectors: float32, (windows, dim).
        bounds: (groups + 1,) group i has the windows bounds[i] … bounds[i + 1] - 1.
        names: (piece, performance) of each group; performance is "" for sheets.
    """

    places: "pd.DataFrame"
    vectors: NDArray[np.float32]
    bounds: NDArray[np.int64]
    names: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """An opened index."""

    path: Path
    description: Description
    sheet: Side
    audio: Side

    @property
    def pieces(self) -> list[str]:
        """The pieces that it has, sorted."""
        return sorted({piece for side in (self.sheet, self.audio) for piece, _ in side.names})

    def check(self, model: Model, weights: str | Path) -> None:
        """Make sure that a model's embeddings can be compared with those of the index.

        Raises:
            MsmdError: the index was made with other weights.
        """
        _check(self.path, self.description, model, model_sha256(weights))


@dataclass(frozen=True, slots=True)
class Change:
    """What `update` did: numbers of pieces."""

    added: int
    removed: int
    kept: int


def model_sha256(name_or_path: str | Path) -> str:
    """The sha256 of the file of a model's weights. Raises MsmdError if there is none."""
    return sha256(find_model(name_or_path).read_bytes()).hexdigest()


def open_index(path: str | Path) -> Index:
    """Read an index.

    Raises:
        MsmdError: there is none, it is of another format, or a file of it is missing or damaged.
    """
    path = Path(path)
    description = _described(path)
    if description is None:
        raise MsmdError(f"{path}: not an index (it has no {DESCRIPTION}); make one with msmd index")
    sides = {name: _grouped(_read(path, description, name)) for name in SIDES}
    for name, side in sides.items():
        if len(side.vectors) and side.vectors.shape[1] != description.dim:
            raise _damaged(_file(path, description, name), "its vectors have another length")
    return Index(path, description, sides["sheet"], sides["audio"])


def update(
    out: str | Path,
    dataset: reader.Dataset | None,
    model: Model,
    weights: str | Path,
    *,
    pieces: Collection[str] | None = None,
    remove: Collection[str] = (),
    performances: Collection[str] | None = None,
    sheet_stride: int = SHEET_STRIDE,
    audio_stride: float = AUDIO_STRIDE,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> Change:
    """Make an index of a dataset's pieces, or add pieces to one and remove some.

    Pieces that the index has already stay as they are; to have one embedded again, remove it in the
    same call.

    Args:
        out: the index; made if it is not there.
        dataset: None to remove only.
        weights: what `model` was loaded from.
        pieces: which to add; None for all of the dataset.
        remove: which to remove first.
        performances: whose audio to add; None for all of each piece, empty for none.
        sheet_stride, audio_stride: px and s between windows; those of an index there already stand.

    Raises:
        MsmdError: the index is of another model, other strides or another format, it has no such
            piece to remove, or the dataset's pages are not 835 px wide.
        DatasetError: a file of the dataset is missing or damaged, or `out` is something else.
    """
    import pyarrow as pa

    out = Path(out)
    # Before the lock makes the folder: what is asked for can be checked without it.
    names = [] if dataset is None else _chosen(dataset, pieces)
    with locked(out, (DESCRIPTION,), "an index", "msmd index"):
        old = _described(out)
        now = Description(
            FORMAT, model.name, model_sha256(weights), model.dim, sheet_stride, audio_stride, 0
        )
        tables: dict[str, pa.Table] = {n: t.arrow_schema().empty_table() for n, t in SIDES.items()}
        if old is not None:
            _check(out, old, model, now.model_sha256)
            if (old.sheet_stride, old.audio_stride) != (sheet_stride, audio_stride):
                raise MsmdError(
                    f"{out} has windows every {old.sheet_stride} px and {old.audio_stride:g} s; "
                    "use these strides, or make another index"
                )
            now = old
            tables = {name: _read(out, old, name) for name in SIDES}
        there = {p for table in tables.values() for p in table["piece"].unique().to_pylist()}
        absent = sorted(set(remove) - there)
        if absent:
            raise MsmdError(f"{out}: no piece {absent[0]!r} to remove")
        kept = there - set(remove)
        new = [name for name in names if name not in kept]
        parts = {name: [_without(table, remove)] for name, table in tables.items()}
        for done, name in enumerate(new):
            progress("pieces", done, len(new))
            assert dataset is not None
            sheet, audio = _embedded(dataset[name], model, now, performances)
            parts["sheet"].append(sheet)
            parts["audio"] += audio
        progress("pieces", len(new), len(new))
        if new or remove or old is None:
            whole = {name: pa.concat_tables(part) for name, part in parts.items()}
            _write(out, replace(now, generation=now.generation + 1), whole)
    return Change(len(new), len(set(remove)), len(kept))


def _chosen(dataset: reader.Dataset, pieces: Collection[str] | None) -> list[str]:
    """The pieces to add, sorted, after a look at whether windows fit them."""
    width = dataset.description.get("options", {}).get("width", NOMINAL_WIDTH)
    if width != NOMINAL_WIDTH:
        raise MsmdError(
            f"{dataset.path}: its pages are {width} px wide, and an index needs {NOMINAL_WIDTH}; "
            f"build it with --width {NOMINAL_WIDTH}"
        )
    names = sorted(set(dataset.ids if pieces is None else pieces))
    for name in names:
        dataset[name]  # says what is wrong with it
    return names


def _embedded(
    piece: reader.DatasetPiece,
    model: Model,
    made: Description,
    performances: Collection[str] | None,
) -> tuple["pa.Table", list["pa.Table"]]:
    """The rows of a piece: its sheet, and each of its recordings."""
    sheet = sheet_windows(piece, model.config.sheet_shape, made.sheet_stride)
    places = {"page": sheet.page, "system": sheet.system, "x": sheet.x}
    rows = _rows(SHEET, piece.piece, places, model.embed_sheet(sheet.images))
    recordings = []
    for name in piece.performances.index if performances is None else performances:
        spectrogram = piece.spectrogram(name)
        audio = audio_windows(spectrogram, model.config.frames, made.audio_stride)
        vectors = model.embed_audio(audio.spectrograms)
        when = {"performance": [name] * len(vectors), "second": audio.second}
        recordings.append(_rows(AUDIO, piece.piece, when, vectors))
    return rows, recordings


def _rows(
    table: Table, piece: str, places: dict[str, Any], vectors: NDArray[np.float32]
) -> "pa.Table":
    import pyarrow as pa

    schema = table.arrow_schema()
    offsets = np.arange(len(vectors) + 1, dtype=np.int32) * vectors.shape[1]
    lists = pa.ListArray.from_arrays(
        pa.array(offsets), pa.array(vectors.ravel(), pa.float32()), schema.field("vector").type
    )
    values = {"piece": [piece] * len(vectors), **places}
    arrays = [pa.array(values[f.name], f.type) if f.name in values else lists for f in schema]
    return pa.table(arrays, schema=schema)


def _without(table: "pa.Table", pieces: Collection[str]) -> "pa.Table":
    """The rows of all other pieces."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return table.filter(pc.invert(pc.is_in(table["piece"], pa.array(list(pieces), pa.string()))))


def _grouped(table: "pa.Table") -> Side:
    places = table.drop_columns(["vector"]).to_pandas()
    lists = table["vector"].combine_chunks()
    vectors = (
        lists.flatten().to_numpy(zero_copy_only=False).reshape(len(table), -1 if len(table) else 0)
    )
    performances = places["performance"] if "performance" in places else [""] * len(places)
    keys = list(zip(places["piece"], performances, strict=True))
    starts = [i for i, key in enumerate(keys) if i == 0 or key != keys[i - 1]]
    bounds = np.array([*starts, len(keys)], np.int64) if keys else np.zeros(1, np.int64)
    return Side(places, vectors, bounds, [keys[start] for start in starts])


def _described(path: Path) -> Description | None:
    """The content of index.json; None where there is none."""
    file = path / DESCRIPTION
    if not file.is_file():
        return None
    try:
        values = json.loads(file.read_text("utf-8"))
        found = values["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(file, str(error)) from error
    if found != FORMAT:
        raise MsmdError(
            f"{file}: format {found!r}, and this msmdtools reads {FORMAT}; make the index again"
        )
    if set(values) != {field.name for field in fields(Description)}:
        raise _damaged(file, "other keys than an index has")
    return Description(**values)


def _check(path: Path, description: Description, model: Model, weights_sha256: str) -> None:
    if description.model_sha256 != weights_sha256:
        raise MsmdError(
            f"{path} was made with the model {description.model} "
            f"(weights {description.model_sha256[:12]}), not with this {model.name} "
            f"({weights_sha256[:12]}); name that model, or make another index"
        )


def _read(path: Path, description: Description, side: str) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = _file(path, description, side)
    try:
        table = pq.read_table(file, memory_map=True)
    except (OSError, pa.ArrowException) as error:
        raise _damaged(file, str(error).splitlines()[0]) from error
    if table.column_names != SIDES[side].names:
        raise _damaged(file, "it has other columns")
    return table


def _file(path: Path, description: Description, side: str) -> Path:
    return path / f"{side}-{description.generation:04d}.parquet"


def _write(path: Path, description: Description, tables: dict[str, "pa.Table"]) -> None:
    """Put new files beside the old ones, then index.json in the place of the old one."""
    import pyarrow.parquet as pq

    for name, table in tables.items():
        file = _file(path, description, name)
        pq.write_table(table, file, compression="none", use_dictionary=["piece"])
        with open(file, "rb") as written:
            os.fsync(written.fileno())
    temporary = path / f".{DESCRIPTION}"
    with open(temporary, "w", encoding="utf-8") as target:
        target.write(json.dumps(asdict(description), indent=1) + "\n")
        target.flush()
        os.fsync(target.fileno())
    os.replace(temporary, path / DESCRIPTION)
    current = {_file(path, description, name) for name in SIDES}
    for name in SIDES:
        for file in path.glob(f"{name}-*.parquet"):
            if file not in current:
                file.unlink()


def _damaged(file: Path, why: str) -> MsmdError:
    return MsmdError(f"{file} is missing or damaged ({why}); remove the index and make it again")
