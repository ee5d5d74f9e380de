"""Keys, and how pitches are spelled in them.

The keys are those of the file. A file without any has the key that music21 finds in the durations of its pitch
classes (Krumhansl and Schmuckler, with the weights of Aarden and Essen). A pitch class has the spelling that lies
nearest to the key on the line of fifths, up to the raised leading note.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from msmdtools.midi.actions import DRUM_CHANNEL
from msmdtools.midi.reading import MidiFile
from msmdtools.notate.quantise import Placed

_STEPS = "FCGDAEB"
_CLASSES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
# From the tonic of the major key with the same signature: four fifths down and seven up; in minor, two and nine.
_DOWN_MAJOR, _DOWN_MINOR = 4, 2
_MOST_SHARPS = 7


@dataclass(frozen=True, slots=True)
class ScoreKey:
    """A key signature.

    Attributes:
        onset: where it begins, in quarter notes.
        sharps: number of sharps; flats are negative.
        minor: whether the key is minor.
    """

    onset: Fraction
    sharps: int
    minor: bool


@dataclass(frozen=True, slots=True)
class Spelled:
    """A pitch as it is written.

    Attributes:
        step: "A" to "G".
        alter: sharps; flats are negative.
        octave: the one of middle C is 4.
    """

    step: str
    alter: int
    octave: int


def find_keys(file: MidiFile, notes: Sequence[Placed], beats: Iterable[Fraction]) -> list[ScoreKey]:
    """The keys of a score, the first one at its start.

    Args:
        file: the MIDI file.
        notes: its notes in score time.
        beats: the score time of each of its key signatures.
    """
    given = [
        ScoreKey(onset, max(-_MOST_SHARPS, min(sharps, _MOST_SHARPS)), minor)
        for onset, (_, sharps, minor) in zip(beats, file.keys, strict=True)
    ]
    # Many programs write C major where they know none.
    if all(key.sharps == 0 and not key.minor for key in given):
        return [_analysed(file, notes)]
    return given if given[0].onset == 0 else [ScoreKey(Fraction(0), 0, False), *given]


def _analysed(file: MidiFile, notes: Sequence[Placed]) -> ScoreKey:
    from music21 import analysis, note, stream

    lengths = [Fraction(0)] * 12
    for placed in notes:
        if file.notes[placed.index].channel != DRUM_CHANNEL:
            lengths[placed.pitch % 12] += placed.offset - placed.onset
    music: Any = stream.Stream()
    for pitch, length in enumerate(lengths):
        if length:
            music.append(note.Note(60 + pitch, quarterLength=float(length)))
    if not len(music):
        return ScoreKey(Fraction(0), 0, False)
    found = analysis.discrete.AardenEssen().getSolution(music)
    sharps = found.sharps if abs(found.sharps) <= _MOST_SHARPS else found.sharps - 12
    return ScoreKey(Fraction(0), sharps, found.mode == "minor")


def spell(pitch: int, key: ScoreKey) -> Spelled:
    """Spell a MIDI pitch in a key."""
    lowest = key.sharps - (_DOWN_MINOR if key.minor else _DOWN_MAJOR)
    fifth = lowest + (7 * pitch - lowest) % 12
    step = _STEPS[(fifth + 1) % 7]
    alter = (fifth + 1) // 7
    return Spelled(step, alter, (pitch - alter - _CLASSES[step]) // 12 - 1)


@dataclass(slots=True)
class Accidentals:
    """The accidentals in force in a bar of a staff.

    Attributes:
        sharps: those of the key signature.
    """

    sharps: int
    _shown: dict[tuple[str, int], int] = field(default_factory=dict)

    def sign(self, pitch: Spelled) -> int | None:
        """The accidental to print before a note, and keep in force: its `alter`; None for none."""
        in_key = (self.sharps + 6 - _STEPS.index(pitch.step)) // 7
        place = pitch.step, pitch.octave
        if self._shown.get(place, in_key) == pitch.alter:
            return None
        self._shown[place] = pitch.alter
        return pitch.alter
