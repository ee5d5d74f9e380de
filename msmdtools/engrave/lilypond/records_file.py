"""Read the file of records that LilyPond writes while it engraves and performs (`record.ily` lists the records).

The file is untrusted (see `msmdtools.engrave.outputs`): a source can write to it, too.
"""

import functools
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

from msmdtools.engrave.lilypond.bars import BarReader
from msmdtools.engrave.lilypond.records import (
    DrawnHead,
    DrawnStaff,
    EngravedHead,
    PlayedNote,
    PlayedStaff,
    Records,
    WrittenNote,
)
from msmdtools.engrave.lilypond.repeats import RepeatReader
from msmdtools.engrave.outputs import Untrusted

LONGEST_NAME = 200
MIDDLE_C = 60
MOST_NOTES = 250_000
MOST_PAGES = 2_000
MOST_POINTS = 1e7
MOST_QUARTERS = 1_000_000
MOST_SEMITONES = 1_000
POINTS_PER_MM = 72 / 25.4


class CutOff(ValueError):
    """The last line is incomplete: LilyPond was stopped while it wrote."""


def read_records(path: Path) -> Records:
    """Read records.tsv. It is untrusted (see `msmdtools.engrave.outputs`): a source can write to it, too.

    Raises:
        ValueError: the file was cut off.
        Untrusted: it does not have the form of records, has text in the place of a number, or a number
            that refers to no record.
    """
    try:
        with open(path, encoding="utf-8", newline="\n") as file:
            records = _parse(file)
    except CutOff as error:
        raise ValueError(f"{path.name} was cut off") from error
    except (ValueError, KeyError, ArithmeticError) as error:
        raise Untrusted(f"{path.name} is not a record that LilyPond wrote: {error}") from error
    if problem := _problem(records):
        raise Untrusted(f"{path.name} is not a record that LilyPond wrote: {problem}")
    return records


def _parse(lines: Iterable[str]) -> Records:
    notes: list[WrittenNote] = []
    heads: list[EngravedHead] = []
    page_books: list[int] = []
    drawn: list[DrawnHead] = []
    staves: list[DrawnStaff] = []
    played: list[PlayedNote] = []
    starts: dict[int, tuple[Fraction, Fraction]] = {}
    ties: set[tuple[int, int, Fraction, Fraction]] = set()
    parts: list[PlayedStaff] = []
    programs: dict[tuple[int, str], int] = {}
    performed: set[int] = set()
    repeats = RepeatReader()
    bars = BarReader(_quarters)
    points = 1.0
    line = "\n"
    for line in lines:
        kind, *fields = line.removesuffix("\n").split("\t")
        if not line.endswith("\n"):
            break
        match kind:
            case "note":
                notes.append(_note(fields))
            case "head":
                heads.append(_head(fields))
            case "page":
                page_books.append(int(fields[0]))
                points = float(fields[3]) * POINTS_PER_MM
            case "draw":
                head, *box, system, symbol = fields
                place = (len(page_books) - 1, _box(box, points))
                drawn.append(DrawnHead(int(head), *place, int(system), int(symbol)))
            case "staff":
                symbol, *box, system, _ = fields
                place = (len(page_books) - 1, _box(box, points))
                staves.append(DrawnStaff(int(symbol), *place, int(system)))
            case "play":
                played.append(_play(fields))
            case "perform":
                restarted = int(fields[0])
                starts[restarted] = (Fraction(0), Fraction(0))
                played = [note for note in played if note.performance != restarted]
                parts = [part for part in parts if part.performance != restarted]
                ties = {tie for tie in ties if tie[0] != restarted}
                performed.discard(restarted)
            case "start":
                performance, onset, grace = fields
                starts[int(performance)] = (_quarters(onset), _quarters(grace))
            case "part":
                parts.append(_part(fields))
            case "lent":
                performance, program, *source = fields
                programs[int(performance), ":".join(source)] = int(program)
            case "tie":
                performance, onset, grace, voice = fields
                ties.add((int(performance), int(voice), _quarters(onset), _quarters(grace)))
            case "midi":
                performed.add(int(fields[0]))
            case "repeat" | "volta" | "mark":
                repeats.read(kind, fields)
            case "bar" | "sheet" | "system" | "column":
                bars.read(kind, fields, len(page_books) - 1, points)
    if not line.endswith("\n"):
        raise CutOff
    return Records(
        tuple(notes),
        tuple(heads),
        tuple(page_books),
        tuple(drawn),
        tuple(staves),
        tuple(note for note in played if note.performance in performed),
        tuple(starts[p] for p in range(len(starts))),
        frozenset(tie for tie in ties if tie[0] in performed),
        frozenset(performed),
        repeats.repeats(),
        tuple(part for part in parts if part.performance in performed),
        programs,
        bars.bars(),
    )


