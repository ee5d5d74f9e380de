"""The pieces of a large index that are worth a look: nearest windows by FAISS.

Up to `EXACT_UP_TO` windows a search goes through all of them, which takes tens of milliseconds, and
there is no FAISS file. Beyond, the windows of a side are kept once more in an inverted file (IVF):
they are clustered, and a query looks into the clusters nearest to it alone. Components are 16-bit
floats. Unlike a graph (HNSW), windows are added to and removed from it without building it again; it
is clustered again when it has grown fourfold. It is read through a memory map.

The id of a window in it is the number of its entry, its sheet or recording: all that is asked of it is
which entries may have a good path. No path of an entry can have a higher mean similarity than the
mean, over the query's windows, of the best similarity in the entry; entries are sorted by that bound,
where windows that are not among a query window's nearest count as much as the farthest that is. The
best `CANDIDATES` are gone through exactly.

FAISS: M. Douze et al., "The Faiss library", arXiv 2401.08281 (2024). Inverted file: J. Sivic and
A. Zisserman, "Video Google", ICCV 2003.
"""

from collections.abc import Callable, Collection, Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.errors import MsmdError
from msmdtools.retrieval import parts

if TYPE_CHECKING:
    from msmdtools.retrieval.index import Index, Side

EXACT_UP_TO = 200_000
# Windows found for each of the query's, and pieces that are then gone through.
NEAREST = 200
CANDIDATES = 200
# Clusters looked into: what a query of a million windows has time for (benchmarks/scale.py).
PROBES = 128
# Vectors of each cluster that clustering looks at; FAISS wants 39 or more.
_TRAINED = 40


def available() -> bool:
    """Whether FAISS is installed."""
    try:
        import faiss  # noqa: F401
    except ImportError:
        return False
    return True


def clusters(windows: int) -> int:
    """How many clusters: the power of 2 nearest to four times the root of the number of windows."""
    return int(2 ** round(np.log2(4 * max(windows, 1) ** 0.5)))


def describe(windows: int) -> str:
    """How so many windows are searched."""
    if windows <= EXACT_UP_TO:
        return "exact"
    if not available():
        return "exact: slow for so many; pip install 'msmdtools[search]' for FAISS"
    return f"FAISS, {clusters(windows)} clusters"


def build(
    read: Callable[[Collection[int]], "Side"], entries: dict[int, int], dim: int, seed: int = 0
) -> Any:
    """A FAISS index of the windows of some entries.

    Args:
        read: gives the windows of some entries.
        entries: number to windows.
    """
    import faiss

    total = sum(entries.values())
    count = clusters(total)
    made: Any = faiss.index_factory(dim, f"IVF{count},SQfp16", faiss.METRIC_INNER_PRODUCT)
    made.cp.seed = 1 + seed
    wanted = _TRAINED * count
    numbers = list(entries)
    order = np.random.default_rng(seed).permutation(numbers)
    sizes = np.cumsum([entries[int(n)] for n in order])
    sample = order[: int(np.searchsorted(sizes, wanted)) + 1]
    made.train(read([int(n) for n in sample]).vectors[:wanted])
    add(made, read, entries)
    return made


def add(made: Any, read: Callable[[Collection[int]], "Side"], entries: dict[int, int]) -> None:
    """Add the windows of some entries, some thousand at a time."""
    for some in _batches(entries):
        side = read(some)
        made.add_with_ids(side.vectors, side.places["entry"].to_numpy(np.int64))


def remove_others(made: Any, entries: Iterable[int]) -> None:
    """Remove the windows of all other entries."""
    import faiss

    keep = faiss.IDSelectorBatch(np.array(sorted(entries), np.int64))
    made.remove_ids(faiss.IDSelectorNot(keep))


def load(path: Path, mapped: bool = True) -> Any:
    """Read a FAISS file, through a memory map unless it is to be changed.

    Raises:
        MsmdError: it is missing or damaged, or FAISS is not installed.
    """
    try:
        import faiss
    except ImportError as error:
        raise MsmdError(
            f"{path} needs FAISS, which is not installed: pip install 'msmdtools[search]'"
        ) from error
    try:
        made = faiss.read_index(str(path), faiss.IO_FLAG_MMAP if mapped else 0)
    except (RuntimeError, MemoryError) as error:
        raise parts.damaged(path, str(error).strip().splitlines()[-1]) from error
    return made


def save(made: Any, path: Path) -> None:
    """Write a FAISS file."""
    import faiss

    faiss.write_index(made, str(path))


def search(
    made: Any, queries: NDArray[np.float32], nearest: int = NEAREST
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Similarities and entries of the nearest windows: (queries, nearest) each, -1 where none is."""
    import faiss

    parameters = faiss.SearchParametersIVF()
    parameters.nprobe = min(PROBES, made.nlist)
    found: tuple[NDArray[np.float32], NDArray[np.int64]] = made.search(
        np.ascontiguousarray(queries, np.float32), nearest, params=parameters
    )
    return found


def shortlist(index: "Index", side: str, queries: NDArray[np.float32]) -> list[int] | None:
    """The entries of a side that are worth a path; None where it has no FAISS file.

    What was added after the file was written (by a run that was killed) is always among them.

    Raises:
        MsmdError: the file is missing or damaged, or FAISS is not installed.
    """
    there = index.description.neighbours.get(side)
    if there is None:
        return None
    path = index.path / str(there["file"])
    if not path.is_file():
        raise parts.damaged(path, "no such file")
    made = _mapped(path, path.stat().st_mtime_ns)
    if made.d != index.description.dim:
        raise parts.damaged(path, "its vectors have another length")
    entries = index.entries.index[index.entries["side"] == side].to_numpy(np.int64)
    similarities, ids = search(made, queries)
    ordered = best(similarities, ids)
    known = np.isin(ordered, entries)
    late = entries[entries >= there["until"]]
    return [*ordered[known][:CANDIDATES].tolist(), *late.tolist()]


def best(similarities: NDArray[np.floating], ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Entries with windows near a query's, by the bound on a path's mean similarity, best first.

    Args:
        similarities: (query windows, nearest), falling.
        ids: the entries that these windows are of; -1 for none.
    """
    rows, columns = np.nonzero(ids >= 0)
    entries, number = np.unique(ids[rows, columns], return_inverse=True)
    found = np.where(ids >= 0, similarities, np.inf)
    floor = np.where(np.isinf(found).all(axis=1), 0, found.min(axis=1))
    gains = np.zeros((len(ids), len(entries)))
    np.maximum.at(gains, (rows, number), similarities[rows, columns] - floor[rows])
    order: NDArray[np.intp] = np.argsort(-gains.sum(axis=0), kind="stable")
    return np.asarray(entries[order], np.int64)


def _batches(entries: dict[int, int], windows: int = 50_000) -> Iterable[list[int]]:
    some: list[int] = []
    count = 0
    for number, size in entries.items():
        some.append(number)
        count += size
        if count >= windows:
            yield some
            some, count = [], 0
    if some:
        yield some


@lru_cache(maxsize=4)
def _mapped(path: Path, _mtime_ns: int) -> Any:
    return load(path)
