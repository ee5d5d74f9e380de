"""Processor time from source to page images and note heads: Verovio beside LilyPond, in one run.

    python benchmarks/engravers.py FOLDER [--pieces N] [--json FILE]

FOLDER holds MusicXML files (.musicxml, .xml, .mxl; searched). LilyPond sets what its own `musicxml2ly` makes of
a file; a file is measured if both engravers set it and their heads differ in number by less than a tenth. The
files are taken in a fixed random order until there are N (30). Measured is what a build does, in turns for each
file: `engrave` and `match` of LilyPond, in a process of its own as always and without the sandbox, so that its
time is counted; and `engrave` and `match` of Verovio in this process. Conversion by musicxml2ly is not counted.
"""

import argparse
import json
import os
import random
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from msmdtools import engrave, match
from msmdtools.engrave import verovio
from msmdtools.errors import PieceError
from msmdtools.score import Score
from msmdtools.sources.encoding import read_encoding

SUFFIXES = {".musicxml", ".xml", ".mxl"}


@dataclass(frozen=True)
class Measured:
    """Seconds of processor time, and note heads, of one file with both engravers."""

    file: str
    lilypond_s: float
    lilypond_heads: int
    verovio_s: float
    verovio_heads: int


def cpu_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def with_lilypond(source: Path, folder: Path, engine: engrave.Engine) -> tuple[float, Score] | None:
    """The time and score of a file that musicxml2ly and LilyPond can read; None for others."""
    converted = folder / "piece.ly"
    program = engine.path.parent / "musicxml2ly"
    command = [program, "-o", converted, source]
    path = {**os.environ, "PATH": f"{engine.path.parent}:{os.environ['PATH']}"}
    try:
        subprocess.run(command, capture_output=True, check=True, timeout=300, env=path)
        start = cpu_s()
        engraving = engrave.engrave(converted, folder, engines=[engine], sandbox=False)
        score = match.match(engraving)
    except (PieceError, subprocess.SubprocessError):
        return None
    return cpu_s() - start, score


def with_verovio(source: Path, folder: Path) -> tuple[float, Score] | None:
    """The time and score of a file that Verovio can read; None for others."""
    start = cpu_s()
    try:
        text = read_encoding(source, "musicxml")
        score = match.match_encoding(verovio.engrave(text, "musicxml", folder))
    except PieceError:
        return None
    return cpu_s() - start, score


def measure(sources: Sequence[Path], count: int) -> list[Measured]:
    (engine,) = engrave.find_engines()[:1]
    measured: list[Measured] = []
    for source in sources:
        with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
            ours = with_verovio(source, Path(first))
            theirs = with_lilypond(source, Path(second).resolve(), engine) if ours else None
        if ours is None or theirs is None:
            continue
        heads = [len(score.noteheads) for _, score in (theirs, ours)]
        if abs(heads[0] - heads[1]) > 0.1 * heads[1]:
            continue
        measured.append(Measured(source.name, theirs[0], heads[0], ours[0], heads[1]))
        print(measured[-1], flush=True)
        if len(measured) == count:
            break
    return measured


def main() -> None:
    """Measure, print the ratio, and write all figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pieces", type=int, default=30)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    sources = sorted(p for p in options.folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    random.Random(0).shuffle(sources)
    with tempfile.TemporaryDirectory() as folder:  # what is loaded once for many pieces
        with_verovio(sources[0], Path(folder))
    if not (measured := measure(sources, options.pieces)):
        parser.exit(1, f"no file of {options.folder} is set by both engravers\n")
    lilypond = 1000 * sum(m.lilypond_s for m in measured) / sum(m.lilypond_heads for m in measured)
    ours = 1000 * sum(m.verovio_s for m in measured) / sum(m.verovio_heads for m in measured)
    print(f"{len(measured)} files, {sum(m.verovio_heads for m in measured)} heads")
    print(f"LilyPond {lilypond:.3f} s, Verovio {ours:.3f} s for 1,000 heads: {ours / lilypond:.3f}")
    if options.json:
        options.json.write_text(json.dumps([asdict(m) for m in measured], indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
