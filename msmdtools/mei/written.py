"""Written music: the notes of an encoding, the keys that are struck for them, and its bars.

Times are quarter notes as exact fractions. The time of notes and bars is *written time*: that of the page, from
left to right. The time of strikes, tempi and pedals is *played time*; both are the same unless repeats are
unfolded.
"""

from dataclasses import dataclass
from fractions import Fraction

from msmdtools.score import Part, PedalChange, TempoChange


@dataclass(frozen=True, slots=True)
class WrittenNote:
    """One note of the encoding, whether it is printed or not.

    Attributes:
        id: its id in the encoding.
        staff: number of its staff in the score, from 1 at the top.
        layer: number of its layer (voice) in that staff, as the encoding gives it.
        measure: index of its bar, from 0.
        pitch: sounding pitch, as the MIDI number of the nearest semitone; a General MIDI percussion sound for
            drums; -1 where it has none.
        written_pitch: MIDI number of the pitch as it is printed, without transposition or octave sign.
        cents: how far above `pitch` a microtone sounds, in cents (0 for others).
        onset: written time of its main note if it is a grace note, else its own.
        duration: notated duration; for a grace note that of its sign.
        grace: how far before `onset` a grace note is written, in quarter notes of grace time; 0 for others.
        reason: why it makes no sound of its own; "" where it starts a strike or continues one.
        strikes: indices of the strikes that it starts; several when repeats are unfolded.
        continues: indices of the strikes that it continues by a tie.
        tied_to: id of the note whose sound it continues; "" for none.
    """

    id: str
    staff: int
    layer: int
    measure: int
    pitch: int
    written_pitch: int
    cents: float
    onset: Fraction
    duration: Fraction
    grace: Fraction
    reason: str
    strikes: tuple[int, ...]
    continues: tuple[int, ...]
    tied_to: str


@dataclass(frozen=True, slots=True)
class Strike:
    """One key struck.

    Attributes:
        onset: played time at which the key is struck, in quarter notes, never negative.
        offset: played time at which it is released.
        pitch: MIDI number, the nearest semitone.
        cents: how far above `pitch` it sounds, in cents.
        velocity: MIDI velocity.
        part: number of the part that plays it (`Part.part`).
        drum: whether the pitch names a General MIDI percussion sound.
        program: General MIDI program (0 for drums).
        ids: the notes that start it; empty where no note of the encoding does.
        reason: why no note starts it: "percent-repetition" or "tremolo-repetition"; "" where one does.
    """

    onset: Fraction
    offset: Fraction
    pitch: int
    cents: float
    velocity: int
    part: int
    drum: bool
    program: int
    ids: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class WrittenMeasure:
    """One bar of the encoding.

    Attributes:
        index: from 0, in the order of the page.
        id: its id in the encoding.
        number: its number as printed text.
        onset: written time at which it begins.
        duration: its length; the longest of its layers counts.
        time_signature: the one in force, such as "6/8"; "" where there is none.
        plays: how often it is played.
    """

    index: int
    id: str
    number: str
    onset: Fraction
    duration: Fraction
    time_signature: str
    plays: int


@dataclass(frozen=True, slots=True)
class Written:
    """The written music of an encoding.

    Attributes:
        notes: all notes of the encoding, in its order.
        strikes: the keys struck, by (onset, part, pitch, cents).
        tempi: tempo changes by tick, in played time.
        pedals: pedal changes by tick, in played time.
        parts: the parts that sound, from the top of the score; one for each staff.
        measures: the bars, in the order of the page.
        repeats: how repeats are performed: "written", "unfolded", or "none" where there are none to unfold.
        repeats_reason: why repeats are not unfolded although they should be; "" otherwise.
    """

    notes: tuple[WrittenNote, ...]
    strikes: tuple[Strike, ...]
    tempi: tuple[TempoChange, ...]
    pedals: tuple[PedalChange, ...]
    parts: tuple[Part, ...]
    measures: tuple[WrittenMeasure, ...]
    repeats: str = "written"
    repeats_reason: str = ""
