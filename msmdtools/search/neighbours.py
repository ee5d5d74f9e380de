"""Which pieces of a large index are worth an exact search: nearest windows by FAISS.

Up to `EXACT_UP_TO` windows a search compares the query with all of them, which takes tens of milliseconds, and
there is no FAISS file. For more windows, each side also has an inverted file (IVF): its windows are clustered,
and a query visits only the nearest clusters. There the windows are compared by codes of 4 bits for every two
components (PQ), which fit into the processor's registers, and the similarities of the best ones are then
computed from 16-bit floats. New windows are added to the file, which is built anew once it has grown fourfold.
Removed windows stay in it, but are skipped, until they make up a quarter of it. It is read through a memory map.

The id of a window in the file is the number of its entry, its sheet or recording, as the file only has to tell
which entries may have a good path. No path of an entry can have a higher mean similarity than the
mean, over the query's windows, of the best similarity in the entry. Entries are sorted by that bound,
where windows that are not among a query window's nearest count as much as the farthest that is. The
best `CANDIDATES` are searched exactly.

FAISS: M. Douze et al., "The Faiss library", arXiv 2401.08281 (2024). Inverted file: J. Sivic and
A. Zisserman, "Video Google", ICCV 2003. Codes: H. Jegou et al., "Product Quantization for Nearest
Neighbor Search", PAMI 33 (1), 2011; compared in registers: F. Andre et al., "Quicker ADC", PAMI 43 (5),
2021. benchmarks/scale.py compares them with other methods.
"""

from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.base import requirements
from msmdtools.base.damage import why
from msmdtools.base.files import file_sha256
from msmdtools.errors import MsmdError
from msmdtools.search import parts
from msmdtools.search.parts import Side

EXACT_UP_TO = 200_000
# Windows that are found for each of the query's, and pieces that are then searched exactly.
NEAREST = 200
CANDIDATES = 200
# Clusters that are searched, and windows whose similarity is calculated exactly: this number, or
# `_REFINED_TIMES` the number of nearest windows if that is more. benchmarks/scale.py times them with a million
# windows.
PROBES = 512
REFINED = 1000
_REFINED_TIMES = 5
# The file is built anew when a larger fraction of it than this was removed.
REMOVED = 0.25
# Vectors per cluster on which clustering is trained (FAISS wants 39 or more), and the number of codes.
_TRAINED = 40
_CODES = 16


def available() -> bool:
    """Say whether FAISS is installed."""
    try:
        import faiss  # noqa: F401
    except ImportError:
        return False
    return True


def clusters(windows: int) -> int:
    """Return the number of clusters: the power of 2 nearest to twice the root of the number of windows."""
    return int(2 ** round(np.log2(2 * max(windows, 1) ** 0.5)))


def empty(windows: int, dim: int, seed: int = 0) -> Any:
    """Return an untrained FAISS index; windows are added to it without ids.

    Args:
        windows: number of windows that it will hold.
        dim: number of dimensions of their embeddings.
        seed: seed of the clustering.

    Returns:
        The index.
    """
    import faiss

    codes = f"PQ{dim // 2 if dim % 2 == 0 else dim}x4fs"
    factory = f"IVF{clusters(windows)},{codes},Refine(SQfp16)"
    index: Any = faiss.index_factory(dim, factory, faiss.METRIC_INNER_PRODUCT)
    faiss.extract_index_ivf(index).cp.seed = 1 + seed
    return index


def _cure() -> str:
    return requirements.install_packages(["faiss-cpu"], "search")


def describe(windows: int) -> str:
    """Describe how this many windows are searched, for people."""
    if windows <= EXACT_UP_TO:
        return "exact"
    if not available():
        return f"exact, which is slow for this many windows; {_cure()} makes it faster"
    return f"FAISS, {clusters(windows)} clusters"


def build(
    read: Callable[[Collection[int]], Side], entries: dict[int, int], dim: int, seed: int = 0
) -> Any:
    """Build a FAISS index of the windows of some entries.

    Args:
        read: returns the windows of the entries with these numbers.
        entries: number of windows of each entry, by the entry's number.
        dim: number of dimensions of the embeddings.
        seed: seed of the clustering and of the windows that it looks at.

    Returns:
        A FAISS index whose ids are numbers of entries.
    """
    import faiss

    total = sum(entries.values())
    inner = empty(total, dim, seed)
    sample_size = _TRAINED * max(clusters(total), _CODES)
    numbers = list(entries)
    order = np.random.default_rng(seed).permutation(numbers)
    sizes = np.cumsum([entries[int(n)] for n in order])
    sample = order[: int(np.searchsorted(sizes, sample_size)) + 1]
    inner.train(read([int(n) for n in sample]).vectors[:sample_size])
    index = faiss.IndexIDMap(inner)
    add(index, read, entries)
    return index


