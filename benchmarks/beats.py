"""Compare the times that beats give to notes with the onsets of the notes: ASAP's beats, human performances.

    msmd build ASAP --out D && msmd perform D --from ASAP
    python benchmarks/beats.py D --asap ASAP

A recording with marks gets the time of each note from its marks (`msmdtools.performed.playing`). Here the beats of
each performance are the marks, and the onsets of the events that `msmd perform` has linked are the truth. Nothing
is written. Printed for each performance, and in all: how many of the played notes have a time in the same pass, of
how many, and the shares of these that are within 0.1 and 0.5 s.
"""

import argparse
import csv
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from msmdtools.dataset import reader
from msmdtools.dataset.reader import Dataset, DatasetPiece
from msmdtools.errors import PieceError
from msmdtools.performance import INTERPOLATED, MATCH
from msmdtools.performed import reading_marks
from msmdtools.performed.listing import pieces_by_name
from msmdtools.performed.marks import Bars
from msmdtools.performed.playing import playing
from msmdtools.performed.score_time import ScoreTime

TAIL_S = 20.0


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--asap", type=Path, required=True)
    options = parser.parse_args()
    dataset = reader.open(options.dataset)
    names = pieces_by_name(dataset.pieces)
    errors: list[float] = []
    played = refused = count = 0
    with (options.asap / "performances.csv").open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["piece"])
    for row in rows:
        piece = dataset[names[row["piece"]][0]]
        stem = Path(row["performance"]).stem
        try:
            found, notes = compared(
                dataset, piece.piece, options.asap / row["piece"] / row["beats"], stem
            )
        except PieceError as error:
            refused += 1
            print(f"{row['piece']}, {stem}: {error.reason}")
            continue
        count += 1
        played += notes
        errors += found
        print(f"{row['piece']}, {stem}: {len(found):,} of {notes:,}, {shares(found)}")
    print(
        f"{count} performances, {refused} refused: {len(errors):,} of {played:,} notes, {shares(errors)}"
    )


def compared(dataset: Dataset, name: str, beats: Path, stem: str) -> tuple[list[float], int]:
    """The errors in s of the notes that both have in the same pass, and how many the performance plays."""
    piece, bars, score, order = _of_piece(dataset, name)
    performance = next(str(n) for n in piece.performances.index if str(n).startswith(f"{stem}_"))
    _, anchors = reading_marks.read(beats, bars, order)
    marked = playing(anchors, bars, score, anchors[-1].second + TAIL_S)
    events = piece.events(performance)
    truth = events[events["link"] == MATCH].set_index(["note", "pass"])["onset_s"]
    times = {(n.note, n.turn): n.onset_s for n in marked.notes if n.link == INTERPOLATED}
    index = pd.MultiIndex.from_tuples(list(times), names=truth.index.names)
    both = truth.to_frame("true").join(pd.Series(times.values(), index, name="marked"), how="inner")
    return (both["marked"] - both["true"]).abs().tolist(), len(truth)


def shares(errors: list[float]) -> str:
    """The shares of errors within 0.1 and 0.5 s, and their median."""
    array = np.array(errors)
    near, right = np.mean(array < 0.1), np.mean(array < 0.5)
    return f"within 0.1 s {near:.1%}, within 0.5 s {right:.1%}, median {np.median(array):.3f} s"


@lru_cache(maxsize=1)
def _of_piece(dataset: Dataset, name: str) -> tuple[DatasetPiece, Bars, ScoreTime, list[int]]:
    piece = dataset[name]
    bars, score = Bars.of(piece), ScoreTime.of(piece)
    return piece, bars, score, score.order(bars)


if __name__ == "__main__":
    main()
