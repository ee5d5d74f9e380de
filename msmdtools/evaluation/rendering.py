"""Pieces performed again at another tempo, tuning or with another soundfont: whole, or cut into windows.

Rendered from its written music without a change, a piece gives the same samples and so the same windows. At
another tempo, with another soundfont or tuning, the onsets keep their numbers: onset k is the k-th of the
distinct times at which a note starts. A human performance is played again from its MIDI file.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from msmdtools.base.pool import Lost, Pool, Returned
from msmdtools.dataset import reader
from msmdtools.errors import DatasetError, MsmdError
from msmdtools.features.spectrogram import frame_of, spectrogram
from msmdtools.perform.played import read_played, sounding
from msmdtools.perform.soundfonts import find_soundfont
from msmdtools.perform.timing import events
from msmdtools.performance import PerformanceSpec
from msmdtools.snippets.onsets import find_onsets
from msmdtools.snippets.prepare import audio_window, padded
from msmdtools.snippets.schema import SnippetInfo

# The longest that a piece may take.
PIECE_S = 900.0


@dataclass(frozen=True, slots=True)
class Rendition:
    """A piece to be performed again with changes.

    Attributes:
        dataset: folder of the dataset.
        piece: id of the piece.
        performance: name of the performance that is changed.
        tempo: how many times as fast as this performance.
        soundfont: name of the soundfont; None for that of the performance.
        tuning_cents: how much higher, in cents.
    """

    dataset: Path
    piece: str
    performance: str
    tempo: float = 1.0
    soundfont: str | None = None
    tuning_cents: float = 0.0


@dataclass(frozen=True, slots=True)
class Cut:
    """The windows to cut from a rendition.

    Attributes:
        rendition: the rendition.
        info: what the snippets were cut with.
        onsets: numbers of the onsets, one for each window.
        frames: number of frames in a window.
    """

    rendition: Rendition
    info: SnippetInfo
    onsets: tuple[int, ...]
    frames: int


def whole(rendition: Rendition) -> NDArray[np.float16]:
    """Perform a rendition and return its spectrogram, float16 (92, frames).

    Raises:
        DatasetError: the piece or its written music is missing or damaged.
        SoundfontError: the soundfont is missing.
        PieceError: the music cannot be played.
    """
    from msmdtools.perform.synth import render

    piece, spec = _piece_and_spec(rendition)
    font = find_soundfont(spec.soundfont)
    if piece.is_human(rendition.performance):
        played = read_played(piece.midi_path(rendition.performance))
        sound = np.concatenate(list(sounding(played, spec, font, rendition.tuning_cents).rounded()))
    else:
        sound = render(piece.music, spec, font, rendition.tuning_cents)
    return spectrogram(sound)


def windows(cut: Cut) -> NDArray[np.float16]:
    """Perform a rendition and return the windows at its onsets, float16 (onsets, 92, frames), in their order.

    Raises:
        DatasetError: as `whole`, or the piece has fewer onsets.
        SoundfontError: as `whole`.
        PieceError: as `whole`.
    """
    piece, spec = _piece_and_spec(cut.rendition)
    if piece.is_human(cut.rendition.performance):
        onsets = find_onsets(piece, cut.rendition.performance)
        seconds = np.full(int(onsets.onset.max(initial=-1)) + 1, np.nan)
        seconds[onsets.onset] = onsets.second / cut.rendition.tempo
    else:
        seconds = np.unique([event.onset_s for event in events(piece.music, spec)])
    if max(cut.onsets) >= len(seconds):
        raise DatasetError(
            f"{cut.rendition.dataset}: {cut.rendition.piece} has {len(seconds)} onsets, but the "
            f"snippets use onset {max(cut.onsets)}; name the dataset that they were cut from"
        )
    bands = padded(whole(cut.rendition), cut.info)
    first = cut.info.onset_frame - cut.frames // 2
    cut_windows = [audio_window(bands, frame_of(seconds[o]), cut.info) for o in cut.onsets]
    return np.stack([window[:, first : first + cut.frames] for window in cut_windows])


def results(pool: Pool) -> Iterator[Returned]:
    """Yield what the calls of a pool return, in the order in which they end; they take renditions or cuts.

    Raises:
        MsmdError: a piece could not be rendered; the message has its id.
    """
    for result in pool.results():
        if isinstance(result, Returned):
            yield result
            continue
        argument = result.call.argument
        piece = (argument.rendition if isinstance(argument, Cut) else argument).piece
        if isinstance(result, Lost):
            what = "took too long" if result.timed_out else "was killed (out of memory?)"
            raise MsmdError(f"{piece}: the worker process that performed it {what}")
        if isinstance(result.error, MsmdError):
            raise MsmdError(f"{piece}: {result.error}") from result.error
        raise result.error


def _piece_and_spec(rendition: Rendition) -> tuple[reader.DatasetPiece, PerformanceSpec]:
    """Return the piece to play, and how to play it."""
    piece = _opened(rendition.dataset)[rendition.piece]
    spec = piece.spec(rendition.performance)
    tempo = spec.tempo * rendition.tempo
    return piece, replace(spec, tempo=tempo, soundfont=rendition.soundfont or spec.soundfont)


@lru_cache(maxsize=1)
def _opened(path: Path) -> reader.Dataset:
    return reader.open(path)
