"""Piece identification on an index: whole pieces and excerpts, by votes and by paths.

    python benchmarks/pieces.py INDEX --context 4.2

INDEX is one of msmd index that has sheets and recordings; --context the model's window in seconds.
"""

import argparse
import json
import time
from dataclasses import asdict

from msmdtools.retrieval.identification import excerpt_windows, ranks, summary
from msmdtools.retrieval.index import open_index
from msmdtools.retrieval.ranking import paths, votes

SECONDS = (5.0, 10.0, 20.0)
PIXELS = (400.0, 800.0, 1600.0)
COLUMNS = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("index")
    parser.add_argument("--context", type=float, required=True)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--steps", type=int, nargs="*", default=[3, 5, 7])
    given = parser.parse_args()
    index = open_index(given.index)
    made = index.description
    methods = {"votes": votes}
    for steps in given.steps:
        methods[f"paths-{steps}"] = lambda s, b, steps=steps: paths(s, b, steps).scores
    tasks = (
        ("audio-to-sheet", index.audio, index.sheet, SECONDS, given.context, made.audio_stride),
        ("sheet-to-audio", index.sheet, index.audio, PIXELS, COLUMNS, made.sheet_stride),
    )
    for direction, queries, candidates, lengths, window, stride in tasks:
        for length in (*lengths, None):
            wanted = None if length is None else excerpt_windows(length, window, stride)
            for name, scores in methods.items():
                begin = time.perf_counter()
                found = ranks(queries, candidates, scores, wanted, given.draws)
                taken = 1000 * (time.perf_counter() - begin) / len(found)
                pieces = len({piece for piece, _ in candidates.names})
                row = {"direction": direction, "length": length, "windows": wanted, "by": name}
                figures = asdict(summary(found, pieces))
                print(json.dumps({**row, **figures, "ms_per_query": round(taken, 2)}), flush=True)


if __name__ == "__main__":
    main()
