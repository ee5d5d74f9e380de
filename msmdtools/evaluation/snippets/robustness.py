"""How retrieval changes when the audio is not like that of the test set; the sheets stay the same.

These conditions change the magnitudes of the stored spectrogram windows, which hold log10(1 + magnitude):

- gain: magnitudes times 10^(dB / 20). A recording has no absolute level.
- noise: in each cell of the spectrogram, energies add up: √(m² + n²), n² exponentially distributed, as
  the energy of Gaussian noise is, and on average a number of dB below the mean of m² over the window (the
  signal-to-noise ratio). The same level in all bands: noise that is white in pitch bands. The draws
  belong to the pair: the same in every run.

These need the dataset that the snippets were cut from, as performances are rendered again (`rendering`):

- tempo: 0.5 (half as fast) to 2.0 times as fast, the test of tempo in the code of Dorfer et al. and
  Balke et al. (ISMIR 2019). Windows keep their length: at half the speed half as many notes are in them.
- soundfont: each of the registry that is on this machine, other than that of the test set. A font of
  the role "train" is one that the model may have heard in training.
- tuning: all notes a number of cents higher; a semitone is 100.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.base import draws
from msmdtools.base.damage import no_folder
from msmdtools.base.pool import Call, Pool
from msmdtools.base.processors import processors
from msmdtools.base.progress import Progress, silent
from msmdtools.errors import DatasetError, SoundfontError
from msmdtools.evaluation.rendering import PIECE_S, Cut, Rendition, results, windows
from msmdtools.evaluation.snippets import retrieval
from msmdtools.evaluation.snippets.candidates import Candidates
from msmdtools.evaluation.snippets.retrieval import AUDIO_TO_SHEET, DIRECTIONS, Embedder
from msmdtools.metrics.ranks import RetrievalMetrics, ranks_of_pairs, retrieval_metrics
from msmdtools.perform.soundfonts import find_soundfont, registry
from msmdtools.snippets.export import identity

TEMPI = (0.5, 0.75, 1.25, 1.5, 1.75, 2.0)
TUNINGS_CENTS = (-50.0, -25.0, 25.0, 50.0)
GAINS_DB = (-12.0, -6.0, 6.0, 12.0)
NOISES_DB = (30.0, 20.0, 10.0, 0.0)

_LN10 = float(np.log(10.0))
_NOISE = 64  # the stream of random numbers; see msmdtools.base.draws
_BATCH = 256

# The arguments of `Rendition` that conditions with performances of their own change.
_RENDITION = {"tempo": "tempo", "soundfont": "soundfont", "tuning": "tuning_cents"}

Windows = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Condition:
    """A change of the audio.

    Attributes:
        kind: "stored", "gain", "noise", "tempo", "soundfont" or "tuning".
        amount: dB for gain and noise, a factor of speed for tempo, a soundfont's name, or cents; None for the
            stored audio.
    """

    kind: str
    amount: float | str | None = None

    @property
    def value(self) -> str:
        """The amount, for people."""
        form = {
            "gain": "{:+g} dB",
            "noise": "{:g} dB SNR",
            "tempo": "{:g}",
            "tuning": "{:+g} cents",
        }
        return "" if self.amount is None else form.get(self.kind, "{}").format(self.amount)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Retrieval under a condition.

    Attributes:
        kind: kind of the condition.
        value: its amount, for people.
        directions: the metrics, by direction.
    """

    kind: str
    value: str
    directions: dict[str, RetrievalMetrics]


def conditions(dataset: bool, known: Sequence[str] = ()) -> list[Condition]:
    """List the conditions of the table, the stored audio first.

    Args:
        dataset: whether performances can be rendered again.
        known: names of the test set's own soundfonts, which are no change.
    """
    listed = [Condition("stored")]
    if dataset:
        fonts = [font for font in _soundfonts() if font not in known]
        listed += [Condition("tempo", tempo) for tempo in TEMPI]
        listed += [Condition("soundfont", font) for font in fonts]
        listed += [Condition("tuning", cents) for cents in TUNINGS_CENTS]
    listed += [Condition("gain", db) for db in GAINS_DB]
    listed += [Condition("noise", db) for db in NOISES_DB]
    return listed


