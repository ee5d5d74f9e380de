"""An evaluation as plain values, as text for a terminal, and as a folder of files.

    report/results.json                all figures, with by piece and by composer
    report/results.md                  the same for people
    report/by_piece.csv                one row per piece and direction
    report/answers-<direction>.png     queries with their five best answers

The files have their final names only when they are whole; results.json is written last.
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msmdtools.base.files import json_bytes, write_atomically
from msmdtools.base.quantities import how_many
from msmdtools.base.text_table import Table, aligned, lines_of, pipes, title
from msmdtools.evaluation.snippets import answers, figure
from msmdtools.evaluation.snippets.retrieval import Direction, Embedder, Evaluation
from msmdtools.evaluation.snippets.robustness import Outcome
from msmdtools.metrics.ranks import METRICS, RetrievalMetrics, chance_metrics
from msmdtools.version import __version__

HEADINGS = {
    "recall_1": "R@1",
    "recall_5": "R@5",
    "recall_10": "R@10",
    "recall_25": "R@25",
    "mrr": "MRR",
    "median_rank": "median",
    "mean_rank": "mean",
}


def to_json(evaluation: Evaluation, robustness: Sequence[Outcome] = ()) -> dict[str, Any]:
    """Return all figures as values for JSON; percentages are of queries."""
    table = evaluation.candidates.table
    values: dict[str, Any] = {
        "msmdtools": __version__,
        "model": evaluation.model,
        "context_s": evaluation.context_s,
        "snippets": evaluation.candidates.snippets.path,
        "dataset_sha256": evaluation.candidates.split.info.dataset_sha256,
        "split": evaluation.candidates.split.name,
        "performances": sorted(set(table["performance"])),
        "onsets": evaluation.candidates.onsets,
        "candidates": len(evaluation.candidates),
        "pieces": int(table["piece"].nunique()),
        "chance": _values(chance_metrics(len(evaluation.candidates))),
        "ceiling": {
            "recall_1": evaluation.ceiling.recall_1,
            "repeated": evaluation.ceiling.repeated,
            "classes": evaluation.ceiling.classes,
        },
        "directions": {
            name: _direction(direction, evaluation)
            for name, direction in evaluation.directions.items()
        },
        "seen": evaluation.candidates.seen and evaluation.candidates.seen.to_json(),
    }
    if robustness:
        values["robustness"] = {
            "candidates": next(iter(robustness[0].directions.values())).candidates,
            "conditions": [
                {
                    "kind": outcome.kind,
                    "value": outcome.value,
                    **{name: _values(metrics) for name, metrics in outcome.directions.items()},
                }
                for outcome in robustness
            ],
        }
    return values


def to_text(evaluation: Evaluation, robustness: Sequence[Outcome] = ()) -> str:
    """Return the figures as text for a terminal, in aligned columns."""
    blocks = [headline(evaluation), aligned(main_table(evaluation)), *remarks(evaluation)]
    blocks.append(aligned(answers_table(evaluation)))
    if robustness:
        blocks.append(aligned(robustness_table(robustness)))
    return "\n\n".join(blocks)


def write(
    folder: Path, model: Embedder, evaluation: Evaluation, robustness: Sequence[Outcome] = ()
) -> list[Path]:
    """Write the report's files into a folder, which is made if need be.

    Args:
        folder: the folder.
        model: the model that was evaluated.
        evaluation: its evaluation.
        robustness: its retrieval under other conditions; empty if it was not measured.

    Returns:
        The paths of the files.

    Raises:
        OSError: a file cannot be written.
        DatasetError: a shard is damaged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    values = to_json(evaluation, robustness)
    pictures = {
        f"answers-{name}.png": figure.png(figure.draw(model, evaluation, name))
        for name in evaluation.directions
    }
    contents = {
        **pictures,
        "by_piece.csv": _by_piece(evaluation).encode(),
        "results.md": _markdown(evaluation, robustness, list(pictures)).encode(),
        "results.json": json_bytes(values),
    }
    for name, content in contents.items():
        write_atomically(folder / name, content)
    return [folder / name for name in contents]


def headline(evaluation: Evaluation) -> str:
    """Return two lines that say what was evaluated on what."""
    candidates = evaluation.candidates
    names = sorted(set(candidates.table["performance"]))
    performances = ", ".join(names) if len(names) <= 3 else f"{len(names)} performances"
    pieces = candidates.table["piece"].nunique()
    return (
        f"{evaluation.model}: {evaluation.context_s:g} s of audio\n"
        f"{candidates.split.where}: {len(candidates):,} of {candidates.onsets:,} onsets, "
        f"{how_many(pieces, 'piece')}, {performances}"
    )


def remarks(evaluation: Evaluation) -> list[str]:
    """Return what a reader must know: whether the figures are above chance, and what the model had seen before."""
    lost = [_spoken(name) for name, d in evaluation.directions.items() if not d.above_chance]
    lines = [f"Not distinguishable from chance: {' and '.join(lost)}."] if lost else []
    seen = evaluation.candidates.seen
    return ["\n".join(lines + ([seen.to_text()] if seen else []))] if lines or seen else []


