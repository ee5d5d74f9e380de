"""How sure an answer is: the calibration of `msmdtools.search.verdict`, fitted, measured and written.

    python benchmarks/verdict.py MODEL DATASET --split CSV:COLUMN:PART --index FOLDER
                                 [--every N] [--scans FOLDER] [--performances FOLDER …]
                                 [--docs docs/retrieval.md]
                                 [--calibration msmdtools/search/calibration.json [--parameters]]

Excerpts of the pieces of the split and whole pieces ask, each alone with the right piece and with a
wrong one, and among all pieces with the right one there and taken out. With scans (PDFs, pictures) and
performances (audio, MIDI; of each the first 100 s) these ask likewise, among the dataset's pieces and each
other; a scan is of the performance whose name its own begins with (chopin_op30no2_v1 of chopin_op30no2).

Of the first two answers to each it is known whether they are right. Their statistics are fitted by logistic
regression; what is printed, or put into the page, is of first answers, each judged by parameters that
were fitted without its piece (five folds). --calibration writes mean and deviation of unrelated music
with this model, and with --parameters what was fitted, which holds for all models. FOLDER keeps the embeddings.
"""

import argparse
import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from answers import Answer, answers, of_dataset, of_folders
from numpy.typing import NDArray
from pieces import filled

from msmdtools.base.text_table import Table, pipes
from msmdtools.models.model import load_model
from msmdtools.search import verdict
from msmdtools.search.verdict import MODEL, PIECE, TERMS, Null

BEGIN, END = "<!-- figures of benchmarks/verdict.py -->", "<!-- end of the figures on verdicts -->"
FOLDS, RIDGE = 5, 1e-3
BINS = (0, 0.01, 0.1, 0.3, 0.7, 0.9, 0.99, 1)
NAMES = {"audio": "recordings", "sheet": "sheets"}
REAL = {"audio": "performances", "sheet": "scans"}
ONE = {"audio": "one sheet", "sheet": "one recording"}

Floats = NDArray[np.float64]


def unrelated(found: Sequence[Answer]) -> Null:
    """Similarities of unrelated music: those of queries with all pieces, the right one taken out."""
    wrong = [a.around for a in found if a.first and a.pieces > 1 and not a.right and not a.real]
    mean, spread = np.mean(wrong, axis=0)
    return Null(round(float(mean), 5), round(float(spread), 5), MODEL)


def fitted(terms: Floats, right: Floats) -> Floats:
    """The parameters of a logistic regression: Newton's method, with steps that never make it worse."""
    ridge = RIDGE * np.array([0.0, *np.ones(terms.shape[1] - 1)])

    def loss(weights: Floats) -> float:
        z = terms @ weights
        return float((np.logaddexp(0, z) - right * z).sum() + (ridge * weights**2).sum() / 2)

    weights = np.zeros(terms.shape[1])
    for _ in range(100):
        p = likely(terms, weights)
        slope = terms.T @ (p - right) + ridge * weights
        bend = (terms.T * (p * (1 - p))) @ terms + np.diag(ridge + 1e-9)
        step = np.linalg.solve(bend, slope)
        while loss(weights - step) > loss(weights) and np.abs(step).max() > 1e-9:
            step /= 2
        weights = weights - step
        if np.abs(step).max() < 1e-7:
            break
    return weights


def likely(terms: Floats, weights: Floats) -> Floats:
    """Probabilities, (answers,)."""
    return np.asarray(1 / (1 + np.exp(-np.clip(terms @ weights, -500, 500))), np.float64)


def judged(found: Sequence[Answer], null: Null | None) -> tuple[Floats, Floats]:
    """The parameters, and the probability of each answer by parameters fitted without its music."""
    values = [verdict.terms(a.by(null) if null else a.evidence, a.pieces) for a in found]
    terms, right = np.array(values), np.array([a.right for a in found], np.float64)
    number = {music: n % FOLDS for n, music in enumerate(sorted({a.music for a in found}))}
    fold = np.array([number[a.music] for a in found])
    p = np.zeros(len(found))
    for one in range(FOLDS):
        p[fold == one] = likely(terms[fold == one], fitted(terms[fold != one], right[fold != one]))
    return fitted(terms, right), p


def kinds(found: Sequence[Answer], of: str) -> dict[str, list[int]]:
    """The numbers of first answers by what asked and among what, and of all of them."""
    rows: dict[tuple[bool, bool, float], list[int]] = {}
    for n, a in enumerate(found):
        if a.of == of and a.first:
            long = (a.length or np.inf) if a.pieces > 1 and not a.real else 0
            rows.setdefault((a.real, a.pieces > 1, long), []).append(n)
    named = {}
    for (real, several, long), numbers in sorted(rows.items()):
        kind = f"{(REAL if real else NAMES)[of]}, {'among all' if several else ONE[of]}"
        if long:
            kind += f", {long:g} {'s' if of == 'audio' else 'px'}" if long < np.inf else ", whole"
        named[kind] = numbers
    return {**named, f"all {NAMES[of]}": sorted(n for ns in rows.values() for n in ns)}


