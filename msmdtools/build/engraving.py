"""Engrave and match one piece, each format with its engraver: LilyPond its own sources, Verovio all others."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from msmdtools import engrave, match
from msmdtools.build.looks import from_text
from msmdtools.build.task import Outcome, Task
from msmdtools.build.upgrade import music_difference
from msmdtools.piece import LILYPOND, MIDI, MUSESCORE
from msmdtools.score import Score
from msmdtools.sources import manifest as sources
from msmdtools.sources.limits import unavailable


def score_of(task: Task, outcome: Outcome) -> tuple[Score, str]:
    """Engrave and match a piece whose source is prepared.

    Args:
        task: the piece.
        outcome: takes the engraver's name, messages and warnings, and the time of each stage.

    Returns:
        The score, and what the upgrade of its source changed in notes and lengths; "" for nothing.

    Raises:
        PieceError: it cannot be engraved, or nothing sounds.
    """
    if task.piece.format == LILYPOND:
        score, difference = _from_lilypond(task, outcome)
    else:
        score, difference = _from_encoding(task, outcome), ""
    outcome.engine = score.engine
    outcome.warnings += score.warnings
    if score.repeats_reason:
        outcome.warnings.append(f"repeats are not unfolded: {score.repeats_reason}")
    return score, difference


def _from_lilypond(task: Task, outcome: Outcome) -> tuple[Score, str]:
    settings, piece = task.settings, task.piece
    if settings.parts:
        raise unavailable(piece.format, piece.path)
    with outcome.timed("engrave"):
        engraving = engrave.engrave(
            task.source / piece.path,
            task.source,
            engines=settings.engines,
            width=settings.width,
            repeats=settings.repeats,
            transpose=settings.transpose,
            include=[task.source / folder for folder in piece.include_path],
            legacy=outcome.upgrade.legacy,
            limits=settings.limits,
            sandbox=settings.sandbox,
            cache=settings.cache,
        )
        outcome.keep_log(engraving.log)
    with outcome.timed("upgrade"):
        difference = _difference(task, outcome)
        outcome.warnings += [f"upgrade: {difference}"] if difference else []
    with outcome.timed("match"):
        return match.match(engraving), difference


def _difference(task: Task, outcome: Outcome) -> str:
    """The change of notes and lengths by the upgrade, where the written lengths have changed."""
    if not outcome.upgrade.lengths_differ:
        return ""
    settings, original = task.settings, task.folder / "original"
    sources.copy_sources(task.piece, settings.root, original)
    return music_difference(
        task.source,
        original,
        task.piece,
        engine=settings.engines[0],
        limits=settings.limits,
        sandbox=settings.sandbox,
        cache=settings.cache,
    )


def _from_encoding(task: Task, outcome: Outcome) -> Score:
    path, form = task.source / task.piece.path, task.piece.format
    if form == MUSESCORE:
        with outcome.timed("convert"):
            path, form = _converted(task, path), "musicxml"
    with _time(task.settings.limits.timeout_s):
        return _engraved(task, outcome, path, form)


def _engraved(task: Task, outcome: Outcome, path: Path, form: str) -> Score:
    from msmdtools.engrave import verovio
    from msmdtools.notate import as_played, notate
    from msmdtools.sources import midi
    from msmdtools.sources.encoding import read_encoding
    from msmdtools.sources.parts import select_parts, select_tracks

    settings, piece = task.settings, task.piece
    notation = None
    with outcome.timed("source"):
        if form == MIDI:
            file = select_tracks(midi.check(path), settings.parts, str(path))
            notation = notate(file, title=piece.title, composer=piece.composer)
            text, form = notation.text, "musicxml"
        else:
            text = read_encoding(path, form, piece.tune)
            text = select_parts(text, form, settings.parts, str(path))
    with outcome.timed("engrave"), _memory(settings.limits.memory_bytes):
        engraving = verovio.engrave(
            text,
            form,
            task.source,
            width=settings.width,
            look=from_text(piece.look) if piece.look else settings.look,
            repeats=settings.repeats,
            transpose=settings.transpose,
        )
        outcome.keep_log(engraving.log)
    with outcome.timed("match"):
        if notation is None:
            return match.match_encoding(engraving)
        engraving = replace(engraving, sources=notation.places(file))
        score = match.match_encoding(
            engraving, partial(as_played, notation=notation, file=file, timing=settings.midi_timing)
        )
    return replace(score, beats=notation.beats)


def _converted(task: Task, path: Path) -> Path:
    """A score of MuseScore's as a file of MusicXML."""
    settings = task.settings
    return engrave.convert_musescore(
        path,
        task.folder,
        program=settings.musescore,
        limits=settings.limits,
        sandbox=settings.sandbox,
    )


@contextmanager
def _time(limit_s: float) -> Iterator[None]:
    """Let this process take at most `limit_s` seconds more, so that no piece takes for ever.

    Then the system ends it (SIGALRM), as nothing in Python can interrupt Verovio; that costs the piece alone.
    """
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


@contextmanager
def _memory(limit: int) -> Iterator[None]:
    """Let this process take at most `limit` bytes more than it has, so that no piece takes all memory.

    Verovio then ends the process, which costs the piece alone; Python raises MemoryError.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    with open("/proc/self/statm", encoding="ascii") as statm:
        used = int(statm.read().split()[5]) * resource.getpagesize()
    most = used + limit if hard == resource.RLIM_INFINITY else min(used + limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
