"""The pieces of a collection performed again at other speeds.

The music of each performance is read from its MIDI file and rendered with the same soundfont
(`msmdtools.evaluation.rendering`). The model's windows and strides keep their lengths: at twice the speed
twice as much music is in a window, and a path has half as many steps for it.

Only the pieces that are evaluated are performed again. Their recordings are compared with all sheets;
their sheets are compared with these recordings alone, since distractors would give themselves away by their
different speed.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from msmdtools.base.pool import Call, Pool
from msmdtools.base.progress import Progress, silent
from msmdtools.evaluation.pieces.collection import Collection, Recordings
from msmdtools.evaluation.rendering import PIECE_S, Rendition, results, whole
from msmdtools.models.model import Model
from msmdtools.search.parts import Side
from msmdtools.search.windows import audio_windows

SPEEDS = (0.5, 0.67, 0.8, 1.25, 1.5, 2.0)


def performed(
    collection: Collection,
    model: Model,
    speed: float,
    pool: Pool,
    progress: Progress = silent,
) -> Collection:
    """Perform the pieces of a collection again at another speed.

    Args:
        collection: the pieces and the candidates.
        model: the model that embeds the recordings.
        speed: how many times as fast as in the dataset.
        pool: worker processes; it can be used again.
        progress: called with what is counted, how much of it is done, and how much there is.

    Returns:
        The collection with the new recordings, and no others.

    Raises:
        MsmdError: a piece could not be rendered.
    """
    import pandas as pd

    played = collection.selection.performances
    folder = collection.dataset.path.absolute()
    for piece, performance in played.items():
        pool.submit(Call(whole, Rendition(folder, piece, performance, tempo=speed), PIECE_S))
    spectrograms = {}
    places, vectors = {}, {}
    what = f"speed {speed:g}"
    for done, rendered in enumerate(results(pool)):
        progress(what, done, len(played))
        piece = rendered.call.argument.piece
        windows = audio_windows(rendered.value, model.config.frames, collection.audio_stride)
        spectrograms[piece] = rendered.value
        vectors[piece] = model.embed_audio(windows.spectrograms)
        places[piece] = pd.DataFrame({"piece": piece, "second": windows.second})
    progress(what, len(played), len(played))
    side = Side(
        places=pd.concat([places[piece] for piece in played], ignore_index=True),
        vectors=np.concatenate([vectors[piece] for piece in played]),
        bounds=np.concatenate([[0], np.cumsum([len(vectors[piece]) for piece in played])]),
        names=list(played.items()),
    )
    return replace(collection, recordings=Recordings(side, spectrograms.__getitem__, speed))


def check(speeds: Sequence[float]) -> None:
    """Make sure that all are speeds that a performance can have. Raises MsmdError if not."""
    from msmdtools.performance import PerformanceSpec

    for speed in speeds:
        PerformanceSpec(speed, "")
