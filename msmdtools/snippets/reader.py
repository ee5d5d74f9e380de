"""Opening folders of snippets, local or behind any URL that fsspec knows, and reading row groups.

Only the footers of the shards are read at first. Nothing here needs torch.
"""

import difflib
import hashlib
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from msmdtools.base import draws, parquet, requirements, seal
from msmdtools.base.damage import no_folder, why
from msmdtools.base.processors import processors
from msmdtools.errors import DatasetError, MsmdError
from msmdtools.snippet import SNIPPETS
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
    """The snippets in a folder that `msmd snippets` made.

    Args:
        path: the folder, or its URL.
        storage_options: for the URL's file system, as fsspec takes them.

    Raises:
        DatasetError: there are no snippets there, or not all.
        MsmdError: a URL, but no fsspec, or no such file system.
    """
    return Snippets(path, storage_options)


def join(snippets: Sequence["Snippets"], split: str) -> "Split":
    """A split of several folders as one: its rows are those of the first folder, then the next, …

    A piece that is in several of them is several pieces: from the second folder on, the ids begin
    with the number of the folder and a colon ("1:BachJS__BWV846__prelude-in-c").

    Raises:
        DatasetError: a folder lacks the split, or has windows of other sizes than the first.
    """
    return Split([place for one in snippets for place in one.shards(split)], split)


def open_split(
    source: "str | Path | Snippets | Split",
    split: str,
    storage_options: dict[str, Any] | None = None,
) -> "Split":
    """A split of the snippets in a folder, at a URL, or opened before. Raises as `open` does."""
    if isinstance(source, Split):
        return source
    if not isinstance(source, Snippets):
        source = open(source, storage_options)
    return source[split]


class Snippets:
    """A folder of snippets: a mapping from the names of its splits to what is in them.

    Attributes:
        path: the folder or URL.
        description: the content of snippets.json.
        splits: the names of the splits, in the order train, valid, test.
    """

    def __init__(self, path: str | Path, storage_options: dict[str, Any] | None = None) -> None:
        self.path = str(path).rstrip("/")
        self._files = _Files(self.path, storage_options or {})
        self.description = _description(self._files)
        self._shards = _shards(self._files)
        self.splits = tuple(self._shards)

    def __getitem__(self, split: str) -> "Split":
        return Split(self.shards(split), split)

    @cached_property
    def fingerprints(self) -> dict[str, Fingerprint]:
        """What remains of the pieces' notes, by their ids; of snippets made before there were any, none.

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

    def shards(self, split: str) -> list[tuple["_Files", str]]:
        """The folder and the name of each shard of a split. Raises DatasetError if there is none."""
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
    """What every row of a split is of, without its windows: arrays of (rows,).

    Attributes:
        piece: which of `pieces`.
        onset: the onset in the piece.
        group: rows of one onset, in several performances, have the same number.
        pieces: ids of the pieces.
    """

    piece: NDArray[np.int64]
    onset: NDArray[np.int64]
    group: NDArray[np.int64]
    pieces: list[str]

    def one_performance(self, seed: int, epoch: int, rows: int | None = None) -> NDArray[np.int64]:
        """One row of each onset, drawn anew for each epoch: row numbers, ascending.

        Args:
            rows: choose among so many first rows only.
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

    def __init__(self, shards: Sequence[tuple["_Files", str]], name: str) -> None:
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
        """Columns of a row group. `sheet.bytes` names the pictures alone.

        Raises:
            DatasetError: the shard is missing, cut off or damaged.
        """
        number, within = self._groups[group]
        files, shard = self._shards[number]
        table = files.read(shard, self._footers[number], within, columns)
        folder = self._folders.index(files)
        return _marked(table, folder) if folder and "piece" in columns else table

    def tables(self, columns: Sequence[str]) -> Iterator[tuple[int, "pa.Table"]]:
        """Columns of each row group, one after the other, and the number of its first row.

        Several threads read ahead. Raises DatasetError as `read` does.
        """
        with ThreadPoolExecutor(processors(), "tables") as pool:
            found = pool.map(lambda group: self.read(group, columns), range(len(self.sizes)))
            yield from zip(self.starts[:-1].tolist(), found, strict=True)

    @cached_property
    def index(self) -> Index:
        """Pieces and onsets of all rows; read when first asked for, 24 bytes of memory per row."""
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


