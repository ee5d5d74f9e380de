"""What asks for what in benchmarks/verdict.py, and the answers of which it is known whether they are right."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import msmdtools
from msmdtools.base.files import replacing
from msmdtools.evaluation.pieces import collection, excerpts
from msmdtools.features.spectrogram import FRAMES_PER_SECOND
from msmdtools.inputs import audio, midi, recordings
from msmdtools.models.model import Model
from msmdtools.search import sources, verdict
from msmdtools.search.index import Side, open_index
from msmdtools.search.options import AUDIO_STRIDE, SHEET_STRIDE
from msmdtools.search.ranking import path_scores
from msmdtools.search.sources import Item
from msmdtools.search.update import update
from msmdtools.search.verdict import Evidence, Null
from msmdtools.splits import selection

LONGEST_S = 100
OTHER_SIDE = {"audio": "sheet", "sheet": "audio"}


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """A sheet or a recording.

    Attributes:
        side: "sheet" or "audio".
        name: its own; music: what it is of, alike: and what else sounds the same.
        real: whether it is a scan or a performance.
        vectors: of its windows, (windows, dim).
        system: of each window of a sheet. performance, bands: the name of a recording and its
            spectrogram, (92, frames).
    """

    side: str
    name: str
    music: str
    real: bool
    vectors: NDArray[np.float32]
    system: NDArray[np.int64] | None = None
    performance: str = ""
    bands: NDArray[Any] | None = None
    alike: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Answer:
    """One of the two best answers to a query, with its evidence by `PIECE`.

    Attributes:
        of, length, music, real: of the query.
        pieces: among how many it was found. first: whether it is the best of them.
        right: whether it is the piece.
        around: mean and deviation of the query's similarities with all pieces.
    """

    of: str
    length: float | None
    music: str
    real: bool
    pieces: int
    first: bool
    right: bool
    evidence: Evidence
    around: tuple[float, float]

    def by(self, null: Null) -> Evidence:
        """The evidence in deviations of other similarities."""
        own, found = self.evidence.null, self.evidence
        strength = (found.strength * own.spread + own.mean - null.mean) / null.spread
        direction = found.direction * own.spread / null.spread
        return replace(found, strength=strength, direction=direction, null=null)


def of_dataset(
    model: Model, weights: str, path: str, split: str, index: Path, every: int = 1
) -> Iterator[Thing]:
    """The sheets and recordings of a split, of its first piece and every so many further on."""
    dataset = msmdtools.open(path)
    selected = selection.select(dataset, split)
    some = dict(list(selected.performances.items())[::every])
    selected = replace(selected, performances=some)
    gathered = collection.gather(model, weights, dataset, selected, index=index)
    wanted = set(selected.pieces)
    for side, windows in (("sheet", gathered.sheets), ("audio", gathered.recordings.side)):
        for n, (name, _) in enumerate(windows.names):
            if name in wanted:
                bands = gathered.recordings.spectrogram(name) if side == "audio" else None
                alike = gathered.alike.get(name, frozenset())
                yield Thing(side, name, name, False, *_windows(windows, n), bands, alike)


def of_folders(
    model: Model, weights: str, scans: Path, performances: Sequence[Path], index: Path
) -> Iterator[Thing]:
    """Scans and performances."""
    items = {item.piece: item for item in sources.of_folder(scans, performances=())}
    sounds = {}
    for folder in performances:
        for file in sorted(f for f in folder.rglob("*") if f.is_file()):
            if audio.is_audio(file) or file.suffix.lower() in midi.ENDINGS:
                name = file.relative_to(folder).with_suffix("").as_posix()
                kept = index.with_name("spectrograms") / f"{name}.npy"
                read = partial(first_part, file, kept)
                sounds[name] = Item("audio", name, file.name, str(file), read)
    for failed in update(index, [*items.values(), *sounds.values()], model, weights).failed:
        print(failed[2])
    opened = open_index(index)
    for name, side in (("sheet", opened.sheet), ("audio", opened.audio)):
        for n, (piece, _) in enumerate(side.names):
            bands = sounds[piece].read() if name == "audio" else None
            of = [sound for sound in sounds if f"{piece}_".startswith(f"{sound}_")]
            music = max(of, key=len, default=piece)
            yield Thing(name, piece, music, True, *_windows(side, n), bands)


def _windows(side: Side, group: int) -> tuple[NDArray[np.float32], NDArray[np.int64] | None, str]:
    """Of a group its vectors, the systems of a sheet, and the name of a recording."""
    rows = slice(*side.bounds[group : group + 2])
    system = side.places["system"].to_numpy()[rows] if "system" in side.places else None
    return side.vectors[rows], system, side.names[group][1]


def first_part(path: Path, kept: Path) -> NDArray[Any]:
    """The spectrogram of the first `LONGEST_S` of a recording, from where it is kept if it is there."""
    if not kept.exists():
        bands = recordings.of_file(path).spectrogram[:, : LONGEST_S * FRAMES_PER_SECOND]
        kept.parent.mkdir(parents=True, exist_ok=True)
        with replacing(kept) as temporary, temporary.open("wb") as file:
            np.save(file, bands)
    found: NDArray[Any] = np.load(kept)
    return found


def asking(model: Model, thing: Thing) -> list[excerpts.Query]:
    """The whole and an excerpt of each length that is shorter."""
    name, vectors, begins = thing.name, thing.vectors, excerpts.draws(thing.name, 1, 0)
    if thing.side == "audio":
        of_audio = (excerpts.SECONDS, model, AUDIO_STRIDE, begins)
        parts = excerpts.audio(name, vectors, thing.bands, *of_audio)
    else:
        columns = model.config.sheet_shape[1]
        parts = excerpts.sheet(name, vectors, excerpts.PIXELS, columns, SHEET_STRIDE, begins)
    parts = [part for part in parts if len(part.vectors) < len(vectors)]
    return [*parts, excerpts.Query(name, None, 0, vectors)]


def answers(model: Model, things: Sequence[Thing]) -> list[Answer]:
    """The answers to all queries of all things."""
    random, found = np.random.default_rng(0), []
    for asks in things:
        there = [t for t in things if t.side == OTHER_SIDE[asks.side] and t.real <= asks.real]
        rights = [t for t in there if t.music == asks.music]
        same = {asks.music}.union(*(t.alike for t in things if t.music == asks.music))
        others = [t for t in there if t.music not in same]
        all_others = list({t.music: t for t in reversed(others)}.values())
        for query in asking(model, asks):
            tried = [[*all_others, *rights[:1]], all_others] if rights else [all_others]
            for right in rights or [None]:
                tried += [[right]] if right else []
                tried.append([others[int(random.integers(len(others)))]])
            for candidates in tried:
                found += best_two(asks, query, candidates)
    return found


def best_two(asks: Thing, query: excerpts.Query, candidates: Sequence[Thing]) -> list[Answer]:
    """The answers to one query among some candidates."""
    vectors = np.concatenate([t.vectors for t in candidates])
    bounds = np.cumsum([0, *(len(t.vectors) for t in candidates)])
    order = np.argsort(-path_scores(query.vectors, vectors, bounds), kind="stable")
    around = verdict.moments(query.vectors, vectors)
    same = (asks.side, query.length, asks.music, asks.real, len(candidates))
    return [
        Answer(
            *same,
            rank == 0,
            candidates[at].music == asks.music,
            verdict.evidence(query.vectors, candidates[at].vectors),
            around,
        )
        for rank, at in enumerate(order[:2].tolist())
    ]
