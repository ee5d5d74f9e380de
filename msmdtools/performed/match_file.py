"""Read match files (version 1.0.0 of https://cpjku.github.io/matchfile/): alignment, notes and pedals.

A match file holds the performance itself. Its times are whole clock ticks; a MIDI file that is named beside it has
its own, which are then taken. Of an id that ends in a number after "-", this may be the pass of a repeat; see
`msmdtools.performed.linking`.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from msmdtools.base.damage import why
from msmdtools.midi.actions import SOFT_PEDAL, SOSTENUTO_PEDAL, SUSTAIN_PEDAL
from msmdtools.perform.played import PedalMove, Played, PlayedNote
from msmdtools.performed.alignment import NoteAlignment, Pair, Place, insertions, locate, refuse

NAME = "match"
_INFO = re.compile(r"info\(([^,]+),(.*)\)\.")
_SCORE_NOTE = re.compile(
    r"snote\((?P<id>[^,]+),\[(?P<step>[A-Ga-g]),(?P<alter>[^\]]+)\],(?P<octave>-?\d+),"
    r"(?P<measure>[^,:]+):(?P<beat>[^,]+),(?P<offset>[^,]+),[^\[]*\[[^\]]*\]\)-"
)
_NOTE = re.compile(r"note\(([^,]+),(\d+),(-?\d+),(-?\d+),(\d+),(\d+),(\d+)\)\.")
_ORNAMENT = re.compile(r"ornament\(([^,)]+)(?:,[^)]*)?\)-")
_PEDAL = re.compile(r"(sustain|sostenuto|soft)\((-?\d+),(\d+)\)\.")
_CONTROLLER = {"sustain": SUSTAIN_PEDAL, "sostenuto": SOSTENUTO_PEDAL, "soft": SOFT_PEDAL}
_STEPS = dict(zip("CDEFGAB", (0, 2, 4, 5, 7, 9, 11), strict=True))
_ALTERS = {"n": 0, "#": 1, "##": 2, "x": 2, "b": -1, "bb": -2}


@dataclass(slots=True)
class _Lines:
    """What the lines of a match file say; notes by their ids, times in ticks."""

    info: dict[str, str]
    notes: list[tuple[int, int, int, int, int, int]]
    pedals: list[tuple[str, int, int]]
    pairs: list[Pair]


def score_name(path: Path) -> str:
    """The name of the score that a match file names, without its ending; "" for none."""
    for line in _text(path).splitlines()[:100]:
        if (found := _INFO.match(line)) and found[1] == "scoreFileName":
            return Path(found[2].strip()).stem
    return ""


def read(path: Path, played: Played | None = None) -> NoteAlignment:
    """Read a match file.

    Args:
        path: the file.
        played: the performance as its MIDI file has it; None to take that of the match file.

    Raises:
        PieceError: it cannot be read, is of another version, or of another performance.
    """
    lines = _parse(path)
    unit = int(lines.info.get("midiClockRate", "500000")) / (
        int(lines.info.get("midiClockUnits", "480")) * 1e6
    )
    own = [
        PlayedNote(on * unit, off * unit, pitch, velocity, track, channel)
        for pitch, on, off, velocity, channel, track in lines.notes
    ]
    moves = [PedalMove(t * unit, _CONTROLLER[kind], value) for kind, t, value in lines.pedals]
    if played is None:
        played = Played.of(own, moves)
    numbers = locate(played, [(note.onset_s, note.pitch) for note in own], path.name)
    pairs = [
        Pair(p.score, numbers[p.note] if p.note >= 0 else -1, p.ornament, p.place)
        for p in lines.pairs
    ]
    return NoteAlignment(NAME, played, (*pairs, *insertions(pairs, played)))


def _parse(path: Path) -> _Lines:
    lines = _Lines({}, [], [], [])
    for number, line in enumerate(_text(path).splitlines(), 1):
        if found := _INFO.match(line):
            lines.info[found[1]] = found[2].strip()
            if found[1] == "matchFileVersion" and not found[2].strip().startswith("1."):
                raise refuse(
                    "unknown-format",
                    f"{path.name} is of version {found[2].strip()} of the match format; 1.0.0 is read",
                )
        elif found := _SCORE_NOTE.match(line):
            rest, place = line[found.end() :], _place(found)
            if rest.startswith("deletion"):
                lines.pairs.append(Pair(found["id"], -1, place=place))
            else:
                lines.pairs.append(
                    Pair(found["id"], _add_note(lines, rest, path, number), place=place)
                )
        elif line.startswith("insertion-"):
            lines.pairs.append(
                Pair("", _add_note(lines, line.removeprefix("insertion-"), path, number))
            )
        elif found := _ORNAMENT.match(line):
            note = _add_note(lines, line[found.end() :], path, number)
            lines.pairs.append(Pair(found[1], note, ornament=True))
        elif found := _PEDAL.match(line):
            lines.pedals.append((found[1], int(found[2]), int(found[3])))
        elif line.startswith(("snote(", "ornament(", "note(")):
            raise refuse("damaged", f"{path.name}, line {number}: {line[:60]!r} is not understood")
    if not lines.info.get("matchFileVersion"):
        raise refuse("unknown-format", f"{path.name} is no match file: it names no version")
    return lines


def _add_note(lines: _Lines, text: str, path: Path, number: int) -> int:
    found = _NOTE.match(text)
    if found is None:
        raise refuse("damaged", f"{path.name}, line {number}: {text[:60]!r} is no performed note")
    pitch, on, off, velocity, channel, track = map(int, found.groups()[1:])
    lines.notes.append((pitch, on, off, max(velocity, 1), channel, track))
    return len(lines.notes) - 1


def _place(found: re.Match[str]) -> Place | None:
    """Where a note of the score stands; an offset is a sum of fractions of a whole note, tuplets as 1/8/3."""
    try:
        offset = Fraction(0)
        for part in found["offset"].split("+"):
            over, *under = (Fraction(number) for number in part.split("/"))
            for divisor in under:
                over /= divisor
            offset += over
        pitch = _STEPS[found["step"].upper()] + _ALTERS[found["alter"]]
        return Place(
            found["measure"], int(found["beat"]), offset, pitch + 12 * (int(found["octave"]) + 1)
        )
    except (ValueError, KeyError, ZeroDivisionError):
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise refuse("missing-file", f"{path} cannot be read: {why(error)}", "read") from error
