"""Figures on real material: scanned editions, human performances, recordings. It fetches nothing.

    python benchmarks/real.py scans FOLDER [--model NAME] [--soundfont NAME] [--edition PATTERN]
    python benchmarks/real.py performances FOLDER --out WORK [--model NAME] [--soundfont NAME]
    python benchmarks/real.py identification RECORDINGS SCANS --out WORK [--model NAME]

`scans` aligns an expressive MIDI performance of each piece, played by a soundfont, with each scanned edition of
it, and compares the places found with those that people marked (FOLDER: see editions.py). Each beat counts: one
whose place was not marked is left out, and all beats of a page whose number of systems is not right are wrong. The
error of a beat is in seconds: the place that was found at the moment of the beat has a time, by interpolation
between the marks of its system.

`performances` builds the scores in FOLDER, adds the human performances that it lists (performances.csv), and
measures snippet retrieval among 2,000 candidates, piece identification, alignment and score following.

`identification` makes an index of the scans and searches in it with each recording, and with the MIDI performance
of each edition's piece: the first answer should be an edition of that piece. RECORDINGS is a folder of audio or
video files, each named like its piece.

All that is made in WORK is used again by the next run.
"""

import argparse
import csv
import fnmatch
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from editions import Edition, editions, errors_s, heard, numbers_of
from numpy.typing import NDArray

import msmdtools
from msmdtools.base.text_table import pipes
from msmdtools.follow.alignment import align
from msmdtools.inputs.pages import read_sheet
from msmdtools.models.model import Model, load_model

WITHIN_S = (0.5, 1.0)
CANDIDATES = 2000


def scans(arguments: argparse.Namespace) -> None:
    model = load_model(arguments.model)
    rows, everything, spectrograms = [], [], {}
    for edition in editions(arguments.folder):
        if not fnmatch.fnmatch(edition.name, arguments.edition):
            continue
        if edition.piece not in spectrograms:
            spectrograms = {edition.piece: heard(edition.midi, arguments.soundfont)}
        rows.append(of_edition(edition, spectrograms[edition.piece], model))
        everything.append(rows[-1].pop("errors"))
        print(json.dumps(rows[-1]), flush=True)
    errors = np.concatenate(everything)
    whole = np.concatenate(
        [e for e, r in zip(everything, rows, strict=True) if r["pages_right"] == r["pages"]]
    )
    table = [["beats", "editions", *(f"within {s:g} s" for s in WITHIN_S)]]
    for name, some, count in (
        ("all", errors, len(rows)),
        (
            "of editions whose pages are all right",
            whole,
            sum(r["pages_right"] == r["pages"] for r in rows),
        ),
    ):
        shares = [f"{100 * np.mean(some <= s):.1f} %" for s in WITHIN_S]
        table.append([f"{name}: {len(some):,}", str(count), *shares])
    pages = sum(r["pages"] for r in rows)
    print()
    print("\n".join(pipes(table)))
    print(
        f"\nPages with the right number of systems: {sum(r['pages_right'] for r in rows)} of {pages}"
    )
    cpu = sum(r["cpu_s"] for r in rows) / sum(r["pages_read"] for r in rows)
    print(f"Processor time for reading a page and finding its systems: {cpu:.3f} s")


def of_edition(
    edition: Edition, spectrogram: NDArray[np.float16], model: Model
) -> dict[str, object]:
    began = time.process_time()
    sheet = read_sheet(edition.pdf)
    cpu_s = time.process_time() - began
    found = align(sheet, spectrogram, model)
    numbers = numbers_of(edition, sheet)
    errors = errors_s(edition, numbers, found)
    wanted = edition.systems
    right = sum(len(numbers.get(page, ())) == count for page, count in wanted.items())
    return {
        "edition": edition.name,
        "pages": len(wanted),
        "pages_right": right,
        "pages_read": len(sheet.pages),
        "cpu_s": round(cpu_s, 3),
        "beats": len(errors),
        **{f"within_{s:g}": round(float(np.mean(errors <= s)), 4) for s in WITHIN_S},
        "probability": round(found.probability, 4),
        "errors": errors,
    }


def performances(arguments: argparse.Namespace) -> None:
    work, font = arguments.out, arguments.soundfont
    dataset, snippets = work / "dataset", work / "snippets"
    work.mkdir(parents=True, exist_ok=True)
    msmd(
        "build",
        arguments.folder,
        "--formats",
        "musicxml",
        "--out",
        dataset,
        "--soundfonts",
        font,
        "--tempi",
        "1.0",
    )
    msmd("perform", dataset, "--from", arguments.folder, "--soundfonts", font)
    pieces = msmdtools.open(dataset).pieces
    with open(work / "split.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [["piece", "split"], *([piece, "test"] for piece in pieces["piece"])]
        )
    played = f"*_{font}-000"
    split = f"{work / 'split.csv'}:split"
    msmd(
        "snippets", dataset, "--out", snippets, "--split", split, "--performances", f"test={played}"
    )
    for task, where, more in (
        ("snippets", snippets, ["--candidates", CANDIDATES]),
        ("pieces", dataset, ["--performance", played]),
        ("alignment", dataset, ["--performance", played]),
        ("following", dataset, ["--performance", played]),
    ):
        said = msmd("eval", task, arguments.model, where, *more, "--json")
        (work / f"{task}-{arguments.model}.json").write_text(said, "utf-8")
        print(msmd("eval", task, arguments.model, where, *more), flush=True)


def identification(arguments: argparse.Namespace) -> None:
    index = arguments.out / "scans.index"
    arguments.out.mkdir(parents=True, exist_ok=True)
    msmd("index", arguments.scans, "--out", index, "--model", arguments.model)
    queries = {path: path.stem for path in sorted(arguments.recordings.iterdir()) if path.is_file()}
    queries |= {edition.midi: edition.piece for edition in editions(arguments.scans)}
    rows = [["query", "first", "probability", "right"]]
    for query, piece in queries.items():
        answers = json.loads(msmd("search", index, query, "--json"))
        first = answers[0] if answers else {"piece": "", "probability": 0.0}
        right = fnmatch.fnmatch(Path(first["piece"]).stem, f"{piece}*")
        rows.append(
            [query.name, first["piece"], f"{first['probability']:.2f}", "yes" if right else "no"]
        )
        print(json.dumps(rows[-1]), flush=True)
    print("\n".join(pipes(rows)))


def msmd(*arguments: Any) -> str:
    """What a command prints on standard output; its progress and messages pass through."""
    command = [str(Path(sys.executable).with_name("msmd")), *map(str, arguments)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if ended.returncode not in {0, 3}:  # 3: some pieces failed, and the tables say which
        raise SystemExit(f"{' '.join(command)} ended with exit code {ended.returncode}")
    return ended.stdout


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    for run, folders in (
        (scans, ["folder"]),
        (performances, ["folder"]),
        (identification, ["recordings", "scans"]),
    ):
        command = commands.add_parser(run.__name__)
        for folder in folders:
            command.add_argument(folder, type=Path)
        command.add_argument("--model", default="compact-4s")
        command.add_argument("--soundfont", default="FluidR3_GM")
        if run is scans:
            command.add_argument("--edition", default="*")
        else:
            command.add_argument("--out", type=Path, required=True)
        command.set_defaults(run=run)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
