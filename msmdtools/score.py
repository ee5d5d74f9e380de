"""An engraved score: pages, staves, note heads, and the music that they stand for.

Coordinates are pixels of the page image, origin top left, as floats; pages, systems and staves count from 1.
Score time is in quarter notes from the start of the piece, exact, as a `Fraction`.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from msmdtools.base.table import Column, Table

TICKS_PER_QUARTER = 384


@dataclass(frozen=True, slots=True)
class StaffBox:
    """The box of one staff's lines in one system.

    Attributes:
        page: page, from 1.
        system: system in the piece, from 1.
        staff: staff in the system, from 1 at the top.
        x0: left edge.
        y0: top edge.
        x1: right edge.
        y1: bottom edge.
    """

    page: int
    system: int
    staff: int
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class Measure:
    """One bar of the score in one system; a bar that is broken over two systems is one in each.

    The bars of a system touch: each begins where the one before it ends, on paper and in score time. The box
    goes from bar line to bar line, and from the top line of the system's highest staff to the bottom line of
    its lowest one.

    Attributes:
        page: page, from 1.
        system: system in the piece, from 1.
        measure: number in the piece, from 0, in the order of the written score; both parts of a broken bar
            have the same.
        number: the number that the engraver counts and may print, as text ("0" for a pickup); "" for none.
        x0: left edge.
        y0: top edge.
        x1: right edge.
        y1: bottom edge.
        onset: quarter notes from the start of the piece, as `NoteHead.onset`.
        duration: quarter notes from there to the end of the bar, or of its part in this system; 0 where only
            grace notes of it stand there.
        time_signature: such as "6/8"; "" for none.
        plays: how often the performance plays it: 1 as written, more where repeats are unfolded, 0 where
            unfolding leaves it out.
    """

    page: int
    system: int
    measure: int
    number: str
    x0: float
    y0: float
    x1: float
    y1: float
    onset: Fraction
    duration: Fraction
    time_signature: str
    plays: int = 1


@dataclass(frozen=True, slots=True)
class NoteHead:
    """One printed note head, and how it sounds.

    Attributes:
        notehead: number in the piece, from 0, in reading order.
        page: page, from 1.
        system: system in the piece, from 1; 0 for a head outside of any system (a music example inside a text).
        staff: staff in the system, from 1 at the top; 0 outside of any system.
        x0: left edge.
        y0: top edge.
        x1: right edge.
        y1: bottom edge.
        pitch: sounding pitch, as the MIDI number of the nearest semitone.
        onset: quarter notes from the start of the piece (a grace note has the onset of its main note).
        duration: notated duration, in quarter notes.
        grace: quarter notes by which a grace note stands before its onset, as written (0 for others).
        role: "played", "tied" (continues the sound of another head) or "silent".
        reason: why the head is silent; "" for others.
        events: indices into `Music.notes` that this head starts (played; several when repeats are
            unfolded) or continues (tied); empty when silent.
        tied_to: the head whose sound a tied head continues; -1 for none.
        source: its note's place in the source: file:line:column for LilyPond, else see
            `msmdtools.engrave.verovio.preparing.place_of`; "" when it is not known.
        cents: how far above `pitch` a microtone sounds, in cents (0 for others).
    """

    notehead: int
    page: int
    system: int
    staff: int
    x0: float
    y0: float
    x1: float
    y1: float
    pitch: int
    onset: Fraction
    duration: Fraction
    grace: Fraction
    role: str
    reason: str
    events: tuple[int, ...]
    tied_to: int
    source: str
    cents: float = 0.0


@dataclass(frozen=True, slots=True)
class Note:
    """One sounding note in ticks (`TICKS_PER_QUARTER`), before any performance.

    Attributes:
        onset_tick: tick at which it starts.
        offset_tick: tick at which it is released.
        pitch: MIDI number of the nearest semitone.
        velocity: MIDI velocity.
        channel: number of its part (0, 1, …), not a MIDI channel.
        drum: whether the pitch names a General MIDI percussion sound.
        heads: how many printed heads start it.
        reason: why no head starts it ("" when one does).
        cents: how far above `pitch` a microtone sounds, in cents (0 for others).
        program: General MIDI program of the source's instrument (0 where it names none, and for drums).
    """

    onset_tick: int
    offset_tick: int
    pitch: int
    velocity: int
    channel: int
    drum: bool
    heads: int
    reason: str
    cents: float = 0.0
    program: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """A part: the music of one staff.

    Attributes:
        part: its number, `Note.channel` of its notes.
        name: printed name of its instrument, without markup; "" for none.
        short: printed abbreviation of that name; "" for none.
        programs: General MIDI programs of its notes, each once, in the order in which they come.
        drum: whether it plays percussion sounds alone.
    """

    part: int
    name: str
    short: str
    programs: tuple[int, ...]
    drum: bool


@dataclass(frozen=True, slots=True)
class TempoChange:
    """A change of tempo.

    Attributes:
        tick: where the new tempo begins.
        us_per_quarter: microseconds per quarter note from there on.
    """

    tick: int
    us_per_quarter: int


@dataclass(frozen=True, slots=True)
class PedalChange:
    """A change of the sustain pedal (MIDI controller 64) of a part.

    Attributes:
        tick: where the pedal changes.
        channel: number of the part.
        value: position of the pedal, 0 to 127.
    """

    tick: int
    channel: int
    value: int


@dataclass(frozen=True, slots=True)
class Music:
    """The written music of a piece, before any performance.

    Attributes:
        notes: the notes, sorted by (onset_tick, channel, pitch, cents).
        tempi: tempo changes by tick.
        pedals: pedal changes by tick.
        parts: the parts of the notes, from the top of the score.
    """

    notes: tuple[Note, ...]
    tempi: tuple[TempoChange, ...]
    pedals: tuple[PedalChange, ...]
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """A piece engraved and matched: page images, staves, note heads, and the music they stand for.

    Attributes:
        pages: PNG files of the pages in order (8-bit grey), in the engraver's working folder.
        pdf: the score as one PDF.
        staves: the boxes of all staves, system by system.
        noteheads: all note heads, in reading order.
        music: the written music.
        engine: the engraver, such as "LilyPond 2.25.12".
        warnings: the engraver's errors and warnings.
        repeats: how repeats are performed: "written", "unfolded", or "none" where there are none to unfold.
        repeats_reason: why repeats are not unfolded although they should be; "" otherwise.
        measures: the bars, in the order of the written score.
        beats: how the beats of a MIDI file as source were found (`msmdtools.notate.beats`); "" for others.
    """

    pages: tuple[Path, ...]
    pdf: Path
    staves: tuple[StaffBox, ...]
    noteheads: tuple[NoteHead, ...]
    music: Music
    engine: str
    warnings: tuple[str, ...]
    repeats: str = "written"
    repeats_reason: str = ""
    measures: tuple[Measure, ...] = ()
    beats: str = ""


PIECE = Column("piece", "string", "", "piece id")

SYSTEMS = Table(
    "systems",
    "One row per staff of each system: the box of its staff lines.",
    ("piece", "page", "system", "staff"),
    (
        PIECE,
        Column("page", "int32", "", "page, from 1"),
        Column("system", "int32", "", "system in the piece, from 1"),
        Column("staff", "int32", "", "staff in the system, from 1 at the top"),
        Column("x0", "float64", "px", "left"),
        Column("y0", "float64", "px", "top"),
        Column("x1", "float64", "px", "right"),
        Column("y1", "float64", "px", "bottom"),
    ),
)

MEASURES = Table(
    "measures",
    "One row per bar in each system that it stands in.",
    ("piece", "measure", "system"),
    (
        PIECE,
        Column("page", "int32", "", "page, from 1"),
        Column("system", "int32", "", "system in the piece, from 1"),
        Column(
            "measure",
            "int32",
            "",
            "bar in the piece, from 0, as written; a bar broken over two systems has a row in each",
        ),
        Column(
            "number",
            "string",
            "",
            "bar number of the engraver, as printed where it prints one; empty if it counts none",
        ),
        Column("x0", "float64", "px", "left: the bar line before it, or the start of the system"),
        Column("y0", "float64", "px", "top line of the highest staff of the system"),
        Column("x1", "float64", "px", "right: the bar line after it, or the end of the system"),
        Column("y1", "float64", "px", "bottom line of the lowest staff of the system"),
        Column(
            "onset_quarters", "float64", "quarter notes", "score time from the start of the piece"
        ),
        Column(
            "onset_fraction",
            "string",
            "quarter notes",
            "onset_quarters as an exact fraction, such as 7/3",
        ),
        Column("duration_quarters", "float64", "quarter notes", "length of the bar in this system"),
        Column(
            "duration_fraction", "string", "quarter notes", "duration_quarters as an exact fraction"
        ),
        Column("time_signature", "string", "", "time signature, such as 6/8; empty for none"),
        Column(
            "plays",
            "int32",
            "",
            "how often the performances play it: 1, unless repeats are unfolded",
        ),
    ),
    added=True,
)

PARTS = Table(
    "parts",
    "One row per part of each piece: what one staff plays.",
    ("piece", "part"),
    (
        PIECE,
        Column("part", "int32", "", "number, from 0, in the order in which the parts first sound"),
        Column("place", "int32", "", "place in the score, from 1 at the top"),
        Column(
            "name",
            "string",
            "",
            "printed name of the instrument, without markup; empty if none is printed",
        ),
        Column("short", "string", "", "printed abbreviation of that name; empty if there is none"),
        Column(
            "program", "int32", "", "General MIDI program of its first note; 0 when none is named"
        ),
        Column(
            "programs",
            "list<int32>",
            "",
            "all General MIDI programs of the part; several if the instrument changes",
        ),
        Column("drum", "bool", "", "whether the part plays only General MIDI percussion"),
        Column("events", "int32", "", "note events of one performance"),
    ),
)

NOTEHEADS = Table(
    "noteheads",
    "One row per printed note head.",
    ("piece", "notehead"),
    (
        PIECE,
        Column("notehead", "int32", "", "note head in the piece, from 0, in reading order"),
        Column("page", "int32", "", "page, from 1"),
        Column("system", "int32", "", "system in the piece, from 1; 0 outside of any system"),
        Column(
            "staff", "int32", "", "staff in the system, from 1 at the top; 0 outside of any system"
        ),
        Column("x0", "float64", "px", "left"),
        Column("y0", "float64", "px", "top"),
        Column("x1", "float64", "px", "right"),
        Column("y1", "float64", "px", "bottom"),
        Column("pitch", "int32", "MIDI number", "sounding pitch, to the nearest semitone"),
        Column(
            "cents",
            "float64",
            "cents",
            "deviation from pitch, upwards, for microtones; 0 otherwise",
        ),
        Column(
            "onset_quarters", "float64", "quarter notes", "score time from the start of the piece"
        ),
        Column(
            "onset_fraction",
            "string",
            "quarter notes",
            "onset_quarters as an exact fraction, such as 7/3",
        ),
        Column("duration_quarters", "float64", "quarter notes", "notated duration"),
        Column("grace", "bool", "", "whether it is a grace note"),
        Column(
            "grace_quarters", "float64", "quarter notes", "how far before its onset it is written"
        ),
        Column("role", "string", "", "played, tied or silent"),
        Column("reason", "string", "", "why it is silent; empty otherwise"),
        Column(
            "event",
            "int32",
            "",
            "first event that the head starts or (if tied) continues; -1 if silent",
        ),
        Column(
            "events",
            "list<int32>",
            "",
            "all events of the head; several only if repeats are unfolded",
        ),
        Column("tied_to", "int32", "", "note head whose sound it continues; -1 when none"),
        Column("part", "int32", "", "part of its event; -1 when silent"),
        Column("source", "string", "", "place of its note in the source file", added=True),
    ),
)
