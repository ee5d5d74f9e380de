"""How fast `msmd snippets` is, and how large what it writes.

    python benchmarks/export.py [DATASET] [--split CSV:COLUMN] [--context 2.1 8.4] [--jobs N]

For each context the whole command is run once, from its start to its end: pairs per second by the
clock, and per second of processor time of all its processes (which other work on the machine
disturbs less), the largest of these processes, and the size of the shards per pair. Without DATASET
the bundled pieces are built first, in one performance; so few of them that what they tell is no more
than that the command runs: starting takes most of the time.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import build  # the benchmark beside this one

from msmdtools.base.processors import processors
from msmdtools.perform import default_soundfont


def bundled(folder: Path) -> Path:
    """A dataset of the bundled pieces."""
    build.adopt_orphans()
    options = ["--soundfonts", default_soundfont(), "--tempi", "1.0"]
    build.run([*build.MSMD, "build", "--sample", "--out", folder / "dataset", *options])
    return folder / "dataset"


def export(dataset: Path, out: Path, context: float, split: str | None, jobs: int) -> str:
    """Export a dataset and measure it: a row of the table."""
    command = [*build.MSMD, "snippets", dataset, "--out", out, "--context", str(context)]
    command += ["--split", split] if split else []
    start = time.perf_counter()
    cost = build.run([*command, "--jobs", str(jobs)])
    seconds = time.perf_counter() - start
    splits = json.loads((out / "snippets.json").read_bytes())["totals"]["splits"].values()
    pairs = sum(row["snippets"] for row in splits)
    size = sum(row["bytes"] for row in splits)
    return (
        f"{context:7g} s{pairs:10,}{seconds:9.1f}{pairs / seconds:10,.0f}{cost.cpu_s:9.1f}"
        f"{pairs / cost.cpu_s:12,.0f}{size / pairs / 1000:10.1f}{cost.memory_mb:10.0f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", type=Path, nargs="?", help="default: the bundled pieces")
    parser.add_argument("--split", help="as msmd snippets takes it (default: by work)")
    parser.add_argument("--context", type=float, nargs="+", default=[2.1, 8.4], metavar="S")
    parser.add_argument("--jobs", type=int, default=processors())
    given = parser.parse_args()
    # Beside the dataset: a folder for temporary files may be in memory, and too small.
    place = given.dataset.absolute().parent if given.dataset else None
    with tempfile.TemporaryDirectory(prefix=".export-", dir=place) as temporary:
        dataset = given.dataset or bundled(Path(temporary))
        print(f"{dataset}, {given.jobs} worker(s)")
        print("  context     pairs   wall s   pairs/s    CPU s  pairs/CPU s   KB/pair   most MB")
        for number, context in enumerate(given.context):
            out = Path(temporary) / f"snippets-{number}"
            print(export(dataset, out, context, given.split, given.jobs))
            sys.stdout.flush()


if __name__ == "__main__":
    main()
