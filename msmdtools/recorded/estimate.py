"""When the bars of a piece are played in a recording, by a model: our own alignment, with its confidence."""

from functools import lru_cache
from pathlib import Path

import numpy as np

from msmdtools.dataset.reader import DatasetPiece
from msmdtools.errors import MsmdError, PieceError
from msmdtools.follow import bars as bar_list
from msmdtools.follow.alignment import align
from msmdtools.models.model import Model, load_model
from msmdtools.performed.alignment import refuse
from msmdtools.performed.marks import FEWEST, Anchor, Bars
from msmdtools.search.verdict import LIKELY


def anchors(piece: DatasetPiece, spectrogram: Path, model: str, bars: Bars) -> list[Anchor]:
    """The beginnings of the bars that a recording plays.

    Args:
        piece: the piece.
        spectrogram: the file of the recording's spectrogram.
        model: the model, as `load_model` takes it.
        bars: the bars of the piece.

    Raises:
        PieceError: it is too short, probably of another piece, or fewer than two bars are heard (stage "align").
        MsmdError: there is no such model, or PyTorch is not installed.
    """
    loaded = _loaded(model)
    try:
        alignment = align(piece, np.load(spectrogram, allow_pickle=False), loaded)
    except PieceError:
        raise
    except MsmdError as error:
        raise refuse("not-aligned", str(error)) from error
    if alignment.probability < LIKELY:
        raise refuse(
            "another-piece",
            f"the probability that it is a recording of this piece is {alignment.probability:.0%}: name the piece "
            "that it is of, or mark its bars",
        )
    found: list[Anchor] = []
    for row in bar_list.rows(alignment):
        bar = bars.by_measure.get(row["measure"])
        if bar is not None and (not found or row["second"] > found[-1].second):
            confidence = row["confidence"]
            found.append(Anchor(row["second"], bar.onset, float(confidence)))
    if len(found) < FEWEST:
        raise refuse("too-few-bars", "fewer than two bars of the piece are heard in the recording")
    return found


@lru_cache(maxsize=1)
def _loaded(model: str) -> Model:
    return load_model(model)
