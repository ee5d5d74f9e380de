"""What a person played: notes and pedals in seconds, read from a MIDI file, written as one, and sounded.

Times are whole tenths of a millisecond, so that events, MIDI file and sound say exactly the same: a time of a file
moves by at most 0.05 ms. All notes are played by one instrument, whatever tracks they stand in, but those of
different MIDI channels do not cut each other off. A key that is struck again before it is released ends its
earlier note there; struck twice at once, it is one note with the greater velocity.
"""

from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from msmdtools.base.files import write_atomically
from msmdtools.midi.actions import (
    DEFAULT_US_PER_QUARTER,
    DRUM_CHANNEL,
    OFF,
    ON,
    PEDAL,
    SUSTAIN_PEDAL,
    Action,
)
from msmdtools.midi.reading import MidiFile, read_midi
from msmdtools.midi.writing import midi_bytes
from msmdtools.perform.midi import Plan
from msmdtools.performance import PerformanceSpec

if TYPE_CHECKING:
    from msmdtools.perform.synth import Rendering

TICKS_PER_SECOND = 10_000
SHORTEST_S = 0.016
"""How long a note without length sounds."""


class PlayedNote(NamedTuple):
    """A note as it was played.

    Attributes:
        onset_s, offset_s: when its key is struck and released, in seconds from the start of the file.
        pitch, velocity: MIDI numbers.
        track, channel: where it stands in its MIDI file; the channel is a MIDI channel, 0 to 15.
    """

    onset_s: float
    offset_s: float
    pitch: int
    velocity: int
    track: int = 0
    channel: int = 0


class PedalMove(NamedTuple):
    """A pedal put to a position (0 to 127) in a channel, in seconds; its number is the MIDI controller's."""

    second: float
    number: int
    value: int
    channel: int = 0


@dataclass(frozen=True, slots=True)
class Played:
    """What was played: notes by onset, track and pitch, and pedals by time."""

    notes: tuple[PlayedNote, ...]
    pedals: tuple[PedalMove, ...] = ()

    @classmethod
    def of(cls, notes: "list[PlayedNote]", pedals: "list[PedalMove]") -> "Played":
        """Put notes and pedals into order, and their times on the grid."""
        rounded = [
            note._replace(
                onset_s=on_grid(note.onset_s),
                offset_s=on_grid(
                    max(note.offset_s, note.onset_s + SHORTEST_S * (note.offset_s <= note.onset_s))
                ),
            )
            for note in notes
        ]
        rounded.sort(key=lambda n: (n.onset_s, n.track, n.pitch))
        moves = [move._replace(second=on_grid(move.second)) for move in pedals]
        return cls(tuple(rounded), tuple(sorted(moves, key=lambda move: move.second)))


def on_grid(second: float) -> float:
    """The nearest whole tenth of a millisecond."""
    return round(second * TICKS_PER_SECOND) / TICKS_PER_SECOND


def read_played(path: Path) -> Played:
    """Read what a MIDI file plays, by its own tempi, whichever track they stand in.

    Raises:
        ValueError: it cannot be read (`msmdtools.midi.reading.read_midi`).
    """
    midi = read_midi(path)
    notes = midi.notes
    onsets = seconds_of(midi, [note.onset_tick for note in notes]).tolist()
    offsets = seconds_of(midi, [note.offset_tick for note in notes]).tolist()
    moves = [(SUSTAIN_PEDAL, change) for change in midi.pedals]
    moves += midi.other_pedals
    times = seconds_of(midi, [change.tick for _, change in moves]).tolist()
    return Played.of(
        [
            PlayedNote(onset, offset, note.pitch, note.velocity, note.track, note.channel)
            for note, onset, offset in zip(notes, onsets, offsets, strict=True)
        ],
        [
            PedalMove(second, number, change.value, change.channel)
            for (number, change), second in zip(moves, times, strict=True)
        ],
    )


