"""Build the MIDI file of an unfolded performance, in which a passage sounds each time as it is written.

Each time its tempo, velocities and pedal are those of its place on the page, not those of the passage before.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeVar

from msmdtools.engrave.lilypond.records import PlayedNote, Records
from msmdtools.match.music import midi_notes_of, moment_tick, root_of, span, tracks_of_parts
from msmdtools.match.repeats import Passage
from msmdtools.match.seams import Seams
from msmdtools.match.ties import tied_from
from msmdtools.midi.actions import DEFAULT_US_PER_QUARTER
from msmdtools.midi.reading import Change, MidiFile, MidiNote

V = TypeVar("V")
PEDAL_UP = 0


@dataclass(frozen=True, slots=True)
class _Sounds:
    """The notes of LilyPond's MIDI files beside the recorded notes.

    Attributes:
        notes: the MIDI note of each recorded note that is struck.
        continued: for each note that continues another one, the index of that other note.
        late: for each chain of tied notes how many ticks later it ends than written (usually negative).
        unrecorded: the MIDI notes of each performance that have no recorded note.
    """

    notes: dict[int, MidiNote]
    continued: dict[int, int]
    late: dict[tuple[int, ...], int]
    unrecorded: tuple[tuple[MidiNote, ...], ...]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A passage in ticks: from `first`, where its grace notes begin, up to `last`; to be moved by `shift`."""

    first: int
    last: int
    shift: int


def unfold_midis(
    records: Records,
    midis: Sequence[MidiFile],
    unfolded: Records,
    recorded: Sequence[int],
    orders: Sequence[Sequence[Passage]],
    seams: Seams,
) -> tuple[MidiFile, ...]:
    """The MIDI files for unfolded records.

    Args:
        records: the records as LilyPond wrote them.
        midis: the MIDI files as LilyPond wrote them.
        unfolded: the unfolded records.
        recorded: for each played note of `unfolded` its index in `records.played`.
        orders: the passages of each performance.
        seams: the edges of all repeats and endings.

    Returns:
        A MIDI file for each performance.
    """
    sounds = _sounds(records, midis)
    notes: dict[int, list[MidiNote]] = defaultdict(list)
    graces = _graces(unfolded)
    for chain in _chains(tied_from(unfolded.played, unfolded.ties), len(recorded)).values():
        source = sounds.notes.get(root_of(recorded[chain[0]], sounds.continued))
        if source is not None:
            note = unfolded.played[chain[0]]
            start = records.starts[note.performance]
            onset, _ = span(note, start)
            _, end = span(unfolded.played[chain[-1]], start)
            end += sounds.late.get(tuple(recorded[k] for k in chain), 0)
            end = min(end, _cut(graces, unfolded.played[chain[-1]], start, end))
            moved = replace(source, onset_tick=onset, offset_tick=max(end, onset + 1))
            notes[note.performance].append(moved)
    result = []
    for p, midi in enumerate(midis):
        stretches = _stretches(records, p, orders[p], seams)
        notes[p] += (
            replace(n, onset_tick=n.onset_tick + s.shift, offset_tick=n.offset_tick + s.shift)
            for s in stretches
            for n in sounds.unrecorded[p]
            if s.first <= n.onset_tick < s.last
        )
        result.append(_unfolded(midi, notes[p], stretches))
    return tuple(result)


def _sounds(records: Records, midis: Sequence[MidiFile]) -> _Sounds:
    played = records.played
    continued = tied_from(played, records.ties)
    notes: dict[int, MidiNote] = {}
    unrecorded = []
    for p, (midi, start) in enumerate(zip(midis, records.starts, strict=True)):
        ticks = {i: span(note, start) for i, note in enumerate(played) if note.performance == p}
        tracks = tracks_of_parts(played, ticks, midi)
        midi_notes, _ = midi_notes_of(played, ticks, continued, midi, tracks)
        notes |= {i: note for i, note in midi_notes.items() if note is not None}
        unrecorded.append(tuple({*midi.notes} - {notes[i] for i in ticks if i in notes}))
    late = {}
    graces = _graces(records)
    for root, chain in _chains(continued, len(played)).items():
        if root in notes:
            start = records.starts[played[root].performance]
            _, end = span(played[chain[-1]], start)
            # A note that makes room for grace notes here need not do so where something else follows.
            if notes[root].offset_tick != _cut(graces, played[chain[-1]], start, end):
                late[tuple(chain)] = notes[root].offset_tick - end
    return _Sounds(notes, continued, late, tuple(unrecorded))


