"""MIDI files as sources: human performances, and files made from scores whose notes are known.

    python benchmarks/midi_sources.py write WORK --played FOLDER --scores FOLDER … [--count 30]
    python benchmarks/midi_sources.py build WORK

`write` takes, evenly spread, `count` MIDI files below --played, and `count` MusicXML and MXL files below the
folders of --scores, which partitura reads and writes as MIDI files. (It may have an environment of its own: pip
install partitura. Beside pyfluidsynth, partitura downloads a soundfont when it is imported.) `build` makes a
dataset of each kind by `msmd build --midi-timing file`, and `msmd validate` checks it. The table, in Markdown,
counts

- notes: of the files
- heads: those of these notes; played, tied, silent
- unison: notes that share the head of another
- lost: notes that are neither
- onsets: of the notes that partitura reads in the MusicXML, those for which a head of this pitch is at this onset
- near: within 1/64 of a quarter note (where the MusicXML rounds tuplets to its divisions, later notes may be off)
- CPU: seconds of the build a piece, and of writing the score alone
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

Notes = list[tuple[int, Fraction]]
"""Pitch and onset in quarter notes of each note of a score."""

MSMD = (sys.executable, "-c", "from msmdtools.cli import main; main()")


def spread(files: Sequence[Path], count: int) -> list[Path]:
    step = max(len(files) / count, 1)
    return [files[int(i * step)] for i in range(min(count, len(files)))]


def copied(files: Sequence[Path], folder: Path) -> None:
    for number, file in enumerate(files):
        shutil.copyfile(file, folder / f"{number:02d}-{file.parent.name}-{file.name}")


def written(files: Sequence[Path], folder: Path) -> Iterator[tuple[str, Notes]]:
    """Write scores as MIDI files, and give the id of each and its notes."""
    import partitura

    for number, file in enumerate(files):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            score = partitura.load_score(str(file))
        name = f"{number:02d}-{file.parent.name if file.stem == 'score' else file.stem}"
        partitura.save_score_midi(score, str(folder / f"{name}.mid"))
        notes: Notes = []
        for part in score.parts:
            start = part.quarter_map(part.first_point.t)
            for note in part.notes_tied:
                onset = float(part.quarter_map(note.start.t) - start)
                notes.append((int(note.midi_pitch), Fraction(onset).limit_denominator(4096)))
        yield name, notes


def build(folder: Path) -> Path:
    out = folder.with_name(f"{folder.name}-dataset")
    subprocess.run([*MSMD, "build", folder, "--out", out, "--midi-timing", "file"], check=True)
    subprocess.run([*MSMD, "validate", out], check=True)
    return out


def counts(folder: Path, dataset: Path, known: dict[str, Notes]) -> list[object]:
    import pandas as pd

    from msmdtools.midi.reading import read_midi
    from msmdtools.notate import notate

    pieces = pd.read_parquet(dataset / "pieces.parquet").set_index("piece")
    heads = pd.read_parquet(dataset / "noteheads.parquet")
    events = pd.read_parquet(dataset / "events.parquet")
    files = {piece: folder / path for piece, path in pieces["path"].items()}
    music = {piece: read_midi(file) for piece, file in files.items()}
    notes = sum(len(file.notes) for file in music.values())
    lost = sum(
        abs(len(file.notes) - (events["piece"] == piece).sum()) for piece, file in music.items()
    )
    alone = []
    for file in music.values():
        start = time.process_time()
        notate(file)
        alone.append(time.process_time() - start)
    same = near = total = 0
    played = heads[heads["role"] == "played"]
    for piece, expected in known.items():
        own = played[played["piece"] == piece]
        there = set(zip(own["pitch"], map(Fraction, own["onset_fraction"]), strict=True))
        same += sum(note in there for note in expected)
        near += sum(_is_near(note, there) for note in expected)
        total += len(expected)
    roles = heads["role"].value_counts()
    log = pd.read_json(dataset / "build.jsonl", lines=True)
    return [
        folder.name,
        f"{(pieces['status'] == 'ok').sum()} of {len(pieces)}",
        f"{notes:,}",
        *(f"{roles.get(role, 0):,}" for role in ("played", "tied", "silent")),
        f"{(events['reason'] == 'unison').sum():,}",
        lost,
        *(f"{100 * found / total:.3f} %" if total else "" for found in (same, near)),
        f"{log['cpu_s'].mean():.1f}",
        f"{statistics.mean(alone):.2f}",
    ]


def _is_near(note: tuple[int, Fraction], heads: set[tuple[int, Fraction]]) -> bool:
    if note in heads:
        return True
    pitch, onset = note
    return any(p == pitch and abs(t - onset) <= Fraction(1, 64) for p, t in heads)


def write(work: Path, played: Path, folders: Sequence[Path], count: int) -> None:
    performances, scores = work / "performances", work / "scores"
    for folder in (performances, scores):
        folder.mkdir(parents=True)
    copied(spread(sorted(played.rglob("*.mid")), count), performances)
    kinds = (".musicxml", ".mxl")
    files = [
        file
        for folder in folders
        for file in spread(
            sorted(f for f in folder.rglob("*") if f.suffix in kinds), -(-count // len(folders))
        )
    ]
    known = {name: [(p, str(t)) for p, t in notes] for name, notes in written(files, scores)}
    (work / "notes.json").write_text(json.dumps(known), "utf-8")


def measure(work: Path) -> None:
    from msmdtools.base.text_table import pipes

    known = {
        name: [(pitch, Fraction(onset)) for pitch, onset in notes]
        for name, notes in json.loads((work / "notes.json").read_text("utf-8")).items()
    }
    head = "files|built|notes|played|tied|silent|unison|lost|onsets|near|CPU s|of it the score"
    rows = []
    for folder in (work / "performances", work / "scores"):
        rows.append(counts(folder, build(folder), known if folder.name == "scores" else {}))
    lines = pipes([head.split("|"), *([str(cell) for cell in row] for row in rows)], left=(0,))
    print("\n".join(lines))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("step", choices=("write", "build"))
    parser.add_argument("work", type=Path)
    parser.add_argument("--played", type=Path)
    parser.add_argument("--scores", type=Path, nargs="+", default=[])
    parser.add_argument("--count", type=int, default=30)
    options = parser.parse_args()
    if options.step == "write":
        write(options.work, options.played, options.scores, options.count)
    else:
        measure(options.work)


if __name__ == "__main__":
    main()
