"""Scans linked to a score: how many bars are right, and how exact their edges are.

    python benchmarks/link.py --dataset DATASET --scans FOLDER [--bars tests/scan_bars.csv]

FOLDER has the scans of Tanprasert et al. 2019: PIECE_vN.pdf and PIECE_beats.csv. DATASET has scores of some of
the pieces, with the ids PIECE, or such that one begins with the other. Nothing is written. A bar is right if it is
on the system and page that the beats say; systems are counted on the first page from below, as other music may
stand above. With --bars, both edges of each listed bar are to be within half a staff space.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
import pandas as pd

from msmdtools.dataset import reader
from msmdtools.inputs.pages import read_sheet
from msmdtools.link.linking import link
from msmdtools.link.marks import found_marks
from msmdtools.link.tokens import written


def true_bars(folder, piece, edition):
    """Page (from 1) and system on it of each bar, numbered from 0 in the order of the music."""
    rows = pd.read_csv(folder / f"{piece}_beats.csv", encoding="utf-8-sig")
    rows = rows[rows["score"].str.endswith(f"_{edition}")].reset_index(drop=True)
    rows["bar"] = (rows["measure"] != rows["measure"].shift()).cumsum() - 1
    bars = rows.groupby("bar").agg(page=("page", "first"), system=("strip", "first"))
    bars["page"] += 1
    return bars


def numbers(measures, count):
    """The number among the bars of the beats of each bar of an engraving.

    They are the same bars; or have the numbers that are printed; or are as many if halves of a bar count as one;
    or the last ones of the engraving, which has more movements.
    """
    bars = measures.groupby("measure", sort=True).agg(
        number=("number", "first"),
        onset=("onset_quarters", "first"),
        long=("duration_quarters", "sum"),
    )
    if len(bars) == count:
        return list(range(count))
    by_number = [int(n) - 1 if n.isdigit() else -1 for n in bars["number"]]
    if max(by_number) == count - 1 and len(set(by_number)) >= count:
        return by_number
    usual = bars["long"].mode()[0]
    by_time = [int(onset // usual) for onset in bars["onset"]]
    if max(by_time) == count - 1:
        return by_time
    return [k - len(bars) + count for k in range(len(bars))]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--scans", type=Path, required=True)
    parser.add_argument("--bars", type=Path)
    args = parser.parse_args()
    dataset = reader.open(args.dataset)
    marked = {}
    if args.bars:
        for row in csv.DictReader(args.bars.open()):
            marked.setdefault(row["edition"], []).append(row)
    totals = np.zeros(4, int)
    for file in sorted(args.scans.glob("*_v*.pdf")):
        name, _, edition = file.stem.rpartition("_")
        ids = [one for one in dataset if name.startswith(one) or one.startswith(name)]
        if not ids:
            continue
        piece = dataset[max(ids, key=len)]
        truth = true_bars(args.scans, name, edition)
        sheet = read_sheet(file)
        marks = found_marks(sheet)
        staves = int(piece.systems["staff"].max())
        found = link(marks, written(piece.measures, piece.noteheads, piece.systems, staves))
        own = numbers(piece.measures, len(truth))
        first_page = truth["page"].min()
        on_first = sum(one.page == first_page for one in marks)
        shift = max(on_first - truth.loc[truth["page"] == first_page, "system"].max(), 0)
        truth.loc[truth["page"] == first_page, "system"] += shift
        begin = {}
        for one in marks:
            begin.setdefault(one.page, one.system)
        places = {}
        for bar in found.bars:
            of = marks[bar.system]
            middle = (of.staves[:, 1].min() + of.staves[:, 3].max()) / 2
            x, _ = sheet.on_picture(
                np.array([of.page] * 2), np.array([bar.x0, bar.x1]), np.array([middle] * 2)
            )
            matrix = np.asarray(sheet.to_picture[of.page - 1])
            space = of.space * np.hypot(matrix[0, 0], matrix[1, 0])
            place = (of.page, of.system - begin[of.page] + 1)
            places.setdefault(own[bar.measure], []).append((place, x, space))
        right = sum(
            any(place == (row.page, row.system) for place, _, _ in places.get(k, []))
            for k, row in truth.iterrows()
        )
        exact = sum(
            any(
                place[0] == int(row["page"])
                and abs(x[0] - float(row["x0"])) <= space / 2
                and abs(x[1] - float(row["x1"])) <= space / 2
                for place, x, space in places.get(int(row["bar"]), [])
            )
            for row in marked.get(file.stem, [])
        )
        totals += [len(truth), right, len(marked.get(file.stem, [])), exact]
        print(
            f"{file.stem}: {right} of {len(truth)} bars right, {exact} of "
            f"{len(marked.get(file.stem, []))} with both edges; heads found {found.quality:.1%}",
            flush=True,
        )
    bars, right, listed, exact = totals
    print(f"all: {right} of {bars} bars right ({right / max(bars, 1):.2%})")
    if listed:
        print(f"edges: {exact} of {listed} ({exact / listed:.2%})")


if __name__ == "__main__":
    main()
