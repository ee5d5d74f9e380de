"""What can be said on a MIDI channel: keys struck and released, pedal, pitch bend and program."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import mido

DRUM_CHANNEL = 9
MELODIC_CHANNELS = tuple(channel for channel in range(16) if channel != DRUM_CHANNEL)
SUSTAIN_PEDAL, SOSTENUTO_PEDAL, SOFT_PEDAL = 64, 66, 67
# Pitch bend goes from -8192 to 8191; without a message to change it, 8192 is two semitones.
BEND_PER_CENT = 8192 / 200
# Before the first change of tempo, 120 quarter notes a minute.
DEFAULT_US_PER_QUARTER = 500_000
SLOWEST_US_PER_QUARTER = 2**24 - 1

# The order of what happens at one tick: a released key may be struck again, and a pedal pressed
# together with a chord does not hold the chord before it. A program is chosen for the next note: those that
# sound already keep theirs.
OFF, PEDAL, BEND, ON, PROGRAM = range(5)

# Of each kind: mido's message, and its names for `Action.number` ("" for none) and `Action.value`.
_MESSAGES = (
    ("note_off", "note", "velocity"),
    ("control_change", "control", "value"),
    ("pitchwheel", "", "pitch"),
    ("note_on", "note", "velocity"),
    ("program_change", "", "program"),
)


class Action(NamedTuple):
    """One change of a key, pedal, pitch bend or program.

    Attributes:
        kind: 0 release, 1 pedal, 2 bend, 3 strike, 4 program of the strike that follows.
        part: `Note.channel` of the note, or of the pedal; each part has a track of its own in a file.
        channel: the MIDI channel, 0 to 15.
        number: key, or controller number; 0 for a bend and a program.
        value: velocity (0 for a release), controller value, bend (8192 is two semitones up), or program.
    """

    tick: int
    kind: int
    part: int
    channel: int
    number: int
    value: int

    def message(self, ticks: int) -> "mido.Message":
        """The MIDI channel message, so many ticks after the one before it."""
        import mido

        kind, number, value = _MESSAGES[self.kind]
        attributes = {"channel": self.channel, value: self.value}
        if number:
            attributes[number] = self.number
        # In range by construction: that mido need not check it saves a third of the file's time.
        return mido.Message(kind, skip_checks=True, time=ticks, **attributes)
