"""Make the rows of the tables from a piece, its score, and its performances."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from msmdtools.build.upgrade import Upgrade
from msmdtools.dataset.tables import PIECES
from msmdtools.performance import SOURCE_PROGRAMS, Performance
from msmdtools.piece import Piece
from msmdtools.score import Music, Score

MESSAGE_LENGTH = 300
# An error in the source; LilyPond calls its own "programming error".
_ERROR = re.compile(r"(?<!programming )\berror: (?!failed files)")


def header_fields(piece: Piece) -> dict[str, str]:
    """The columns of the pieces table that come from the manifest."""
    return {
        "title": piece.title,
        "composer": piece.composer,
        "opus": piece.opus,
        "instrument": piece.instrument,
        "instruments": ";".join(piece.instruments),
        "style": piece.style,
        "date": piece.date,
        "licence": piece.licence,
        "licence_text": piece.licence_text,
        "edition": piece.edition,
        "lilypond": piece.lilypond,
        "format": piece.format,
        "path": piece.path,
        "tune": piece.tune,
        "look": piece.look,
        "sha256": piece.sha256,
        "files_sha256": piece.files_sha256,
        "extra": json.dumps(dict(piece.extra), ensure_ascii=False),
    }


def failed_row(piece: Piece, stage: str, reason: str, message: str) -> dict[str, Any]:
    """The row of the pieces table for a piece that could not be built.

    Args:
        piece: the piece.
        stage: where it failed: "source", "engrave", "match", "perform", "write" or "worker".
        reason: a code in kebab-case, such as "syntax-error".
        message: what is wrong.

    Returns:
        A value for each column of the table.
    """
    values = {"status": "failed", "stage": stage, "reason": reason, "message": message}
    return _piece_row(piece, values)


def ok_row(
    piece: Piece, score: Score, performances: int, upgrade: Upgrade, difference: str
) -> dict[str, Any]:
    """The row of the pieces table for a piece that was built.

    Args:
        piece: the piece.
        score: its score.
        performances: number of its performances.
        upgrade: the changes that were made in its source.
        difference: what the upgrade changed in notes and lengths; "" for nothing.

    Returns:
        A value for each column of the table.
    """
    roles = Counter(head.role for head in score.noteheads)
    # A missing file explains the errors after it, and a version that is too new explains little.
    errors = sorted(
        (line for line in score.warnings if _ERROR.search(line)),
        key=lambda line: ("program too old" in line) - ("cannot find file" in line),
    )
    values = {
        "status": "ok",
        "upgraded": upgrade.converted,
        "correction": upgrade.correction,
        "upgrade_difference": difference,
        "engraver_errors": len(errors),
        "engraver_error": one_line(errors[0]) if errors else "",
        "engine": score.engine,
        "pages": len(score.pages),
        "systems": len({staff.system for staff in score.staves}),
        "staves": len(score.staves),
        "noteheads": len(score.noteheads),
        "played": roles["played"],
        "tied": roles["tied"],
        "silent": roles["silent"],
        "events": len(score.music.notes),
        "events_without_head": sum(1 for note in score.music.notes if not note.heads),
        "performances": performances,
        "parts": len(score.music.parts),
        "measures": len({measure.measure for measure in score.measures}),
        "repeats": score.repeats,
        "repeats_reason": one_line(score.repeats_reason),
        "beats": score.beats,
    }
    return _piece_row(piece, values)


def _piece_row(piece: Piece, values: dict[str, Any]) -> dict[str, Any]:
    row = {"piece": piece.piece, **header_fields(piece), **values}
    empty = {"string": "", "int32": 0}
    return {column.name: row.get(column.name, empty[column.type]) for column in PIECES.columns}


def system_rows(piece: str, score: Score) -> Iterator[dict[str, Any]]:
    """The piece's rows of the systems table."""
    for staff in score.staves:
        yield {
            "piece": piece,
            "page": staff.page,
            "system": staff.system,
            "staff": staff.staff,
            "x0": staff.x0,
            "y0": staff.y0,
            "x1": staff.x1,
            "y1": staff.y1,
        }


