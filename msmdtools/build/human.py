"""Add what people played to a finished piece, in a worker process: link it with the written notes, sound it."""

import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msmdtools import perform
from msmdtools.base.folders import remove_tree
from msmdtools.build import recordings, rows
from msmdtools.build.additions import PERFORMANCES_FOLDER, performed
from msmdtools.build.performing import Extension, extended
from msmdtools.build.task import Outcome
from msmdtools.build.worker import attempt
from msmdtools.dataset import reader
from msmdtools.dataset.records import Record
from msmdtools.errors import MsmdError, PieceError
from msmdtools.performance import (
    DELETION,
    EVENTS,
    INSERTION,
    INTERPOLATED,
    MATCH,
    MATCHED,
    ORNAMENT,
    PERFORMANCES,
    PERFORMED,
    RECORDED,
    TIMINGS,
    Performance,
    PerformanceSpec,
)
from msmdtools.performed.linking import Links, link
from msmdtools.performed.listing import Request, sha256_of
from msmdtools.performed.reading import read
from msmdtools.performed.recording import Recorder, Recording
from msmdtools.performed.written import WrittenNotes
from msmdtools.score import Music


@dataclass(frozen=True, slots=True)
class Planned:
    """A performance by a person, with the soundfonts that are to sound it.

    Attributes:
        request: which files, and its name.
        specs: by the names of the performances, soundfont and program.
        sha256: of the performed file; "" where it is missing.
        alignment_sha256: of the note alignment; "" for none.
    """

    request: Request
    specs: dict[str, PerformanceSpec]
    sha256: str
    alignment_sha256: str

    @property
    def is_recording(self) -> bool:
        """Whether it is sound, which no soundfont makes."""
        return self.request.is_recording

    @classmethod
    def of(cls, request: Request, fonts: tuple[tuple[str, int], ...]) -> "Planned":
        """Plan a performance with each of some soundfonts and programs."""
        specs = {
            name_of(request.name, spec): spec
            for spec in (PerformanceSpec(1.0, font, program, None) for font, program in fonts)
        }
        if request.is_recording:
            specs = {request.name: PerformanceSpec(1.0, "", None, None)}
        alignment = request.alignment
        return cls(
            request, specs, sha256_of(request.file), sha256_of(alignment) if alignment else ""
        )

    def attempt_rows(self, piece: str, **values: Any) -> list[dict[str, Any]]:
        """The rows of the attempts table for it, with these values and else none."""
        none = {"stage": "", "reason": "", "message": ""}
        numbers = {"played_share": 0.0, "written_share": 0.0, "unwritten": 0}
        alignment = self.request.alignment
        return [
            {
                "piece": piece,
                "performance": name,
                "file": self.request.file.name,
                "sha256": self.sha256,
                "alignment": alignment.name if alignment else "",
                "alignment_sha256": self.alignment_sha256,
                **none,
                **numbers,
                **values,
            }
            for name in self.specs
        ]

    def failed(self, piece: str, stage: str, reason: str, message: str) -> list[dict[str, Any]]:
        """The rows of the attempts table where it could not be added.

        Args:
            piece: the piece id.
            stage: where it failed.
            reason: a code in kebab-case.
            message: what is wrong.

        Returns:
            One row for each soundfont.
        """
        text = rows.one_line(message, self.request.file.parent)
        return self.attempt_rows(piece, status="failed", stage=stage, reason=reason, message=text)


def name_of(name: str, spec: PerformanceSpec) -> str:
    """The name of a performance: its own, soundfont and program, such as "VuV01M_FluidR3_GM-000"."""
    font = Path(spec.soundfont)
    stem = font.stem if font.suffix.lower() in (".sf2", ".sf3") else font.name
    return f"{name}_{stem}-{spec.program or 0:03d}"


@dataclass(frozen=True, slots=True)
class HumanAddition(Extension):
    """The performances by people that are to be added to one piece of a dataset.

    Attributes:
        record: the record of the piece as it is.
        dataset: the dataset folder, absolute.
        folder: a folder for the work, which does not exist yet; the new files go to `result` in it.
        planned: the performances.
        keep_audio: whether to keep audio.
        model: the model that aligns recordings without marks.
        recorder: reads and aligns a recording; None if there are none.
    """

    record: Record
    dataset: Path
    folder: Path
    planned: tuple[Planned, ...]
    keep_audio: bool
    model: str = ""
    recorder: Recorder | None = None

    @property
    def renditions(self) -> int:
        """How many performances are to be made; linking one may take as long."""
        return sum(1 + len(planned.specs) for planned in self.planned)


@dataclass(frozen=True, slots=True)
class _Added:
    """A performance that was added: its name, and its rows of the tables."""

    name: str
    performance: Mapping[str, Any]
    events: Sequence[Mapping[str, Any]]
    timings: Sequence[Mapping[str, Any]] = ()


def add_human(task: HumanAddition) -> Outcome:
    """Link performances with the written music of a piece, sound them, and write the new files and tables.

    One that fails is a row of `Outcome.attempts`, and the others go on. On success of any `task.result` is whole
    and written through to the disk; the outcome has the record that the piece is to have.
    """
    outcome = Outcome()
    with attempt(task, outcome):
        piece = task.record.piece
        with outcome.timed("perform"):
            opened = reader.open(task.dataset)[piece]
            task.result.mkdir(parents=True)
            done: list[_Added] = []
            for planned in task.planned:
                done += _tried(planned, opened, task, outcome)
        with outcome.timed("write"):
            outcome.record = task.record
            if done:
                unchanged = performed(task.record) - {added.name for added in done}
                tables = {
                    EVENTS: (row for added in done for row in added.events),
                    PERFORMANCES: (added.performance for added in done),
                    TIMINGS: (row for added in done for row in added.timings),
                }
                outcome.record = extended(task, unchanged, tables, len(done))
            outcome.engine = str(task.record.row["engine"])
    return outcome


