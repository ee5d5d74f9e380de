"""A build without LilyPond and FluidSynth: sources are orders to a fake engraver.

The first word of a source says what happens to the piece: "ok", "fail", "bug", "die" (the worker
kills itself), "die-once", "killed-once" (the engraver is), "hang FILE" (once it has made the file), "full"
(the disk is full). "ok N" gives N notes, "wait FILE N" as soon as there is that file.
"""

import hashlib
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from msmdtools import engrave, match, perform
from msmdtools.base.pool import Raised, Returned
from msmdtools.build import build, performing, provenance, schedule, worker
from msmdtools.build.options import BuildOptions
from msmdtools.dataset.tables import FORMAT
from msmdtools.engrave import Engine
from msmdtools.errors import PieceError
from msmdtools.performance import NoteEvent, Performance
from msmdtools.piece import Piece
from msmdtools.score import Measure, Music, Note, NoteHead, Score, StaffBox, TempoChange
from msmdtools.sources.ids import combined_sha256
from msmdtools.sources.manifest import write_manifest

ENGINE = Engine(Path("/fake/lilypond"), "2.99.0")


@dataclass(frozen=True)
class FakeEngraving:
    folder: Path
    notes: int
    seed: int
    log: str = "fake"


def make_tree(folder, sources, manifest="pieces.csv", **fields):
    """A source tree with a manifest: `sources` has the text of each piece by its id."""
    root = folder / "tree"
    pieces = []
    for piece, text in sources.items():
        path = root / f"{piece}.ly"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        digest = hashlib.sha256(text.encode()).hexdigest()
        header = dict.fromkeys(
            ("opus", "instrument", "style", "date", "licence_text", "edition", "lilypond"), ""
        )
        header |= {"title": piece.title(), "composer": "Anon", "licence": "CC0-1.0", **fields}
        pieces.append(
            Piece(
                piece=piece,
                path=f"{piece}.ly",
                sha256=digest,
                instruments=("piano",),
                include_path=(),
                files=(),
                files_sha256=combined_sha256([(f"{piece}.ly", digest)]),
                extra=(("split", "train"),),
                **header,
            )
        )
    write_manifest(pieces, folder / manifest)
    return folder / manifest, root


def fake_engrave(source, folder, **_):
    order, *rest = source.read_text().split()
    if order == "wait":
        go = Path(rest.pop(0))
        while not go.exists():
            time.sleep(0.01)
    elif order == "fail":
        raise PieceError("engrave", "syntax-error", f"{source}:1:2:\n  unexpected\tnothing")
    elif order == "killed-once" and not Path(rest[0]).exists():
        Path(rest[0]).touch()
        raise PieceError("engrave", "killed", f"{source}: LilyPond was killed from outside")
    elif order == "bug":
        raise KeyError("nobody thought of this")
    elif order == "die" or (order == "die-once" and not Path(rest[0]).exists()):
        if order == "die-once":
            Path(rest[0]).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    elif order == "hang":
        Path(rest[0]).touch()
        time.sleep(1000)
    elif order == "full":
        raise OSError(28, "No space left on device", str(folder))
    notes = int(rest[0]) if rest and rest[0].isdigit() else 5
    return FakeEngraving(folder, notes, len(source.stem) + notes)


def fake_match(engraving):
    """A head per note: the second is tied, the third silent; one more note has none."""
    page = engraving.folder / "p.png"
    rng = np.random.default_rng(engraving.seed)
    cv2.imwrite(str(page), rng.integers(0, 255, (20, 30), dtype=np.uint8))
    pdf = engraving.folder / "s.pdf"
    pdf.write_bytes(b"%PDF")
    heads = []
    notes = []
    for i in range(engraving.notes):
        role = {1: "tied", 2: "silent"}.get(i, "played")
        heads.append(
            NoteHead(
                notehead=i,
                page=1,
                system=1,
                staff=1,
                x0=float(i),
                y0=0.0,
                x1=i + 1.0,
                y1=1.0,
                pitch=60 + i % 12,
                onset=Fraction(i, 3),
                duration=Fraction(1, 4),
                grace=Fraction(0),
                role=role,
                reason="cue" if role == "silent" else "",
                events=() if role == "silent" else (i,),
                tied_to=0 if role == "tied" else -1,
                source="",
            )
        )
        notes.append(Note(i, i + 1, 60 + i % 12, 64, 0, False, 1, ""))
    notes.append(Note(engraving.notes, engraving.notes + 1, 60, 64, 0, False, 0, "hidden-head"))
    music = Music(tuple(notes), (TempoChange(0, 500_000),), ())
    staff = StaffBox(1, 1, 1, 0.0, 0.0, 30.0, 10.0)
    measure = Measure(1, 1, 0, "1", 0.0, 0.0, 30.0, 10.0, Fraction(0), Fraction(5, 3), "5/12")
    return Score(
        (page,),
        pdf,
        (staff,),
        tuple(heads),
        music,
        ENGINE.name,
        ("a warning",),
        measures=(measure,),
    )


