"""CPU time of `msmd build` against that of bare LilyPond and bare FluidSynth, in one run.

    python benchmarks/build.py [--manifest CSV --root TREE] [--sample N] [--soundfont NAME]
                               [--jobs N] [--json FILE]

The build is the whole command, with one performance of each piece: reading and checking sources,
convert-ly, LilyPond, alignment, page images, audio, spectrograms, tables. Bare is, one process
after the other for each piece that was built,

- `lilypond -o … FILE`, its default output (PDF), on the same converted and corrected copies;
- `fluidsynth -ni -r 22050 -F out.wav FONT MIDI` on the MIDI files of the build.

A second build with tempi 0.9, 1.0 and 1.1 shows what performances cost that share a score: its CPU
time less that of the first one, divided by bare FluidSynth's for the two more. Without --manifest
the bundled pieces are measured.
"""

import argparse
import ctypes
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from msmdtools.base import resources
from msmdtools.engrave import Engine, convert, find_engines
from msmdtools.engrave.lilypond.fonts import font_cache
from msmdtools.perform import default_soundfont, find_soundfont
from msmdtools.piece import Piece
from msmdtools.sources.corrections import correct
from msmdtools.sources.manifest import copy_sources, read_manifest, source_files, write_manifest
from msmdtools.sources.tree import SOURCE_SUFFIXES

MSMD = (sys.executable, "-c", "from msmdtools.cli import main; main()")
EXTRA_TEMPI = "0.9,1.0,1.1"


@dataclass
class Cost:
    """Processor time of programs, and the most memory that one process of them took."""

    cpu_s: float = 0.0
    memory_mb: float = 0.0

    def __iadd__(self, other: "Cost") -> "Cost":
        self.cpu_s += other.cpu_s
        self.memory_mb = max(self.memory_mb, other.memory_mb)
        return self


def run(
    command: Sequence[str | Path], allowed: Sequence[int] = (0,), cwd: Path | None = None
) -> Cost:
    """Run a program; the cost is that of all processes that it started. Exit codes that are not
    allowed end the benchmark."""
    total = Cost()
    with tempfile.TemporaryFile("w+") as printed:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=printed, stderr=printed, cwd=cwd
        )
        while True:
            try:
                pid, status, used = os.wait4(-1, 0)
            except ChildProcessError:
                break
            total += Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
            if pid == process.pid:
                process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in allowed:
            printed.seek(0)
            sys.exit(f"{command}: exit code {process.returncode}\n{printed.read()[-3000:]}")
    return total


