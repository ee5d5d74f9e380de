"""Make the rows of the tables for a recording: its events and its bars."""

from collections.abc import Iterator
from typing import Any

from msmdtools.performance import BETWEEN, DELETION, ESTIMATED, INTERPOLATED, MARKED
from msmdtools.performed.playing import Playing
from msmdtools.performed.recording import Recorded
from msmdtools.score import Music


def event_rows(
    piece: str, performance: str, music: Music, playing: Playing
) -> Iterator[dict[str, Any]]:
    """The rows of the events table: every note that is played, each time, then those that are not.

    Args:
        piece: the piece id.
        performance: name of the performance.
        music: the written music.
        playing: what the recording plays.

    Yields:
        A row for each event.
    """
    for number, event in enumerate(playing.notes):
        note = music.notes[event.note]
        assert event.link in (INTERPOLATED, DELETION)
        yield {
            "piece": piece,
            "performance": performance,
            "event": number,
            "onset_s": event.onset_s,
            "offset_s": event.offset_s,
            "pitch": note.pitch,
            "cents": note.cents,
            "drum": note.drum,
            "velocity": 0,
            "heads": note.heads,
            "reason": note.reason,
            "part": note.channel,
            "note": event.note,
            "link": event.link,
            "pass": event.turn,
            "source": "",
            "confidence": event.confidence,
        }


def timing_rows(piece: str, performance: str, recorded: Recorded) -> Iterator[dict[str, Any]]:
    """The rows of the timings table: every bar, each time that it is played.

    Args:
        piece: the piece id.
        performance: name of the performance.
        recorded: the recording.

    Yields:
        A row for each time that a bar is played.
    """
    estimated = recorded.performance.alignment == ESTIMATED
    for bar in recorded.playing.bars:
        yield {
            "piece": piece,
            "performance": performance,
            "measure": bar.measure,
            "pass": bar.turn,
            "second": bar.second,
            "confidence": bar.confidence,
            "source": ESTIMATED if estimated else MARKED if bar.is_marked else BETWEEN,
        }
