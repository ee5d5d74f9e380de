"""What is listened to: a recording or MIDI file, or a performance of a dataset's piece."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.dataset.reader import DatasetPiece
from msmdtools.errors import DatasetError
from msmdtools.inputs import apart, audio, midi
from msmdtools.inputs.limits import LIMITS, Limits


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """A recording, ready to be compared and to be heard.

    Attributes:
        name: name of the file or performance.
        spectrogram: float16 (92, frames).
        sound: returns its samples block by block: int16, mono, 22,050 Hz.
    """

    name: str
    spectrogram: NDArray[Any]
    sound: Callable[[], Iterator[NDArray[np.int16]]]


def of_file(path: str | Path, limits: Limits = LIMITS) -> Recording:
    """Read the recording in a file; a MIDI file is played by the default soundfont's piano.

    Raises:
        MsmdError: it cannot be read, it exceeds the limits, or there is nothing to hear in it.
    """
    path = Path(path)
    kind = midi if path.suffix.lower() in midi.ENDINGS else audio
    spectrogram = apart.read(kind.read_spectrogram, path, limits=limits)
    return Recording(path.name, spectrogram, lambda: kind.blocks(path, limits=limits))


def of_performance(piece: DatasetPiece, performance: str | None = None) -> Recording:
    """Return a performance of a dataset's piece. Sound that was not kept is rendered again when it is needed.

    Raises:
        DatasetError: the piece has no such performance, or a file of it is missing or damaged.
    """
    name = piece.performance_name(performance)

    def sound() -> Iterator[NDArray[np.int16]]:
        if piece.performances.at[name, "audio_sha256"]:
            yield from audio.blocks(piece.audio_path(name))
            return
        if piece.is_recorded(name):
            raise DatasetError(
                f"{piece.piece}: {name} is a recording whose audio the dataset has not kept: build the dataset "
                "again with --keep-audio, and then give the same msmd perform"
            )
        from msmdtools.perform.played import read_played, sounding
        from msmdtools.perform.soundfonts import find_soundfont
        from msmdtools.perform.synth import rendering

        spec = piece.spec(name)
        font = find_soundfont(spec.soundfont)
        if piece.is_human(name):
            yield from sounding(read_played(piece.midi_path(name)), spec, font).rounded()
        else:
            yield from rendering(piece.music, spec, font).rounded()

    return Recording(name, piece.spectrogram(name), sound)
