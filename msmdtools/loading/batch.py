"""Read pairs into memory, encoded as they are stored, and make batches of arrays from them.

A `View` is the form in which a reader wants pairs: sizes, types, augmentation. `read` reads a row
group as it is stored; `make` decodes, cuts and augments some of its rows. Augmentation depends on the
view's seed, the epoch and the pair's row number alone, not on the batch that the pair is in.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.errors import DatasetError, MsmdError
from msmdtools.loading import audio_augment, sheet_augment
from msmdtools.loading.augment import OFF, Augment
from msmdtools.loading.sheet_augment import Picture
from msmdtools.snippet import SNIPPETS
from msmdtools.snippets.reader import Split
from msmdtools.snippets.schema import SnippetInfo, storage

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = ("piece", "performance", "onset")
_WINDOWS = ("sheet", "spectrogram")
_SHEET_TYPES = ("uint8", "float32")
_SPECTROGRAM_TYPES = ("float16", "float32")


@dataclass(frozen=True)
class Batch:
    """Pairs as arrays.

    Attributes:
        sheets: (pairs, rows, columns), uint8 with 255 for white, or float32 with 1 for white.
        spectrograms: (pairs, 92, frames), float16 or float32; the onset is at frame `frames // 2`.
        index: the pairs' row numbers in their split, int64 (pairs,).
        columns: other columns of the pairs: arrays of (pairs,), of objects for text and lists.
    """

    sheets: NDArray[Any]
    spectrograms: NDArray[Any]
    index: NDArray[np.int64]
    columns: Mapping[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.index)


@dataclass(frozen=True)
class View:
    """The form in which a reader wants pairs: sizes, types, augmentation. Made by `view`, which checks it.

    Attributes:
        rows, columns: size of the sheet window in pixels.
        frames: length of the spectrogram window.
        sheet_type: uint8 (255 is white) or float32 (1 is white).
        spectrogram_type: float16 or float32.
        also: names of the snippets' other columns that a batch has beside the windows.
        augment: what to vary, and how much at most.
        seed: of augmentation.
    """

    rows: int
    columns: int
    frames: int
    sheet_type: str
    spectrogram_type: str
    also: tuple[str, ...]
    augment: Augment
    seed: int


def view(
    info: SnippetInfo,
    context_s: float = 2.1,
    window: tuple[int, int] | None = None,
    augment: Augment = OFF,
    seed: int = 0,
    columns: Sequence[str] = COLUMNS,
    sheet_type: str = "uint8",
    spectrogram_type: str = "float16",
) -> View:
    """Make a view of snippets, and check that they hold enough for it.

    Args:
        info: sizes of the stored windows.
        context_s: length of the audio window in seconds.
        window: rows and columns of the sheet window; None for the nominal one.
        augment: what to vary, and how much at most.
        seed: of augmentation.
        columns: names of the snippets' other columns that a batch has beside the windows (`View.also`).
        sheet_type: uint8 (0 to 255) or float32 (0 to 1).
        spectrogram_type: float16 or float32.

    Returns:
        The view.

    Raises:
        DatasetError: a window is longer or larger than what is stored.
        MsmdError: there is no such column or type.
    """
    frames = round(context_s * info.frames_per_second)
    if frames < 1:
        raise MsmdError(f"a context of {context_s:g} s has no frame")
    if frames > info.frames:
        raise DatasetError(
            f"a context of {context_s:g} s is longer than the {info.context_s:g} s that are "
            f"stored; ask for less, or export with --context {context_s:g}"
        )
    rows, width = window or (info.rows, info.columns)
    stored = info.sheet_shape
    if not (1 <= rows <= stored[0] and 1 <= width <= stored[1]):
        raise DatasetError(
            f"a window of {rows} x {width} px is not within the {stored[0]} x {stored[1]} px that "
            f"are stored; ask for less, or export with --sheet {rows}x{width}"
        )
    names = [name for name in SNIPPETS.names if name not in _WINDOWS]
    for name in columns:
        if name not in names:
            raise MsmdError(f"no column {name!r}; there are {', '.join(names)}")
    for name, types in ((sheet_type, _SHEET_TYPES), (spectrogram_type, _SPECTROGRAM_TYPES)):
        if name not in types:
            raise MsmdError(f"no type {name!r}; there are {' and '.join(types)}")
    if seed < 0:
        raise MsmdError(f"seed is {seed}; it must not be negative")
    also = tuple(columns)
    return View(rows, width, frames, sheet_type, spectrogram_type, also, augment, seed)


@dataclass(frozen=True)
class Rows:
    """The rows of a row group, with the pictures still encoded.

    Attributes:
        first: number of the first row in the split.
        png: the pictures as PNG, one after the other, uint8.
        png_ends: picture i is `png[png_ends[i] : png_ends[i + 1]]`.
        spectrograms: float16, (rows, bands, frames), no more frames than the view needs.
        centre: the onset's frame in the spectrograms.
        table: the other columns.
    """

    first: int
    png: NDArray[np.uint8]
    png_ends: NDArray[np.int64]
    spectrograms: NDArray[np.float16]
    centre: int
    table: "pa.Table"

    def __len__(self) -> int:
        return len(self.spectrograms)


def read(split: Split, group: int, view: View, also: Sequence[str] = ()) -> Rows:
    """Read a row group, as much of it as a view needs.

    Args:
        split: the split of snippets.
        group: number of the row group, from 0.
        view: the form in which the rows are wanted.
        also: columns to read beside those of the view.

    Returns:
        The rows, encoded as they are stored.

    Raises:
        DatasetError: the shard is missing, cut off or damaged, or does not match its schema.
    """
    names = list(dict.fromkeys([*view.also, *also]))
    table = split.read(group, ["sheet.bytes", "spectrogram", *names])
    info, count = split.info, len(table)
    png, ends = _binary(table["sheet"].combine_chunks().field("bytes"))
    values = storage(table["spectrogram"]).flatten().flatten()
    bands, frames = info.spectrogram_shape
    if len(values) != count * bands * frames:
        raise DatasetError(
            f"{split.where}, row group {group}: spectrograms are not {bands} x {frames} "
            "as the schema says; run msmd validate, and export again"
        )
    stored = values.to_numpy(zero_copy_only=True).reshape(count, bands, frames)
    before, after = audio_augment.needed(view.frames, view.augment.audio)
    low, high = max(info.onset_frame - before, 0), min(info.onset_frame + after, frames)
    if high - low < frames:
        # What is not needed goes now: a shuffle buffer holds thousands of these.
        stored = stored[:, :, low:high].copy()
    centre = info.onset_frame - low
    return Rows(int(split.starts[group]), png, ends, stored, centre, table.select(names))


def decode(source: Rows, row: int) -> Picture:
    """Decode the picture of a row as it is stored: uint8, 255 is white.

    Raises:
        DatasetError: it is damaged.
    """
    import cv2

    png = source.png[source.png_ends[row] : source.png_ends[row + 1]]
    picture = cv2.imdecode(png, cv2.IMREAD_GRAYSCALE) if png.size else None
    if picture is None:
        raise DatasetError(f"row {source.first + row}: its picture is damaged; run msmd validate")
    return np.asarray(picture, np.uint8)


def make(
    sources: Sequence[Rows],
    which: NDArray[np.int64],
    rows: NDArray[np.int64],
    view: View,
    epoch: int,
    picture: Callable[[Rows, int], Picture] | None = None,
) -> Batch:
    """Make a batch: pair i is row `rows[i]` of `sources[which[i]]`.

    Args:
        sources: row groups from `read`, all with the same view.
        which: for each pair, the index of its row group in `sources`: (pairs,).
        rows: for each pair, its row in the row group: (pairs,).
        view: the form of the pairs.
        epoch: decides the random draws of augmentation, together with the view's seed and the pair's row number.
        picture: decodes the picture of a row; None for `decode`.

    Returns:
        The pairs, augmented.

    Raises:
        DatasetError: a picture is damaged.
    """
    picture = picture or decode
    index = np.array([sources[w].first for w in which], np.int64) + rows
    pictures, spectrograms = [], []
    for w, row in zip(which.tolist(), rows.tolist(), strict=True):
        source = sources[w]
        pictures.append(picture(source, row))
        spectrograms.append(source.spectrograms[row])
    sheets: NDArray[Any] = sheet_augment.cut(
        pictures, view.rows, view.columns, view.augment.sheet, view.seed, epoch, index
    )
    if view.sheet_type == "float32":
        sheets = np.multiply(sheets, np.float32(1 / 255), dtype=np.float32)
    sounds = audio_augment.cut(
        spectrograms, sources[0].centre, view.frames, view.augment.audio, view.seed, epoch, index
    )
    sounds = sounds.astype(view.spectrogram_type, copy=False)
    return Batch(sheets, sounds, index, _columns(sources, which, rows, view.also))


def _columns(
    sources: Sequence[Rows], which: NDArray[np.int64], rows: NDArray[np.int64], names: Sequence[str]
) -> dict[str, NDArray[Any]]:
    """The other columns of these rows: numbers as they are, text and lists as objects."""
    import pyarrow as pa

    if not names:
        return {}
    # One table of all sources would copy the rows that are not wanted.
    used, place = np.unique(which, return_inverse=True)
    order = np.argsort(place, kind="stable")
    parts = [sources[w].table.take(rows[order][place[order] == k]) for k, w in enumerate(used)]
    table = pa.concat_tables(parts)
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return {name: table[name].to_numpy()[back] for name in names}


def _binary(array: "pa.BinaryArray") -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The bytes of a binary array in one piece, without a copy, and where each value begins and ends."""
    _, offsets, data = array.buffers()
    ends = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1]
    content = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
    return content, ends.astype(np.int64)