def seconds_of(midi: MidiFile, ticks: list[int]) -> NDArray[np.float64]:
    """The seconds of ticks of a MIDI file."""
    speed = {0: DEFAULT_US_PER_QUARTER} | dict(midi.tempi)
    changes = np.array(sorted(speed), np.int64)
    us = np.array([speed[tick] for tick in sorted(speed)], np.int64)
    elapsed = np.concatenate([[0], np.cumsum(np.diff(changes) * us[:-1])])
    at = np.array(ticks, np.int64)
    segment = np.searchsorted(changes, at, side="right") - 1
    units = elapsed[segment] + (at - changes[segment]) * us[segment]
    return np.asarray(units / (midi.ticks_per_quarter * 1e6), np.float64)


def plan_of(played: Played, spec: PerformanceSpec) -> Plan:
    """The messages for a synthesizer; ticks are tenths of a millisecond, and one program plays all."""
    program = spec.program or 0
    by_key: dict[tuple[int, int], dict[int, tuple[int, int]]] = {}
    for note in played.notes:
        strikes = by_key.setdefault((_channel(note.channel), note.pitch), {})
        tick, end = _tick(note.onset_s), _tick(note.offset_s)
        velocity, earlier_end = strikes.get(tick, (1, 0))
        strikes[tick] = max(velocity, note.velocity), max(end, earlier_end)
    actions: list[Action] = []
    for (channel, pitch), strikes in by_key.items():
        struck = sorted(strikes.items())
        following = [tick for tick, _ in struck[1:]]
        for (tick, (velocity, end)), next_tick in zip_longest(struck, following):
            stop = end if next_tick is None else min(end, next_tick)
            actions.append(Action(tick, ON, 0, channel, pitch, velocity))
            actions.append(Action(max(stop, tick + 1), OFF, 0, channel, pitch, 0))
    channels = sorted({channel for channel, _ in by_key})
    for move in played.pedals:
        channel, tick = _channel(move.channel), _tick(move.second)
        if channel in channels:
            actions.append(Action(tick, PEDAL, 0, channel, move.number, move.value))
    actions.sort(key=lambda action: (action.tick, action.kind))
    return Plan({(0, channel): program for channel in channels}, actions)


def sounding(
    played: Played, spec: PerformanceSpec, soundfont: Path, tuning_cents: float = 0.0
) -> "Rendering":
    """Sound what was played, as `msmdtools.perform.synth.rendering` does.

    Args:
        played: notes and pedals, at least one note.
        spec: program, and tempo as a speed.
        soundfont: the soundfont file.
        tuning_cents: how much higher than A4 = 440 Hz all notes are, -99 to 99 cents.

    Returns:
        The number of samples, and the blocks, which are made while they are read.

    Raises:
        ValueError, PieceError, ToolError, SoundfontError: as there.
    """
    from msmdtools.perform.synth import rendering_of

    planned = plan_of(played, spec)
    ticks = np.array([action.tick for action in planned.actions], np.float64)
    seconds = ticks / TICKS_PER_SECOND / spec.tempo
    return rendering_of(planned, seconds, spec, soundfont, tuning_cents)


def write_played(played: Played, spec: PerformanceSpec, path: Path) -> str:
    """Write what was played as a MIDI file: 120 quarters a minute, a tick a tenth of a millisecond.

    Args:
        played: notes and pedals.
        spec: program.
        path: the file.

    Returns:
        The sha256 of the file.
    """
    planned = plan_of(played, spec)
    content = midi_bytes(
        [(0, DEFAULT_US_PER_QUARTER)],
        planned.programs,
        planned.actions,
        {},
        TICKS_PER_SECOND * DEFAULT_US_PER_QUARTER // 1_000_000,
    )
    return write_atomically(path, content)


def _tick(second: float) -> int:
    return round(second * TICKS_PER_SECOND)


def _channel(channel: int) -> int:
    return 15 if channel == DRUM_CHANNEL else channel
