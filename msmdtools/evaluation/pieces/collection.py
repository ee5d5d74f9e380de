"""The candidates among which pieces are searched: sheets and recordings with their embeddings.

The pieces that are evaluated are those of a selection. Candidates are the same pieces and, with
distractors, all other pieces of further datasets, with one sheet and one recording each. A recording is
searched for among all sheets, a sheet among all recordings. An id that several datasets have is one piece,
from the first of them.

Embeddings are kept in an index (`msmdtools.search.index`). Pieces that it lacks are added to it, and the next
evaluation with the same model uses it again; further pieces in it do not matter.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from msmdtools.base.progress import Progress, silent
from msmdtools.dataset.reader import Dataset
from msmdtools.errors import MsmdError
from msmdtools.evaluation.pieces import near_identical
from msmdtools.evaluation.pieces.near_identical import Others
from msmdtools.models.model import Model
from msmdtools.models.seen import Seen
from msmdtools.search import sources
from msmdtools.search.index import Index, open_index
from msmdtools.search.parts import Side
from msmdtools.search.update import update
from msmdtools.splits import selection
from msmdtools.splits.selection import Selection


@dataclass(frozen=True, slots=True, eq=False)
class Recordings:
    """One recording of each of some pieces.

    Attributes:
        side: their windows, a group for each recording.
        spectrogram: returns the spectrogram, (92, frames), of a piece that is evaluated, by its id.
        speed: how many times as fast they are as the performances of the selection.
    """

    side: Side
    spectrogram: Callable[[str], NDArray[np.float16]]
    speed: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Collection:
    """Pieces to evaluate, and the candidates among which they are searched.

    Attributes:
        dataset: the dataset of the pieces that are evaluated.
        selection: these pieces and their performances.
        sheets: the windows of all sheets, a group for each piece, sorted by piece.
        recordings: the windows of all recordings, likewise.
        alike: the other pieces that are near-identical to a piece.
        sheet_stride: px between sheet windows.
        audio_stride: s between audio windows.
        seen: which of the evaluated pieces the model has seen; None if that was not examined.
    """

    dataset: Dataset
    selection: Selection
    sheets: Side
    recordings: Recordings
    alike: Others
    sheet_stride: float
    audio_stride: float
    seen: Seen | None = None


def gather(
    model: Model,
    weights: str | Path,
    dataset: Dataset,
    selected: Selection,
    *,
    distractors: Sequence[Dataset] = (),
    index: Path | None = None,
    seen: Seen | None = None,
    progress: Progress = silent,
) -> Collection:
    """Collect the candidates, embedding those whose embeddings the index lacks.

    Args:
        model: the model to evaluate.
        weights: bundled name or path from which the model was loaded.
        dataset: the dataset of the pieces that are evaluated.
        selected: these pieces and their performances.
        distractors: datasets whose other pieces are candidates too.
        index: folder of the index where embeddings are kept; None to discard them afterwards.
        seen: which of the evaluated pieces the model has seen; None if that was not examined.
        progress: called with what is counted, how much of it is done, and how much there is.

    Returns:
        The pieces and the candidates.

    Raises:
        MsmdError: the index is of another model or damaged, it has a piece without this performance, a piece
            cannot be embedded, or the model gives numbers that are not finite.
        DatasetError: a file of a dataset is missing or damaged.
    """
    sources = [(dataset, selected.performances)]
    ids = set(selected.performances)
    for other in distractors:
        names = [piece for piece in other.ids if piece not in ids]
        ids.update(names)
        sources.append((other, selection.performances(other, names, selected.part)))
    performances: dict[str, str] = {}
    with ExitStack() as stack:
        path = index or Path(stack.enter_context(tempfile.TemporaryDirectory())) / "index"
        for source, names_played in sources:
            _embed(path, source, names_played, model, weights, progress)
            performances |= names_played
        opened = open_index(path)
        sheets = _side_of(opened, "sheet", dict.fromkeys(performances, ""))
        played = _side_of(opened, "audio", performances)
    description = opened.description
    return Collection(
        dataset=dataset,
        selection=selected,
        sheets=sheets,
        recordings=Recordings(played, partial(_spectrogram, dataset, selected)),
        alike=near_identical.find([(source, names) for source, names in sources]),
        sheet_stride=description.sheet_stride,
        audio_stride=description.audio_stride,
        seen=seen,
    )


def vectors_by_piece(side: Side, pieces: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """Return the embeddings of the windows of some pieces, float32 (windows, dim), by piece."""
    group = {piece: n for n, (piece, _) in enumerate(side.names)}
    return {p: side.vectors[side.bounds[group[p]] : side.bounds[group[p] + 1]] for p in pieces}


def _spectrogram(dataset: Dataset, selected: Selection, piece: str) -> NDArray[np.float16]:
    return dataset[piece].spectrogram(selected.performances[piece])


def _embed(
    path: Path,
    dataset: Dataset,
    performances: Mapping[str, str],
    model: Model,
    weights: str | Path,
    progress: Progress,
) -> None:
    items = []
    for name in sorted(set(performances.values())):
        pieces = [piece for piece, performance in performances.items() if performance == name]
        items += sources.of_dataset(dataset, pieces, [name])
    items.sort(key=lambda item: item.piece)
    change = update(path, items, model, weights, progress=progress)
    if change.failed:
        piece, source, message = change.failed[0]
        raise MsmdError(f"{source}: {piece} cannot be embedded: {message}")


def _side_of(index: Index, name: str, wanted: Mapping[str, str]) -> Side:
    """The groups of an index with these pieces and performances, sorted by piece."""
    entries = index.entries[index.entries["side"] == name]
    keys = zip(entries["piece"], entries["performance"], strict=True)
    number = dict(zip(keys, entries.index.tolist(), strict=True))
    for piece, performance in wanted.items():
        if (piece, performance) not in number:
            what = f"the performance {performance}" if performance else "its sheet"
            raise MsmdError(
                f"{index.path} has {piece}, but not {what}; name another index, or remove the piece "
                "from this one with msmd index --remove"
            )
    side = index.read(name, [number[item] for item in wanted.items()])
    order = sorted(range(len(side.names)), key=lambda group: side.names[group][0])
    rows = [np.arange(side.bounds[group], side.bounds[group + 1]) for group in order]
    windows = np.concatenate(rows)
    vectors = side.vectors[windows]
    bad = int((~np.isfinite(vectors).all(axis=1)).sum())
    if bad:
        raise MsmdError(
            f"{index.path}: {bad} of {len(vectors)} {name} embeddings are not finite, "
            "so the weights are unusable; take an earlier checkpoint and another index"
        )
    return Side(
        places=side.places.iloc[windows].reset_index(drop=True),
        vectors=vectors,
        bounds=np.concatenate([[0], np.cumsum([len(part) for part in rows])]),
        names=[side.names[group] for group in order],
    )
