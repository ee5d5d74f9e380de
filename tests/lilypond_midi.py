"""LilyPond's own MIDI files of sources, and how our engraving's notes differ from them."""

import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from msmdtools.engrave import find_engines
from msmdtools.engrave.lilypond import font_cache
from msmdtools.engrave.midi import WrittenMidi, read_midi

REFERENCE = Path(__file__).with_name("lilypond_reference.ily")
BATCH = 40


def reference_midis(sources: Sequence[Path], out: Path, jobs: int) -> dict[Path, list[WrittenMidi]]:
    """LilyPond's MIDI files of each source, in order; none where it writes none."""
    batches = [sources[i : i + BATCH] for i in range(0, len(sources), BATCH)]
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(lambda b: _run(b, out), batches))
    return {source: _written(source, out) for source in sources}


def _run(sources: Sequence[Path], out: Path) -> None:
    """Run LilyPond over sources; one that ends the process is left out, and the rest go on."""
    todo = list(sources)
    while todo:
        log = _lilypond(todo, out)
        begun = log.count("Processing `")
        if begun >= len(todo):
            return
        todo = todo[max(begun, 1) :]


def _lilypond(sources: Sequence[Path], out: Path) -> str:
    engine = find_engines()[0]
    done = subprocess.run(
        [
            engine.path,
            "--loglevel=BASIC",
            "-dbackend=null",
            f"-dinclude-settings={REFERENCE}",
            "-I",
            sources[0].parent,
            *sources,
        ],
        cwd=out,
        env={"HOME": str(font_cache(engine)), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        check=False,
    )
    return done.stderr.decode("utf-8", "replace")


def _written(source: Path, out: Path) -> list[WrittenMidi]:
    files = list(out.glob(f"{source.stem}+*.midi"))
    return [read_midi(f) for f in sorted(files, key=lambda f: int(f.stem.rpartition("+")[2]))]
