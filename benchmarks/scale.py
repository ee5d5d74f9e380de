"""Search among millions of windows: exact against FAISS. One thread searches; all of them build.

    python benchmarks/scale.py --count 1000000 --index test.index
    python benchmarks/scale.py --count 10000000 --index test.index --methods msmd --queries 200

The vectors are of two kinds:

- "synthetic": random walks on the sphere, 300 windows each, of `--dim` dimensions of which 24 have
  most of the variance; a query is a window with noise, 0.6 similar to it. A model's vectors are
  alike in that, but no model is needed.
- "real": sheet windows of `--index`, made more by moving each by a random part of the way to a
  window next to it, or away from it, with noise of a tenth of that way; queries are the recordings'
  windows of the same index. (So are queries of another kind than what is searched, as in use.)

Each row: method, its parameter, recall@25 (how many of the 25 windows that exact search finds are
among the 25 that it finds), ms per query (one query at a time; the mean), build time in s, and size
of the file. "msmd" is what an index of that size takes (msmdtools.search.neighbours). Refined are
the windows whose similarity is calculated anew. Vectors
are kept in a file in --scratch (4 bytes times count times dim) and read through a memory map.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import faiss
import numpy as np

from msmdtools.search import neighbours
from msmdtools.search.index import open_index

K, CHUNK, WALK = 25, 50_000, 300
METHODS = {
    "flat": "Flat",
    "hnsw": "HNSW32",
    "ivf": "IVF{clusters},Flat",
    "ivf-fp16": "IVF{clusters},SQfp16",
    "ivf-sq8": "IVF{clusters},SQ8",
    "ivf-pq": "IVF{clusters},PQ{half}",
    "msmd": "",
}
PROBES = (32, 64, 128, 256, 512)


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def synthetic(count: int, dim: int, seed: int) -> Iterator[np.ndarray]:
    """Chunks of random walks."""
    weights = np.where(np.arange(dim) < 24, 1.0, 0.3)
    for number, first in enumerate(range(0, count, CHUNK)):
        draw = np.random.default_rng([seed, number])
        size = min(CHUNK, count - first)
        steps = draw.normal(size=(-(-size // WALK), WALK, dim)) * weights
        walk = np.empty_like(steps)
        walk[:, 0] = steps[:, 0]
        for i in range(1, WALK):
            walk[:, i] = 0.8 * walk[:, i - 1] + 0.6 * steps[:, i]
        yield unit(walk.reshape(-1, dim)[:size])


def real(count: int, vectors: np.ndarray, seed: int) -> Iterator[np.ndarray]:
    """Chunks of windows between, and a little beside, those of an index."""
    for number, first in enumerate(range(0, count, CHUNK)):
        draw = np.random.default_rng([seed, number])
        at = draw.integers(0, len(vectors) - 1, min(CHUNK, count - first))
        way = vectors[at + 1] - vectors[at]
        part = draw.uniform(-0.5, 0.5, (len(at), 1))
        length = np.linalg.norm(way, axis=1, keepdims=True) / way.shape[1] ** 0.5
        yield unit(vectors[at] + part * way + 0.1 * length * draw.normal(size=way.shape))


def exact(vectors: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """The numbers of the K nearest vectors of each query."""
    best = np.full((len(queries), K), -np.inf, np.float32)
    numbers = np.zeros((len(queries), K), np.int64)
    for first in range(0, len(vectors), CHUNK):
        found = queries @ vectors[first : first + CHUNK].T
        both = np.concatenate([best, found], axis=1)
        ids = np.concatenate(
            [numbers, np.tile(np.arange(first, first + found.shape[1]), (len(queries), 1))], axis=1
        )
        top = np.argpartition(-both, K - 1, axis=1)[:, :K]
        best, numbers = np.take_along_axis(both, top, 1), np.take_along_axis(ids, top, 1)
    return numbers


def recall(found: np.ndarray, truth: np.ndarray) -> float:
    return float(
        np.mean([len(np.intersect1d(f, t)) / K for f, t in zip(found, truth, strict=True)])
    )


def build(method: str, vectors: np.ndarray, clusters: int) -> faiss.Index:
    dim = vectors.shape[1]
    if method == "msmd":
        made = neighbours.empty(len(vectors), dim)
    else:
        factory = METHODS[method].format(clusters=clusters, half=dim // 2)
        made = faiss.index_factory(dim, factory, faiss.METRIC_INNER_PRODUCT)
    if not made.is_trained:
        wanted = np.random.default_rng(0).permutation(len(vectors))[: 40 * clusters]
        made.train(np.ascontiguousarray(vectors[np.sort(wanted)]))
    for first in range(0, len(vectors), CHUNK):
        made.add(np.ascontiguousarray(vectors[first : first + CHUNK]))
    return made


def timed(made: faiss.Index, queries: np.ndarray, parameters: object) -> tuple[np.ndarray, float]:
    """What each query finds, and the mean of ms; the first pass warms up."""
    for query in queries:
        made.search(query[np.newaxis], K, params=parameters)
    begin = time.perf_counter()
    found = [made.search(query[np.newaxis], K, params=parameters)[1][0] for query in queries]
    return np.stack(found), 1000 * (time.perf_counter() - begin) / len(queries)


def settings(method: str, clusters: int) -> Iterator[tuple[str, object]]:
    if method == "hnsw":
        for effort in (64, 128, 256, 512):
            yield f"efSearch {effort}", faiss.SearchParametersHNSW(efSearch=effort)
    elif method.startswith("ivf"):
        for probes in PROBES:
            if probes <= clusters:
                yield f"nprobe {probes}", faiss.SearchParametersIVF(nprobe=probes)
    elif method == "msmd":
        yield "as taken", neighbours.parameters(K)
        for probes in (256, 512, 1024):
            for refined in (500, 1000, 2000):
                inner = faiss.SearchParametersIVF(nprobe=probes)
                yield (
                    f"nprobe {probes}, {refined} refined",
                    faiss.IndexRefineSearchParameters(
                        k_factor=refined / K, base_index_params=inner
                    ),
                )
    else:
        yield "", None


def filled(path: Path, chunks: Iterator[np.ndarray], count: int, dim: int) -> np.ndarray:
    vectors = np.lib.format.open_memmap(path, "w+", np.float32, (count, dim))
    first = 0
    for chunk in chunks:
        vectors[first : first + len(chunk)] = chunk
        first += len(chunk)
    return vectors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=64, help="of synthetic vectors")
    parser.add_argument("--index", help="for real vectors; with sheets and recordings")
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--methods", default="flat,hnsw,ivf,ivf-fp16,ivf-sq8,ivf-pq,msmd")
    parser.add_argument("--clusters", type=int, help="[default: that of msmd]")
    parser.add_argument("--scratch")
    given = parser.parse_args()
    threads = faiss.omp_get_max_threads()
    draw = np.random.default_rng(1)
    kinds: dict[str, tuple[Iterator[np.ndarray], int]] = {
        "synthetic": (synthetic(given.count, given.dim, 0), given.dim)
    }
    if given.index:
        opened = open_index(given.index)
        sheets = opened.sheet.vectors
        kinds["real"] = (real(given.count, sheets, 0), sheets.shape[1])
    clusters = given.clusters or neighbours.clusters(given.count)
    with tempfile.TemporaryDirectory(dir=given.scratch) as scratch:
        for kind, (chunks, dim) in kinds.items():
            vectors = filled(Path(scratch) / "vectors.npy", chunks, given.count, dim)
            if kind == "real":
                sounds = opened.audio.vectors
                queries = sounds[draw.permutation(len(sounds))[: given.queries]]
            else:
                right = vectors[np.sort(draw.integers(0, len(vectors), given.queries))]
                queries = unit(0.6 * right + 0.8 * unit(draw.normal(size=right.shape)))
            truth = exact(vectors, queries)
            for method in given.methods.split(","):
                faiss.omp_set_num_threads(threads)
                begin = time.perf_counter()
                made = build(method, vectors, clusters)
                took = time.perf_counter() - begin
                faiss.omp_set_num_threads(1)
                file = Path(scratch) / "made.faiss"
                faiss.write_index(made, str(file))
                for setting, parameters in settings(method, clusters):
                    found, ms = timed(made, queries, parameters)
                    row = {"vectors": kind, "count": given.count, "dim": dim, "method": method}
                    row |= {"clusters": clusters if "ivf" in method or method == "msmd" else None}
                    row |= {"setting": setting, "recall_25": round(recall(found, truth), 4)}
                    row |= {"ms_per_query": round(ms, 3), "build_s": round(took, 1)}
                    print(json.dumps(row | {"mb": round(file.stat().st_size / 1e6)}), flush=True)
                del made


if __name__ == "__main__":
    main()