def measure_rows(piece: str, score: Score) -> Iterator[dict[str, Any]]:
    """The piece's rows of the measures table."""
    for measure in score.measures:
        yield {
            "piece": piece,
            "page": measure.page,
            "system": measure.system,
            "measure": measure.measure,
            "number": measure.number,
            "x0": measure.x0,
            "y0": measure.y0,
            "x1": measure.x1,
            "y1": measure.y1,
            "onset_quarters": float(measure.onset),
            "onset_fraction": str(measure.onset),
            "duration_quarters": float(measure.duration),
            "duration_fraction": str(measure.duration),
            "time_signature": measure.time_signature,
            "plays": measure.plays,
        }


def part_rows(piece: str, music: Music) -> Iterator[dict[str, Any]]:
    """The piece's rows of the parts table."""
    events = Counter(note.channel for note in music.notes)
    for place, part in enumerate(music.parts, 1):
        yield {
            "piece": piece,
            "part": part.part,
            "place": place,
            "name": part.name,
            "short": part.short,
            "program": part.programs[0],
            "programs": list(part.programs),
            "drum": part.drum,
            "events": events[part.part],
        }


def notehead_rows(piece: str, score: Score) -> Iterator[dict[str, Any]]:
    """The piece's rows of the noteheads table."""
    for head in score.noteheads:
        yield {
            "piece": piece,
            "notehead": head.notehead,
            "page": head.page,
            "system": head.system,
            "staff": head.staff,
            "x0": head.x0,
            "y0": head.y0,
            "x1": head.x1,
            "y1": head.y1,
            "pitch": head.pitch,
            "cents": head.cents,
            "onset_quarters": float(head.onset),
            "onset_fraction": str(head.onset),
            "duration_quarters": float(head.duration),
            "grace": head.grace != 0,
            "grace_quarters": float(head.grace),
            "role": head.role,
            "reason": head.reason,
            "event": head.events[0] if head.events else -1,
            "events": list(head.events),
            "tied_to": head.tied_to,
            "part": score.music.notes[head.events[0]].channel if head.events else -1,
            "source": head.source,
        }


def performance_row(piece: str, performance: Performance) -> dict[str, Any]:
    """The performance's row of the performances table."""
    spec = performance.spec
    return {
        "piece": piece,
        "performance": spec.name,
        "tempo": spec.tempo,
        "soundfont": Path(spec.soundfont).name,
        "soundfont_sha256": performance.soundfont_sha256,
        "program": SOURCE_PROGRAMS if spec.program is None else spec.program,
        "velocity": "source" if spec.velocity is None else str(spec.velocity),
        "duration_s": performance.duration_s,
        "frames": performance.frames,
        "midi_sha256": performance.midi_sha256,
        "spectrogram_sha256": performance.spectrogram_sha256,
        "audio_sha256": performance.audio_sha256,
        "audio_gain": performance.audio_gain,
        "alignment": performance.alignment,
    }


def event_rows(
    piece: str, music: Music, performances: Iterable[Performance]
) -> Iterator[dict[str, Any]]:
    """The piece's rows of the events table: every note of the music in every performance.

    Args:
        piece: the piece id.
        music: its written music.
        performances: its performances.

    Yields:
        A row for each note event.
    """
    for performance in performances:
        name = performance.spec.name
        for event in performance.events:
            note = music.notes[event.event]
            yield {
                "piece": piece,
                "performance": name,
                "event": event.event,
                "onset_s": event.onset_s,
                "offset_s": event.offset_s,
                "pitch": event.pitch,
                "cents": note.cents,
                "drum": note.drum,
                "velocity": event.velocity,
                "heads": note.heads,
                "reason": note.reason,
                "part": note.channel,
            }


def one_line(message: str, *folders: Path) -> str:
    """A message in one line, shortened, without names of folders that differ between builds."""
    for folder in folders:
        for name in (str(folder.absolute()), str(folder)):
            if name != ".":
                message = message.replace(f"{name}/", "").replace(name, "")
    message = " ".join(message.split())
    return message if len(message) <= MESSAGE_LENGTH else message[: MESSAGE_LENGTH - 1] + "…"
