"""Making an index, adding to it, and removing from it.

Embeddings are written every half minute, and the index is whole after each time. A run that was
killed resumes where it stopped when the same command is given again. At the end of a run the small parts,
also those of a killed run before it, are merged into one, and what was removed is left out of
the files; nothing is embedded again.
"""

import logging
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.base import parquet
from msmdtools.base.files import explained, file_sha256, put, sync_file, write_atomically
from msmdtools.base.lock import locked
from msmdtools.base.progress import Progress, silent
from msmdtools.errors import MsmdError
from msmdtools.models.model import Model, bundled
from msmdtools.search import index, neighbours, parts
from msmdtools.search.index import DESCRIPTION, Description
from msmdtools.search.options import AUDIO_STRIDE, SHEET_STRIDE
from msmdtools.search.sources import Item
from msmdtools.search.windows import audio_windows, sheet_windows

if TYPE_CHECKING:
    import pyarrow as pa

_log = logging.getLogger(__name__)

WRITE_EVERY_S = 30.0
# The files of an index beside index.json, which a run that is stopped early may leave behind without it.
_OURS = r"(sheet|audio|entries)-\d{4,}\.(parquet|faiss)"
# Parts with fewer windows are merged.
SMALL = 100_000
# FAISS clusters anew when the number of windows has grown by this factor.
GROWN = 4


@dataclass(frozen=True, slots=True)
class Change:
    """What `update` did: numbers of pieces, and what could not be indexed.

    Attributes:
        added: number of pieces that were added.
        removed: number of pieces that were removed.
        kept: number of pieces that were there before and still are.
        failed: (piece, source, message) of each sheet or recording that could not be indexed.
        sides: (side, number of windows, how they are searched) of each side that has windows.
        incomplete: ids of kept pieces whose sources now have sheets or recordings that the index lacks.
    """

    added: int
    removed: int
    kept: int
    failed: tuple[tuple[str, str, str], ...] = ()
    sides: tuple[tuple[str, int, str], ...] = ()
    incomplete: tuple[str, ...] = ()


def update(
    out: str | Path,
    items: Sequence[Item],
    model: Model,
    weights: str | Path,
    *,
    remove: Collection[str] = (),
    sheet_stride: int | None = None,
    audio_stride: float | None = None,
    progress: Progress = silent,
) -> Change:
    """Make an index of sheets and recordings, or add some to an index and remove pieces from it.

    A piece that the index already has stays as it is; to embed it again, remove it in the same call. A
    sheet or recording that cannot be read is not an error but a row of the entries.

    Args:
        out: folder of the index; made if it does not exist.
        items: the sheets and recordings to add, sorted by piece; empty to remove only.
        model: the model that embeds them.
        weights: bundled name or path from which `model` was loaded.
        remove: ids of the pieces to remove first.
        sheet_stride: px between sheet windows; None for that of the index, or 50 for a new one.
        audio_stride: s between audio windows; None for that of the index, or 0.5 for a new one.
        progress: called with what is counted, how much of it is done, and how much there is.

    Returns:
        What changed.

    Raises:
        MsmdError: the index has another model, other strides or another format, or it lacks a piece that
            is to be removed.
        DatasetError: `out` is something else, or in use.
    """
    out = Path(out)
    description = _description(out, model, weights, sheet_stride, audio_stride)
    # What is to be embedded again may be gone already, in a run that was stopped.
    removed_for_good = set(remove) - {item.piece for item in items}
    if remove or not items:
        # Before the lock makes the folder.
        if description.generation == 0:
            raise MsmdError(
                f"{out}: not an index (it has no {DESCRIPTION}), so nothing can be removed"
            )
        _check_removable(out, description, removed_for_good)
    with _explaining(out), locked(out, (DESCRIPTION,), "an index", "msmd index", _OURS) as work:
        description = _description(out, model, weights, sheet_stride, audio_stride)
        if description.generation:
            _check_removable(out, description, removed_for_good)
        writer = _Writer(out, work, description)
        indexed = writer.pieces()
        kept = indexed - set(remove)
        new = [
            (piece, list(group))
            for piece, group in groupby(items, key=lambda item: item.piece)
            if piece not in kept
        ]
        known_items = writer.items()
        lacking = {i.piece for i in items if (i.piece, i.side, i.performance) not in known_items}
        writer.remove({*remove, *(piece for piece, _ in new)})
        begin = time.monotonic()
        for done, (piece, group) in enumerate(new):
            progress("pieces", done, len(new))
            _log.info("%s", piece)
            for item in group:
                writer.add(item, *_embedded(item, model, description))
            if time.monotonic() - begin > WRITE_EVERY_S:
                writer.commit()
                begin = time.monotonic()
        progress("pieces", len(new), len(new))
        if new or remove or description.generation == 0:
            writer.commit()
        writer.compact()
        writer.keep_neighbours()
        added = writer.pieces() - kept
    failed = tuple(
        (str(row["piece"]), str(row["source"]), str(row["message"])) for row in writer.failures
    )
    incomplete = tuple(sorted(lacking & kept))
    return Change(len(added), len(set(remove)), len(kept), failed, writer.sides(), incomplete)