def _chains(continued: Mapping[int, int], count: int) -> dict[int, list[int]]:
    """For each note that presses a key, the notes that make up its sound: itself, and those tied to it."""
    chains: dict[int, list[int]] = {i: [i] for i in range(count) if i not in continued}
    for i in continued:
        chains[root_of(i, continued)].append(i)
    return chains


def _graces(records: Records) -> dict[tuple[int, int, Fraction], Fraction]:
    """For each performance, voice and moment the grace time of the first grace note before it."""
    graces: dict[tuple[int, int, Fraction], Fraction] = {}
    for note in records.played:
        if note.grace:
            key = (note.performance, note.voice, note.onset)
            graces[key] = min(note.grace, graces.get(key, note.grace))
    return graces


def _cut(
    graces: Mapping[tuple[int, int, Fraction], Fraction],
    note: PlayedNote,
    start: tuple[Fraction, Fraction],
    end: int,
) -> int:
    """The tick at which a note gives way to grace notes of its voice, as in LilyPond's MIDI, else `end`."""
    until = note.onset + note.length
    grace = graces.get((note.performance, note.voice, until))
    if note.grace or grace is None:
        return end
    return moment_tick(until, grace, start)


def _stretches(
    records: Records, performance: int, order: Sequence[Passage], seams: Seams
) -> list[_Stretch]:
    start = records.starts[performance]
    lead = {edge: moment_tick(edge, edge * 0, start) for p in order for edge in (p.start, p.end)}
    for note in records.played:
        if note.performance == performance and note.grace and note.onset in lead:
            place = seams.place(performance, note.staff, note.onset, note.grace)
            if place == (note.onset, 0):
                tick = moment_tick(note.onset, note.grace, start)
                lead[note.onset] = min(lead[note.onset], tick)
    return [
        _Stretch(
            lead[p.start],
            lead[p.end],
            moment_tick(p.start + p.shift, p.start * 0, start)
            - moment_tick(p.start, p.start * 0, start),
        )
        for p in order
    ]


def _unfolded(midi: MidiFile, notes: Sequence[MidiNote], stretches: Sequence[_Stretch]) -> MidiFile:
    pedals: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for tick, track, channel, value in midi.pedals:
        pedals[track, channel].append((tick, value))
    moved = [
        Change(tick, *of, value)
        for of, changes in pedals.items()
        for tick, value in _changes(changes, stretches, PEDAL_UP)
    ]
    return MidiFile(
        midi.ticks_per_quarter,
        notes=tuple(sorted(notes, key=lambda n: (n.onset_tick, n.track, n.pitch))),
        tempi=tuple(_changes(midi.tempi, stretches, DEFAULT_US_PER_QUARTER)),
        pedals=tuple(sorted(moved, key=lambda change: change[:3])),
        end_tick=midi.end_tick + stretches[-1].shift,
    )


def _changes(
    changes: Sequence[tuple[int, V]], stretches: Sequence[_Stretch], before: V
) -> list[tuple[int, V]]:
    """The changes of a value, (tick, value), in unfolded time; at a seam it becomes the value at the new place.

    Args:
        changes: by tick.
        before: the value before the first change.
    """
    result: list[tuple[int, V]] = []
    for stretch in stretches:
        begin = stretch.first + stretch.shift
        # The grace notes of this stretch sound in the last moments of the one before.
        while result and result[-1][0] >= begin:
            result.pop()
        values = [value for tick, value in changes if tick <= stretch.first]
        value = values[-1] if values else before
        if value != (result[-1][1] if result else before):
            result.append((max(begin, 0), value))
        result += (
            (tick + stretch.shift, value)
            for tick, value in changes
            if stretch.first < tick < stretch.last
        )
    return result