def _problem(records: Records) -> str:
    """The contradiction in records that makes them impossible; "" if there is none."""
    notes, heads = range(-1, len(records.notes)), range(len(records.heads))
    performances = range(len(records.starts))
    boxes = [d.box for d in records.drawn] + [s.box for s in records.staves]
    pages = [d.page for d in records.drawn] + [s.page for s in records.staves]
    starts, systems = records.bars.starts, records.bars.systems
    columns = [column for system in systems for column in system.columns]
    pages += [system.page for system in systems]
    checks = (
        (max(len(notes), len(heads), len(records.played), len(boxes)) <= MOST_NOTES, "notes"),
        (max(len(records.parts), len(records.programs)) <= MOST_NOTES, "parts"),
        (all(0 <= program <= 127 for program in records.programs.values()), "a program beyond 127"),
        (max(len(starts), len(systems), len(columns)) <= MOST_NOTES, "bars"),
        (all(abs(column.x) < MOST_POINTS for column in columns), "a bar line beyond any page"),
        (all(note in notes for note in records.bars.notes.values()), "a sheet of no note"),
        (max(len(records.page_books), len(records.starts)) <= MOST_PAGES, "pages and performances"),
        (records.performed <= set(performances), "the end of no performance"),
        (all(n.count > 0 for n in records.notes), "a repeat that is never played"),
        (all(m.note in notes for m in records.heads), "a head of no note"),
        (all(p.note in notes for p in records.played), "a performed note that was not written"),
        (all(p.performance in performances for p in records.played), "a note in no performance"),
        (all(d.head in heads for d in records.drawn), "a drawn head that was not made"),
        (all(s.performance in performances for s in records.parts), "a part in no performance"),
        (min(pages, default=0) >= 0, "a drawing on no page"),
        (all(abs(x) < MOST_POINTS for box in boxes for x in box), "a box beyond any page"),
    )
    return next((problem for holds, problem in checks if not holds), "")


def _note(fields: Sequence[str]) -> WrittenNote:
    _, score, repeat, count, tremolo, file, row, column = fields
    source = f"{file}:{row}:{column}" if file else ""
    return WrittenNote(int(score), repeat, int(count), int(tremolo), source)


def _head(fields: Sequence[str]) -> EngravedHead:
    _, note, onset, grace, duration, pitch, staff, staff_name, voice, grob = fields
    return EngravedHead(
        int(note),
        _quarters(onset),
        _quarters(grace),
        _quarters(duration),
        *_pitch(pitch),
        int(staff),
        staff_name,
        voice,
        grob,
    )


def _play(fields: Sequence[str]) -> PlayedNote:
    performance, note, onset, grace, length, pitch, voice, *others = fields
    voice_type, staff, staff_name, drum, tie, wait = others
    return PlayedNote(
        int(performance),
        int(note),
        _quarters(onset),
        _quarters(grace),
        _quarters(length),
        *_pitch(pitch),
        int(voice),
        voice_type,
        int(staff),
        staff_name,
        drum == "1",
        tie == "1",
        wait == "1",
    )


def _part(fields: Sequence[str]) -> PlayedStaff:
    performance, staff, place, name, short = fields
    texts = (text[:LONGEST_NAME] for text in (name, short))
    return PlayedStaff(int(performance), int(staff), int(place), *texts)


@functools.lru_cache(1 << 14)
def _quarters(whole_notes: str) -> Fraction:
    quarters = 4 * rational(whole_notes)
    if abs(quarters) > MOST_QUARTERS:
        raise ValueError(f"{whole_notes[:20]} whole notes")
    return quarters


def rational(text: str) -> Fraction:
    """Read an exact number such as "7/3", which may come from an untrusted source.

    Raises:
        ValueError: not a number, or one that is too long.
    """
    # An exponent would be calculated, however large.
    if len(text) > 64 or "e" in text.lower():
        raise ValueError(f"{text[:20]} is not an exact number such as 7/3")
    return Fraction(text)


def _pitch(semitones: str) -> tuple[int | None, float]:
    """MIDI pitch from semitones above middle c, and the cents that it leaves out.

    Half a semitone goes to the even number, as in LilyPond's MIDI files.
    """
    if semitones == "x":
        return None, 0.0
    exact = rational(semitones)
    if abs(exact) > MOST_SEMITONES:
        raise ValueError(f"{semitones[:20]} semitones")
    return MIDDLE_C + round(exact), float(100 * (exact - round(exact)))


def _box(fields: Sequence[str], points: float) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = (float(f) * points for f in fields)
    return x0, -y1, x1, -y0
