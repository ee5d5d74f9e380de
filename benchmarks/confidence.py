"""Fit how sure `msmd align` is of its places, and measure how often it is right (docs/alignment.md).

    python benchmarks/confidence.py FOLDER [--model NAME …] [--soundfont NAME] [--write]

FOLDER is as for `benchmarks/editions.py`. A performance of each piece is aligned with each scanned edition of
it in four ways: as it is; with one system of the sheet taken away; with a passage played twice; and with one left
out. Each beat is right if its place is right to half a second. Each piece is judged by parameters that were fitted
to the others. --write stores the parameters fitted to all in msmdtools/follow/confidence.json.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from editions import Beat, Edition, editions, errors_s, heard, numbers_of
from numpy.typing import NDArray

from msmdtools.base.text_table import pipes
from msmdtools.features.spectrogram import FRAMES_PER_SECOND
from msmdtools.follow import alignment, confidence
from msmdtools.follow.axis import axis
from msmdtools.follow.similarity import Similarities
from msmdtools.inputs.pages import Sheet, read_sheet
from msmdtools.models.model import Model, load_model
from msmdtools.search import verdict
from msmdtools.search.windows import audio_windows, sheet_windows

STORED = Path(confidence.__file__).with_suffix(".json")
EDGES = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0)
PASSAGE_S = 15.0
RIDGE = 1e-3

Floats = NDArray[np.float64]


def variants(
    edition: Edition, sheet: Sheet, spectrogram: NDArray[np.float16], rng: np.random.Generator
) -> Iterator[tuple[str, Edition, Sheet, NDArray[np.float16]]]:
    yield "as it is", edition, sheet, spectrogram
    numbers = sheet.systems["system"].unique()
    if len(numbers) > 2:
        gone = rng.choice(numbers[1:-1])
        yield (
            "a system missing",
            edition,
            replace(sheet, systems=sheet.systems[sheet.systems["system"] != gone]),
            spectrogram,
        )
    length = spectrogram.shape[1] / FRAMES_PER_SECOND
    if length > 4 * PASSAGE_S:
        low = (
            round(rng.uniform(PASSAGE_S, length - 3 * PASSAGE_S) * FRAMES_PER_SECOND)
            / FRAMES_PER_SECOND
        )
        yield "played twice", *_twice(edition, sheet, spectrogram, low)
        yield "left out", *_without(edition, sheet, spectrogram, low)


def _twice(
    edition: Edition, sheet: Sheet, spectrogram: NDArray[np.float16], low: float
) -> tuple[Edition, Sheet, NDArray[np.float16]]:
    high = low + PASSAGE_S
    a, b = (round(s * FRAMES_PER_SECOND) for s in (low, high))
    beats = [beat for beat in edition.beats if beat.second < high]
    beats += [_later(beat, PASSAGE_S) for beat in edition.beats if beat.second >= low]
    played = np.concatenate([spectrogram[:, :b], spectrogram[:, a:]], axis=1)
    return replace(edition, beats=tuple(beats)), sheet, played


def _without(
    edition: Edition, sheet: Sheet, spectrogram: NDArray[np.float16], low: float
) -> tuple[Edition, Sheet, NDArray[np.float16]]:
    high = low + PASSAGE_S
    a, b = (round(s * FRAMES_PER_SECOND) for s in (low, high))
    beats = [beat for beat in edition.beats if beat.second < low]
    beats += [_later(beat, -PASSAGE_S) for beat in edition.beats if beat.second >= high]
    played = np.concatenate([spectrogram[:, :a], spectrogram[:, b:]], axis=1)
    return replace(edition, beats=tuple(beats)), sheet, played


def _later(beat: Beat, seconds: float) -> Beat:
    return replace(beat, second=beat.second + seconds)


def measured(
    edition: Edition,
    numbers: dict[int, list[int]],
    sheet: Sheet,
    played: NDArray[np.float16],
    model: Model,
) -> tuple[Floats, NDArray[np.bool_]]:
    """The terms at each beat, and whether its place is right."""
    seen = embedded(sheet, model)
    second, sound = embedded(played, model)
    found = alignment.from_similarities(axis(sheet), second, Similarities(sound, seen))
    null = verdict.of_model(model.bundled)
    found = alignment.judged(found, played, sound, seen, null)
    terms = alignment.terms(found)
    at = [int(np.argmin(abs(found.second - beat.second))) for beat in edition.beats]
    return terms[at], errors_s(edition, numbers, found) <= confidence.RIGHT_S


_EMBEDDED: dict[int, Any] = {}


def embedded(what: Any, model: Model) -> Any:
    """Embeddings of a sheet, or moments and embeddings of a recording; each is embedded once."""
    if id(what) not in _EMBEDDED:
        if isinstance(what, Sheet):
            images = sheet_windows(what, model.config.sheet_shape, alignment.SHEET_STRIDE).images
            _EMBEDDED[id(what)] = what, model.embed_sheet(images)
        else:
            windows = audio_windows(what, model.config.frames, alignment.AUDIO_STRIDE)
            vectors = model.embed_audio(windows.spectrograms)
            _EMBEDDED[id(what)] = what, (windows.second, vectors)
    return _EMBEDDED[id(what)][1]


def fitted(terms: Floats, right: NDArray[np.bool_], weights: Floats) -> Floats:
    """Logistic regression with a small ridge, by Newton's method."""
    beta = np.zeros(terms.shape[1])
    ridge = RIDGE * weights.sum() * np.eye(terms.shape[1])
    ridge[0, 0] = 0.0
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(terms @ beta, -30, 30)))
        gradient = terms.T @ (weights * (right - p)) - ridge @ beta
        hessian = (terms * (weights * p * (1 - p))[:, np.newaxis]).T @ terms + ridge
        step = np.linalg.solve(hessian + 1e-9 * np.eye(len(beta)), gradient)
        beta += step
        if np.abs(step).max() < 1e-8:
            break
    return beta


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", nargs="+", default=["compact-4s"])
    parser.add_argument("--soundfont", default="FluidR3_GM")
    parser.add_argument(
        "--kept", type=Path, help="a file for what was measured, used again if it is there"
    )
    parser.add_argument("--editions", type=int, default=100, help="of each piece, at most")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    if given.kept and given.kept.is_file():
        stored = np.load(given.kept)
        terms, right, piece, kind = (stored[name] for name in ("terms", "right", "piece", "kind"))
    else:
        terms, right, piece, kind = collected(given)
        if given.kept:
            np.savez(given.kept, terms=terms, right=right, piece=piece, kind=kind)
    every = np.ones(len(right))
    judged = np.empty(len(right))
    for name in np.unique(piece):
        others = piece != name
        beta = fitted(terms[others], right[others], every[others])
        judged[~others] = 1 / (1 + np.exp(-np.clip(terms[~others] @ beta, -30, 30)))
    rows = [["confidence", "beats", "mean", "right"]]
    for low, high in pairwise(EDGES):
        some = (judged >= low) & ((judged < high) | (high == 1))
        if some.any():
            rows.append(
                [
                    f"{low:g} to {high:g}",
                    f"{some.sum():,}",
                    f"{judged[some].mean():.3f}",
                    f"{right[some].mean():.3f}",
                ]
            )
    some = judged >= 0.9
    rows.append(
        [
            "0.9 and more",
            f"{some.sum():,}",
            f"{judged[some].mean():.3f}",
            f"{right[some].mean():.3f}",
        ]
    )
    rows.append(["all", f"{len(right):,}", f"{judged.mean():.3f}", f"{right.mean():.3f}"])
    print("\n".join(pipes(rows)))
    brier, alone = np.mean((judged - right) ** 2), right.mean() * (1 - right.mean())
    print(f"\nBrier score {brier:.4f}, of the mean alone {alone:.4f}")
    for name in np.unique(kind):
        some = kind == name
        sure = some & (judged >= 0.9)
        count = f"{name}: {some.sum():,} beats, {right[some].mean():.3f} right"
        print(f"{count}; {sure.sum():,} sure, {right[sure].mean():.3f} right")
    beta = fitted(terms, right, every)
    parameters = {name: round(float(b), 4) for name, b in zip(confidence.TERMS, beta, strict=True)}
    print(json.dumps(parameters))
    if given.write:
        STORED.write_text(json.dumps({"parameters": parameters}, indent=1) + "\n", "utf-8")


def collected(
    given: argparse.Namespace,
) -> tuple[Floats, NDArray[np.bool_], NDArray[np.str_], NDArray[np.str_]]:
    rng = np.random.default_rng(0)
    terms, right, pieces, kinds = [], [], [], []
    taken: Counter[str] = Counter()
    for edition in editions(given.folder):
        taken[edition.piece] += 1
        if taken[edition.piece] > given.editions:
            continue
        sheet = read_sheet(edition.pdf)
        numbers, spectrogram = numbers_of(edition, sheet), heard(edition.midi, given.soundfont)
        for name in given.model:
            model = load_model(name)
            _EMBEDDED.clear()
            for kind, changed, shown, played in variants(edition, sheet, spectrogram, rng):
                values, good = measured(changed, numbers, shown, played, model)
                terms.append(values)
                right.append(good)
                pieces += [edition.piece] * len(good)
                kinds += [kind] * len(good)
                print(
                    f"{edition.name}, {name}, {kind}: {good.mean():.3f} of {len(good)} right",
                    flush=True,
                )
    return np.concatenate(terms), np.concatenate(right), np.array(pieces), np.array(kinds)


if __name__ == "__main__":
    main()