@contextmanager
def _explaining(out: Path) -> Iterator[None]:
    """Turn an error of the disk into a message that says what the user can do."""
    try:
        yield
    except OSError as error:
        raise explained(error, out, "pieces") from error


def _description(
    out: Path,
    model: Model,
    weights: str | Path,
    sheet_stride: int | None,
    audio_stride: float | None,
) -> Description:
    """Return the index's description, if it fits the options, or a new one's, of generation 0."""
    sha256 = index.model_sha256(weights)
    old = index.described(out)
    if old is None:
        named = str(weights) if str(weights) in bundled() else str(Path(weights).resolve())
        strides = (sheet_stride or SHEET_STRIDE, audio_stride or AUDIO_STRIDE)
        return Description(
            index.FORMAT, model.name, named, sha256, model.dim, *strides, generation=0, next_entry=0
        )
    index.check(out, old, model, sha256)
    strides = (old.sheet_stride, old.audio_stride)
    requested = (sheet_stride or strides[0], audio_stride or strides[1])
    if strides != requested:
        raise MsmdError(
            f"{out} has windows every {old.sheet_stride} px and {old.audio_stride:g} s; "
            "use these strides, or make another index"
        )
    return old


def _check_removable(out: Path, description: Description, remove: Collection[str]) -> None:
    entries = index.read_entries(out, description)
    absent = sorted(set(remove) - set(entries["piece"]))
    if absent:
        raise MsmdError(f"{out}: no piece {absent[0]!r} to remove; check its id")


def _embedded(
    item: Item, model: Model, description: Description
) -> tuple[dict[str, Any], NDArray[np.float32] | None, str]:
    """Return places and vectors of an item's windows, and what is wrong with it; no vectors if it failed."""
    try:
        if item.side == "sheet":
            read = item.read()
            sheet = sheet_windows(read, model.config.sheet_shape, description.sheet_stride)
            where = {"page": sheet.page, "system": sheet.system, "x": sheet.x, "y": sheet.y}
            return where, model.embed_sheet(sheet.images), "; ".join(getattr(read, "notes", ()))
        audio = audio_windows(item.read(), model.config.frames, description.audio_stride)
        when = {"performance": item.performance, "second": audio.second}
        return when, model.embed_audio(audio.spectrograms), ""
    except MsmdError as error:
        return {}, None, str(error)


