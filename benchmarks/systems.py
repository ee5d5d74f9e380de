"""How many systems are found on scanned editions, and what reading and finding them costs.

    python benchmarks/systems.py SCANS
    python benchmarks/systems.py SCANS --against COMMIT
    python benchmarks/systems.py SCANS --overlays FOLDER

SCANS is a folder with EDITION.pdf and PIECE_beats.csv (score, page from 0, strip: system on the page from
1, hpixel), as published with T. J. Tsai's sheet-audio data (Tanprasert et al., ISMIR 2019). A page is
right if it has as many systems as were marked, and if one shift of all marks of the page brings each into
the system of its number. Marks are in points, from a border that was cut off, hence the shift; the four
that lie beyond their page are mistyped. Marks leave out what is of another piece; how many systems such
pages have was counted by eye (`ALL`). Pages without marks are listed, and not judged.

One line a page: edition, page, systems expected and found, staves of each, processor seconds for reading and
for finding. With --against both versions work on each edition in turn, each in a process of its own; COMMIT
is anything that git knows. Every process has one thread.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import cv2
import numpy as np

WIDTH = 1670  # px at which pages of a PDF are drawn
TOLERANCE = 6.0  # points by which a mark may be outside
ROOT = Path(__file__).resolve().parents[1]

# All systems of pages that have music of other pieces too, by edition and page.
ALL = {
    ("chopin_op30no2_v3", 0): 6,
    ("chopin_op30no2_v4", 0): 6,
    ("chopin_op30no2_v4", 1): 7,
    ("chopin_op30no2_v6", 0): 7,
    ("chopin_op63no3_v5", 0): 8,
    ("clementi_op36no1mv3_v1", 0): 7,
    ("clementi_op36no1mv3_v2", 0): 7,
    ("clementi_op36no3mv3_v1", 0): 7,
    ("clementi_op36no3mv3_v2", 0): 7,
    ("mendelssohn_op19no2_v2", 0): 7,
    ("mendelssohn_op19no2_v3", 0): 7,
    ("mendelssohn_op19no2_v4", 0): 8,
    ("mendelssohn_op19no2_v4", 1): 8,
}

Marks = dict[tuple[str, int], dict[int, list[float]]]


def marks_of(folder: Path) -> Marks:
    """The marks (points) of each system of each page of each edition."""
    import pandas as pd

    found: Marks = {}
    for file in sorted(folder.glob("*_beats.csv")):
        piece = file.name.removesuffix("_beats.csv")
        for (score, page), rows in pd.read_csv(file).groupby(["score", "page"]):
            systems: dict[int, list[float]] = defaultdict(list)
            for row in rows.itertuples():
                systems[int(row.strip)] += [] if pd.isna(row.hpixel) else [float(row.hpixel)]
            found[f"{piece}_{score.split('_')[-1]}", int(page)] = dict(systems)
    return found


def covered(page: dict[str, Any], marks: dict[int, list[float]], first: int) -> bool:
    """Whether a shift brings all marks into their systems, of which the first of the piece is `first`."""
    lows, highs = [], []
    for number, places in marks.items():
        staves = page["boxes"][first + number - 1]
        there = [place for place in places if place < page["points"] * WIDTH]
        if there:
            lows.append(min(x0 for x0, _, _, _ in staves) * page["points"] - min(there))
            highs.append(max(x1 for _, _, x1, _ in staves) * page["points"] - max(there))
    return not lows or max(lows) - TOLERANCE <= min(highs) + TOLERANCE


def measure(pdf: Path) -> Iterator[dict[str, Any]]:
    """Each page of an edition, read and searched by the msmdtools that is imported."""
    import pypdfium2

    from msmdtools.inputs import pictures
    from msmdtools.paper import systems

    cv2.setNumThreads(1)
    with pypdfium2.PdfDocument(pdf) as document:
        sizes = [document[i].get_width() for i in range(len(document))]
    pages = pictures.read_pictures(pdf, WIDTH)
    systems.find_systems(np.full((2000, WIDTH), 255, np.uint8))  # what is loaded once
    for number in range(1000):
        began = time.process_time()
        picture = next(pages, None)
        read = time.process_time()
        if picture is None:
            return
        layout = systems.find_systems(picture)
        done = time.process_time()
        boxes = [[(s.x0, s.y0, s.x1, s.y1) for s in system] for system in layout.systems]
        yield {
            "page": number,
            "boxes": boxes,
            "gaps": int(layout.gaps),
            "points": sizes[number] / WIDTH,
            "read": read - began,
            "find": done - read,
        }


def run(code: Path, pdf: Path) -> list[dict[str, Any]]:
    """`measure` of an edition, in a process that imports msmdtools from a checkout."""
    environment = os.environ | {"PYTHONPATH": str(code)}
    command = [sys.executable, __file__, "--measure", str(pdf)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


@contextlib.contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """A folder with the code of a commit."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "code"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run(
            [*git, "add", "--detach", str(path), commit], check=True, capture_output=True
        )
        try:
            yield path
        finally:
            subprocess.run([*git, "remove", "--force", str(path)], check=True)


