"""LilyPond's own MIDI files of its regression tests, and how far our notes are theirs.

`REASONS` names every way in which a source may differ, or not be compared; docs/validation.md explains them.
"""

import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from msmdtools.engrave import Engraving, engrave, find_engines
from msmdtools.engrave.lilypond.fonts import font_cache
from msmdtools.engrave.lilypond.midi import read_midi
from msmdtools.errors import PieceError
from msmdtools.match.music import timeline
from msmdtools.midi.reading import MidiFile

REFERENCE = Path(__file__).with_name("lilypond_reference.ily")
BATCH = 40

SAME = "same notes"
ROUNDED = "same notes, some a tick apart"
DIFFERENT = "different"
REASONS = {
    "nothing to compare": "LilyPond's MIDI files have no note, or it writes none",
    "no note heads": "chord symbols, fret boards or the like alone: nothing to align",
    "tests an error": "the source is wrong on purpose, or counts LilyPond's warnings",
    "long grace notes": "longer than the note before: LilyPond delays the staff from there on",
    "unisons": "same keys at the same moments: by voices with MIDI tracks of their own, LilyPond strikes"
    " one twice; two microtones of one key it strikes once",
    "ends early": "LilyPond stops before the last score, for want of a file that it has not written",
    "showFirstLength": "LilyPond plays a note that is not printed, for minutes",
}
Notes = Counter[tuple[int, int]]


def reference_midis(sources: Sequence[Path], out: Path, jobs: int) -> dict[Path, list[MidiFile]]:
    """LilyPond's MIDI files of each source, in order; none where it writes none."""
    batches = [sources[i : i + BATCH] for i in range(0, len(sources), BATCH)]
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(lambda batch: _perform(batch, out), batches))
    return {source: _written(source, out) for source in sources}


def _perform(sources: Sequence[Path], out: Path) -> None:
    """Run LilyPond over sources; after one that ends the process, go on with those after it."""
    todo = list(sources)
    while todo:
        engine = find_engines()[0]
        command = [engine.path, "--loglevel=BASIC", "-dbackend=null"]
        command += [f"-dinclude-settings={REFERENCE}", "-I", todo[0].parent, *todo]
        environment = {
            "HOME": str(font_cache(engine)),
            "PATH": "/usr/bin:/bin",
            "LC_ALL": "C.UTF-8",
        }
        done = subprocess.run(command, cwd=out, env=environment, capture_output=True, check=False)
        todo = todo[max(done.stderr.count(b"Processing `"), 1) :]


def _written(source: Path, out: Path) -> list[MidiFile]:
    files = [f for f in out.glob("*.midi") if f.stem.rpartition("+")[0] == source.stem]
    return [read_midi(f) for f in sorted(files, key=lambda f: int(f.stem.rpartition("+")[2]))]


def compared(source: Path, midis: Sequence[MidiFile]) -> str:
    """How our notes of a source differ from LilyPond's: SAME, ROUNDED, DIFFERENT, or a reason."""
    if not any(note.velocity for midi in midis for note in midi.notes):
        return "nothing to compare"
    text = source.read_text(encoding="utf-8", errors="replace")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _copy(source, folder)  # the sandbox shows nothing else
        try:
            engraving = engrave(folder / source.name, folder, engines=find_engines()[:1], width=200)
        except PieceError as error:
            if "no note head was drawn" in str(error):
                return "no note heads"
            return "tests an error" if _is_wrong(text) else f"{DIFFERENT}: {error}"
    ours = our_notes(engraving)
    if ours == (theirs := [_their_notes(midi) for midi in midis]):
        return SAME
    if len(ours) == len(theirs) and all(map(_near, ours, theirs)):
        return ROUNDED
    if len(ours) == len(theirs) and all(
        a.keys() == b.keys() for a, b in zip(ours, theirs, strict=True)
    ):
        return "unisons"
    return _reason(text, engraving) or f"{DIFFERENT}: {ours} is not {theirs}"[:500]


def _copy(source: Path, folder: Path) -> None:
    """Copy a source and the files beside it that it includes."""
    shutil.copy(source, folder)
    text = source.read_text(encoding="utf-8", errors="replace")
    for name in re.findall(r'\\include\s+"([^"/]+)"', text):
        included = source.with_name(name)
        if included.is_file() and not (folder / name).exists():
            _copy(included, folder)


def our_notes(engraving: Engraving) -> list[Notes]:
    """For each printed score, how often a key (tick, pitch) is struck."""
    records = engraving.records
    result = []
    for p, midi in enumerate(engraving.midis):
        played = tuple(replace(n, performance=0) for n in records.played if n.performance == p)
        ties = frozenset((0, *tie[1:]) for tie in records.ties if tie[0] == p)
        alone = replace(records, played=played, ties=ties, starts=(records.starts[p],))
        result.append(Counter((s.onset_tick, s.pitch) for s in timeline(alone, [midi]).strikes))
    return result


def _their_notes(midi: MidiFile) -> Notes:
    struck = {(n.track, n.onset_tick, n.pitch) for n in midi.notes if n.velocity}
    return Counter((tick, pitch) for _, tick, pitch in struck)


def _near(ours: Notes, theirs: Notes) -> bool:
    """Whether the notes are the same but for one tick: LilyPond counts grace time in floating point."""
    a, b = (sorted((pitch, tick) for tick, pitch in n.elements()) for n in (ours, theirs))
    return len(a) == len(b) and all(
        p == q and abs(s - t) <= 1 for (p, s), (q, t) in zip(a, b, strict=True)
    )


def _is_wrong(text: str) -> bool:
    return bool(re.search(r"expect-error|expect-warning|warning-as-error|debug-property", text))


def _reason(text: str, engraving: Engraving) -> str:
    if any("Going back in MIDI time" in warning for warning in engraving.warnings):
        return "long grace notes"
    if "fatal error: cannot find file" in engraving.log:
        return "ends early"
    if "showFirstLength" in text:
        return "showFirstLength"
    return "tests an error" if _is_wrong(text) else ""
