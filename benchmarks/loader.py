"""How fast the loader gives batches, beside what pyarrow alone needs to read the same columns.

    python benchmarks/loader.py [SNIPPETS] [--split train] [--context 2.1] [--pairs N] [--runs 5]

Each row is the best of the runs, which take turns: whatever slows the machine down for a while slows
all of them. The shards are read once before, so that they are in the page cache. "pyarrow" reads the
columns of the loader (pictures and spectrograms as stored, piece, performance, onset) by row group,
with as many threads, and does nothing with them; the ratio is its time to the loader's, by the clock
and in processor time. "memory" is what the process holds, after a tenth of the epoch and at the most.
Without SNIPPETS those of the bundled pieces are made first.
"""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import build
import export  # both the benchmarks beside this one
import pyarrow.parquet as pq

from msmdtools.base.processors import processors
from msmdtools.loading.augment import PRESETS
from msmdtools.loading.batch import COLUMNS
from msmdtools.loading.loader import Stream

PAGE = resource.getpagesize()


@dataclass
class Best:
    """The least that the runs took, per pair, and what the last one held in memory."""

    wall_s: float = float("inf")
    cpu_s: float = float("inf")
    early_mb: float = 0.0
    most_mb: float = 0.0


def held_mb() -> float:
    """What this process holds in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 2**20


def pyarrow_alone(shards: list[Path], threads: int, pairs: int) -> Callable[[], int]:
    """Read the same columns of the same rows, and no more."""

    def read(place: tuple[Path, int]) -> int:
        columns = ["sheet.bytes", "spectrogram", *COLUMNS]
        file = pq.ParquetFile(place[0])
        return len(file.read_row_group(place[1], columns=columns, use_threads=False))

    places = []
    for shard in shards:
        footer = pq.read_metadata(shard)
        for group in range(footer.num_row_groups):
            if pairs > 0:
                places.append((shard, group))
                pairs -= footer.row_group(group).num_rows

    def run() -> int:
        with ThreadPoolExecutor(threads) as pool:
            return sum(pool.map(read, places))

    return run


def measure(run: Callable[[], int], best: Best) -> None:
    """Run once and keep what was better than before."""
    wall, cpu = time.perf_counter(), time.process_time()
    pairs = run()
    best.wall_s = min(best.wall_s, (time.perf_counter() - wall) / pairs)
    best.cpu_s = min(best.cpu_s, (time.process_time() - cpu) / pairs)


def epoch(stream: Stream, number: int, best: Best) -> int:
    """Read an epoch, and watch the memory."""
    total, seen, best.most_mb = stream.count(number), 0, 0.0
    for done, batch in enumerate(stream.read(number), 1):
        seen += len(batch)
        held = held_mb()
        best.most_mb = max(best.most_mb, held)
        if done <= max(total // 10, 1):
            best.early_mb = held
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("snippets", type=Path, nargs="?", help="default: of the bundled pieces")
    parser.add_argument("--split", default="train")
    parser.add_argument("--context", type=float, default=2.1, metavar="S")
    parser.add_argument("--pairs", type=int, default=50_000, help="of the split (default 50,000)")
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--threads", type=int, default=processors())
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.snippets
        if folder is None:
            folder = Path(temporary) / "snippets"
            command = ["snippets", export.bundled(Path(temporary)), "--out", folder]
            build.run([*build.MSMD, *command, "--context", str(given.context)])
        streams = {
            name: Stream(
                folder,
                given.split,
                given.batch,
                context_s=given.context,
                augment=augment,
                pairs=given.pairs,
                threads=given.threads,
            )
            for name, augment in PRESETS.items()
        }
        shards = sorted((folder / "data").glob(f"{given.split}-*.parquet"))
        alone = pyarrow_alone(shards, given.threads, given.pairs)
        alone()
        best = {name: Best() for name in ("pyarrow", *streams)}
        for number in range(given.runs):
            measure(alone, best["pyarrow"])
            for name, stream in streams.items():
                measure(lambda s=stream, b=best[name], n=number: epoch(s, n, b), best[name])
    print(f"{folder}, {given.context:g} s, {given.threads} threads, best of {given.runs}")
    print(f"{'':10}{'pairs/s':>9}{'CPU µs/pair':>13}{'ratio':>8}{'CPU':>7}{'memory, MB':>16}")
    limit = best["pyarrow"]
    for name, row in best.items():
        memory = f"{row.early_mb:8.0f} {row.most_mb:7.0f}" if row.most_mb else ""
        print(
            f"{name:10}{1 / row.wall_s:9,.0f}{row.cpu_s * 1e6:13.0f}"
            f"{limit.wall_s / row.wall_s:8.2f}{limit.cpu_s / row.cpu_s:7.2f}{memory:>16}"
        )
    sys.stdout.flush()


if __name__ == "__main__":
    main()
