"""Prepare one piece for the shards: its rows without pictures, its sheets, its spectrograms.

`msmdtools.snippets.shards` reads these files, memory-mapped, in any order:

- `rows.arrow`: one row per performance and onset, all columns but sheet and spectrogram, and behind them the
  numbers of the row's sheet and spectrogram;
- `sheets.arrow`: one PNG per onset of the written music;
- `<n>.npy`: the spectrogram of the n-th performance, with silence before and behind it, rounded.

Spectrograms are rounded to multiples of 2⁻¹². Float16 has that step itself from 0.25 on, so larger
values stay as they are; smaller ones get the same absolute precision, an error of at most 0.00012.
The further digits of float16 are noise that cannot be compressed: a third of the file.
"""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.base.files import sync_tree
from msmdtools.base.table import Table, arrow_type
from msmdtools.dataset import reader
from msmdtools.features.spectrogram import FRAMES_PER_SECOND, frame_of
from msmdtools.paper.strip import encode_png, unroll
from msmdtools.snippet import SNIPPETS
from msmdtools.snippets.onsets import Onsets, find_onsets
from msmdtools.snippets.schema import SnippetInfo

if TYPE_CHECKING:
    import pyarrow as pa

ROWS, SHEETS, COUNTS = "rows.arrow", "sheets.arrow", "counts.json"
SHEET_OF, SOUND_OF = "_sheet", "_spectrogram"
STEP = 2.0**-12
NOT_CHOSEN = "not-chosen"

ROW_COLUMNS = Table(
    SNIPPETS.name,
    SNIPPETS.meaning,
    SNIPPETS.key,
    tuple(c for c in SNIPPETS.columns if c.name not in {"sheet", "spectrogram"}),
)