def add(index: Any, read: Callable[[Collection[int]], Side], entries: dict[int, int]) -> None:
    """Add the windows of some entries to a FAISS index, some thousand at a time.

    Args:
        index: the FAISS index.
        read: returns the windows of the entries with these numbers.
        entries: number of windows of each entry, by the entry's number.
    """
    for numbers in _batches(entries):
        side = read(numbers)
        index.add_with_ids(side.vectors, side.places["entry"].to_numpy(np.int64))


def load(path: Path, expected_sha256: str | None = None, mapped: bool = True) -> Any:
    """Read a FAISS file, through a memory map unless it is to be changed.

    Args:
        path: the file.
        expected_sha256: the sha256 that it must have; None for a file that an older msmdtools wrote.
        mapped: whether to read it through a memory map.

    Returns:
        The FAISS index.

    Raises:
        MsmdError: it is missing, damaged or of another kind, or FAISS is not installed.
    """
    try:
        import faiss
    except ImportError as error:
        raise MsmdError(f"{path} needs FAISS, which is not installed: {_cure()}") from error
    if not path.is_file():
        raise parts.damaged(path, "it is a folder")
    try:
        if expected_sha256 is not None and file_sha256(path) != expected_sha256:
            raise parts.damaged(path, "its checksum does not match")
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC if mapped else 0)
    except (OSError, RuntimeError, MemoryError) as error:
        raise parts.damaged(path, why(error)) from error
    if not isinstance(index, faiss.IndexIDMap):
        raise parts.damaged(path, "it is a FAISS file of another kind")
    return index


def save(index: Any, path: Path) -> None:
    """Write a FAISS index to a file."""
    import faiss

    faiss.write_index(index, str(path))


def parameters(nearest: int) -> Any:
    """Return FAISS's parameters for a search for this many nearest windows."""
    import faiss

    # Its type stubs do not know that these take arguments.
    inverted_file: Any = faiss.SearchParametersIVF
    refined: Any = faiss.IndexRefineSearchParameters
    return refined(
        k_factor=max(REFINED / nearest, _REFINED_TIMES),
        base_index_params=inverted_file(nprobe=PROBES),
    )


def search(
    index: Any, queries: NDArray[np.float32], nearest: int = NEAREST
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Find the nearest windows of each window of a query.

    Args:
        index: the FAISS index.
        queries: embeddings, (query windows, dim).
        nearest: number of windows to find for each.

    Returns:
        Their cosine similarities, float32, and the numbers of their entries, int64; (query windows, nearest)
        each, entry -1 where there are no more windows.
    """
    result: tuple[NDArray[np.float32], NDArray[np.int64]] = index.search(
        np.ascontiguousarray(queries, np.float32), nearest, params=parameters(nearest)
    )
    return result


def best(similarities: NDArray[np.floating], ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the entries with windows near the query's, best first by the bound on a path's mean similarity.

    Args:
        similarities: (query windows, nearest), falling.
        ids: the entries that these windows belong to, (query windows, nearest); -1 for none.
    """
    rows, columns = np.nonzero(ids >= 0)
    entries, number = np.unique(ids[rows, columns], return_inverse=True)
    similar = np.where(ids >= 0, similarities, np.inf)
    floor = np.where(np.isinf(similar).all(axis=1), 0, similar.min(axis=1))
    gains = np.zeros((len(ids), len(entries)))
    np.maximum.at(gains, (rows, number), similarities[rows, columns] - floor[rows])
    order: NDArray[np.intp] = np.argsort(-gains.sum(axis=0), kind="stable")
    return np.asarray(entries[order], np.int64)


def _batches(entries: dict[int, int], windows: int = 50_000) -> Iterable[list[int]]:
    numbers: list[int] = []
    count = 0
    for entry, size in entries.items():
        numbers.append(entry)
        count += size
        if count >= windows:
            yield numbers
            numbers, count = [], 0
    if numbers:
        yield numbers