def error_table(found: Sequence[Answer], p: Floats, alone: Floats) -> Table:
    """Answers, right ones, Brier score, and how many were missed and believed, by kind.

    Args:
        p: the probability of each answer; alone: where nothing is known of the model.
    """
    table: Table = [["query", "answers", "right", "Brier", "missed %", "false accept %"]]
    groups = [(kind, rows, p) for of in NAMES for kind, rows in kinds(found, of).items()]
    single = [n for n, a in enumerate(found) if a.pieces == 1 and not a.real]
    for kind, rows, values in [*groups, ("one piece, of an unknown model", single, alone)]:
        right = sum(found[n].right for n in rows)
        table.append([kind, f"{len(rows):,}", f"{right:,}", *errors(found, rows, values)])
    return table


def errors(found: Sequence[Answer], rows: Sequence[int], p: Floats) -> list[str]:
    """Brier score, percent of right answers that were missed, and of others that were believed."""
    right, told = np.array([found[n].right for n in rows], bool), p[rows]
    wrong = [told[right] < verdict.LIKELY, told[~right] >= verdict.LIKELY]
    shares = [f"{100 * part.mean():.1f}" if part.size else "" for part in wrong]
    return [f"{np.mean((told - right) ** 2):.3f}", *shares]


def known_table(found: Sequence[Answer], null: Null, p: Floats) -> Table:
    """What the parameters that are there already make of this model, beside its own.

    Args:
        p: by its own parameters, each by those fitted without its piece.
    """
    there = np.array([verdict.probability(a.by(null), a.of, a.pieces) for a in found])
    alone = np.array([verdict.probability(a.evidence, a.of, a.pieces) for a in found])
    table: Table = [["query", *(["Brier", "missed %", "false accept %"] * 3)]]
    for of in NAMES:
        for kind, rows in kinds(found, of).items():
            if "among" not in kind:
                values = [cell for one in (p, there, alone) for cell in errors(found, rows, one)]
                table.append([kind, *values])
    return table


def reliability_table(found: Sequence[Answer], p: Floats) -> Table:
    """How many first answers have which probability, its mean, and how many of them are right."""
    table: Table = [["probability"]]
    table += [[f"{low:g}–{high:g}"] for low, high in pairwise(BINS)]
    for of, name in NAMES.items():
        rows = kinds(found, of)[f"all {name}"]
        told, right = p[rows], np.array([found[n].right for n in rows])
        at = np.searchsorted(BINS[1:-1], told, side="right")
        table[0] += [name, "mean", "right"]
        for number, row in enumerate(table[1:]):
            values = (told[at == number], right[at == number])
            row.append(f"{len(values[0]):,}")
            row += [f"{value.mean():.3f}" if value.size else "" for value in values]
    return table


def fit(found: Sequence[Answer]) -> tuple[dict[str, Any], Null, list[str]]:
    """The parameters as in calibration.json, unrelated music, and the tables; the last is not for the page."""
    null = unrelated(found)
    parameters: dict[str, Any] = {MODEL: {}, PIECE: {}}
    p = {name: np.zeros(len(found)) for name in parameters}
    for of in NAMES:
        rows = [n for n, answer in enumerate(found) if answer.of == of]
        for name, by in ((MODEL, null), (PIECE, None)):
            weights, p[name][rows] = judged([found[n] for n in rows], by)
            parameters[name][of] = dict(zip(TERMS, weights.round(4).tolist(), strict=True))
    made = [error_table(found, p[MODEL], p[PIECE]), reliability_table(found, p[MODEL])]
    made.append(known_table(found, null, p[MODEL]))
    return parameters, null, ["\n".join(pipes(table)) for table in made]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("dataset")
    parser.add_argument("--split")
    parser.add_argument("--every", type=int, default=1, help="every so many pieces of the split")
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--scans", type=Path)
    parser.add_argument("--performances", type=Path, nargs="*", default=[])
    parser.add_argument("--docs", type=Path)
    parser.add_argument("--calibration", type=Path)
    parser.add_argument("--parameters", action="store_true")
    given = parser.parse_args()
    if given.docs:
        filled(given.docs.read_text("utf-8"), "", BEGIN, END)  # before an hour of measuring
    model = load_model(given.model)
    if given.calibration and not model.bundled:
        raise SystemExit(f"{given.model}: calibration.json is for the models that come along")
    given.index.mkdir(parents=True, exist_ok=True)
    index = given.index / "dataset"
    things = list(of_dataset(model, given.model, given.dataset, given.split, index, given.every))
    if given.scans:
        folders = (given.scans, given.performances, given.index / "folders")
        things += of_folders(model, given.model, *folders)
    parameters, null, (*figures, known) = fit(answers(model, things))
    text = "\n\n".join(figures)
    if given.docs:
        given.docs.write_text(filled(given.docs.read_text("utf-8"), text, BEGIN, END), "utf-8")
    else:
        print(text)
    print(
        f"\nBy its own parameters, by those that are there, and by those for unknown models:\n\n{known}\n"
    )
    values = {"mean": null.mean, "spread": null.spread}
    if given.calibration:
        content = json.loads(given.calibration.read_text("utf-8"))
        content["null"][model.bundled] = values
        if given.parameters:
            content["parameters"] = parameters
        given.calibration.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    else:
        print(json.dumps({"null": {model.name: values}, "parameters": parameters}, indent=1))


if __name__ == "__main__":
    main()