def drawn(pdf: Path, out: Path) -> None:
    """The pages of an edition with what was found, half as large."""
    from msmdtools.inputs import pictures
    from msmdtools.paper import systems

    for number, picture in enumerate(pictures.read_pictures(pdf, WIDTH)):
        layout = systems.find_systems(picture)
        page = picture if layout.warp is None else layout.warp.flatten(picture, 255)
        colours = cv2.cvtColor(systems.turn(page, layout.angle, 255), cv2.COLOR_GRAY2BGR)
        for system, staves in enumerate(layout.systems):
            colour = [(0, 0, 255), (255, 0, 0), (0, 160, 0)][system % 3]
            for s in staves:
                corners = [(round(x), round(y)) for x, y in ((s.x0, s.y0), (s.x1, s.y1))]
                cv2.rectangle(colours, *corners, colour, 4)
        small = cv2.resize(colours, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(out / f"{pdf.stem}_{number}.png"), small)


def main() -> None:
    """Print a line for each page and the sums."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("scans", type=Path, nargs="?")
    parser.add_argument("--against", metavar="COMMIT", help="an earlier version, side by side")
    parser.add_argument("--overlays", type=Path, metavar="FOLDER", help="pictures of what is found")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        for row in measure(given.measure):
            print(json.dumps(row), flush=True)
        return
    if given.scans is None or not (editions := sorted(given.scans.glob("*.pdf"))):
        parser.error("give the folder of the editions")
    marks = marks_of(given.scans)
    with contextlib.ExitStack() as stack:
        codes = {"now": ROOT}
        if given.against:
            codes = {given.against: stack.enter_context(checkout(given.against)), **codes}
        right: dict[str, int] = defaultdict(int)
        costs: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        pages = judged = 0
        for pdf in editions:
            for name, code in codes.items():
                for row in run(code, pdf):
                    page = (pdf.stem, row["page"])
                    here, found = marks.get(page, {}), len(row["boxes"])
                    expected = ALL.get(page, max(here, default=0))
                    # What comes before the piece is on its first page, what comes after on its last.
                    first = expected - max(here, default=0) if row["page"] == 0 else 0
                    ok = found == expected and covered(row, here, first)
                    costs[name][0] += row["read"]
                    costs[name][1] += row["find"]
                    right[name] += bool(here) and ok
                    if name == "now":
                        pages, judged = pages + 1, judged + bool(here)
                    staves = "".join(str(len(system)) for system in row["boxes"])
                    verdict = ("right" if ok else "WRONG") if here else "-"
                    print(
                        f"{name}  {pdf.stem}  page {row['page']}  expected {expected}  found {found} "
                        f"({staves})  {verdict}  {row['read']:.3f} s + {row['find']:.3f} s",
                        flush=True,
                    )
            if given.overlays:
                given.overlays.mkdir(parents=True, exist_ok=True)
                drawn(pdf, given.overlays)
        for name in codes:
            read, find = (cost / pages for cost in costs[name])
            print(
                f"{name}: {right[name]} of {judged} pages right; processor time a page: "
                f"{read:.3f} s reading, {find:.3f} s finding, {read + find:.3f} s together"
            )


if __name__ == "__main__":
    main()
