"""An index: embeddings of windows slid over many pieces, and where each window is.

    INDEX/index.json             format, model and its weights' sha256, strides, generation
    INDEX/entries-0003.parquet   one row per sheet or recording: what it is, or why it is not there
    INDEX/sheet-0001.parquet     entry, piece, page, system, x, y, vector
    INDEX/audio-0001.parquet     entry, piece, performance, second, vector
    INDEX/sheet-0003.faiss       only of a large index: see msmdtools.search.neighbours

The generation names the table of entries in force, and that table names the parts. A change writes new files
beside the old ones and then replaces index.json, so an interrupted change leaves the old index whole.
Opening reads no vectors: they are read when they are first needed, all or those of some entries.
An opened index does not change while another process changes it on disk, as its files are held open.
A change during the opening itself is noticed by index.json, and the new generation is opened.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from msmdtools.base import parquet, seal
from msmdtools.base.damage import why
from msmdtools.base.files import file_sha256, json_bytes
from msmdtools.errors import MsmdError
from msmdtools.models.model import Model
from msmdtools.models.model import find as find_model
from msmdtools.search import neighbours, parts
from msmdtools.search.options import MODEL
from msmdtools.search.parts import Side

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 2
DESCRIPTION = "index.json"


@dataclass(frozen=True, slots=True)
class Description:
    """What an index was made with: the content of index.json.

    Attributes:
        format: version of the files.
        model: name of the model.
        weights: name of a bundled model, or path of the model's weights.
        model_sha256: sha256 of the file of its weights.
        dim: number of dimensions of its embeddings.
        sheet_stride: px between sheet windows.
        audio_stride: s between audio windows.
        generation: how often the index was written; part of the names of its files.
        next_entry: the number that the next sheet or recording gets.
        neighbours: by side, the FAISS file of its windows; see `msmdtools.search.neighbours`.
    """

    format: int
    model: str
    weights: str
    model_sha256: str
    dim: int
    sheet_stride: int
    audio_stride: float
    generation: int
    next_entry: int
    neighbours: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Index:
    """An opened index.

    Attributes:
        path: its folder.
        description: what it was made with.
        entries: the sheets and recordings in it: the rows of the entries table that are ok, in the order of
            their windows in the files; the frame's index is their number.
        failed: what could not be indexed, with the reason.
        faiss_indexes: by side, its FAISS index where it has one that can be read.
    """

    path: Path
    description: Description
    entries: "pd.DataFrame"
    failed: "pd.DataFrame"
    _files: dict[str, parquet.File]
    faiss_indexes: dict[str, Any] = field(default_factory=dict)

    @property
    def pieces(self) -> list[str]:
        """Ids of the pieces in the index, sorted."""
        return sorted(self.entries["piece"].unique())

    @cached_property
    def sheet(self) -> Side:
        """All sheet windows."""
        return self.read("sheet")

    @cached_property
    def audio(self) -> Side:
        """All audio windows."""
        return self.read("audio")

    def count(self, side: str) -> int:
        """Return the number of windows on a side, "sheet" or "audio"."""
        return int(self.entries.loc[self.entries["side"] == side, "windows"].sum())

    def read(self, side: str, wanted: Sequence[int] | None = None) -> Side:
        """Read the windows of a side, all or only those of some entries, in the order of the index.

        Args:
            side: "sheet" or "audio".
            wanted: numbers of the entries; None for all.

        Raises:
            MsmdError: a file is damaged.
        """
        import pandas as pd

        entries = self.entries[self.entries["side"] == side]
        if wanted is not None:
            entries = entries[entries.index.isin(wanted)]
        places = [parts.SIDES[side].arrow_schema().empty_table().drop_columns("vector").to_pandas()]
        vectors = [np.zeros((0, self.description.dim), np.float32)]
        for part, rows in entries.groupby("part", sort=False):
            path = self.path / str(part)
            table = parts.read(path, self._files[str(part)], rows["row_group"].tolist())
            embeddings = parts.vectors_of(table)
            if embeddings.shape != (rows["windows"].sum(), self.description.dim):
                raise parts.damaged(path, "its vectors have the wrong number or length")
            places.append(table.drop_columns("vector").to_pandas())
            vectors.append(embeddings)
        sizes = entries["windows"].to_numpy(np.int64)
        return Side(
            pd.concat(places[1:], ignore_index=True) if places[1:] else places[0],
            np.concatenate(vectors) if len(vectors) != 2 else vectors[1],
            np.concatenate([[0], np.cumsum(sizes)]),
            list(zip(entries["piece"], entries["performance"], strict=True)),
        )

    def check(self, model: Model, weights: str | Path) -> None:
        """Make sure that a model's embeddings can be compared with those of the index.

        Raises:
            MsmdError: the index was made with other weights.
        """
        check(self.path, self.description, model, model_sha256(weights))


def open_index(path: str | Path) -> Index:
    """Open an index; while it is being changed, the generation before or after the change.

    Raises:
        MsmdError: there is none, it has another format, or a file of it is missing or damaged.
    """
    path = Path(path)
    while True:
        description = described(path)
        if description is None:
            raise MsmdError(
                f"{path}: not an index (it has no {DESCRIPTION}); make one with msmd index"
            )
        try:
            return _opened(path, description)
        except MsmdError:
            # A change removes the old files once the new index.json is there.
            if described(path) == description:
                raise


def _opened(path: Path, description: Description) -> Index:
    entries = read_entries(path, description)
    ok = entries[entries["status"] == "ok"].sort_values(["side", "part", "row_group"])
    files = {
        str(part): parts.open_part(path / str(part), str(side))
        for side, part in ok[["side", "part"]].drop_duplicates().itertuples(index=False)
    }
    for part, rows in ok.groupby("part"):
        if rows["row_group"].max() >= files[str(part)].groups:
            raise parts.damaged(path / str(part), "it has too few row groups")
    faiss_indexes = {}
    for side, file in description.neighbours.items():
        # Who searches is told why a file cannot be read; who changes the index may not need it.
        with suppress(MsmdError):
            faiss_indexes[side] = neighbours.load(path / str(file["file"]), file.get("sha256"))
    return Index(path, description, ok, entries[entries["status"] != "ok"], files, faiss_indexes)


def weights_of(path: str | Path) -> str:
    """Return the model that an index was made with, for `load_model`; the default where there is no index.

    Raises:
        MsmdError: the index has another format or is damaged, or the model is no longer where it was.
    """
    description = described(Path(path))
    if description is None:
        return MODEL
    try:
        find_model(description.weights)
    except MsmdError as error:
        raise MsmdError(
            f"{path} was made with the model {description.weights}, which is no longer there; "
            "name it with --model"
        ) from error
    return description.weights


def model_sha256(name_or_path: str | Path) -> str:
    """Return the sha256 of the file of a model's weights. Raises MsmdError if there is no such file."""
    return file_sha256(find_model(name_or_path))


