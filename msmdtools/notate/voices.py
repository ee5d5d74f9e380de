"""The voices of a staff: chords that follow each other, each note of the staff in one of them.

Notes that begin together and end together are a chord. A chord goes to a voice that is free: to the one whose last
chord lies nearest, and to a new one only if none is free. Where all voices of a staff are taken, the chord among
them that would end first is cut short, or notes that begin together become one chord: no note is left out. Played
notes are seldom held to the end: they are written up to the next of their voice if not much is missing.

One key that is struck twice at the same score time on one staff is one head; the other note is an `Unison`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from msmdtools.notate.quantise import Placed

_MOST_WRITTEN, _MOST_PLAYED = 4, 2
# A played note is written up to the next one if it lasts for at least this part of the way.
_HELD = Fraction(2, 5)
# Beyond the next note of the voice, an end is legato and no second voice, within this part of a quarter note.
_LEGATO = Fraction(1, 2)
_DRUM = Fraction(1)


@dataclass(slots=True)
class Chord:
    """Notes of a voice that begin together.

    Attributes:
        onset, offset: quarter notes from the start of the score; equal for grace notes.
        notes: (pitch, index in `MidiFile.notes`), from the lowest.
    """

    onset: Fraction
    offset: Fraction
    notes: list[tuple[int, int]]

    @property
    def height(self) -> float:
        """The mean pitch."""
        return sum(pitch for pitch, _ in self.notes) / len(self.notes)


@dataclass(frozen=True, slots=True)
class Unison:
    """A note whose head is that of another.

    Attributes:
        index: of the note in `MidiFile.notes`.
        other: index of the note that has the head.
    """

    index: int
    other: int


def make_voices(
    notes: Sequence[Placed], *, written: bool, drum: bool = False
) -> tuple[list[list[Chord]], list[Unison]]:
    """Divide the notes of a staff into voices.

    Args:
        notes: of the staff.
        written: whether lengths are those of a score; otherwise they were played.
        drum: whether they are percussion sounds, whose lengths mean nothing: each lasts up to the next one, but
            for one quarter note at most.

    Returns:
        The voices, each by onset without overlaps, and the notes that have no head of their own.
    """
    if drum:
        notes = [replace(note, offset=note.onset + _DRUM) for note in notes]
    single, unisons = _single(notes)
    most = 1 if drum else _MOST_WRITTEN if written else _MOST_PLAYED
    voices: list[list[Chord]] = []
    by_onset: dict[Fraction, list[Placed]] = {}
    for note in sorted(single, key=lambda n: (n.onset, -n.pitch)):
        by_onset.setdefault(note.onset, []).append(note)
    for begun in by_onset.values():
        chords = _chords(begun, drum or not written)
        for chord in _at_most(chords, most):
            _join(voices, chord, most, Fraction(0) if written else _LEGATO)
    for voice in voices:
        _close_gaps(voice, written, drum)
    return voices, unisons


def _single(notes: Iterable[Placed]) -> tuple[list[Placed], list[Unison]]:
    """The notes that have a head of their own, the longest of each key and time, and the others."""
    longest: dict[tuple[Fraction, int, bool], Placed] = {}
    others = []
    for note in sorted(notes, key=lambda n: (n.onset - n.offset, n.index)):
        key = note.onset, note.pitch, note.onset == note.offset
        if longest.setdefault(key, note) is not note:
            others.append(Unison(note.index, longest[key].index))
    return list(longest.values()), others


def _chords(begun: Sequence[Placed], one: bool) -> list[Chord]:
    """Chords of notes that begin together, from the highest; grace notes last.

    Args:
        one: whether all make one chord, as long as the longest, if none is held for more than twice as long.
    """
    by_offset: dict[Fraction, list[Placed]] = {}
    onset = begun[0].onset
    longest = max(note.offset for note in begun) - onset
    for note in begun:
        length = note.offset - onset
        alike = one and length and 2 * length >= longest
        by_offset.setdefault(onset + longest if alike else note.offset, []).append(note)
    chords = [
        Chord(onset, offset, sorted((n.pitch, n.index) for n in notes))
        for offset, notes in by_offset.items()
    ]
    return sorted(chords, key=lambda chord: (chord.onset == chord.offset, -chord.height))


def _at_most(chords: list[Chord], most: int) -> list[Chord]:
    """The chords of one onset, those nearest in length joined until they are few enough."""
    sounding = [chord for chord in chords if chord.offset > chord.onset]
    graces = [chord for chord in chords if chord.offset == chord.onset]
    while len(sounding) > most:
        ordered = sorted(sounding, key=lambda chord: chord.offset)
        a, b = min(pairwise(ordered), key=lambda ab: ab[1].offset - ab[0].offset)
        sounding.remove(b)
        a.notes = sorted(a.notes + b.notes)
        a.offset = b.offset
    return sorted(sounding, key=lambda chord: -chord.height) + graces


def _join(voices: list[list[Chord]], chord: Chord, most: int, legato: Fraction) -> None:
    """Append a chord to the voice that suits it best."""
    if chord.offset == chord.onset:
        # A grace note stands before what begins at its time.
        main = next((v for v in voices if v[-1].onset == chord.onset < v[-1].offset), None)
        if main is not None:
            main.insert(len(main) - 1, chord)
            return
    free = [
        voice
        for voice in voices
        if voice[-1].onset < chord.onset and voice[-1].offset <= chord.onset + legato
    ]
    if free:
        voice = min(free, key=lambda v: abs(v[-1].height - chord.height))
    elif len(voices) < most:
        voices.append([chord])
        return
    else:
        usable = [voice for voice in voices if voice[-1].onset < chord.onset]
        voice = min(usable or voices, key=lambda v: v[-1].offset)
    before = voice[-1]
    before.offset = min(before.offset, max(chord.onset, before.onset))
    voice.append(chord)


def _close_gaps(voice: list[Chord], written: bool, drum: bool) -> None:
    """Write played notes up to the next of their voice, where not much is missing."""
    if written and not drum:
        return
    for chord, following in pairwise(voice):
        way = following.onset - chord.onset
        if not way or chord.offset == chord.onset:
            continue
        if drum:
            chord.offset = chord.onset + min(way, _DRUM)
        elif chord.offset - chord.onset >= _HELD * way:
            chord.offset = following.onset
    if drum:
        voice[-1].offset = voice[-1].onset + _DRUM
