"""The parts and staves of a score, from the tracks, channels and programs of a MIDI file.

- All that is played on the drum channel is one part, on a percussion staff.
- Notes of keyboards (pianos, organs and others with two staves; a file that names no program is played on a
  piano) belong to one part as long as their tracks have the same name, or there are two such tracks and no more,
  each of which one hand can play. If two tracks, or two channels of one track, make the part, each is a hand, the
  higher one on the upper staff. Otherwise `hands` divides them; a melody, or what one hand plays alone, has one
  staff.
- Every other channel of every track is a part of one staff.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from msmdtools.midi.actions import DRUM_CHANNEL
from msmdtools.midi.reading import MidiFile, MidiNote
from msmdtools.notate.hands import right_hand
from msmdtools.notate.quantise import Placed

# Of General MIDI: pianos, celesta to dulcimer and organs, then harp.
_KEYBOARDS = frozenset((-1, *range(24), 46))
_PIANO = "Piano"
# A twelfth, in semitones, is the widest chord of a hand; so large a share of chords may be wider.
_HAND, _SELDOM = 19, 0.02
_MELODY = 24
_DRUMS = "Drums"

Stream = tuple[int, int]
"""What one channel of one track plays: (track, channel)."""


@dataclass(frozen=True, slots=True)
class ScorePart:
    """A part of the score.

    Attributes:
        name: printed before its first system.
        program: General MIDI program of its first note, 0 where there is none.
        staves: the notes of its staves, from the top.
        drum: whether it plays percussion sounds.
    """

    name: str
    program: int
    staves: tuple[tuple[Placed, ...], ...]
    drum: bool = False


def make_parts(file: MidiFile, placed: Sequence[Placed]) -> list[ScorePart]:
    """Divide the notes of a file into parts and staves; drums are last."""
    streams: dict[Stream, list[Placed]] = {}
    for note in placed:
        given = file.notes[note.index]
        streams.setdefault((given.track, given.channel), []).append(note)
    parts = []
    taken: set[Stream] = set()
    for stream in sorted(streams):
        if stream in taken or stream[1] == DRUM_CHANNEL:
            continue
        members = _members(file, streams, stream)
        taken |= set(members)
        parts.append(_part(file, {member: streams[member] for member in members}))
    drums = [
        note
        for (_, channel), notes in sorted(streams.items())
        if channel == DRUM_CHANNEL
        for note in notes
    ]
    if drums:
        tracks = {file.notes[note.index].track for note in drums}
        alone = all(track not in tracks for track, channel in streams if channel != DRUM_CHANNEL)
        name = file.name(min(tracks)) if alone else ""
        drums.sort(key=lambda note: note.index)
        parts.append(ScorePart(name or _DRUMS, 0, (tuple(drums),), True))
    return parts


def _members(
    file: MidiFile, streams: Mapping[Stream, Sequence[Placed]], stream: Stream
) -> list[Stream]:
    """The streams that belong to the part of one of them."""
    keyboards = [
        s for s in sorted(streams) if s[1] != DRUM_CHANNEL and _is_keyboard(file, streams[s])
    ]
    if stream not in keyboards:
        return [stream]
    if len(keyboards) == 2 and all(_for_one_hand(streams[s]) for s in keyboards):
        return keyboards
    name = file.name(stream[0])
    return [s for s in keyboards if s[0] == stream[0] or (name and file.name(s[0]) == name)]


def _is_keyboard(file: MidiFile, notes: Sequence[Placed]) -> bool:
    return file.notes[notes[0].index].program in _KEYBOARDS


def _part(file: MidiFile, streams: Mapping[Stream, Sequence[Placed]]) -> ScorePart:
    notes = sorted((note for s in streams.values() for note in s), key=lambda note: note.index)
    first = file.notes[notes[0].index]
    name = file.name(first.track) or _instrument(first)
    program = max(first.program, 0)
    if not _is_keyboard(file, notes):
        return ScorePart(name, program, (tuple(notes),))
    by_track: dict[int, list[Placed]] = {}
    for (track, _), members in streams.items():
        by_track.setdefault(track, []).extend(members)
    hands = list(by_track.values() if len(by_track) == 2 else streams.values())
    if len(hands) == 2 and all(map(_for_one_hand, hands)):
        hands.sort(key=lambda hand: -sum(n.pitch for n in hand) / len(hand))
    elif len(hands) == 1 and _is_melody(notes):
        hands = [notes]
    else:
        right = right_hand(notes)
        hands = [[n for n in notes if n.index in right], [n for n in notes if n.index not in right]]
    hands = list(filter(None, hands)) if len(streams) == 1 else hands
    return ScorePart(_PIANO if program == 0 else name, program, tuple(map(tuple, hands)))


def _for_one_hand(notes: Sequence[Placed]) -> bool:
    """Whether hardly any of the chords that are struck together are too wide for a hand."""
    pitches: dict[Fraction, list[int]] = {}
    for note in notes:
        pitches.setdefault(note.onset, []).append(note.pitch)
    wide = sum(max(chord) - min(chord) > _HAND for chord in pitches.values())
    return wide <= _SELDOM * len(pitches)


def _is_melody(notes: Sequence[Placed]) -> bool:
    """Whether notes never sound together, and stay within two octaves."""
    ordered = sorted(notes, key=lambda note: note.onset)
    apart = all(a.offset <= b.onset for a, b in pairwise(ordered))
    pitches = [note.pitch for note in notes]
    return apart and max(pitches) - min(pitches) <= _MELODY


def _instrument(note: MidiNote) -> str:
    """The name of a note's instrument in General MIDI."""
    from music21 import exceptions21, instrument

    if note.program < 0:
        return _PIANO
    try:
        found = instrument.instrumentFromMidiProgram(note.program)
    except exceptions21.InstrumentException:  # it knows none for a few sound effects
        return f"Program {note.program}"
    return str(found.instrumentName or f"Program {note.program}")