class _Writer:
    """An index that is being changed: its entries, and what is not written yet."""

    def __init__(self, out: Path, work: Path, description: Description) -> None:
        self._out, self._work, self._now = out, work, description
        exists = description.generation > 0
        entries = index.read_entries(out, description) if exists else None
        self._entries: list[dict[str, Any]] = []
        if entries is not None:
            names = parts.ENTRIES.names
            self._entries = [
                dict(zip(names, row, strict=True)) for row in entries[names].to_numpy()
            ]
        self._pending: dict[str, list[tuple[dict[str, Any], pa.Table]]] = {
            side: [] for side in parts.SIDES
        }
        self.failures: list[dict[str, Any]] = []
        self._clean()  # what a killed run has left

    def pieces(self) -> set[str]:
        """The pieces of which something is there."""
        return {row["piece"] for row in self._entries if row["status"] == "ok"}

    def items(self) -> set[tuple[str, str, str]]:
        """The sheets and recordings that were ever taken in: piece, side, performance."""
        return {(row["piece"], row["side"], row["performance"]) for row in self._entries}

    def sides(self) -> tuple[tuple[str, int, str], ...]:
        """Each side that has windows, how many, and how they are searched."""
        counts = {
            side: sum(row["windows"] for row in self._entries if row["side"] == side)
            for side in parts.SIDES
        }
        return tuple((s, n, neighbours.describe(n)) for s, n in counts.items() if n)

    def remove(self, pieces: set[str]) -> None:
        """Take out all that is there of some pieces, failures too."""
        self._entries = [row for row in self._entries if row["piece"] not in pieces]

    def add(
        self, item: Item, places: dict[str, Any], vectors: NDArray[np.float32] | None, message: str
    ) -> None:
        """Add a sheet or a recording, or that it failed (without vectors)."""
        entry = self._now.next_entry
        self._now = replace(self._now, next_entry=entry + 1)
        row = {"entry": entry, "side": item.side, "piece": item.piece, "source": item.source}
        row |= {"performance": item.performance, "message": message, "part": "", "row_group": -1}
        row |= {"status": "ok" if vectors is not None else "failed", "windows": 0}
        self._entries.append(row)
        if vectors is None:
            self.failures.append(row)
            return
        row["windows"] = len(vectors)
        table = parts.rows(item.side, entry, item.piece, places, vectors)
        self._pending[item.side].append((row, table))

    def commit(self) -> None:
        """Write what is pending and put it in force."""
        description = replace(self._now, generation=self._now.generation + 1)
        for side, pending in self._pending.items():
            self._write_part(
                description, side, [row for row, _ in pending], (t for _, t in pending)
            )
            pending.clear()
        file = index.entries_file(self._work, description)
        with parquet.writer(file, parts.ENTRIES.arrow_schema()) as writer:
            writer.write_table(parts.ENTRIES.from_rows(self._entries))
        self._move(file)
        write_atomically(
            self._out / DESCRIPTION, index.to_bytes(description), self._work, durable=True
        )
        self._now = description
        self._clean()

    def compact(self) -> None:
        """Put small parts together, and leave out of the files what was removed."""
        description = replace(self._now, generation=self._now.generation + 1)
        changed = False
        for side in parts.SIDES:
            rows = [r for r in self._entries if r["side"] == side and r["status"] == "ok"]
            of_part: dict[str, list[dict[str, Any]]] = {}
            for row in sorted(rows, key=lambda row: (row["part"], row["row_group"])):
                of_part.setdefault(row["part"], []).append(row)
            files = {part: parts.open_part(self._out / part, side) for part in of_part}
            small = {p for p, r in of_part.items() if sum(x["windows"] for x in r) < SMALL}
            rewritten = {p for p, r in of_part.items() if files[p].groups > len(r)}
            rewritten |= small if len(small) > 1 else set()
            if rewritten:
                old = [row for part in of_part if part in rewritten for row in of_part[part]]
                places = [(row["part"], row["row_group"]) for row in old]
                tables = (parts.read(self._out / p, files[p], [group]) for p, group in places)
                self._write_part(description, side, old, tables)
                changed = True
        if changed:
            self.commit()

    def keep_neighbours(self) -> None:
        """Bring the FAISS files in line with the windows, where there are enough of them."""
        files = dict(self._now.neighbours)
        opened = index.open_index(self._out)
        for side in parts.SIDES:
            of_side = opened.entries[opened.entries["side"] == side].sort_index()
            entries = dict(zip(of_side.index.tolist(), of_side["windows"].tolist(), strict=True))
            total = sum(entries.values())
            if total <= neighbours.EXACT_UP_TO or not neighbours.available():
                files.pop(side, None)
                continue

            def read(numbers: Collection[int], side: str = side) -> parts.Side:
                return opened.read(side, list(numbers))

            previous = files.get(side)
            new = {n: s for n, s in entries.items() if previous is None or n >= previous["until"]}
            windows = sum(new.values()) + (previous["windows"] if previous else 0)
            if (
                previous is None
                or total > GROWN * previous["clustered"]
                or total < (1 - neighbours.REMOVED) * windows
            ):
                faiss_index = neighbours.build(read, entries, self._now.dim)
                clustered = windows = total
            elif not new:
                continue
            else:
                faiss_index = neighbours.load(
                    self._out / previous["file"], previous.get("sha256"), mapped=False
                )
                neighbours.add(faiss_index, read, new)
                clustered = previous["clustered"]
            file = self._work / f"{side}-{self._now.generation + 1:04d}.faiss"
            neighbours.save(faiss_index, file)
            self._move(file)
            files[side] = {"file": file.name, "until": self._now.next_entry}
            files[side] |= {"windows": windows, "clustered": clustered}
            files[side] |= {"sha256": file_sha256(self._out / file.name)}
        if files != self._now.neighbours:
            self._now = replace(self._now, neighbours=files)
            self.commit()

    def _write_part(
        self,
        description: Description,
        side: str,
        rows: Sequence[dict[str, Any]],
        tables: Iterator["pa.Table"],
    ) -> None:
        if not rows:
            return
        file = self._work / f"{side}-{description.generation:04d}.parquet"
        parts.write(file, side, tables)
        self._move(file)
        for group, row in enumerate(rows):
            row["part"], row["row_group"] = file.name, group

    def _move(self, file: Path) -> None:
        sync_file(file)
        put(file, self._out / file.name)

    def _clean(self) -> None:
        """Remove the files that are no longer in force, and those that never were."""
        keep = {row["part"] for row in self._entries}
        keep |= {index.entries_file(self._out, self._now).name}
        keep |= {file_entry["file"] for file_entry in self._now.neighbours.values()}
        for pattern in ("sheet-*.parquet", "audio-*.parquet", "entries-*.parquet", "*.faiss"):
            for file in self._out.glob(pattern):
                if file.name not in keep:
                    file.unlink()
