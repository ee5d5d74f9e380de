"""The notes of a document while its music is computed, in whole units of time (`msmdtools.mei.durations`)."""

from dataclasses import dataclass, field

from msmdtools.mei.staves import Staff


@dataclass(slots=True, eq=False)
class Sound:
    """A note, or the repetition of one by a measure repeat.

    Attributes:
        id: its id; "" for a repetition.
        staff: the staff that it stands on.
        home: number of the staff whose layer it belongs to.
        layer: number of its layer.
        bar: index of its bar.
        pitch: sounding pitch (-1 for none).
        written: printed pitch.
        cents: above both.
        drum: whether the pitch names a General MIDI percussion sound.
        onset: written time at which it begins, or the main note of a grace note does.
        duration: notated.
        span: how long it sounds as written.
        grace: how far before `onset` a grace note begins, in written length; 0 for others.
        reason: why it makes no sound of its own; "" if it does.
        visible: whether its head is printed.
        velocity: the one that it names; 0 for none.
        program: General MIDI program.
        grace_after: written length of the grace notes of its layer that begin where it ends.
        tied: the note that its tie comes from.
        onwards: whether a tie leads on from it, wherever to.
        stroke: length of one stroke of its tremolo; 0 for none.
        apart: from one of its strokes to the next; 0 for none.
        repeats: the note that a measure repeat repeats; None for notes of the document.
    """

    id: str
    staff: Staff
    home: int
    layer: int
    bar: int
    pitch: int
    written: int
    cents: float
    drum: bool
    onset: int
    duration: int
    span: int
    grace: int = 0
    reason: str = ""
    visible: bool = True
    velocity: int = 0
    program: int = 0
    grace_after: int = 0
    tied: "Sound | None" = None
    onwards: bool = False
    stroke: int = 0
    apart: int = 0
    repeats: "Sound | None" = None


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign that repeats what stands before it in its layer.

    Attributes:
        home: number of the staff.
        layer: number of the layer.
        at: written time at which the repetition begins.
        length: how long it is.
        bars: how many bars before it the music stands that it repeats; 0 for part of a bar.
        back: how far before it that music stands, where it is part of a bar.
    """

    home: int
    layer: int
    at: int
    length: int
    bars: int
    back: int


@dataclass(slots=True, eq=False)
class Bar:
    """A bar.

    Attributes:
        id: its id.
        number: printed.
        start: written time.
        length: the longest of its layers.
        signature: such as "6/8".
        beat: what the lower number of the signature stands for.
        sounds: its notes.
        inner: (written time, form) of bar lines inside of it.
        signs: signs of repetition in it.
    """

    index: int
    id: str
    number: str
    start: int
    length: int
    signature: str
    sounds: list[Sound] = field(default_factory=list)
    inner: list[tuple[int, str]] = field(default_factory=list)
    signs: list[Sign] = field(default_factory=list)
    beat: int = 0

    @property
    def end(self) -> int:
        """Written time at which it ends."""
        return self.start + self.length
