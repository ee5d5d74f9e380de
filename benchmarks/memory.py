"""The most memory that a worker of `msmd build` takes, for pieces of several lengths.

    python benchmarks/memory.py [--minutes 1,10,60] [--notes 0,600] [--soundfont NAME]
                                [--before CHECKOUT] [--folder FOLDER] [--json FILE]

Each piece is made up: two staves of sixteenth notes at such a tempo that it has `--notes` notes a minute
(0: one bar a minute, so that hardly anything but sound takes memory). It is built alone, with one performance
and the audio kept, by a worker that has made nothing before. What is measured is what the build's log says
of that worker: the largest resident size of its process, not counting LilyPond, which has a limit of its own.
Processor time is that of all processes of the command. With --before, the same is done with the package of
another checkout, in turns.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from build import Cost, adopt_orphans, run

from msmdtools.perform import default_soundfont

HERE = Path(__file__).resolve().parents[1]
PITCHES = "cdefgab"


def source(minutes: int, notes: int) -> str:
    """A LilyPond source that sounds for so many minutes, with so many notes in each."""
    length, tempo, beat = (
        (minutes, 4, "1") if notes == 0 else (minutes * notes // 32, notes / 8, "16")
    )
    count = 1 if notes == 0 else 16
    staves = []
    for staff, (clef, octave) in enumerate((("treble", "''"), ("bass", ","))):
        music = []
        for bar in range(length):
            names = (PITCHES[(bar * 3 + i * (2 + staff)) % 7] for i in range(count))
            music.append(" ".join(f"{name}{octave}{beat}" for name in names) + " |")
        bars = "\n".join(music)
        staves.append(f"\\new Staff {{ \\clef {clef} \\tempo 4 = {tempo:g}\n{bars} }}")
    score = "\n".join(staves)
    header = f'title = "{minutes} minutes" mutopiainstrument = "Piano" license = "Public Domain"'
    return f'\\version "2.24.0"\n\\header {{ {header} }}\n\\score {{ <<\n{score}\n>> }}\n'


def measure(checkout: Path, text: str, folder: Path, soundfont: str) -> tuple[float, Cost, int]:
    """MB of the worker, the cost of the command, and the notes of the piece, built by a checkout."""
    (folder / "tree").mkdir(parents=True)
    (folder / "tree" / "piece.ly").write_text(text, encoding="utf-8")
    msmd = [sys.executable, "-P", "-c", "from msmdtools.cli import main; main()"]
    places = ["--root", folder / "tree", "--manifest", folder / "m.csv", "--out", folder / "out"]
    os.environ["PYTHONPATH"] = str(checkout)
    run([*msmd, "ingest", folder / "tree", "--out", folder / "m.csv", "--instrument", "all"])
    options = ["--soundfonts", soundfont, "--keep-audio", "--jobs", "1", "--timeout", "3000"]
    cost = run([*msmd, "build", *places, *options], allowed=(0, 3))
    entry = json.loads((folder / "out" / "build.jsonl").read_text().splitlines()[-1])
    if entry["status"] != "ok":
        sys.exit(f"not built: {entry['reason']}\n{entry['log']}")
    totals = json.loads((folder / "out" / "dataset.json").read_text())["totals"]
    return entry["worker_memory_bytes"] / 1e6, cost, totals["events"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", default="1,10,60")
    parser.add_argument("--notes", default="0,600", help="notes a minute")
    parser.add_argument("--soundfont", help="default: the first that is installed")
    parser.add_argument("--before", type=Path, help="a checkout to measure beside this one")
    parser.add_argument("--folder", type=Path, help="keep what is built there")
    parser.add_argument("--json", type=Path, help="write the numbers there too")
    given = parser.parse_args()
    adopt_orphans()
    soundfont = given.soundfont or default_soundfont()
    checkouts = {"now": HERE} | ({"before": given.before.absolute()} if given.before else {})
    found = []
    print(f"{soundfont}\n{'minutes':>7}{'notes':>8}{'':>9}{'worker MB':>11}{'CPU s':>9}")
    with tempfile.TemporaryDirectory() as temporary:
        top = given.folder or Path(temporary)
        for notes in map(int, given.notes.split(",")):
            for minutes in map(int, given.minutes.split(",")):
                for name, checkout in checkouts.items():
                    place = top / f"{minutes}-{notes}-{name}"
                    memory, cost, events = measure(
                        checkout, source(minutes, notes), place, soundfont
                    )
                    print(
                        f"{minutes:7}{events:8} {name:8}{memory:11.0f}{cost.cpu_s:9.1f}", flush=True
                    )
                    row = {"minutes": minutes, "notes": events, "checkout": name}
                    found.append({**row, "worker_mb": memory, "cpu_s": cost.cpu_s})
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
