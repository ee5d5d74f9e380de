"""Performing pieces again in another way, and cutting windows at the onsets that the snippets have.

The music of a piece is read back from the MIDI file of its performance; rendered as that was, it gives
the same samples and so the same windows. At another tempo, with another soundfont or tuning the onsets
keep their numbers: onset k is the k-th of the different times at which a note starts.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from msmdtools.dataset import reader
from msmdtools.dataset.reader import DatasetPiece
from msmdtools.engrave.midi import read_midi
from msmdtools.errors import DatasetError
from msmdtools.features.spectrogram import frame_of, spectrogram
from msmdtools.perform.midi import DRUM_CHANNEL
from msmdtools.perform.soundfonts import find_soundfont
from msmdtools.perform.timing import events
from msmdtools.performance import PerformanceSpec
from msmdtools.score import Music, Note, PedalChange, TempoChange
from msmdtools.snippets.prepare import audio_window, padded
from msmdtools.snippets.schema import SnippetInfo


@dataclass(frozen=True, slots=True)
class Rendition:
    """One piece to perform in another way.

    Attributes:
        performance: the one that is changed.
        onsets: the numbers of those whose windows are wanted.
        frames: of each window.
        tempo: how much faster than this performance.
        soundfont: None for the same.
        tuning_cents: how much higher.
    """

    dataset: Path
    piece: str
    performance: str
    info: SnippetInfo
    onsets: tuple[int, ...]
    frames: int
    tempo: float = 1.0
    soundfont: str | None = None
    tuning_cents: float = 0.0


def windows(rendition: Rendition) -> NDArray[np.float16]:
    """The spectrogram windows of a rendition, float16 (onsets, 92, frames), onsets as they are listed.

    Raises:
        DatasetError: the piece or its MIDI file is missing or damaged, or has fewer onsets.
        SoundfontError: the soundfont is missing. PieceError: the music cannot be played.
    """
    from msmdtools.perform.synth import render

    piece = _opened(rendition.dataset)[rendition.piece]
    name = piece.performance_name(rendition.performance)
    performance = piece.performances.to_dict("index")[name]
    # The MIDI file has the performance's tempo in it already.
    velocity = str(performance["velocity"])
    spec = PerformanceSpec(
        rendition.tempo,
        rendition.soundfont or str(performance["soundfont"]),
        int(performance["program"]),
        None if velocity == "source" else int(velocity),
    )
    music = read_music(piece, rendition.performance)
    seconds = np.unique([event.onset_s for event in events(music, spec)])
    if max(rendition.onsets) >= len(seconds):
        raise DatasetError(
            f"{rendition.dataset}: {rendition.piece} has {len(seconds)} onsets, and the snippets "
            f"have number {max(rendition.onsets)}; name the dataset that they were cut from"
        )
    sound = render(music, spec, find_soundfont(spec.soundfont), rendition.tuning_cents)
    whole = padded(spectrogram(sound), rendition.info)
    first = rendition.info.onset_frame - rendition.frames // 2
    cut = [audio_window(whole, frame_of(seconds[o]), rendition.info) for o in rendition.onsets]
    return np.stack([window[:, first : first + rendition.frames] for window in cut])


def read_music(piece: DatasetPiece, performance: str | None = None) -> Music:
    """What sounds in a performance, from its MIDI file: parts are numbered by tracks.

    Raises:
        DatasetError: the file is missing or damaged.
    """
    path = piece.midi_path(performance)
    try:
        midi = read_midi(path)
    except ValueError as error:
        raise DatasetError(f"{path}: damaged: {error}; run msmd validate") from error
    drums = _drum_tracks(path)
    notes = tuple(
        Note(n.onset_tick, n.offset_tick, n.pitch, n.velocity, n.track, n.track in drums, 0, "")
        for n in midi.notes
    )
    # A part that sounds on several channels has its pedal on each of them.
    pedals = sorted({(tick, track, value) for tick, track, value in midi.pedals})
    return Music(
        notes,
        tuple(TempoChange(tick, us) for tick, us in midi.tempi),
        tuple(PedalChange(tick, track, value) for tick, track, value in pedals),
    )


def _drum_tracks(path: Path) -> set[int]:
    import mido

    return {
        number
        for number, track in enumerate(mido.MidiFile(path).tracks)
        if any(m.type == "note_on" and m.channel == DRUM_CHANNEL for m in track)
    }


@lru_cache(maxsize=1)
def _opened(path: Path) -> reader.Dataset:
    return reader.open(path)
