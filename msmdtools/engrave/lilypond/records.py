"""The records that LilyPond writes while it engraves and performs, as Python objects.

`msmdtools.engrave.lilypond.records_file` reads them.

Moments and lengths are exact, in quarter notes. Boxes (x0, y0, x1, y1) are in points (1/72 inch) from the
page's top left corner.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from msmdtools.engrave.lilypond.bars import Bars
from msmdtools.engrave.lilypond.repeats import Repeat


@dataclass(frozen=True, slots=True)
class WrittenNote:
    """A note as it is written in the source's music.

    Attributes:
        score: number of the score in the source, from 0.
        repeat: kind of repeat that it stands in: "percent", "tremolo" or "".
        count: how often this repeat sounds the note in all (1 without a repeat).
        tremolo: number of the tremolo that it is part of, -1 for none.
        source: place in the source, as file:line:column.
    """

    score: int
    repeat: str
    count: int
    tremolo: int
    source: str


@dataclass(frozen=True, slots=True)
class EngravedHead:
    """A note head that the engraver made. It need not be drawn: `DrawnHead` lists those that are.

    Attributes:
        note: index of the written note, -1 when unknown (a quotation, an ambitus, a text's example).
        onset: moment in its score, in quarter notes.
        grace: grace time of that moment, in quarter notes, negative before the main note.
        duration: notated duration, in quarter notes.
        pitch: sounding pitch as far as the engraver knows it, to the nearest semitone; None for percussion.
        cents: how far above `pitch` the note sounds, in cents: 0 but for microtones.
        staff: number of its staff context.
        staff_name: name of that context in the source.
        voice: type of its voice context, such as "Voice" or "CueVoice".
        grob: kind of head, such as "NoteHead" or "AmbitusNoteHead".
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
    """A note head drawn on a page.

    Attributes:
        head: index of the engraved head.
        page: page, from 0.
        box: (x0, y0, x1, y1) in points from the page's top left corner.
        system: number of its system, -1 for none.
        symbol: number of its staff symbol (the lines of a staff in one system), -1 for none.
    """

    head: int
    page: int
    box: tuple[float, float, float, float]
    system: int
    symbol: int


@dataclass(frozen=True, slots=True)
class DrawnStaff:
    """The lines of a staff in one system.

    Attributes:
        symbol: number of the staff symbol.
        page: page, from 0.
        box: (x0, y0, x1, y1) in points from the page's top left corner.
        system: number of its system, -1 inside a text.
    """

    symbol: int
    page: int
    box: tuple[float, float, float, float]
    system: int


@dataclass(frozen=True, slots=True)
class PlayedNote:
    """A note as the performer received it: see `EngravedHead` for the fields of the same names.

    Attributes:
        performance: number of the performance in the file, from 0.
        length: how long it sounds as written, in quarter notes.
        voice: number of its voice context.
        voice_type: type of that context, such as "Voice" or "ChordNames".
        drum: whether it is percussion.
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
    """A staff that sounds.

    Attributes:
        performance: number of the performance in the file, from 0.
        staff: number of its staff context, as in `PlayedNote`.
        place: order on the page: staves of smaller `place` stand higher.
        name: name of its instrument, as printed before the first system, or that of the group around it;
            "" for none.
        short: name as printed before later systems.
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
        notes: the notes that are written in the source.
        heads: the note heads that were made, drawn or not.
        page_books: for each page, the book (one PDF each, from 0) that it belongs to.
        drawn: the note heads on the pages.
        staves: the staff lines on the pages.
        played: the performed notes.
        starts: for each performance (one for each printed score), the (main, grace) moment at which it
            begins.
        ties: (performance, voice, onset, grace) of ties of all notes of a voice at a moment.
        performed: the performances that came to an end; notes of others are left out.
        repeats: the repeats to unfold; empty where the page is performed as written.
        parts: the staves that sound in each performance.
        programs: General MIDI programs by (performance, source) of notes that a second score, which is only
            played, names for them.
        bars: where bars begin.
    """

    notes: tuple[WrittenNote, ...]
    heads: tuple[EngravedHead, ...]
    page_books: tuple[int, ...]
    drawn: tuple[DrawnHead, ...]
    staves: tuple[DrawnStaff, ...]
    played: tuple[PlayedNote, ...]
    starts: tuple[tuple[Fraction, Fraction], ...]
    ties: frozenset[tuple[int, int, Fraction, Fraction]]
    performed: frozenset[int]
    repeats: tuple[Repeat, ...] = ()
    parts: tuple[PlayedStaff, ...] = ()
    programs: Mapping[tuple[int, str], int] = field(default_factory=dict)
    bars: Bars = field(default_factory=Bars)
