"""Near-duplicates across a split, as the tables of docs/splits.md, and how long they take to find.

    python benchmarks/duplicates.py [DATASET] [--split all_split] [--transpose] [--copies N]

Without DATASET the bundled pieces are built first, and split by work. With --copies, the search is
also timed on N copies of the dataset's notes, in each of which a fifth of the pitches, chosen by
chance, is raised by a semitone.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import export  # the benchmark beside this one
import numpy as np
import pandas as pd

import msmdtools as msmd
from msmdtools.dataset.reader import Dataset
from msmdtools.errors import ManifestError
from msmdtools.splits import duplicates, splits
from msmdtools.splits import report as split_report
from msmdtools.splits.works import works

OFFICIAL = [
    "all_split",
    "bach_split",
    "bach_out_split",
    *(f"bach_split_{percent}" for percent in (10, 25, 50, 75)),
    *(f"unbach_split_{pieces}" for pieces in (3, 10, 25)),
]
THRESHOLDS = (0.3, 0.2, 0.1)


def official(dataset: Dataset, pairs: list[duplicates.Pair]) -> list[str]:
    """A table of what each of the official splits that this dataset holds lets through."""
    work_of = works(dataset.pieces)
    lines = [
        "| split | train / valid / test | works divided | pairs ≥ 0.3 | ≥ 0.2 | ≥ 0.1 |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name in OFFICIAL:
        try:
            split = splits.resolve(dataset, name)
        except ManifestError:  # another dataset: it has no pieces of this split, or not all
            continue
        counts = [list(split.values()).count(part) for part in splits.SPLITS]
        places: dict[str, set[str]] = {}
        for piece, part in split.items():
            places.setdefault(work_of[piece], set()).add(part)
        divided = sum(len(parts) > 1 for parts in places.values())
        found = [len(duplicates.crossing(pairs, split, least)) for least in THRESHOLDS]
        cells = [f"`{name}`", " / ".join(map(str, counts)), divided, *found]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines


def copies(dataset: Dataset, count: int) -> pd.DataFrame:
    """The note heads of `count` copies of a dataset that share much, but not all."""
    columns = ["piece", "role", "grace", "onset_quarters", "pitch"]
    heads = dataset.table("noteheads").select(columns).to_pandas()
    frames = []
    for copy in range(count):
        raised = np.random.default_rng(copy).random(len(heads)) < 0.2
        frames.append(
            heads.assign(piece=heads["piece"] + f" {copy}", pitch=heads["pitch"] + raised)
        )
    return pd.concat(frames, ignore_index=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("dataset", nargs="?", help="default: the bundled pieces")
    parser.add_argument("--split", default="all_split")
    parser.add_argument("--transpose", action="store_true")
    parser.add_argument("--copies", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        dataset = msmd.open(options.dataset or export.bundled(Path(temporary)))
        measure(dataset, options)


def measure(dataset: Dataset, options: argparse.Namespace) -> None:
    split = splits.resolve(dataset, options.split if options.dataset else splits.SplitByWork())
    start = time.perf_counter()
    pairs = duplicates.near_duplicates(dataset, transpose=options.transpose)
    seconds = time.perf_counter() - start
    found = split_report.report(dataset, split, pairs)
    print(split_report.markdown(found, split))
    print("In one split:\n")
    inside = [p for p in pairs if split.get(p.piece_a, "") == split.get(p.piece_b) != ""]
    print("\n".join(split_report.duplicates_table(inside, split)), end="\n\n")
    print("\n".join(official(dataset, pairs)), end="\n\n")
    print(f"{len(dataset)} pieces: {seconds:.2f} s", file=sys.stderr)
    if options.copies:
        heads = copies(dataset, options.copies)
        start = time.perf_counter()
        duplicates.compare(heads, options.transpose)
        seconds = time.perf_counter() - start
        print(f"{heads['piece'].nunique()} pieces: {seconds:.2f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
