"""Read beats in the form of ASAP: a line for each beat, with its time twice, and b, or db for a downbeat.

A downbeat may also give the time signature and the key that begin there ("db,3/4,-2", "db,3/4", "db,,-2"). Bars
have no numbers: the downbeats are counted through the piece, once from start to end, or with its repeats where the
dataset has unfolded them. The beats of a bar divide it evenly. Those before the first downbeat are a pickup, or
the end of a first bar that begins with rests.

Format: F. Foscarin et al., "ASAP: a dataset of aligned scores and performances for piano transcription", ISMIR
2020.
"""

import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from msmdtools.performed.alignment import refuse
from msmdtools.performed.marks import Bar, Bars, Named, second_of

NAME = "asap"
_LINE = re.compile(r"\s*([^\t]+)\t([^\t]+)\t\s*(db|bR|b)(?:,([^,]*)(?:,[^,]*)?)?\s*")

_REPEATS = "Then name the bars, in a table with second and bar, or build the dataset with --repeats unfolded"


def is_first(line: str) -> bool:
    """Whether a line is one of such a file."""
    return _LINE.fullmatch(line) is not None


def read(path: Path, text: str, bars: Bars, order: Sequence[int]) -> list[Named]:
    """Read the beats of a file as marks.

    Args:
        path: the file, for messages.
        text: its content.
        bars: the bars of the piece.
        order: which of the bars are played, one after the other.

    Raises:
        PieceError: a line has another form (stage "read"); the beats are those of other bars (stage "align").
    """
    groups: list[list[tuple[str, float]]] = [[]]
    signatures: list[tuple[str, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        where = f"{path.name}, line {number}"
        found = _LINE.fullmatch(line)
        if found is None:
            raise refuse("damaged", f"{where}: {line.strip()!r} is no beat of ASAP's", "read")
        if found[3] == "db":
            groups.append([])
            signatures.append((where, found[4] or ""))
        groups[-1].append((where, second_of(found[1], where)))
    pickup, *downbeats = groups
    begins = set(bars.downbeats)
    counted = [index for index in order if index in begins]
    if pickup and counted[:1] == [0]:
        del counted[0]
    if len(downbeats) > len(counted):
        raise refuse(
            "marks-of-another-piece",
            f"{path.name} has {len(downbeats):,} downbeats, and the piece {len(counted):,} bars: it is of another "
            f"piece, or repeats are played. {_REPEATS}",
        )
    played = [bars.bars[index] for index in counted]
    for (where, signature), bar in zip(signatures, played, strict=False):
        if signature and bar.signature and signature != bar.signature:
            raise refuse(
                "marks-of-another-piece",
                f"{where}: the time signature is {signature}, and that of bar {bar.number or bar.measure} is "
                f"{bar.signature}: it is of another piece, or repeats are played. {_REPEATS}",
            )
    marks = _before(pickup, played, bars, len(downbeats[0]) if downbeats else 1)
    for group, bar in zip(downbeats, played, strict=False):
        length = _whole(bar, bars)
        marks += [
            Named(where, second, quarters=bar.onset + k * length / len(group))
            for k, (where, second) in enumerate(group)
        ]
    return marks


def _whole(bar: Bar, bars: Bars) -> Fraction:
    """The length of a bar from its downbeat to the next one in the score."""
    later = [
        bars.bars[index].onset for index in bars.downbeats if bars.bars[index].onset > bar.onset
    ]
    return (min(later) if later else bars.end) - bar.onset


def _before(
    pickup: Sequence[tuple[str, float]], played: Sequence[Bar], bars: Bars, beats: int
) -> list[Named]:
    """The beats before the first downbeat, as far as the piece has music there."""
    if not played:
        return []
    first = played[0]
    beat = _whole(first, bars) / beats
    places = [first.onset - k * beat for k in range(len(pickup), 0, -1)]
    return [
        Named(where, second, quarters=place)
        for (where, second), place in zip(pickup, places, strict=True)
        if place >= 0
    ]
