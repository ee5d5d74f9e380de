"""What LilyPond wrote down while engraving and performing (`record.ily` lists the records), as Python nouns.

Moments and lengths are exact, in quarter notes. Boxes (x0, y0, x1, y1) are in points (1/72 inch) from the
page's top left corner.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from msmdtools.engrave.outputs import Untrusted
from msmdtools.engrave.repeats import Repeat, RepeatReader

LONGEST_NAME = 200
MIDDLE_C = 60
MOST_NOTES = 250_000
MOST_PAGES = 2_000
MOST_POINTS = 1e7
MOST_QUARTERS = 1_000_000
MOST_SEMITONES = 1_000
POINTS_PER_MM = 72 / 25.4


class CutOff(ValueError):
    """The last line has no end: LilyPond was stopped while it wrote."""


@dataclass(frozen=True, slots=True)
class WrittenNote:
    """A note of the source's music: `score` from 0, and the percent or tremolo repeat it stands in.

    Attributes:
        repeat: "percent", "tremolo" or "".
        count: how often those repeats sound the note in all (1 without).
        tremolo: number of the tremolo that it is part of, -1 for none.
        source: file:line:column.
    """

    score: int
    repeat: str
    count: int
    tremolo: int
    source: str


@dataclass(frozen=True, slots=True)
class MadeHead:
    """A note head that the engraver made; whether it was drawn, `DrawnHead` tells.

    Attributes:
        note: index of the written note, -1 when unknown (a quotation, an ambitus, a text's example).
        onset, grace: main moment, and (negative) grace offset, in its score.
        pitch: sounding pitch as far as the engraver knows it, to the nearest semitone; None for percussion.
        cents: how far above it the note sounds: 0 but for microtones.
        staff: number of its staff context; `staff_name` that context's name in the source.
        voice: type of its voice context, such as "Voice" or "CueVoice".
        grob: what kind of head, such as "NoteHead" or "AmbitusNoteHead".
    """

    note: int
    onset: Fraction
    grace: Fraction
    duration: Fraction
    pitch: int | None
    cents: float
    staff: int
    staff_name: str
    voice: str
    grob: str


@dataclass(frozen=True, slots=True)
class DrawnHead:
    """A head on a page (from 0). `system` and `symbol` number systems and staff symbols, -1 for none."""

    head: int
    page: int
    box: tuple[float, float, float, float]
    system: int
    symbol: int


@dataclass(frozen=True, slots=True)
class DrawnStaff:
    """The lines of a staff in one system on a page (from 0); system -1 inside a text."""

    symbol: int
    page: int
    box: tuple[float, float, float, float]
    system: int


@dataclass(frozen=True, slots=True)
class PlayedNote:
    """A note as the performer received it: see `MadeHead` for the fields of the same names.

    Attributes:
        performance: which of the file's performances, from 0.
        voice: number of its voice context; `voice_type` such as "Voice" or "ChordNames".
        tie: whether the note itself is tied onwards.
        wait: whether its tie waits for a later note (tieWaitForNote).
    """

    performance: int
    note: int
    onset: Fraction
    grace: Fraction
    length: Fraction
    pitch: int | None
    cents: float
    voice: int
    voice_type: str
    staff: int
    staff_name: str
    drum: bool
    tie: bool
    wait: bool


@dataclass(frozen=True, slots=True)
class PlayedStaff:
    """A staff that sounds: `staff` as in `PlayedNote`, staves of smaller `place` stand higher.

    Attributes:
        name: of its instrument, as printed before the first system, or that of the group around it; "" for
            none. `short` is as before later ones.
    """

    performance: int
    staff: int
    place: int
    name: str
    short: str


@dataclass(frozen=True, slots=True)
class Records:
    """All records of one run.

    Attributes:
        page_books: for each page, the book (one PDF each, from 0) that it belongs to.
        starts: for each performance (one for each printed score), the (main, grace) moment at which it
            begins.
        ties: (performance, voice, onset, grace) of ties of all notes of a voice at a moment.
        performed: the performances that came to an end; of the others no note is here.
        parts: the staves that sound, those of each performance.
        lent: by (performance, source) of notes, the programs that a score which is only played has for them.
        repeats: where the performances have repeats to unfold; empty unless that was asked for.
    """

    notes: tuple[WrittenNote, ...]
    made: tuple[MadeHead, ...]
    page_books: tuple[int, ...]
    drawn: tuple[DrawnHead, ...]
    staves: tuple[DrawnStaff, ...]
    played: tuple[PlayedNote, ...]
    starts: tuple[tuple[Fraction, Fraction], ...]
    ties: frozenset[tuple[int, int, Fraction, Fraction]]
    performed: frozenset[int]
    repeats: tuple[Repeat, ...] = ()
    parts: tuple[PlayedStaff, ...] = ()
    lent: Mapping[tuple[int, str], int] = field(default_factory=dict)


def read_records(path: Path) -> Records:
    """Read records.tsv. It is untrusted (see `msmdtools.engrave.outputs`): a source can write to it, too.

    Raises:
        ValueError: the file was cut off.
        Untrusted: it is not of this form, a number in it is none, or names what is not there.
    """
    try:
        with open(path, encoding="utf-8", newline="\n") as file:
            records = _read(file)
    except CutOff as error:
        raise ValueError(f"{path.name} was cut off") from error
    except (ValueError, KeyError, ArithmeticError) as error:
        raise Untrusted(f"{path.name} is not what LilyPond was to write: {error}") from error
    if problem := _problem(records):
        raise Untrusted(f"{path.name} is not what LilyPond was to write: {problem}")
    return records


def _read(lines: Iterable[str]) -> Records:
    notes: list[WrittenNote] = []
    made: list[MadeHead] = []
    page_books: list[int] = []
    drawn: list[DrawnHead] = []
    staves: list[DrawnStaff] = []
    played: list[PlayedNote] = []
    starts: dict[int, tuple[Fraction, Fraction]] = {}
    ties: set[tuple[int, int, Fraction, Fraction]] = set()
    parts: list[PlayedStaff] = []
    lent: dict[tuple[int, str], int] = {}
    performed: set[int] = set()
    repeats = RepeatReader()
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
                made.append(_head(fields))
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
                again = int(fields[0])
                starts[again] = (Fraction(0), Fraction(0))
                played = [note for note in played if note.performance != again]
                parts = [part for part in parts if part.performance != again]
                ties = {tie for tie in ties if tie[0] != again}
                performed.discard(again)
            case "start":
                performance, onset, grace = fields
                starts[int(performance)] = (_quarters(onset), _quarters(grace))
            case "part":
                parts.append(_part(fields))
            case "lent":
                performance, program, *where = fields
                lent[int(performance), ":".join(where)] = int(program)
            case "tie":
                performance, onset, grace, voice = fields
                ties.add((int(performance), int(voice), _quarters(onset), _quarters(grace)))
            case "midi":
                performed.add(int(fields[0]))
            case "repeat" | "volta" | "mark":
                repeats.read(kind, fields)
    if not line.endswith("\n"):
        raise CutOff
    return Records(
        tuple(notes),
        tuple(made),
        tuple(page_books),
        tuple(drawn),
        tuple(staves),
        tuple(note for note in played if note.performance in performed),
        tuple(starts[p] for p in range(len(starts))),
        frozenset(tie for tie in ties if tie[0] in performed),
        frozenset(performed),
        repeats.repeats(),
        tuple(part for part in parts if part.performance in performed),
        lent,
    )


def _problem(records: Records) -> str:
    """What makes records impossible, "" if nothing does."""
    notes, made = range(-1, len(records.notes)), range(len(records.made))
    performances = range(len(records.starts))
    boxes = [d.box for d in records.drawn] + [s.box for s in records.staves]
    pages = [d.page for d in records.drawn] + [s.page for s in records.staves]
    checks = (
        (max(len(notes), len(made), len(records.played), len(boxes)) <= MOST_NOTES, "notes"),
        (max(len(records.parts), len(records.lent)) <= MOST_NOTES, "parts"),
        (all(0 <= program <= 127 for program in records.lent.values()), "a program that is none"),
        (max(len(records.page_books), len(records.starts)) <= MOST_PAGES, "pages and performances"),
        (records.performed <= set(performances), "the end of no performance"),
        (all(n.count > 0 for n in records.notes), "a repeat that is played never"),
        (all(m.note in notes for m in records.made), "a head of no note"),
        (all(p.note in notes for p in records.played), "a performed note that was not written"),
        (all(p.performance in performances for p in records.played), "a note in no performance"),
        (all(d.head in made for d in records.drawn), "a drawn head that was not made"),
        (all(s.performance in performances for s in records.parts), "a part in no performance"),
        (min(pages, default=0) >= 0, "a drawing on no page"),
        (all(abs(x) < MOST_POINTS for box in boxes for x in box), "a box beyond any page"),
    )
    return next((what for holds, what in checks if not holds), "")


def _note(fields: Sequence[str]) -> WrittenNote:
    _, score, repeat, count, tremolo, file, row, column = fields
    source = f"{file}:{row}:{column}" if file else ""
    return WrittenNote(int(score), repeat, int(count), int(tremolo), source)


def _head(fields: Sequence[str]) -> MadeHead:
    _, note, onset, grace, duration, pitch, staff, staff_name, voice, grob = fields
    return MadeHead(
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
    performance, note, onset, grace, length, pitch, voice, *rest = fields
    voice_type, staff, staff_name, drum, tie, wait = rest
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
    """An exact number such as "7/3" of which nobody knows who wrote it."""
    # An exponent would be calculated, however large.
    if len(text) > 64 or "e" in text.lower():
        raise ValueError(f"{text[:20]} is no moment or pitch")
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
