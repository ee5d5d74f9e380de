"""Performing pieces again in another way, whole or cut into windows at the onsets of the snippets.

Rendered from its written music as it was, a piece gives the same samples and so the same windows. At
another tempo, with another soundfont or tuning the onsets keep their numbers: onset k is the k-th of the
different times at which a note starts.
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
from msmdtools.perform.soundfonts import find_soundfont
from msmdtools.perform.timing import events
from msmdtools.performance import PerformanceSpec
from msmdtools.score import Music
from msmdtools.snippets.prepare import audio_window, padded
from msmdtools.snippets.schema import SnippetInfo

# The longest that a piece may take.
PIECE_S = 900.0


@dataclass(frozen=True, slots=True)
class Rendition:
    """One piece to perform in another way.

    Attributes:
        performance: the one that is changed.
        tempo: how much faster than this performance.
        soundfont: None for the same.
        tuning_cents: how much higher.
    """

    dataset: Path
    piece: str
    performance: str
    tempo: float = 1.0
    soundfont: str | None = None
    tuning_cents: float = 0.0


@dataclass(frozen=True, slots=True)
class Cut:
    """The windows that are wanted of a rendition.

    Attributes:
        onsets: the numbers of their onsets.
        frames: of each window.
    """

    rendition: Rendition
    info: SnippetInfo
    onsets: tuple[int, ...]
    frames: int


def whole(rendition: Rendition) -> NDArray[np.float16]:
    """The spectrogram of a rendition, float16 (92, frames).

    Raises:
        DatasetError: the piece or its written music is missing or damaged.
        SoundfontError: the soundfont is missing. PieceError: the music cannot be played.
    """
    from msmdtools.perform.synth import render

    music, spec = _asked(rendition)
    sound = render(music, spec, find_soundfont(spec.soundfont), rendition.tuning_cents)
    return spectrogram(sound)


def windows(cut: Cut) -> NDArray[np.float16]:
    """The spectrogram windows of a rendition, float16 (onsets, 92, frames), onsets as they are listed.

    Raises:
        DatasetError: as `whole`, or the piece has fewer onsets.
        SoundfontError, PieceError: as `whole`.
    """
    music, spec = _asked(cut.rendition)
    seconds = np.unique([event.onset_s for event in events(music, spec)])
    if max(cut.onsets) >= len(seconds):
        raise DatasetError(
            f"{cut.rendition.dataset}: {cut.rendition.piece} has {len(seconds)} onsets, and the "
            f"snippets have number {max(cut.onsets)}; name the dataset that they were cut from"
        )
    bands = padded(whole(cut.rendition), cut.info)
    first = cut.info.onset_frame - cut.frames // 2
    found = [audio_window(bands, frame_of(seconds[o]), cut.info) for o in cut.onsets]
    return np.stack([window[:, first : first + cut.frames] for window in found])


def results(pool: Pool) -> Iterator[Returned]:
    """What the calls of a pool return, whose arguments are renditions or cuts, as they end.

    Raises:
        MsmdError: one could not be rendered, with the piece's id.
    """
    for one in pool.results():
        if isinstance(one, Returned):
            yield one
            continue
        argument = one.call.argument
        piece = (argument.rendition if isinstance(argument, Cut) else argument).piece
        if isinstance(one, Lost):
            what = "took too long" if one.timed_out else "was killed (out of memory?)"
            raise MsmdError(f"{piece}: the worker process that performed it {what}")
        if isinstance(one.error, MsmdError):
            raise MsmdError(f"{piece}: {one.error}") from one.error
        raise one.error


def _asked(rendition: Rendition) -> tuple[Music, PerformanceSpec]:
    """What is to be played, and how."""
    piece = _opened(rendition.dataset)[rendition.piece]
    spec = piece.spec(rendition.performance)
    tempo = spec.tempo * rendition.tempo
    return piece.music, replace(spec, tempo=tempo, soundfont=rendition.soundfont or spec.soundfont)


@lru_cache(maxsize=1)
def _opened(path: Path) -> reader.Dataset:
    return reader.open(path)