def evaluate_robustness(
    model: Embedder,
    candidates: Candidates,
    dataset: Path | None = None,
    directions: Sequence[str] = DIRECTIONS,
    *,
    progress: Progress = silent,
) -> list[Outcome]:
    """Evaluate retrieval under each of `conditions`, with the same candidates.

    Args:
        model: the model.
        candidates: the pairs; each is a query once.
        dataset: folder of the dataset from which performances are rendered again; None to leave these
            conditions out.
        directions: "audio-to-sheet", "sheet-to-audio", or both.
        progress: called with what is counted, how much of it is done, and how much there is.

    Returns:
        The metrics under each condition.

    Raises:
        DatasetError: it is not the dataset that the snippets were cut from, or is damaged.
        MsmdError: a piece could not be rendered.
    """
    if dataset is not None:
        _check(dataset, candidates)
    pairs = retrieval.pairs(model, candidates)
    rows = candidates.table["row"].to_numpy()
    order = np.argsort(rows)
    sheets, stored = [], []
    for first in range(0, len(rows), _BATCH):
        batch = pairs.batch(rows[order[first : first + _BATCH]])
        sheets.append(model.embed_sheet(batch.sheets))
        stored.append(batch.spectrograms)
    inverse = np.argsort(order)
    sheet, sound = np.concatenate(sheets)[inverse], np.concatenate(stored)[inverse]
    todo = conditions(dataset is not None, sorted(set(candidates.table["soundfont"])))
    pieces = candidates.table["piece"].nunique()
    steps = [pieces if condition.kind in _RENDITION else 1 for condition in todo]
    outcomes = []
    # Workers start when there is something to perform, and keep their soundfonts.
    with Pool(min(processors(), pieces)) as pool:
        for number, condition in enumerate(todo):
            before = sum(steps[:number])

            def step(done: int, before: int = before) -> None:
                progress("robustness", before + done, sum(steps))

            changed = _changed(condition, sound, candidates, dataset, pool, step)
            embedded = model.embed_audio(changed)
            metrics = {}
            for name in directions:
                sides = (embedded, sheet) if name == AUDIO_TO_SHEET else (sheet, embedded)
                metrics[name] = retrieval_metrics(ranks_of_pairs(*sides))
            outcomes.append(Outcome(condition.kind, condition.value, metrics))
            step(steps[number])
    return outcomes


def _changed(
    condition: Condition,
    stored: Windows,
    candidates: Candidates,
    dataset: Path | None,
    pool: Pool,
    step: Callable[[int], None],
) -> Windows:
    """Return the candidates' windows under a condition."""
    match condition:
        case Condition("stored"):
            return stored
        case Condition("gain", float(gain_db)):
            return louder(stored, gain_db)
        case Condition("noise", float(snr_db)):
            return noisy(stored, candidates.table["row"].to_numpy(), snr_db)
    assert dataset is not None
    return _rendered(condition, candidates, dataset, stored.shape[2], pool, step)


def louder(spectrograms: Windows, gain_db: float) -> NDArray[np.float32]:
    """Return spectrogram windows, (pairs, bands, frames), with `gain_db` more gain."""
    return _logarithm(_magnitudes(spectrograms) * np.float32(10 ** (gain_db / 20)))


def noisy(spectrograms: Windows, numbers: NDArray[np.int64], snr_db: float) -> NDArray[np.float32]:
    """Add noise to spectrogram windows.

    Args:
        spectrograms: windows of log10(1 + magnitude), (pairs, bands, frames).
        numbers: numbers of the pairs in their split, (pairs,); the random draws depend on them.
        snr_db: signal-to-noise ratio in dB.

    Returns:
        float32 (pairs, bands, frames).
    """
    magnitudes = _magnitudes(spectrograms)
    for window, number in zip(magnitudes, numbers.tolist(), strict=True):
        random = draws.generator(_NOISE, 0, number)
        energy = random.standard_exponential(window.shape, np.float32)
        level = float(np.mean(np.square(window), dtype=np.float64)) * 10 ** (-snr_db / 10)
        np.sqrt(window * window + energy * np.float32(level), out=window)
    return _logarithm(magnitudes)


def _magnitudes(spectrograms: Windows) -> NDArray[np.float32]:
    return np.expm1(np.multiply(spectrograms, np.float32(_LN10), dtype=np.float32))


def _logarithm(magnitudes: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.log1p(magnitudes) * np.float32(1 / _LN10)


def _soundfonts() -> list[str]:
    """Return the registered soundfonts that are on this machine."""
    available = []
    for name in registry():
        try:
            find_soundfont(name)
        except SoundfontError:
            continue
        available.append(name)
    return available


def _check(dataset: Path, candidates: Candidates) -> None:
    if not dataset.is_dir():
        raise DatasetError(
            f"{dataset}: {no_folder(dataset)}; name the folder that msmd build --out made"
        )
    if identity(dataset) != candidates.split.info.dataset_sha256:
        raise DatasetError(
            f"{dataset}: not the dataset that {candidates.split.where} was cut from; name that one, "
            "or export the snippets again"
        )


def _rendered(
    condition: Condition,
    candidates: Candidates,
    dataset: Path,
    frames: int,
    pool: Pool,
    step: Callable[[int], None],
) -> NDArray[np.float16]:
    """Render the windows of all candidates again, in worker processes."""
    info = candidates.split.info
    result = np.empty((len(candidates), info.bands, frames), np.float16)
    groups = {str(piece): group for piece, group in candidates.table.groupby("piece")}
    changed: dict[str, Any] = {_RENDITION[condition.kind]: condition.amount}
    for piece, group in groups.items():
        performance = str(group["performance"].iloc[0])
        rendition = Rendition(dataset.absolute(), piece, performance, **changed)
        cut = Cut(rendition, info, tuple(group["onset"].tolist()), frames)
        pool.submit(Call(windows, cut, PIECE_S))
    for done, returned in enumerate(results(pool), 1):
        result[groups[returned.call.argument.rendition.piece].index.to_numpy()] = returned.value
        step(done)
    return result
