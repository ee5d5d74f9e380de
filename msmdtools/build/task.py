"""The nouns of a worker's work: the settings of a build, a piece to be made, and the outcome of an attempt."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msmdtools.build import rows
from msmdtools.build.upgrade import NOT_UPGRADED, Upgrade
from msmdtools.dataset.records import Record
from msmdtools.engrave import Engine, Limits
from msmdtools.engrave.look import USUAL, Look
from msmdtools.performance import PerformanceSpec
from msmdtools.piece import Piece

LOG_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings that all pieces of a build share.

    Attributes:
        root: the source tree, absolute.
        engines: the LilyPonds to try, in order.
        performances: the performances of each piece.
        width: width of page images, in pixels.
        repeats: "written" or "unfolded".
        transpose: semitones by which the music is engraved and played higher.
        keep_audio: whether to keep audio.
        limits: limits of each run of the engraver.
        sandbox: whether to run the engraver in bubblewrap.
        cache: folder for fontconfig's cache.
        upgrade: whether to convert sources that were written for an older LilyPond.
        look: how the pages of other sources than LilyPond's look.
        midi_timing: "notated" or "file".
        parts: names of the parts to engrave; none: all.
        musescore: MuseScore's program; None where it is not installed.
    """

    root: Path
    engines: tuple[Engine, ...]
    performances: tuple[PerformanceSpec, ...]
    width: int
    repeats: str
    transpose: int
    keep_audio: bool
    limits: Limits
    sandbox: bool
    cache: Path
    upgrade: bool = True
    look: Look = USUAL
    midi_timing: str = "notated"
    parts: tuple[str, ...] = ()
    musescore: Path | None = None


class Work:
    """What a worker does with one piece, which it makes or adds to, in a folder of its own."""

    __slots__ = ()

    if TYPE_CHECKING:  # at run time it is a field of the dataclasses below

        @property
        def folder(self) -> Path: ...  # noqa: D102

    def failure(self, stage: str, reason: str, message: str) -> Record:
        """The record of the piece when this fails.

        Args:
            stage: where it failed: a stage of the work, or "worker".
            reason: a code in kebab-case.
            message: what is wrong.

        Returns:
            A record with the status "failed".
        """
        return self._failed(stage, reason, message)

    def _failed(self, stage: str, reason: str, message: str) -> Record:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Task(Work):
    """One piece to be made, in a folder of its own.

    Attributes:
        piece: the piece.
        folder: a folder that does not exist yet; `folder`/source will have the sources, and
            `folder`/piece becomes the piece's folder in the dataset.
        settings: the settings of the build.
    """

    piece: Piece
    folder: Path
    settings: Settings

    @property
    def source(self) -> Path:
        """The folder for the copies of the sources."""
        return self.folder / "source"

    @property
    def result(self) -> Path:
        """The folder that becomes the piece's folder in the dataset."""
        return self.folder / "piece"

    def _failed(self, stage: str, reason: str, message: str) -> Record:
        message = rows.one_line(message, self.source, self.folder, self.settings.root)
        return Record(rows.failed_row(self.piece, stage, reason, message))


@dataclass(slots=True)
class Outcome:
    """The outcome of an attempt at a piece: its record, and the values of the build log.

    Attributes:
        record: the record; None while the piece is not finished.
        upgrade: the changes in the piece's sources, once they are prepared.
        stage: the stage that was begun last.
        seconds: wall-clock time of each stage, in seconds.
        cpu_s: processor time of the worker and of the programs that it ran, in seconds, except those in the
            sandbox, whose time the sandbox does not pass on.
        memory_bytes: the largest memory use of the worker process so far.
        engine: the engraver, such as "LilyPond 2.25.12".
        warnings: warnings of the engraver and of convert-ly.
        log: the engraver's messages, or the trace of an internal error.
        attempts: rows of the attempts table, where performances by people are added.
    """

    record: Record | None = None
    upgrade: Upgrade = NOT_UPGRADED
    stage: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    cpu_s: float = 0.0
    memory_bytes: int = 0
    engine: str = ""
    warnings: list[str] = field(default_factory=list)
    log: str = ""
    attempts: list[dict[str, Any]] = field(default_factory=list)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Measure a stage of the work on the piece."""
        self.stage = stage
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start

    def keep_log(self, log: str) -> None:
        """Keep the end of the engraver's messages."""
        self.log = log[-LOG_CHARACTERS:]