def adopt_orphans() -> None:
    """Have processes whose parent is gone handed to this one, so that `run` counts them.

    bubblewrap ends without waiting for the process in which it keeps the sandbox: without this,
    the time of sandboxed LilyPonds would be nobody's (prctl PR_SET_CHILD_SUBREAPER; Linux only, as
    bubblewrap is).
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


def build(
    manifest: Path, root: Path, out: Path, tempi: str, soundfont: str, jobs: int
) -> tuple[Cost, list[dict[str, Any]]]:
    """A build, and its log's entries of the pieces that are ok. Pieces that fail are not measured
    against anything, so the benchmark says which and why."""
    options = ["--soundfonts", soundfont, "--tempi", tempi, "--jobs", str(jobs)]
    command: list[str | Path] = [
        *MSMD,
        "build",
        "--manifest",
        manifest,
        "--root",
        root,
        "--out",
        out,
        *options,
    ]
    cost = run(command, allowed=(0, 3))
    log = [json.loads(line) for line in (out / "build.jsonl").read_text().splitlines()]
    for entry in log:
        if entry["status"] != "ok":
            print(f"failed, and left out of bare: {entry['piece']}: {entry['reason']}")
    return cost, [entry for entry in log if entry["status"] == "ok"]


def bare_lilypond(pieces: Sequence[Piece], root: Path, folder: Path, engine: Engine) -> Cost:
    for piece in pieces:
        copy_sources(piece, root, folder / piece.piece)
    convertible = SOURCE_SUFFIXES - {".scm"}
    convert([f for f in folder.rglob("*") if f.suffix.lower() in convertible], engine)
    total = Cost()
    for piece in pieces:
        top = folder / piece.piece
        correct(top, source_files(piece, root))
        source = top / piece.path
        includes = [part for place in piece.include_path for part in ("-I", str(top / place))]
        # What LilyPond exits with says little: some sources give pages and exit code 1.
        total += run(
            [engine.path, "--loglevel=ERROR", *includes, "-o", top / "bare", source],
            allowed=range(-64, 256),
            cwd=source.parent,
        )
    return total


def bare_fluidsynth(midis: Sequence[Path], soundfont: str, folder: Path) -> Cost:
    total = Cost()
    wav = folder / "out.wav"
    for midi in midis:
        options = ["-ni", "-r", "22050", "-F", str(wav)]
        total += run(["fluidsynth", *options, find_soundfont(soundfont), midi])
        wav.unlink()
    return total


def measure(
    pieces: Sequence[Piece], root: Path, soundfont: str, jobs: int, folder: Path
) -> tuple[dict[str, Cost], dict[str, float]]:
    """The costs of all programs, and the numbers made from them."""
    engine = find_engines()[0]
    font_cache(engine)  # made once per machine, by no build's fault
    manifest = folder / "manifest.csv"
    write_manifest(pieces, manifest)
    one, log = build(manifest, root, folder / "one", "1.0", soundfont, jobs)
    built = {entry["piece"] for entry in log}
    kept = [piece for piece in pieces if piece.piece in built]
    costs = {
        "build": one,
        "bare lilypond": bare_lilypond(kept, root, folder / "sources", engine),
        "bare fluidsynth": bare_fluidsynth(performances(folder / "one"), soundfont, folder),
    }
    three, _ = build(manifest, root, folder / "three", EXTRA_TEMPI, soundfont, jobs)
    more = [midi for midi in performances(folder / "three") if "_x1.00" not in midi.parent.name]
    costs["build, three tempi"] = three
    costs["bare fluidsynth, two more"] = bare_fluidsynth(more, soundfont, folder)
    bare = costs["bare lilypond"].cpu_s + costs["bare fluidsynth"].cpu_s
    two_more = costs["bare fluidsynth, two more"].cpu_s
    return costs, {
        "pieces": len(pieces),
        "built": len(built),
        "worker_memory_mb": max(entry["worker_memory_bytes"] for entry in log) / 2**20,
        "ratio": one.cpu_s / bare,
        "ratio_two_more": (three.cpu_s - one.cpu_s) / two_more,
    }


def performances(dataset: Path) -> list[Path]:
    return sorted(dataset.glob("pieces/*/performances/*/performance.mid"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--manifest", type=Path, help="default: the bundled pieces")
    parser.add_argument("--root", type=Path, help="the source tree of the manifest")
    parser.add_argument("--sample", type=int, default=12, help="pieces, drawn; 0: all (default 12)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--soundfont", help="default: the first that is installed")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the numbers there too")
    given = parser.parse_args()
    if (given.manifest is None) != (given.root is None):
        parser.error("--manifest and --root go together")
    if shutil.which("fluidsynth") is None:
        sys.exit("the program fluidsynth is missing: apt install fluidsynth")
    adopt_orphans()
    pieces = read_manifest(given.manifest or resources.manifest("sample"))
    if 0 < given.sample < len(pieces):
        pieces = random.Random(given.seed).sample(pieces, given.sample)
    soundfont = given.soundfont or default_soundfont()
    root = (given.root or resources.pieces()).absolute()
    with tempfile.TemporaryDirectory() as temporary:
        costs, found = measure(pieces, root, soundfont, given.jobs, Path(temporary))
    print(f"{found['built']} of {found['pieces']} pieces, {soundfont}, {given.jobs} worker(s)")
    print(f"{'':27}{'CPU s':>9}{'largest process, MB':>22}")
    for name, cost in costs.items():
        print(f"{name:27}{cost.cpu_s:9.2f}{cost.memory_mb:22.0f}")
    print(f"A worker itself takes at most {found['worker_memory_mb']:.0f} MB.")
    print(f"build / (bare lilypond + bare fluidsynth): {found['ratio']:.2f}")
    print(f"two more tempi / bare fluidsynth of them:  {found['ratio_two_more']:.2f}")
    if given.json:
        plain = {name: asdict(cost) for name, cost in costs.items()}
        given.json.write_text(json.dumps({**found, "costs": plain}, indent=1) + "\n")


if __name__ == "__main__":
    main()
