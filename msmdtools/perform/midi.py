"""Write a performance as a standard MIDI file, and allocate MIDI channels to its notes.

The file keeps the score's ticks, so that bars and beats stay where a sequencer expects them; only
the tempo changes are scaled. A tempo in a MIDI file is a whole number of microseconds per quarter
note, which `us / tempo` rarely is, and rounding it would let a long piece drift by milliseconds. So
such a tempo is written as two that alternate, one just above and one just below, such that the
error is made good at least every `CORRECTION_QUARTERS` quarters: it never exceeds 16 µs and does
not add up.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from msmdtools.base.files import write_atomically
from msmdtools.errors import PieceError
from msmdtools.midi import writing
from msmdtools.midi.actions import (
    BEND,
    BEND_PER_CENT,
    DRUM_CHANNEL,
    MELODIC_CHANNELS,
    OFF,
    ON,
    PEDAL,
    PROGRAM,
    SLOWEST_US_PER_QUARTER,
    SUSTAIN_PEDAL,
    Action,
)
from msmdtools.perform.timing import TickMap, sounding_end, velocity_of
from msmdtools.performance import PerformanceSpec
from msmdtools.score import TICKS_PER_QUARTER, Music

CORRECTION_QUARTERS = 64

Part = tuple[int, float]
"""The number of a part, and how many cents its notes are above their keys."""


def allocate_channels(music: Music) -> list[int]:
    """The MIDI channel of every note of `music`.

    Two notes of one key on one channel cut each other short, so notes of the same key that overlap
    go to different channels as long as there are any. Drum notes go to channel 9 (the tenth), all
    others never. The parts in ascending order have the 15 other channels as their homes, beginning
    again when there are more parts. A note takes the first channel in which its key is free, of:
    its home; channels that are no part's home, those which already carry its part first; the homes
    of others. A key is free from the release of its last note on, for a note of the same part; for
    one of another part, later than that (in a file of several tracks the order of two parts'
    messages at one tick is the player's choice). Where the key sounds in all of them (15 times at
    once), the home is struck again.

    Notes of a part that are a number of cents off their keys count as a part of their own, since a bend holds
    for all notes of a channel. While a note sounds, its channel is free for notes of the same bend alone.
    """
    parts = sorted({(note.channel, note.cents) for note in music.notes if not note.drum})
    homes = {part: MELODIC_CHANNELS[i % 15] for i, part in enumerate(parts)}
    shared = [channel for channel in MELODIC_CHANNELS if channel not in homes.values()]
    homes_of_parts = [channel for channel in MELODIC_CHANNELS if channel in homes.values()]
    key_ends: dict[tuple[int, int], tuple[int, Part]] = {}
    bent: dict[int, tuple[int, Part]] = {}
    borrowed: dict[Part, list[int]] = {part: [] for part in parts}
    channels = []
    for note in music.notes:
        if note.drum:
            channels.append(DRUM_CHANNEL)
            continue
        part, key = (note.channel, note.cents), note.pitch
        home = homes[part]

        def free(
            channel: int, part: Part = part, key: int = key, start: int = note.onset_tick
        ) -> bool:
            end, owner = key_ends.get((channel, key), (-1, part))
            bent_until, (_, cents) = bent.get(channel, (-1, part))
            return (end < start or (end == start and owner == part)) and (
                cents == part[1] or bent_until < start
            )

        channel = home
        if not free(home):
            candidates = (*borrowed[part], *shared, *homes_of_parts)
            channel = next((c for c in candidates if free(c)), home)
            if channel not in (home, *borrowed[part]):
                borrowed[part].append(channel)
        end = sounding_end(note)
        key_ends[channel, key] = (max(end, key_ends.get((channel, key), (0, part))[0]), part)
        bent[channel] = (max(end, bent.get(channel, (0, part))[0]), part)
        channels.append(channel)
    return channels


def _first_programs(
    music: Music, spec: PerformanceSpec, channels: Sequence[int]
) -> dict[tuple[int, int], int]:
    """The program that each (part, channel) begins with, in their order; 0 for drums.

    Args:
        channels: the channel of each note (`allocate_channels`).
    """
    programs: dict[tuple[int, int], int] = {}
    for note, channel in zip(music.notes, channels, strict=True):
        melodic = note.program if spec.program is None else spec.program
        programs.setdefault((note.channel, channel), 0 if note.drum else melodic)
    return dict(sorted(programs.items()))


@dataclass(frozen=True, slots=True)
class Plan:
    """The messages for a synthesizer.

    Attributes:
        programs: the program that each (part, channel) begins with, in their order; 0 for drums.
        actions: all changes after that; see `actions`.
    """

    programs: dict[tuple[int, int], int]
    actions: list[Action]


def actions(music: Music, spec: PerformanceSpec) -> list[Action]:
    """Every change after the first programs, by tick; at one tick releases, pedals, bends, then strikes.

    A part's pedal is pressed on every channel that carries notes of the part, and its track has all bends
    and programs of its notes, also those that another part has made already.
    """
    return plan(music, spec).actions


def plan(music: Music, spec: PerformanceSpec) -> Plan:
    """The programs to begin with, and all changes after that (`actions`)."""
    channels = allocate_channels(music)
    carried: dict[int, set[int]] = {}
    bends: dict[int, int] = {}
    part_bends: dict[tuple[int, int], int] = {}
    first_programs = _first_programs(music, spec, channels)
    chosen = dict(first_programs)
    programs = {channel: program for (_, channel), program in chosen.items()}
    result: list[Action] = []
    for note, channel in zip(music.notes, channels, strict=True):
        carried.setdefault(note.channel, set()).add(channel)
        part, key = note.channel, note.pitch
        bend = round(note.cents * BEND_PER_CENT)
        if bend != bends.get(channel, 0) or bend != part_bends.get((part, channel), 0):
            result.append(Action(note.onset_tick, BEND, part, channel, 0, bend))
        bends[channel] = part_bends[part, channel] = bend
        program = chosen[part, channel] if spec.program is not None or note.drum else note.program
        if program != programs[channel] or program != chosen[part, channel]:
            result.append(Action(note.onset_tick, PROGRAM, part, channel, 0, program))
        programs[channel] = chosen[part, channel] = program
        strike = Action(note.onset_tick, ON, part, channel, key, velocity_of(note, spec))
        result += (strike, Action(sounding_end(note), OFF, part, channel, key, 0))
    for pedal in music.pedals:
        for channel in sorted(carried.get(pedal.channel, ())):
            value = min(max(pedal.value, 0), 127)
            tick = max(pedal.tick, 0)
            result.append(Action(tick, PEDAL, pedal.channel, channel, SUSTAIN_PEDAL, value))
    result.sort(key=lambda action: (action.tick, min(action.kind, ON)))
    return Plan(first_programs, result)


def tempo_changes(music: Music, spec: PerformanceSpec) -> list[tuple[int, int]]:
    """Tempo changes for a MIDI file: (tick, whole µs per quarter note), so that ticks fall on the events' seconds.

    Raises:
        PieceError: a tempo is slower than a MIDI file can record (16.8 s per quarter note).
    """
    tick_map = TickMap.of(music.tempi, spec.tempo)
    last_tick = max((sounding_end(note) for note in music.notes), default=0)
    last_tick = max(last_tick, *(pedal.tick for pedal in music.pedals), 0)
    starts = tick_map.ticks.tolist()
    result: list[tuple[int, int]] = []
    for start, end, source_us in zip(
        starts, [*starts[1:], last_tick], tick_map.us_per_quarter.tolist(), strict=True
    ):
        exact = source_us / spec.tempo
        if not 0.5 <= exact <= SLOWEST_US_PER_QUARTER:
            bpm = 60e6 / exact
            message = (
                f"{bpm:.2f} quarter notes a minute at tempo {spec.tempo} do not fit in a MIDI file"
            )
            raise PieceError("perform", "tempo-out-of-range", message)
        for tick, us in _alternating(start, max(end, start + 1), exact):
            if not result or us != result[-1][1]:
                result.append((tick, us))
    return result


def _alternating(start: int, end: int, exact: float) -> Iterator[tuple[int, int]]:
    below = int(exact)
    remainder = exact - below
    if min(remainder, 1 - remainder) < 1e-9:
        yield start, round(exact)
        return
    step = CORRECTION_QUARTERS * TICKS_PER_QUARTER
    for tick in range(start, end, step):
        above = round(remainder * (min(tick + step, end) - tick))
        if above:
            yield tick, below + 1
        if tick + above < min(tick + step, end):
            yield tick + above, max(below, 1)


def write_midi(music: Music, spec: PerformanceSpec, path: Path) -> str:
    """Write a performance as a MIDI file of type 1: tempi in track 0, then a track per part.

    Where the parts have programs of their own, tracks have the names of the parts.
    Equal input gives equal bytes, on any machine.

    Args:
        music: the written music.
        spec: tempo, program and velocity.
        path: the file.

    Returns:
        The sha256 of the file.

    Raises:
        PieceError: a tempo does not fit in a MIDI file.
    """
    return write_atomically(path, midi_bytes(music, spec))


def midi_bytes(music: Music, spec: PerformanceSpec) -> bytes:
    """The content of the file that `write_midi` writes."""
    planned = plan(music, spec)
    names = {part.part: part.name for part in music.parts} if spec.program is None else {}
    return writing.midi_bytes(tempo_changes(music, spec), planned.programs, planned.actions, names)
