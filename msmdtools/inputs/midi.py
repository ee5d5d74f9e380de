"""MIDI files of any origin as music that the perform room can play."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from msmdtools.base.damage import no_file
from msmdtools.errors import MsmdError
from msmdtools.features.spectrogram import spectrogram_parts
from msmdtools.inputs.limits import LIMITS, Limits
from msmdtools.midi.actions import DRUM_CHANNEL
from msmdtools.midi.reading import read_midi
from msmdtools.perform.timing import TickMap
from msmdtools.score import TICKS_PER_QUARTER, Music, Note, PedalChange, TempoChange

_LAST_TICK = 1 << 31  # months, at any tempo of music
ENDINGS = frozenset({".mid", ".midi", ".smf"})


def read_music(path: str | Path) -> Music:
    """Read the notes, tempi and sustain pedal of a MIDI file; its channels become the parts.

    Notes on the drum channel are left out, as sheets are searched by pitch. Ticks are converted to
    `TICKS_PER_QUARTER` a quarter; `msmdtools.midi.reading` says how the file is interpreted.

    Raises:
        MsmdError: there is no such file, it is not a MIDI file, it counts time in frames instead of
            quarters, its times are beyond those of any music, or it has no notes.
    """
    path = Path(path)
    if not path.is_file():
        raise MsmdError(f"{path}: {no_file(path)}")
    try:
        midi = read_midi(path)
    except ValueError as error:
        raise MsmdError(f"{path}: {error}") from error

    def ticks(tick: int) -> int:
        return round(tick * TICKS_PER_QUARTER / midi.ticks_per_quarter)

    if ticks(midi.end_tick) > _LAST_TICK:
        raise MsmdError(
            f"{path}: the MIDI file has impossibly late times, so it is damaged; make it again"
        )
    notes = [
        Note(
            ticks(n.onset_tick), ticks(n.offset_tick), n.pitch, n.velocity, n.channel, False, 0, ""
        )
        for n in midi.notes
        if n.channel != DRUM_CHANNEL
    ]
    if not notes:
        raise MsmdError(f"{path}: the MIDI file has no notes (drums do not count)")
    notes.sort(key=lambda note: (note.onset_tick, note.channel, note.pitch))
    return Music(
        tuple(notes),
        tuple(TempoChange(ticks(tick), us) for tick, us in midi.tempi),
        tuple(
            PedalChange(ticks(pedal.tick), pedal.channel, pedal.value)
            for pedal in midi.pedals
            if pedal.channel != DRUM_CHANNEL
        ),
    )


def read_spectrogram(path: str | Path, limits: Limits = LIMITS) -> NDArray[np.float16]:
    """Return the spectrogram of a MIDI file played by the default soundfont's piano: float16 (92, frames).

    Raises:
        MsmdError: as `blocks` does.
    """
    return np.concatenate(list(spectrogram_parts(blocks(path, limits=limits))), axis=1)


def blocks(path: str | Path, limits: Limits = LIMITS) -> Iterator[NDArray[np.int16]]:
    """Yield the sound of a MIDI file played by the default soundfont's piano: int16 blocks, mono, 22,050 Hz.

    Raises:
        MsmdError: as `read_music` does, the music is too long, or the soundfont or FluidSynth is missing.
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
