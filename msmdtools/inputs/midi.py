"""MIDI files of any origin as music that the perform room can play."""

from collections import defaultdict, deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from msmdtools.base.damage import no_file
from msmdtools.errors import MsmdError
from msmdtools.features.spectrogram import spectrogram_parts
from msmdtools.inputs.limits import LIMITS, Limits
from msmdtools.perform.midi import DRUM_CHANNEL, SUSTAIN_PEDAL
from msmdtools.perform.timing import TickMap
from msmdtools.score import TICKS_PER_QUARTER, Music, Note, PedalChange, TempoChange

# What mido raises for files that are none.
_DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
)
_LAST_TICK = 1 << 31  # months, at any tempo of music
ENDINGS = frozenset({".mid", ".midi", ".smf"})


def read_music(path: str | Path) -> Music:
    """The notes, tempi and sustain pedal of a MIDI file; its channels become the parts.

    Notes on the drum channel are left out: sheets searched for are of pitches. Ticks are brought to
    `TICKS_PER_QUARTER` a quarter. A note that is never released ends with the file.

    Raises:
        MsmdError: there is no such file, it is no MIDI file, it counts time in frames instead of
            quarters, its times are beyond all music, or it has no notes.
    """
    import mido

    path = Path(path)
    if not path.is_file():
        raise MsmdError(f"{path}: {no_file(path)}")
    try:
        midi = mido.MidiFile(path, clip=True)
    except (*_DAMAGE, mido.KeySignatureError) as error:
        raise MsmdError(f"{path}: not a MIDI file that can be read ({error})") from error
    if midi.ticks_per_beat <= 0 or midi.type == 2:
        raise MsmdError(f"{path}: a MIDI file of SMPTE time or of type 2, which cannot be played")
    notes: list[Note] = []
    tempi: list[TempoChange] = []
    pedals: list[PedalChange] = []
    sounding: dict[tuple[int, int], deque[tuple[int, int]]] = defaultdict(deque)
    ticks = now = 0
    for message in mido.merge_tracks(midi.tracks):
        ticks += message.time
        now = round(ticks * TICKS_PER_QUARTER / midi.ticks_per_beat)
        if message.type == "set_tempo":
            tempi.append(TempoChange(now, message.tempo))
        elif getattr(message, "channel", DRUM_CHANNEL) == DRUM_CHANNEL:
            continue
        elif message.type == "note_on" and message.velocity > 0:
            sounding[message.channel, message.note].append((now, message.velocity))
        elif message.type in ("note_on", "note_off"):
            if begun := sounding[message.channel, message.note]:
                notes.append(_note(*begun.popleft(), now, message.note, message.channel))
        elif message.type == "control_change" and message.control == SUSTAIN_PEDAL:
            pedals.append(PedalChange(now, message.channel, message.value))
    if now > _LAST_TICK:
        raise MsmdError(f"{path}: the MIDI file has times that no music has")
    for (channel, pitch), begun in sounding.items():
        notes += [_note(*start, now, pitch, channel) for start in begun]
    if not notes:
        raise MsmdError(f"{path}: the MIDI file has no notes (drums do not count)")
    notes.sort(key=lambda note: (note.onset_tick, note.channel, note.pitch))
    return Music(tuple(notes), tuple(tempi), tuple(pedals))


def read_bands(path: str | Path, limits: Limits = LIMITS) -> NDArray[np.float16]:
    """The spectrogram of a MIDI file played by the default soundfont's piano: float16, (92, frames).

    Raises:
        MsmdError: as `blocks` does.
    """
    return np.concatenate(list(spectrogram_parts(blocks(path, limits=limits))), axis=1)


def blocks(path: str | Path, limits: Limits = LIMITS) -> Iterator[NDArray[np.int16]]:
    """The sound of a MIDI file played by the default soundfont's piano, block by block: int16, 22,050 Hz.

    Raises:
        MsmdError: as `read_music` does, the music is too long, or no soundfont or FluidSynth is there.
    """
    from msmdtools.perform.soundfonts import default_soundfont, find_soundfont
    from msmdtools.perform.synth import rendering
    from msmdtools.performance import PerformanceSpec

    music = read_music(path)
    last = max(note.offset_tick for note in music.notes)
    if TickMap.of(music.tempi, 1.0).seconds([last])[0] > limits.seconds:
        raise limits.exceeded("seconds", f"{path}: the music has too many seconds")
    spec = PerformanceSpec(1.0, default_soundfont())
    yield from rendering(music, spec, find_soundfont(spec.soundfont)).rounded()


def _note(onset: int, velocity: int, offset: int, pitch: int, channel: int) -> Note:
    return Note(onset, offset, pitch, velocity, channel, False, 0, "")