class _Files:
    """The files of a folder, local or remote, by names relative to it."""

    def __init__(self, root: str, storage_options: dict[str, Any]) -> None:
        self.root = root
        self._fs: Any = None
        if "://" not in root:
            return
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            cure = requirements.install_packages(["fsspec"], "train")
            raise MsmdError(f"{root}: URLs need fsspec: {cure}") from error
        try:
            self._fs, self._base = url_to_fs(root, **storage_options)
        except (ImportError, ValueError) as error:
            raise MsmdError(f"{root}: {error}") from error

    def is_folder(self, name: str = "") -> bool:
        path = f"{self.root}/{name}"
        if self._fs is None:
            return Path(path).is_dir()
        return bool(self._fs.isdir(f"{self._base}/{name}".rstrip("/")))

    def names(self, folder: str) -> list[str]:
        if not self.is_folder(folder):
            return []
        if self._fs is None:
            return sorted(path.name for path in Path(self.root, folder).iterdir())
        found = self._fs.ls(f"{self._base}/{folder}", detail=False)
        return sorted(str(path).rstrip("/").rsplit("/", 1)[-1] for path in found)

    def bytes(self, name: str) -> bytes:
        if self._fs is None:
            return Path(self.root, name).read_bytes()
        return bytes(self._fs.cat_file(f"{self._base}/{name}"))

    def footer(self, name: str) -> parquet.Footer:
        import pyarrow as pa

        try:
            with self._open(name) as source:
                return parquet.read_footer(source)
        except (pa.ArrowException, OSError, ValueError) as error:
            self._damaged(name, error)

    def read(
        self, name: str, footer: parquet.Footer, group: int, columns: Sequence[str]
    ) -> "pa.Table":
        import pyarrow as pa

        try:
            with self._open(name) as source:
                return parquet.read(source, footer, [group], columns, threads=False)
        except (pa.ArrowException, OSError, ValueError) as error:
            self._damaged(name, error)

    def _open(self, name: str) -> Any:
        import pyarrow as pa

        if self._fs is None:
            return pa.OSFile(f"{self.root}/{name}")
        return self._fs.open(f"{self._base}/{name}", "rb")

    def _damaged(self, name: str, error: Exception) -> NoReturn:
        if isinstance(error, FileNotFoundError):
            raise DatasetError(
                f"{self.root}/{name} is missing; export or copy the snippets again"
            ) from error
        raise DatasetError(
            f"{self.root}/{name} is damaged ({why(error)}); export or copy the snippets again"
        ) from error


def _description(files: _Files) -> dict[str, Any]:
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


def _shards(files: _Files) -> dict[str, list[str]]:
    """Names of the shards by split, after a look at whether all are there."""
    found: dict[str, dict[int, str]] = {}
    most: dict[str, int] = {}
    for name in files.names("data"):
        match = _SHARD.fullmatch(name)
        if match:
            split = match["split"]
            found.setdefault(split, {})[int(match["number"])] = f"data/{name}"
            most[split] = max(most.get(split, 0), int(match["of"]))
    if not found:
        raise DatasetError(f"{files.root}: no shards in data/; export or copy the snippets again")
    for split, shards in found.items():
        for number in range(most[split]):
            if number not in shards:
                raise DatasetError(
                    f"{files.root}/data/{split}-{number:05d}-of-{most[split]:05d}.parquet "
                    "is missing; export or copy the snippets again"
                )
    order = [*(s for s in SPLITS if s in found), *sorted(found.keys() - set(SPLITS))]
    return {split: [found[split][n] for n in sorted(found[split])] for split in order}


def _checked(
    shards: Sequence[tuple[_Files, str]], footers: Sequence[parquet.Footer]
) -> SnippetInfo:
    """What the windows of these shards are: the same in all, with the columns of snippets."""
    found: dict[str, tuple[str, SnippetInfo]] = {}
    for (files, shard), footer in zip(shards, footers, strict=True):
        where = f"{files.root}/{shard}"
        schema = footer.metadata.schema.to_arrow_schema()
        info = read_info(schema, where)
        lacking = [name for name in SNIPPETS.names if name not in schema.names]
        if lacking:
            raise DatasetError(f"{where}: another schema: it lacks {', '.join(lacking)}")
        head, expected = found.setdefault(files.root, (shard, info))
        if info != expected:
            raise DatasetError(
                f"{where}: another schema: its windows are not those of {head}; "
                "export the snippets again into a new folder"
            )
    infos = {root: info for root, (_, info) in found.items()}
    base, first = next(iter(infos.items()))
    for root, info in infos.items():
        if replace(info, seed=first.seed, dataset_sha256=first.dataset_sha256) != first:
            raise DatasetError(f"{root}: its windows are not those of {base}; export both alike")
    if len(infos) == 1:
        return first
    parts = "".join(info.dataset_sha256 for info in infos.values())
    return replace(first, dataset_sha256=hashlib.sha256(parts.encode()).hexdigest())


def _marked(table: "pa.Table", folder: int) -> "pa.Table":
    """The table with the number of its folder before each piece's id."""
    import pyarrow.compute as pc

    place = table.schema.get_field_index("piece")
    pieces = pc.binary_join_element_wise(str(folder), table["piece"], ":")
    return table.set_column(place, table.schema.field(place), pieces)
