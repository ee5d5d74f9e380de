"""The pieces of a collection performed again at other speeds.

The music of each performance is read from its MIDI file and rendered with the same soundfont
(`msmdtools.evaluation.rendering`). The model's windows and strides keep their lengths: at twice the speed
twice as much music is in a window, and a path has half as many steps for it.

Only the pieces that are evaluated are performed again. Recordings that ask are compared with all sheets;
a sheet that asks is compared with these recordings alone, since distractors at another speed would be
known by that.
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
    """The collection with its pieces performed again so many times as fast.

    Args:
        pool: of worker processes; it can be used again.

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
    for done, one in enumerate(results(pool)):
        progress(what, done, len(played))
        piece = one.call.argument.piece
        windows = audio_windows(one.value, model.config.frames, collection.audio_stride)
        spectrograms[piece] = one.value
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
    """Raises MsmdError unless all are speeds that a performance can have."""
    from msmdtools.performance import PerformanceSpec

    for speed in speeds:
        PerformanceSpec(speed, "")