def fake_perform(music, spec, folder, *, keep_audio=False):
    if spec.program == 100 + len(music.notes):
        raise PieceError("perform", "soundfont-without-drums", "no drums")
    (folder / "performance.mid").write_bytes(b"MThd" + bytes(len(music.notes)))
    np.save(folder / "spectrogram.npy", np.zeros((92, len(music.notes)), np.float16))
    if keep_audio:
        (folder / "audio.flac").write_bytes(f"fLaC{spec.tempo}{music.notes}".encode())
    events = tuple(
        NoteEvent(i, i / spec.tempo, (i + 1) / spec.tempo, note.pitch, 64)
        for i, note in enumerate(music.notes)
    )
    return Performance(
        spec=spec,
        soundfont_sha256="f" * 64,
        events=events,
        duration_s=len(events) / spec.tempo,
        frames=len(events),
        midi_sha256="m" * 64,
        spectrogram_sha256=hashlib.sha256((folder / "spectrogram.npy").read_bytes()).hexdigest(),
        audio_sha256="a" * 64 if keep_audio else "",
        audio_gain=9 if keep_audio else 0,
    )


def fake_identity(options, engines):
    return {
        "format": FORMAT,
        "msmdtools": "0",
        "options": options.content(),
        "tools": {"engines": [engine.version for engine in engines], "fluidsynth": "0"},
        "soundfonts": {"Fake": {"file": "fake.sf2", "sha256": "f" * 64, "licence": "MIT"}},
        "synthesizer": {"synth.gain": 0.2},
    }


# What stands for what, in the worker and in the process that builds.
IN_WORKER = (
    (engrave, "engrave", fake_engrave),
    (engrave, "convert", lambda files, engine=None: dict.fromkeys(files, "")),
    (engrave, "count_notes", lambda *_, **__: None),
    (match, "match", fake_match),
    (perform, "perform", fake_perform),
)
IN_BUILD = (
    (build, "find_engines", lambda *_: (ENGINE,)),
    (build, "sandbox_available", lambda: True),
    (provenance, "resolve_soundfonts", lambda options, old: options),
    (provenance, "identity", fake_identity),
)


def fake_prepare(tasks):
    _install(IN_WORKER)
    return worker.prepare(tasks)


def fake_make_piece(argument):
    _install(IN_WORKER)
    return worker.make_piece(argument)


def fake_add(task):
    _install(IN_WORKER)
    return performing.add_performances(task)


STEPS = schedule.Steps(fake_prepare, fake_make_piece, fake_add)


class InlinePool:
    """The pool's interface without processes: calls are done one by one, in this process."""

    def __init__(self, size):
        self._waiting = deque()

    @property
    def waiting(self):
        return len(self._waiting)

    def submit(self, call):
        self._waiting.append(call)

    def results(self):
        while self._waiting:
            call = self._waiting.popleft()
            try:
                yield Returned(call, call.function(call.argument))
            except Exception as error:
                yield Raised(call, error, "")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._waiting.clear()


def _install(fakes):
    for module, name, fake in fakes:
        setattr(module, name, fake)


def main(arguments):
    """`msmd build` with the fakes, for tests that need a process to kill."""
    from msmdtools.cli import main as msmd

    _install(IN_BUILD)
    schedule.Steps = lambda: STEPS
    msmd(["build", *arguments])


if __name__ == "__main__":
    import build_fakes  # by its own name, so that workers find the steps

    build_fakes.main(sys.argv[1:])


class Killed(BaseException):
    """Stands for the end of the process: nothing but `finally` sees it."""


@contextmanager
def killed_at_rename(number: int) -> Iterator[list[Killed]]:
    """Kill what runs inside at its `number`th rename or replacement; the list has the kill, if there was one."""
    kills: list[Killed] = []
    left = number

    def counted(function):
        def call(*arguments, **named):
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed
            return function(*arguments, **named)

        return call

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "rename", counted(os.rename))
        patch.setattr(os, "replace", counted(os.replace))
        try:
            yield kills
        except Killed as kill:
            kills.append(kill)


OPTIONS = BuildOptions(soundfonts=(("Fake", 0),), tempi=(0.5, 1.0), jobs=1)

SOURCES = {"a": "ok 5", "b": "ok 40", "c": "ok 3", "d": "ok 9"}


def content(dataset):
    """All that must be the same however a dataset was built."""
    return {
        str(path.relative_to(dataset)): path.read_bytes()
        for path in sorted(dataset.rglob("*"))
        if path.is_file() and path.name not in {".lock", "build.jsonl"}
    }
