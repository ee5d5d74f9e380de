"""A note alignment as any format has it: which performed note plays which note of a score."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from msmdtools.errors import PieceError
from msmdtools.perform.played import Played

SAME_ONSET_S = 0.005
"""Formats round onsets; a note of an alignment is the one of the performance that is nearer than this."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a note stands in a score, for alignments whose ids are not those of the source.

    Attributes:
        measure: number of its bar, as printed.
        beat: beat of the bar, from 1, of the value that the time signature names.
        offset: whole notes from that beat.
        pitch: MIDI number.
    """

    measure: str
    beat: int
    offset: Fraction
    pitch: int


@dataclass(frozen=True, slots=True)
class Pair:
    """One line of a note alignment.

    Attributes:
        score: id of the note of the score, as in the alignment; "" for an insertion.
        note: number of the performed note in `Played.notes`; -1 for a deletion.
        ornament: whether the performed note is one of an ornament of the note of the score.
        place: where the note of the score stands, if the alignment says so.
        written: number of the written note in `Music.notes`, and its pass from 1, of an alignment that was made
            here and has no ids.
    """

    score: str
    note: int
    ornament: bool = False
    place: Place | None = None
    written: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class NoteAlignment:
    """A note alignment, and the performance that it is of.

    Attributes:
        by: name of the format, or of the program that made it.
        played: the performance.
        pairs: its lines.
    """

    by: str
    played: Played
    pairs: tuple[Pair, ...]


def refuse(reason: str, message: str, stage: str = "align") -> PieceError:
    """The error for a performance that cannot be taken."""
    return PieceError(stage, reason, message)


def locate(played: Played, sought: Sequence[tuple[float, int]], name: str) -> list[int]:
    """Find the notes of an alignment in a performance, by onset and pitch.

    Args:
        played: the performance.
        sought: onset in seconds and pitch of each note.
        name: of the alignment, for the message.

    Returns:
        The number of each note in `played.notes`; none occurs twice.

    Raises:
        PieceError: one is not there (stage "align").
    """
    by_pitch: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for number, note in enumerate(played.notes):
        by_pitch[note.pitch].append((note.onset_s, number))
    found = [-1] * len(sought)
    wanted: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for i, (onset, pitch) in enumerate(sought):
        wanted[pitch].append((onset, i))
    for pitch, notes in wanted.items():
        there = by_pitch[pitch]
        start = 0
        for onset, i in sorted(notes):
            start = max(start, bisect_left(there, (onset - SAME_ONSET_S, -1)))
            if start < len(there) and there[start][0] <= onset + SAME_ONSET_S:
                found[i] = there[start][1]
                start += 1
    lost = [sought[i] for i, number in enumerate(found) if number < 0]
    if lost:
        onset, pitch = min(lost)
        raise refuse(
            "alignment-of-another-performance",
            f"{len(lost):,} of the {len(sought):,} performed notes of {name} are not in the performance, such as "
            f"pitch {pitch} at {onset:.3f} s: name the alignment that belongs to this file",
        )
    return found


def insertions(pairs: Iterable[Pair], played: Played) -> list[Pair]:
    """The performed notes that no pair names, as insertions."""
    named = {pair.note for pair in pairs}
    return [Pair("", number) for number in range(len(played.notes)) if number not in named]
