"""The Parquet schema of snippets: typed columns, and metadata with the sizes of the windows.

Two keys of the schema's metadata matter. `huggingface` declares the sheets to be images and the
spectrograms two-dimensional arrays, for libraries that know such types. `msmdtools` is a
`SnippetInfo` as JSON: the sizes of windows and margins, and what the snippets were made from.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from msmdtools.base.table import Column, arrow_type
from msmdtools.errors import DatasetError
from msmdtools.snippet import SNIPPETS

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = 1
INFO_KEY = b"msmdtools"
_PAYLOAD = ("sheet", "spectrogram")


@dataclass(frozen=True, slots=True)
class SnippetInfo:
    """Sizes and origin of the windows of a shard, as stored in its metadata.

    Attributes:
        format: version of the columns and of this description.
        page_width: width of the page images in pixels.
        rows, columns: the nominal sheet window, in pixels.
        margin_rows, margin_columns: pixels stored around it, on each side.
        context_s: the longest audio window, in seconds.
        frames: the same in frames; the onset is at frame `frames // 2` of it.
        margin_frames: frames stored before and after it.
        frames_per_second, bands: of the spectrogram.
        edge: "next" (windows see the neighbouring systems) or "white".
        onsets: which onsets were taken: all, first, or every:N.
        seed: of the order of the rows.
        dataset_sha256: identity of the dataset that the snippets were cut from.
        staff_height: height in pixels that the staves of all pages were brought to; None if windows were
            cut from the pages as they are.
    """

    format: int
    page_width: int
    rows: int
    columns: int
    margin_rows: int
    margin_columns: int
    context_s: float
    frames: int
    margin_frames: int
    frames_per_second: int
    bands: int
    edge: str
    onsets: str
    seed: int
    dataset_sha256: str
    staff_height: float | None = None

    @property
    def sheet_shape(self) -> tuple[int, int]:
        """Rows and columns of a stored sheet picture, margins included."""
        return self.rows + 2 * self.margin_rows, self.columns + 2 * self.margin_columns

    @property
    def spectrogram_shape(self) -> tuple[int, int]:
        """Bands and frames of a stored spectrogram, margins included."""
        return self.bands, self.frames + 2 * self.margin_frames

    @property
    def onset_frame(self) -> int:
        """The onset's frame in a stored spectrogram."""
        return self.margin_frames + self.frames // 2

    @property
    def every(self) -> int:
        """N if one of every N onsets was taken."""
        return int(self.onsets.removeprefix("every:")) if ":" in self.onsets else 1

    def to_json(self) -> dict[str, Any]:
        """The description as plain values; `staff_height` only where there is one."""
        values = asdict(self)
        if self.staff_height is None:  # snippets of versions that had no such thing
            del values["staff_height"]
        return values


def arrow_schema(info: SnippetInfo) -> "pa.Schema":
    """The Arrow schema of shards with windows of these sizes."""
    import pyarrow as pa

    return pa.schema(
        [
            # Nullable, although none is null: `datasets` takes its types only from such columns.
            pa.field(c.name, _arrow_type(c), metadata=_metadata(c, info))
            for c in SNIPPETS.columns
        ],
        metadata={
            "huggingface": json.dumps({"info": {"features": _features(info)}}),
            INFO_KEY: json.dumps(info.to_json(), sort_keys=True),
        },
    )


def read_info(schema: "pa.Schema", where: object = "the shard") -> SnippetInfo:
    """Read the sizes of the windows from a shard's schema.

    Args:
        schema: the schema, with its metadata.
        where: the shard's name, for the error message.

    Raises:
        DatasetError: the shard does not hold snippets, or they have an unknown format.
    """
    try:
        values = json.loads((schema.metadata or {})[INFO_KEY])
        version = values["format"]
    except (KeyError, ValueError, TypeError) as error:
        raise DatasetError(
            f"{where}: not a shard of snippets (its schema has no entry {INFO_KEY.decode()!r}); "
            "name a folder that msmd snippets --out made"
        ) from error
    if version != FORMAT:
        raise DatasetError(
            f"{where}: snippets of format {version!r}, and this msmdtools reads {FORMAT}; "
            "export them again or use the msmdtools they were made with"
        )
    return info_from(values, where)


def info_from(values: Mapping[str, Any], where: object) -> SnippetInfo:
    """Make a `SnippetInfo` from its plain values.

    Raises:
        DatasetError: a value is missing.
    """
    try:
        known = {"staff_height": None, **values}
        return SnippetInfo(**{field.name: known[field.name] for field in fields(SnippetInfo)})
    except KeyError as error:
        raise DatasetError(
            f"{where} is damaged (its description lacks {error}); export or copy the snippets again"
        ) from error


def _arrow_type(column: Column) -> "pa.DataType":
    import pyarrow as pa

    if column.type == "image":
        return pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])
    if column.type == "spectrogram":
        return pa.list_(pa.list_(pa.float16()))
    return arrow_type(column.type)


def storage(array: "pa.ChunkedArray") -> "pa.Array":
    """A column as one array of plain lists, even if `datasets` is imported, which has a type for spectrograms."""
    whole = array.combine_chunks()
    return getattr(whole, "storage", whole)


def _metadata(column: Column, info: SnippetInfo) -> dict[str, str]:
    metadata = {"unit": column.unit, "meaning": column.meaning}
    if column.type == "spectrogram":  # how Arrow names a type of a library that may not be there
        metadata["ARROW:extension:name"] = "datasets.features.features.Array2DExtensionType"
        metadata["ARROW:extension:metadata"] = json.dumps([info.spectrogram_shape, "float16"])
    return metadata


def _features(info: SnippetInfo) -> dict[str, Any]:
    """The columns as the `datasets` library describes them."""
    features: dict[str, Any] = {}
    for column in SNIPPETS.columns:
        if column.type == "image":
            features[column.name] = {"_type": "Image"}
        elif column.type == "spectrogram":
            shape = list(info.spectrogram_shape)
            features[column.name] = {"shape": shape, "dtype": "float16", "_type": "Array2D"}
        elif column.type.startswith("list<"):
            value = {"dtype": column.type[len("list<") : -1], "_type": "Value"}
            features[column.name] = {"feature": value, "_type": "List"}
        else:
            features[column.name] = {"dtype": column.type, "_type": "Value"}
    return features
