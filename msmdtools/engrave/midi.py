"""Reading the MIDI files that LilyPond writes: notes by track with their programs, tempi, sustain pedal."""

import io
import re
from collections import defaultdict, deque
from dataclasses import dataclass
from pathlib import Path

from msmdtools.score import TICKS_PER_QUARTER

SUSTAIN_PEDAL = 64

# LilyPond writes key signatures of more than seven accidentals, which mido refuses; they are not used.
_STRANGE_KEY = re.compile(rb"\xff\x59\x02[\x08-\xf8][\x00\x01]")
_NO_KEY = b"\xff\x59\x02\x00\x00"


@dataclass(frozen=True, slots=True)
class MidiNote:
    """A note of a MIDI file.

    Attributes:
        track: counts from 0.
        velocity: 0 for a note that LilyPond plays at no volume.
        program: of General MIDI, in force where the note begins; -1 where the file names none.
    """

    track: int
    onset_tick: int
    offset_tick: int
    pitch: int
    velocity: int
    program: int = -1


@dataclass(frozen=True, slots=True)
class WrittenMidi:
    """A MIDI file's notes by onset, (tick, microseconds per quarter), and (tick, track, value) of the pedal."""

    notes: tuple[MidiNote, ...]
    tempi: tuple[tuple[int, int], ...]
    pedals: tuple[tuple[int, int, int], ...]
    end_tick: int


SILENCE = WrittenMidi((), (), (), 0)


def read_midi(path: Path) -> WrittenMidi:
    """Read a file of `TICKS_PER_QUARTER`. A note that is never released ends with the file.

    Raises:
        ValueError: not a MIDI file of that resolution.
    """
    import mido

    try:
        midi = mido.MidiFile(file=io.BytesIO(_STRANGE_KEY.sub(_NO_KEY, path.read_bytes())))
    except (OSError, EOFError, ValueError, IndexError, KeyError) as error:
        raise ValueError(f"{path.name} is not a MIDI file: {error}") from error
    if midi.ticks_per_beat != TICKS_PER_QUARTER:
        raise ValueError(f"{path.name} has {midi.ticks_per_beat} ticks a quarter, not 384")
    notes: list[MidiNote] = []
    tempi: list[tuple[int, int]] = []
    pedals: list[tuple[int, int, int]] = []
    end = 0
    for number, track in enumerate(midi.tracks):
        tick = 0
        sounding: dict[tuple[int, int], deque[tuple[int, int, int]]] = defaultdict(deque)
        programs: dict[int, int] = {}
        for message in track:
            tick += message.time
            if message.type in ("note_on", "note_off"):
                queue = sounding[message.channel, message.note]
                # LilyPond releases a key by velocity 0; where none is down, it strikes one at no volume.
                if message.type == "note_on" and (message.velocity > 0 or not queue):
                    program = programs.get(message.channel, -1)
                    queue.append((tick, message.velocity, program))
                elif queue:
                    onset, *struck = queue.popleft()
                    notes.append(MidiNote(number, onset, tick, message.note, *struck))
            elif message.type == "program_change":
                programs[message.channel] = message.program
            elif message.type == "set_tempo":
                tempi.append((tick, message.tempo))
            elif message.type == "control_change" and message.control == SUSTAIN_PEDAL:
                pedals.append((tick, number, message.value))
        end = max(end, tick)
        for (_, pitch), queue in sounding.items():
            notes += [MidiNote(number, onset, tick, pitch, *struck) for onset, *struck in queue]
    notes.sort(key=lambda n: (n.onset_tick, n.track, n.pitch))
    return WrittenMidi(tuple(notes), tuple(sorted(tempi)), tuple(sorted(pedals)), end)
