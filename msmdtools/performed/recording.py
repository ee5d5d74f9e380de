"""A recording that is to become a performance of a piece, and what is then known of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from msmdtools.dataset.reader import DatasetPiece
from msmdtools.performance import Performance
from msmdtools.performed.playing import Playing


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording to be added.

    Attributes:
        file: the file with its sound.
        marks: the file with a person's marks; None to align it with a model.
        folder: the folder for its spectrogram and audio.
        model: the model that aligns it.
        keep_audio: whether to keep audio.
    """

    file: Path
    marks: Path | None
    folder: Path
    model: str
    keep_audio: bool


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording that was read and aligned.

    Attributes:
        playing: which notes and bars it plays, and when.
        by: the format of the marks, or the name of the model.
        performance: its files and length, and how its times are known.
    """

    playing: Playing
    by: str
    performance: Performance


Recorder = Callable[[Recording, DatasetPiece], Recorded]
"""What reads and aligns a recording, and writes its spectrogram; a `PieceError` where it cannot."""


def model_name(model: str) -> str:
    """The name of a model in tables: that of a bundled one, or of the file or run."""
    return Path(model).name
