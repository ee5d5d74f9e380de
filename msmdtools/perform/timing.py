"""Compute when each note sounds: the map from ticks to seconds.

The map is piecewise linear: between two tempo changes a tick lasts a fixed time, before the first
change a quarter note lasts half a second (120 per minute, as the MIDI file standard says). Tempo is
speed: a performance at tempo 2.0 has every time of the performance at tempo 1.0, divided by 2.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
import numpy.typing as npt

from msmdtools.errors import PieceError
from msmdtools.midi.actions import DEFAULT_US_PER_QUARTER
from msmdtools.performance import NoteEvent, PerformanceSpec
from msmdtools.score import TICKS_PER_QUARTER, Music, Note, TempoChange

# A note that ends where it begins (an engraver's rounding of a very short one) would be silent in
# one synthesizer and endless in another, so it sounds for a 32nd of a quarter note: 16 ms at 120
# quarters a minute.
SHORTEST_TICKS = TICKS_PER_QUARTER // 32


@dataclass(frozen=True, eq=False)
class TickMap:
    """The map from ticks to seconds of one performance.

    Attributes:
        ticks: the ticks at which the tempo changes, ascending, int64; the first is 0.
        us_per_quarter: microseconds per quarter note from each of these ticks on, as in the source (at
            tempo 1.0), int64.
        elapsed: time from tick 0 to each change, in units of 1 / `TICKS_PER_QUARTER` µs, int64:
            whole numbers, so that nothing is lost over a long piece.
        tempo: speed, by which all times are divided.
    """

    ticks: npt.NDArray[np.int64]
    us_per_quarter: npt.NDArray[np.int64]
    elapsed: npt.NDArray[np.int64]
    tempo: float

    @classmethod
    def of(cls, tempi: Iterable[TempoChange], tempo: float = 1.0) -> "TickMap":
        """The map for tempo changes of any tracks, in any order; of several at a tick the last counts."""
        speed = {0: DEFAULT_US_PER_QUARTER}
        for change in sorted(tempi, key=lambda change: change.tick):
            speed[max(change.tick, 0)] = change.us_per_quarter
        ticks = np.array(list(speed), dtype=np.int64)
        us_per_quarter = np.array(list(speed.values()), dtype=np.int64)
        elapsed = np.concatenate([[0], np.cumsum(np.diff(ticks) * us_per_quarter[:-1])])
        return cls(ticks, us_per_quarter, elapsed, tempo)

    @overload
    def seconds(self, tick: int) -> float: ...
    @overload
    def seconds(self, tick: Sequence[int] | npt.NDArray[np.int64]) -> npt.NDArray[np.float64]: ...
    def seconds(
        self, tick: int | Sequence[int] | npt.NDArray[np.int64]
    ) -> float | npt.NDArray[np.float64]:
        """Seconds from the start of the audio, for one tick or an array (all 0 or later)."""
        at = np.asarray(tick, dtype=np.int64)
        segment = np.searchsorted(self.ticks, at, side="right") - 1
        units = self.elapsed[segment] + (at - self.ticks[segment]) * self.us_per_quarter[segment]
        seconds = units / (TICKS_PER_QUARTER * 1e6) / self.tempo
        return float(seconds) if at.ndim == 0 else seconds


def sounding_end(note: Note) -> int:
    """The tick at which `note` is released; a note without length sounds for `SHORTEST_TICKS`."""
    return (
        note.offset_tick if note.offset_tick > note.onset_tick else note.onset_tick + SHORTEST_TICKS
    )


def velocity_of(note: Note, spec: PerformanceSpec) -> int:
    """MIDI velocity, 1 to 127: that of `spec`, or the source's (0 would mean a release)."""
    return spec.velocity if spec.velocity is not None else min(max(note.velocity, 1), 127)


def events(music: Music, spec: PerformanceSpec) -> list[NoteEvent]:
    """The note events of a performance in seconds; event i is `music.notes[i]`.

    Raises:
        PieceError: there is no note, or one that begins before tick 0 (stage "perform").
    """
    if not music.notes:
        raise PieceError("perform", "no-notes", "the music has no sounding note to perform")
    if (first := min(note.onset_tick for note in music.notes)) < 0:
        raise PieceError(
            "perform", "starts-before-zero", f"a note begins at tick {first}, before 0"
        )
    tick_map = TickMap.of(music.tempi, spec.tempo)
    onsets = tick_map.seconds([note.onset_tick for note in music.notes]).tolist()
    offsets = tick_map.seconds([sounding_end(note) for note in music.notes]).tolist()
    return [
        NoteEvent(i, onset, offset, note.pitch, velocity_of(note, spec))
        for i, (note, onset, offset) in enumerate(zip(music.notes, onsets, offsets, strict=True))
    ]
