"""Open folders of snippets, local or at any URL that fsspec knows, and read their row groups.

Only the footers of the shards are read at first. Nothing here needs PyTorch.
"""

import difflib
import hashlib
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.base import draws, parquet, seal
from msmdtools.base.damage import no_folder, why
from msmdtools.base.processors import processors
from msmdtools.errors import DatasetError, MsmdError
from msmdtools.snippet import SNIPPETS
from msmdtools.snippets.files import Files
from msmdtools.snippets.schema import SnippetInfo, read_info
from msmdtools.splits import fingerprints
from msmdtools.splits.fingerprints import Fingerprint
from msmdtools.splits.splits import SPLITS

if TYPE_CHECKING:
    import pyarrow as pa

DESCRIPTION = "snippets.json"
_SHARD = re.compile(r"(?P<split>[a-z]+)-(?P<number>\d{5})-of-(?P<of>\d{5})\.parquet")
# The stream of random numbers that chooses performances; see draws.
_CHOICE = 32


def open(path: str | Path, storage_options: dict[str, Any] | None = None) -> "Snippets":
    """Open a folder of snippets that `msmd snippets` made.

    Args:
        path: the folder, or its URL.
        storage_options: for the URL's file system, as fsspec takes them.

    Raises:
        DatasetError: there are no snippets, or shards are missing.
        MsmdError: it is a URL, and fsspec or its file system is missing.
    """
    return Snippets(path, storage_options)


def join(snippets: Sequence["Snippets"], split: str) -> "Split":
    """Join a split of several folders: the rows of the first folder, then those of the next, …

    A piece that is in several folders counts as several pieces: from the second folder on, the ids begin
    with the number of the folder and a colon ("1:BachJS__BWV846__prelude-in-c").

    Raises:
        DatasetError: a folder lacks the split, or has windows of other sizes than the first.
    """
    return Split([shard for folder in snippets for shard in folder.shards(split)], split)


def open_split(
    source: "str | Path | Snippets | Split",
    split: str,
    storage_options: dict[str, Any] | None = None,
) -> "Split":
    """Open one split of the snippets in a folder, at a URL, or opened before.

    Args:
        source: a folder, its URL, opened `Snippets`, or a `Split`, which is returned as it is.
        split: train, valid or test.
        storage_options: for the URL's file system, as fsspec takes them.

    Returns:
        The split.

    Raises:
        DatasetError: there are no snippets, no such split, or shards are missing.
        MsmdError: it is a URL, and fsspec or its file system is missing.
    """
    if isinstance(source, Split):
        return source
    if not isinstance(source, Snippets):
        source = open(source, storage_options)
    return source[split]