def check(path: Path, description: Description, model: Model, weights_sha256: str) -> None:
    """Make sure that an index was made with these weights.

    Args:
        path: folder of the index, for the error.
        description: what the index was made with.
        model: the model whose embeddings are to be compared with the index.
        weights_sha256: sha256 of the file of its weights.

    Raises:
        MsmdError: the index was made with other weights.
    """
    if description.model_sha256 != weights_sha256:
        raise MsmdError(
            f"{path} was made with the model {description.model} "
            f"(weights {description.model_sha256[:12]}), not with this {model.name} "
            f"({weights_sha256[:12]}); name that model, or make another index"
        )


def described(path: Path) -> Description | None:
    """Return the content of index.json; None where there is no such file.

    Raises:
        MsmdError: it is damaged or has another format.
    """
    file = path / DESCRIPTION
    if not file.exists():
        return None
    try:
        values = seal.read(file)
        version = values["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise parts.damaged(file, why(error)) from error
    if version != FORMAT:
        raise MsmdError(
            f"{file}: format {version!r}, and this msmdtools reads {FORMAT}; make the index again"
        )
    if set(values) != {field.name for field in fields(Description)}:
        raise parts.damaged(file, "its entries are not those of an index")
    return Description(**values)


def entries_file(path: Path, description: Description) -> Path:
    """The table of entries in force."""
    return path / f"{parts.ENTRIES.name}-{description.generation:04d}.parquet"


def read_entries(path: Path, description: Description) -> "pd.DataFrame":
    """The entries, failed ones too; the index their numbers. Raises MsmdError if damaged."""
    import pyarrow as pa

    file = entries_file(path, description)
    try:
        table = parquet.File(file).read()
    except (OSError, ValueError, pa.ArrowException) as error:
        raise parts.damaged(file, why(error)) from error
    if table.column_names != parts.ENTRIES.names:
        raise parts.damaged(file, "it has the wrong columns")
    frame: pd.DataFrame = table.to_pandas()
    return frame.set_index("entry", drop=False).rename_axis(None)


def to_bytes(description: Description) -> bytes:
    """Return the content of index.json as bytes."""
    return json_bytes(seal.sealed(asdict(description)))