def main_table(evaluation: Evaluation) -> Table:
    """Return the metrics with their intervals, chance, and the ceiling."""
    table = [["", *HEADINGS.values()]]
    for name, direction in evaluation.directions.items():
        table.append([_spoken(name), *_cells(direction.retrieval)])
        if direction.intervals:
            cells = [
                f"{_shown(metric, low)}–{_shown(metric, high)}"
                for metric, (low, high) in direction.intervals.items()
            ]
            table.append(["  95 % interval", *cells])
    table.append(["chance", *_cells(chance_metrics(len(evaluation.candidates)))])
    blank = [""] * (len(METRICS) - 1)
    table.append(["ceiling by repetition", f"{evaluation.ceiling.recall_1:.2f}", *blank])
    return table


def answers_table(evaluation: Evaluation) -> Table:
    """Return what kinds the first answers are, in percent of queries."""
    directions = evaluation.directions.values()
    table = [["first answers, percent", *(_spoken(d.name) for d in directions)]]
    shares = [answers.shares(d.kinds) for d in directions]
    right = [f"{100.0 - sum(share.values()):.2f}" for share in shares]
    table.append([answers.MEANINGS["right"], *right])
    for kind in answers.KINDS:
        table.append([answers.MEANINGS[kind], *(f"{share[kind]:.2f}" for share in shares)])
    same = [f"{d.same_notes:.2f}" for d in directions]
    table.append(["right, or with the notes of the right one", *same])
    return table


def robustness_table(robustness: Sequence[Outcome]) -> Table:
    """Return the metrics under each condition."""
    names = list(robustness[0].directions)
    count = robustness[0].directions[names[0]].candidates
    metrics_shown = ("recall_1", "recall_25", "mrr")
    table = [
        [
            f"robustness, {count:,} candidates",
            *(f"{_spoken(n)} {HEADINGS[m]}" for n in names for m in metrics_shown),
        ]
    ]
    for outcome in robustness:
        cells = [_shown(m, getattr(outcome.directions[n], m)) for n in names for m in metrics_shown]
        table.append([f"{outcome.kind} {outcome.value}".strip(), *cells])
    return table


def _composers_table(evaluation: Evaluation) -> Table:
    composers = {
        name: direction.by(evaluation.candidates.table["composer"])
        for name, direction in evaluation.directions.items()
    }
    table = [
        [
            "composer",
            "queries",
            *(f"{_spoken(n)} {m}" for n in composers for m in ("R@1", "R@25", "MRR")),
        ]
    ]
    for composer, first in next(iter(composers.values())).items():
        cells = [
            _shown(metric, getattr(metrics[composer], metric))
            for metrics in composers.values()
            for metric in ("recall_1", "recall_25", "mrr")
        ]
        table.append([composer or "(none)", f"{first.queries:,}", *cells])
    return table


def _by_piece(evaluation: Evaluation) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["piece", "composer", "direction", "queries", *METRICS])
    table = evaluation.candidates.table
    composer = dict(zip(table["piece"], table["composer"], strict=True))
    for name, direction in evaluation.directions.items():
        for piece, metrics in direction.by(table["piece"]).items():
            values = [f"{getattr(metrics, metric):.6g}" for metric in METRICS]
            writer.writerow([piece, composer[piece], name, metrics.queries, *values])
    return file.getvalue()


def _markdown(
    evaluation: Evaluation, robustness: Sequence[Outcome], pictures: Sequence[str]
) -> str:
    lines = title(evaluation.model, headline(evaluation))
    lines += [*pipes(main_table(evaluation)), ""]
    lines += [lines_of(line) + "\n" for line in remarks(evaluation)]
    lines += [
        "R@k in percent; MRR is the mean reciprocal rank. Intervals are from a bootstrap over pieces. "
        "The ceiling is the R@1 to be expected where only the notes in the audio window are known: "
        f"{evaluation.ceiling.repeated:.2f} % of the queries have the notes of another candidate.",
        "",
        *pipes(answers_table(evaluation)),
        "",
    ]
    for name in pictures:
        lines += [f"![Queries with their five best answers]({name})", ""]
    if robustness:
        lines += ["## Robustness", "", *pipes(robustness_table(robustness)), ""]
    lines += ["## By composer", "", *pipes(_composers_table(evaluation)), ""]
    lines += ["By piece: [by_piece.csv](by_piece.csv)."]
    return "\n".join(lines) + "\n"


def _direction(direction: Direction, evaluation: Evaluation) -> dict[str, Any]:
    table = evaluation.candidates.table
    return {
        **_values(direction.retrieval),
        "intervals": direction.intervals and {k: list(v) for k, v in direction.intervals.items()},
        "above_chance": direction.above_chance,
        "wrong": answers.shares(direction.kinds),
        "same_notes": direction.same_notes,
        "composers": {k: _values(v) for k, v in direction.by(table["composer"]).items()},
        "pieces": {k: _values(v) for k, v in direction.by(table["piece"]).items()},
    }


def _values(metrics: RetrievalMetrics) -> dict[str, Any]:
    return {**{name: getattr(metrics, name) for name in METRICS}, "queries": metrics.queries}


def _spoken(direction: str) -> str:
    return direction.replace("-", " ")


def _cells(metrics: RetrievalMetrics) -> list[str]:
    return [_shown(metric, getattr(metrics, metric)) for metric in METRICS]


def _shown(metric: str, value: float) -> str:
    if metric == "mrr":
        return f"{value:.3f}"
    if metric.startswith("recall"):
        return f"{value:.2f}"
    return f"{value:,.1f}".removesuffix(".0")