class Snippets:
    """A folder of snippets: a mapping from the names of its splits to `Split`.

    Attributes:
        path: the folder or URL.
        description: the content of snippets.json.
        splits: the names of the splits, in the order train, valid, test.
    """

    def __init__(self, path: str | Path, storage_options: dict[str, Any] | None = None) -> None:
        self.path = str(path).rstrip("/")
        self._files = Files(self.path, storage_options or {})
        self.description = _description(self._files)
        self._shards = _shards(self._files)
        self.splits = tuple(self._shards)

    def __getitem__(self, split: str) -> "Split":
        return Split(self.shards(split), split)

    @cached_property
    def fingerprints(self) -> dict[str, Fingerprint]:
        """Fingerprints of the pieces' notes, by piece; none in snippets that were made before they were.

        Raises:
            DatasetError: they are damaged.
        """
        if "fingerprints" not in self.description:
            return {}
        try:
            return fingerprints.decode(self.description["fingerprints"])
        except MsmdError as error:
            raise DatasetError(
                f"{self.path}/{DESCRIPTION} is damaged ({error}); export or copy the snippets again"
            ) from error

    def shards(self, split: str) -> list[tuple[Files, str]]:
        """Folder and name of each shard of a split. Raises DatasetError if there is no such split."""
        if split not in self._shards:
            near = difflib.get_close_matches(split, self.splits, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise DatasetError(
                f"{self.path}: no split {split!r}, there are {', '.join(self.splits)}{hint}"
            )
        return [(self._files, shard) for shard in self._shards[split]]

    def __repr__(self) -> str:
        return f"<Snippets {self.path!r}: {', '.join(self.splits)}>"


@dataclass(frozen=True)
class Index:
    """The piece and the onset of every row of a split: arrays of (rows,).

    Attributes:
        piece: index into `pieces`.
        onset: number of the onset in the piece.
        group: number of the onset in the split, the same for all its performances.
        pieces: ids of the pieces.
    """

    piece: NDArray[np.int64]
    onset: NDArray[np.int64]
    group: NDArray[np.int64]
    pieces: list[str]

    def one_performance(self, seed: int, epoch: int, rows: int | None = None) -> NDArray[np.int64]:
        """Choose one row of each onset, that is one performance, anew for each epoch.

        Args:
            seed, epoch: of the random choice.
            rows: choose among this many first rows; None for all.

        Returns:
            Row numbers, ascending: (onsets,).
        """
        group = self.group[:rows]
        chance = draws.hashes(seed, epoch, _CHOICE, np.arange(len(group)))
        order = np.lexsort((chance, group))
        last = np.append(np.diff(group[order]) != 0, True)[: len(group)]
        return np.sort(order[last])


class Split:
    """One split of a folder of snippets. Its rows are numbered through all shards, from 0.

    Attributes:
        name: train, valid or test.
        info: sizes of the stored windows.
        sizes: rows in each row group, through all shards.
        starts: number of the first row of each row group, and at last the number of rows.
    """

    def __init__(self, shards: Sequence[tuple[Files, str]], name: str) -> None:
        self.name = name
        self._shards = list(shards)
        self._folders = list(dict.fromkeys(files for files, _ in shards))
        self._footers = [files.footer(shard) for files, shard in shards]
        self.info: SnippetInfo = _checked(self._shards, self._footers)
        groups = [
            (i, g)
            for i, footer in enumerate(self._footers)
            for g in range(footer.metadata.num_row_groups)
        ]
        self._groups = groups
        sizes = [self._footers[i].metadata.row_group(g).num_rows for i, g in groups]
        self.sizes = np.array(sizes, np.int64)
        self.starts = np.concatenate([[0], np.cumsum(self.sizes)]).astype(np.int64)

    def __len__(self) -> int:
        return int(self.starts[-1])

    @property
    def where(self) -> str:
        """The folder and the split, for messages."""
        return f"{', '.join(folder.root for folder in self._folders)}: {self.name}"

    def read(self, group: int, columns: Sequence[str]) -> "pa.Table":
        """Read columns of a row group. `sheet.bytes` names the pictures alone.

        Raises:
            DatasetError: the shard is missing, cut off or damaged.
        """
        number, within = self._groups[group]
        files, shard = self._shards[number]
        table = files.read(shard, self._footers[number], within, columns)
        folder = self._folders.index(files)
        return _marked(table, folder) if folder and "piece" in columns else table

    def tables(self, columns: Sequence[str]) -> Iterator[tuple[int, "pa.Table"]]:
        """Yield the columns of each row group, one after the other, with the number of its first row.

        Several threads read ahead. Raises DatasetError as `read` does.
        """
        with ThreadPoolExecutor(processors(), "tables") as pool:
            tables = pool.map(lambda group: self.read(group, columns), range(len(self.sizes)))
            yield from zip(self.starts[:-1].tolist(), tables, strict=True)

    @cached_property
    def index(self) -> Index:
        """Pieces and onsets of all rows; read on first use, 24 bytes of memory per row."""
        pieces: dict[str, int] = {}
        piece = np.empty(len(self), np.int64)
        onset = np.empty(len(self), np.int64)
        for start, table in self.tables(["piece", "onset"]):
            column = table["piece"].combine_chunks().dictionary_encode()
            codes = [pieces.setdefault(p, len(pieces)) for p in column.dictionary.to_pylist()]
            rows = slice(start, start + len(table))
            piece[rows] = np.asarray(codes, np.int64)[column.indices.to_numpy()]
            onset[rows] = table["onset"].to_numpy()
        _, same = np.unique(piece << np.int64(32) | onset, return_inverse=True)
        return Index(piece, onset, same.astype(np.int64), list(pieces))

    def __repr__(self) -> str:
        return f"<Split {self.where}: {len(self):,} pairs>"


def _description(files: Files) -> dict[str, Any]:
    root = files.root
    if not files.is_folder():
        raise DatasetError(
            f"{root}: {no_folder(root)}; name the folder that msmd snippets --out made"
        )
    try:
        content = files.bytes(DESCRIPTION)
    except FileNotFoundError as error:
        if files.is_folder("data"):
            raise DatasetError(
                f"{root}: these snippets are not finished; run the same msmd snippets again"
            ) from error
        raise DatasetError(f"{root}: not a folder of snippets (it has no {DESCRIPTION})") from error
    try:
        return seal.opened(content)
    except ValueError as error:
        raise DatasetError(
            f"{root}/{DESCRIPTION} is damaged ({why(error)}); export or copy the snippets again"
        ) from error


def _shards(files: Files) -> dict[str, list[str]]:
    """Names of the shards by split, after a check that none is missing."""
    names_of: dict[str, dict[int, str]] = {}
    counts: dict[str, int] = {}
    for name in files.names("data"):
        match = _SHARD.fullmatch(name)
        if match:
            split = match["split"]
            names_of.setdefault(split, {})[int(match["number"])] = f"data/{name}"
            counts[split] = max(counts.get(split, 0), int(match["of"]))
    if not names_of:
        raise DatasetError(f"{files.root}: no shards in data/; export or copy the snippets again")
    for split, shards in names_of.items():
        for number in range(counts[split]):
            if number not in shards:
                raise DatasetError(
                    f"{files.root}/data/{split}-{number:05d}-of-{counts[split]:05d}.parquet "
                    "is missing; export or copy the snippets again"
                )
    order = [*(s for s in SPLITS if s in names_of), *sorted(names_of.keys() - set(SPLITS))]
    return {split: [names_of[split][n] for n in sorted(names_of[split])] for split in order}


def _checked(shards: Sequence[tuple[Files, str]], footers: Sequence[parquet.Footer]) -> SnippetInfo:
    """Sizes of the windows of these shards, after a check that all have the same, and all columns."""
    first_of: dict[str, tuple[str, SnippetInfo]] = {}
    for (files, shard), footer in zip(shards, footers, strict=True):
        where = f"{files.root}/{shard}"
        schema = footer.metadata.schema.to_arrow_schema()
        info = read_info(schema, where)
        lacking = [name for name in SNIPPETS.names if name not in schema.names]
        if lacking:
            raise DatasetError(
                f"{where}: not the schema of snippets: it lacks {', '.join(lacking)}"
            )
        head, expected = first_of.setdefault(files.root, (shard, info))
        if info != expected:
            raise DatasetError(
                f"{where}: not the schema of {head}: its windows have other sizes; "
                "export the snippets again into a new folder"
            )
    infos = {root: info for root, (_, info) in first_of.items()}
    base, first = next(iter(infos.items()))
    for root, info in infos.items():
        like = replace(info, seed=first.seed, dataset_sha256=first.dataset_sha256)
        if info.staff_height is not None:  # then windows do not depend on the width of pages
            like = replace(like, page_width=first.page_width)
        if like != first:
            raise DatasetError(
                f"{root}: its windows are not those of {base}; export both with the same sizes"
            )
    if len(infos) == 1:
        return first
    parts = "".join(info.dataset_sha256 for info in infos.values())
    return replace(first, dataset_sha256=hashlib.sha256(parts.encode()).hexdigest())


def _marked(table: "pa.Table", folder: int) -> "pa.Table":
    """Put the number of the folder before each piece's id."""
    import pyarrow.compute as pc

    place = table.schema.get_field_index("piece")
    pieces = pc.binary_join_element_wise(str(folder), table["piece"], ":")
    return table.set_column(place, table.schema.field(place), pieces)