@dataclass(frozen=True, slots=True)
class PieceTask:
    """One piece to prepare.

    Attributes:
        dataset: path of the dataset.
        piece: id of the piece.
        split: train, valid or test.
        performances: names of the performances to take, in the order of the rows; the piece has them all.
        info: sizes of the windows.
        folder: folder to write into; does not exist yet.
        min_confidence: the least confidence of the events that are taken.
    """

    dataset: Path
    piece: str
    split: str
    performances: tuple[str, ...]
    info: SnippetInfo
    folder: Path
    min_confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class PieceCounts:
    """What became of the onsets of one piece: onsets = taken + the sum of dropped.

    Attributes:
        piece: id of the piece.
        split: train, valid or test.
        performances: names of the performances.
        licence: licence of the piece.
        composer: composer of the piece.
        onsets: distinct times at which a note starts, in its MIDI file.
        taken: onsets with a snippet for each performance.
        dropped: onsets without a snippet, by reason.
        rows: taken × synthetic performances, and those of human performances.
        sheet_bytes: size of the pictures of all rows.
        human: snippets of each human performance, which has those onsets that were played.
        unsure: onsets of each of them that were left out because of their confidence.
    """

    piece: str
    split: str
    performances: tuple[str, ...]
    licence: str
    composer: str
    onsets: int
    taken: int
    dropped: dict[str, int]
    rows: int
    sheet_bytes: int
    human: dict[str, int] = field(default_factory=dict)
    unsure: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The counts as plain values, without the size of the pictures and the names of the performances."""
        hidden = ("sheet_bytes", "performances")
        return {name: value for name, value in asdict(self).items() if name not in hidden}


def prepare(task: PieceTask) -> PieceCounts:
    """Write the files that the shards need of a piece into its folder.

    Raises:
        DatasetError: a file of the dataset is missing or damaged, or the piece lacks a performance.
        OSError: the folder cannot be written.
    """
    import pyarrow as pa

    piece = _opened(task.dataset)[task.piece]
    onsets = find_onsets(piece)
    taken = onsets.onset % task.info.every == 0
    dropped = Counter(onsets.dropped)
    if task.info.onsets == "first":
        taken &= onsets.first
    if not taken.all():
        dropped[NOT_CHOSEN] += int((~taken).sum())
    task.folder.mkdir(parents=True)
    index = np.flatnonzero(taken)
    sheets, columns = _sheets(piece, onsets, index, task.info)
    _write(task.folder / SHEETS, pa.table({"png": pa.array(sheets, pa.binary())}))
    schema = ROW_COLUMNS.arrow_schema()
    parts = [_numbered(pa.table(schema.empty_table()), index[:0], 0)]
    human: dict[str, int] = {}
    unsure: dict[str, int] = {}
    sizes = np.array([len(sheet) for sheet in sheets], np.int64)
    sheet_bytes = 0
    sheet_of = np.full(onsets.total, -1, np.int64)
    sheet_of[onsets.onset[index]] = np.arange(len(index))
    for number, name in enumerate(task.performances):
        spectrogram = padded(piece.spectrogram(name), task.info)
        np.save(task.folder / f"{number}.npy", spectrogram)
        played, chosen = onsets, index
        if piece.is_human(name):
            played = find_onsets(piece, name)
            chosen = np.flatnonzero(sheet_of[played.onset % onsets.total] >= 0)
            if task.info.onsets == "first":
                chosen = chosen[played.first[chosen]]
            confidence = piece.events(name).set_index("event")["confidence"]
            sure = confidence[played.event[chosen]].to_numpy() >= task.min_confidence
            if not sure.all():
                unsure[name] = int((~sure).sum())
            chosen = chosen[sure]
            human[name] = len(chosen)
        else:
            second = piece.events(name)["onset_s"].to_numpy(np.float64)[onsets.event]
            played = replace(onsets, second=second)
        sheet = sheet_of[played.onset[chosen] % onsets.total]
        rows = _rows(piece, task, name, played, chosen, columns[sheet])
        parts.append(_numbered(rows, sheet, number))
        sheet_bytes += int(sizes[sheet].sum())
    table = pa.concat_tables(parts).combine_chunks()
    _write(task.folder / ROWS, table)
    counts = PieceCounts(
        piece=task.piece,
        split=task.split,
        performances=task.performances,
        licence=piece.licence,
        composer=piece.composer,
        onsets=onsets.total,
        taken=len(index),
        dropped=dict(sorted(dropped.items())),
        rows=table.num_rows,
        sheet_bytes=sheet_bytes,
        human=human,
        unsure=unsure,
    )
    (task.folder / COUNTS).write_text(json.dumps(asdict(counts)), encoding="utf-8")
    sync_tree(task.folder)
    return counts


def _numbered(rows: "pa.Table", sheet: NDArray[np.int64], sound: int) -> "pa.Table":
    """The rows with the numbers of their sheets and spectrogram."""
    import pyarrow as pa

    sounds = np.full(len(sheet), sound)
    numbered = rows.append_column(SHEET_OF, pa.array(sheet, pa.int32()))
    return numbered.append_column(SOUND_OF, pa.array(sounds, pa.int32()))


def padded(spectrogram: NDArray[np.float16], info: SnippetInfo) -> NDArray[np.float16]:
    """Round a spectrogram to the precision of snippets, and add silence of one window at either end."""
    rounded = np.round(spectrogram.astype(np.float32) * (1 / STEP)) * np.float32(STEP)
    width = info.spectrogram_shape[1]
    return np.pad(rounded.astype(np.float16), ((0, 0), (width, width)))


def audio_window(
    padded_spectrogram: NDArray[np.float16], frame: int, info: SnippetInfo
) -> NDArray[np.float16]:
    """Cut the window around an onset out of a padded spectrogram.

    Args:
        padded_spectrogram: a spectrogram from `padded`, (bands, frames).
        frame: the onset's frame in the spectrogram before it was padded.
        info: sizes of the window.

    Returns:
        The window as it is stored, margins included: float16, (bands, frames).
    """
    width = info.spectrogram_shape[1]
    start = width + min(frame, padded_spectrogram.shape[1] - width) - info.onset_frame
    return padded_spectrogram[:, start : start + width]


def _sheets(
    piece: reader.DatasetPiece, onsets: Onsets, index: NDArray[np.int64], info: SnippetInfo
) -> tuple[list[bytes], NDArray[np.float64]]:
    """The pictures of the onsets at `index` as PNG, and the columns of their centres in the strip."""
    rows, width = info.sheet_shape
    strip = unroll(piece, rows, width, info.staff_height)
    places = strip.axis.strip(onsets.system[index], onsets.x[index])
    sheets = [
        encode_png(strip.window(system, column, width, info.edge))
        for system, column in zip(onsets.system[index].tolist(), places.tolist(), strict=True)
    ]
    return sheets, places


def _rows(
    piece: reader.DatasetPiece,
    task: PieceTask,
    name: str,
    onsets: Onsets,
    index: NDArray[np.int64],
    columns: NDArray[np.float64],
) -> "pa.Table":
    """The rows of one performance, without sheets and spectrograms."""
    import pyarrow as pa

    events = piece.events(name)
    seconds = onsets.second[index]
    notes = events[["onset_s", "pitch"]].drop_duplicates().sort_values(["onset_s", "pitch"])
    times, pitches = notes["onset_s"].to_numpy(), notes["pitch"].to_numpy(np.int32)
    if piece.is_human(name):  # the notes of a chord, although they do not start together
        together = piece.struck(name).merge(events[["event", "pitch"]], on="event")
        chords = together[["onset_s", "pitch"]].drop_duplicates().sort_values(["onset_s", "pitch"])
        common, keys = chords["onset_s"].to_numpy(), chords["pitch"].to_numpy(np.int32)
        onset_lists = _lists(common, keys, seconds, 0.0)
    else:
        onset_lists = _lists(times, pitches, seconds, 0.0)
    half = task.info.frames / FRAMES_PER_SECOND / 2
    performance = piece.performances.to_dict("index")[name]
    count = len(index)
    values: dict[str, Any] = {
        "snippet": [f"{task.piece}/{name}/{number}" for number in onsets.onset[index]],
        "piece": [task.piece] * count,
        "performance": [name] * count,
        "split": [task.split] * count,
        "onset": onsets.onset[index],
        "page": onsets.page[index],
        "system": onsets.system[index],
        "x": onsets.x[index],
        "y": onsets.y[index],
        "strip_x": columns,
        "second": seconds,
        "frame": [frame_of(second) for second in seconds],
        "tempo": np.full(count, float(performance["tempo"])),
        "soundfont": [str(performance["soundfont"])] * count,
        "program": np.full(count, int(performance["program"])),
        "composer": [piece.composer] * count,
        "licence": [piece.licence] * count,
        "heads": onsets.heads[index],
        "pitches": onset_lists[0],
    }
    values["window_pitches"], values["window_offsets"] = _lists(times, pitches, seconds, half)
    arrays = [
        values[c.name]
        if isinstance(values[c.name], pa.Array)
        else pa.array(values[c.name], arrow_type(c.type))
        for c in ROW_COLUMNS.columns
    ]
    return pa.table(arrays, schema=ROW_COLUMNS.arrow_schema())


def _lists(
    times: NDArray[np.float64],
    pitches: NDArray[np.int32],
    seconds: NDArray[np.float64],
    half: float,
) -> tuple["pa.Array", "pa.Array"]:
    """For each second, the pitches of the notes at most `half` seconds away, and their distances.

    A window is open at its right end, as its frames are; with half 0, notes at that very time.
    """
    import pyarrow as pa

    low = np.searchsorted(times, seconds - half, side="left")
    high = np.searchsorted(times, seconds + half, side="left" if half else "right")
    sizes = high - low
    ends = np.cumsum(sizes)
    flat = np.arange(int(sizes.sum())) - np.repeat(ends - sizes, sizes) + np.repeat(low, sizes)
    offsets = pa.array(np.concatenate([[0], ends]), pa.int32())
    distances = (times[flat] - np.repeat(seconds, sizes)).astype(np.float32)
    return (
        pa.ListArray.from_arrays(offsets, pa.array(pitches[flat]), arrow_type("list<int32>")),
        pa.ListArray.from_arrays(offsets, pa.array(distances), arrow_type("list<float32>")),
    )


def read_counts(folder: Path) -> PieceCounts:
    """Read the counts of a prepared piece."""
    values = json.loads((folder / COUNTS).read_text(encoding="utf-8"))
    return PieceCounts(**{**values, "performances": tuple(values["performances"])})


def _write(path: Path, table: "pa.Table") -> None:
    import pyarrow as pa

    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


@lru_cache(maxsize=1)
def _opened(path: Path) -> reader.Dataset:
    return reader.open(path)