def _tried(
    planned: Planned, piece: reader.DatasetPiece, task: HumanAddition, outcome: Outcome
) -> list[_Added]:
    """Add one performance; where it fails, leave the reason in the outcome."""
    try:
        add = _recorded if planned.is_recording else _played
        done, shares = add(planned, piece, task)
    except PieceError as error:
        for name in planned.specs:  # what was written before it failed
            remove_tree(task.result / PERFORMANCES_FOLDER / name)
        outcome.attempts += planned.failed(piece.piece, error.stage, error.reason, str(error))
        return []
    except (MsmdError, OSError):
        raise
    except Exception as error:  # a fault of ours must not cost more than this performance
        outcome.log += traceback.format_exc()
        message = f"{type(error).__name__}: {error}"
        outcome.attempts += planned.failed(piece.piece, "align", "internal-error", message)
        for name in planned.specs:
            remove_tree(task.result / PERFORMANCES_FOLDER / name)
        return []
    outcome.attempts += planned.attempt_rows(piece.piece, status="ok", **shares)
    return done


def _played(
    planned: Planned, piece: reader.DatasetPiece, task: HumanAddition
) -> tuple[list[_Added], dict[str, Any]]:
    """Add a MIDI performance with each of its soundfonts."""
    written = WrittenNotes.of(piece)
    played, alignment = read(planned.request)
    if alignment is None:
        from msmdtools.performed.parangonar import align

        alignment = align(played, written)
    links = link(alignment, written)
    counts = {
        "matched": links.count(MATCH),
        "insertions": links.count(INSERTION),
        "ornaments": links.count(ORNAMENT),
        "deletions": links.count(DELETION),
    }
    done = []
    for name, spec in planned.specs.items():
        folder = task.result / PERFORMANCES_FOLDER / name
        folder.mkdir(parents=True)
        sound = perform.perform_played(played, spec, folder, keep_audio=task.keep_audio)
        known = {"alignment": MATCHED, "kind": PERFORMED, "aligned_by": alignment.by}
        row = _performance_row(piece.piece, name, planned, sound) | known | counts
        events = list(_event_rows(piece.piece, name, written.music, links, sound))
        done.append(_Added(name, row, events))
    shares = {
        "played_share": links.played_share,
        "written_share": links.written_share,
        "unwritten": links.unwritten,
    }
    return done, shares


def _recorded(
    planned: Planned, piece: reader.DatasetPiece, task: HumanAddition
) -> tuple[list[_Added], dict[str, Any]]:
    """Add a recording."""
    if task.recorder is None:
        raise PieceError(
            "read", "no-recorder", "recordings are added by msmdtools.recorded.add_performances"
        )
    (name,) = planned.specs
    request, folder = planned.request, task.result / PERFORMANCES_FOLDER / name
    folder.mkdir(parents=True)
    recording = Recording(request.file, request.alignment, folder, task.model, task.keep_audio)
    recorded = task.recorder(recording, piece)
    playing = recorded.playing
    row = _performance_row(piece.piece, name, planned, recorded.performance) | {
        "kind": RECORDED,
        "aligned_by": recorded.by,
        "matched": playing.count(INTERPOLATED),
        "insertions": 0,
        "ornaments": 0,
        "deletions": playing.count(DELETION),
    }
    events = list(recordings.event_rows(piece.piece, name, piece.music, playing))
    timings = list(recordings.timing_rows(piece.piece, name, recorded))
    shares = {"played_share": 1.0, "written_share": playing.written_share}
    return [_Added(name, row, events, timings)], shares


def _performance_row(piece: str, name: str, planned: Planned, sound: Performance) -> dict[str, Any]:
    return rows.performance_row(piece, sound) | {
        "performance": name,
        "source": planned.request.file.name,
        "source_sha256": planned.sha256,
        "alignment_sha256": planned.alignment_sha256,
        "licence": planned.request.licence,
    }


def _event_rows(
    piece: str, name: str, music: Music, links: Links, sound: Performance
) -> Iterator[dict[str, Any]]:
    """The rows of the events table: every performed note, then every written one that was not played."""
    for number, event in enumerate(links.events):
        note = music.notes[event.note] if event.note >= 0 else None
        is_written = note is not None and event.link in (MATCH, DELETION)
        heard = sound.events[event.played] if event.played >= 0 else None
        nan = float("nan")
        assert heard is not None or note is not None
        yield {
            "piece": piece,
            "performance": name,
            "event": number,
            "onset_s": heard.onset_s if heard else nan,
            "offset_s": heard.offset_s if heard else nan,
            "pitch": heard.pitch if heard else note.pitch if note else -1,
            "cents": note.cents if note and not heard else 0.0,
            "drum": bool(note and note.drum and not heard),
            "velocity": heard.velocity if heard else 0,
            "heads": note.heads if note and is_written else 0,
            "reason": note.reason if note and is_written else event.link,
            "part": note.channel if note else -1,
            "note": event.note,
            "link": event.link,
            "pass": event.turn,
            "source": event.source,
            "confidence": 1.0 if heard else 0.0,
        }
