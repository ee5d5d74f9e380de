"""Alignment and score following as plain values, as text for a terminal, and as a folder of files.

    report/results.json    all figures, of each piece too
    report/results.md      the same for people
    report/onsets.csv      one row per onset
    report/results.png     errors as curves, pieces as dots

The files have their final names only when they are whole; results.json is written last.
"""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from msmdtools.base.files import json_bytes, write_atomically
from msmdtools.base.quantities import how_many
from msmdtools.base.text_table import Table, aligned, lines_of, pipes, title
from msmdtools.dataset.reader import Dataset
from msmdtools.evaluation.following import figure
from msmdtools.evaluation.following.accuracy import WITHIN_S, Accuracy, Followed, accuracy_of
from msmdtools.evaluation.snippets.figure import png
from msmdtools.evaluation.snippets.retrieval import Embedder
from msmdtools.metrics import chance
from msmdtools.models.seen import Seen
from msmdtools.version import __version__

NAMES = ["results.md", "results.json", "onsets.csv", "results.png"]
LINEAR = "linear"
# What is compared with the baseline.
LIMIT_S = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What an evaluation of alignment or score following reports.

    Attributes:
        task: "alignment" or "following".
        model: name of the model.
        context_s: seconds of audio that the model sees at once.
        dataset: folder of the dataset that the pieces are from.
        pieces: how each piece was followed, at the speed of the dataset.
        method: accuracy over all pieces.
        linear: accuracy of the linear baseline.
        speeds: accuracy at other speeds.
        above_linear: whether more onsets are within 0.5 s than with the baseline.
        seen: which of the pieces the model has seen; None if that was not examined.
    """

    task: str
    model: str
    context_s: float
    dataset: Path
    pieces: Sequence[Followed]
    method: Accuracy
    linear: Accuracy
    speeds: Mapping[float, Accuracy]
    above_linear: bool
    seen: Seen | None = None


def summed_up(
    model: Embedder,
    dataset: Dataset,
    task: str,
    followed: Sequence[Followed],
    seed: int = 0,
    seen: Seen | None = None,
) -> Report:
    """Summarise an evaluation as a report.

    Args:
        model: the model that was evaluated.
        dataset: the dataset that the pieces are from.
        task: "alignment" or "following".
        followed: how each piece was followed at each speed, from `evaluate_following`.
        seed: seed of the bootstrap's draws.
        seen: which of the pieces the model has seen; None if that was not examined.

    Returns:
        The report.
    """
    pieces = [piece for piece in followed if piece.speed == 1]
    speeds = dict.fromkeys(piece.speed for piece in followed if piece.speed != 1)
    return Report(
        task,
        model.config.name,
        model.config.context_s,
        dataset.path,
        pieces,
        accuracy_of([piece.errors for piece in pieces], seed),
        accuracy_of([piece.linear for piece in pieces], seed),
        {
            speed: accuracy_of([piece.errors for piece in followed if piece.speed == speed], seed)
            for speed in speeds
        },
        _above_linear(pieces, seed),
        seen,
    )


def to_json(report: Report) -> dict[str, Any]:
    """Return all figures as values for JSON; shares are percentages, infinite errors null."""
    return {
        "msmdtools": __version__,
        "task": report.task,
        "model": report.model,
        "context_s": report.context_s,
        "dataset": str(report.dataset),
        "pieces": len(report.pieces),
        "performances": sorted({piece.performance for piece in report.pieces}),
        report.task: _values(report.method),
        LINEAR: _values(report.linear),
        "above_linear": report.above_linear,
        "seen": report.seen and report.seen.to_json(),
        "speeds": {f"{speed:g}": _values(accuracy) for speed, accuracy in report.speeds.items()},
        "by_piece": [
            {
                "piece": piece.piece,
                "performance": piece.performance,
                "similarity": round(piece.similarity, 4),
                **_values(accuracy_of([piece.errors])),
            }
            for piece in report.pieces
        ],
    }


def to_text(report: Report) -> str:
    """Return the figures as text for a terminal, in aligned columns."""
    blocks = [headline(report), aligned(table(report))]
    return "\n\n".join([*blocks, *remarks(report)])


def remarks(report: Report) -> list[str]:
    """Return what a reader must know: whether the figures mean anything, and what the model had seen before."""
    lost = "Not distinguishable from a cursor of constant speed (linear)."
    lines = [] if report.above_linear else [lost]
    lines += [report.seen.to_text()] if report.seen else []
    return ["\n".join(lines)] if lines else []


def headline(report: Report) -> str:
    """Return two lines that say what was evaluated on what."""
    names = sorted({piece.performance for piece in report.pieces})
    performances = ", ".join(names) if len(names) <= 3 else f"{len(names)} performances"
    return (
        f"{report.model}: {report.task}, {report.context_s:g} s of audio\n"
        f"{report.dataset}: {how_many(len(report.pieces), 'piece')}, {performances}; "
        f"{how_many(report.method.onsets, 'onset')}"
    )


def table(report: Report) -> Table:
    """Return the table of shares and medians, with intervals below the shares; other speeds, and the baseline."""
    head = ["", *(f"≤ {limit:g} s" for limit in WITHIN_S), "median s", "px", "% of width"]
    rows = [head, _row(report.task, report.method)]
    if report.method.intervals:
        edges = [report.method.intervals[limit] for limit in WITHIN_S]
        rows.append(
            ["95 % interval", *(f"{low:.1f}–{high:.1f}" for low, high in edges), "", "", ""]
        )
    rows += [
        _row(f"at speed {speed:g}", accuracy) for speed, accuracy in sorted(report.speeds.items())
    ]
    return [*rows, _row(LINEAR, report.linear)]


def by_piece(report: Report) -> Table:
    """Return a table with a row for each piece, the worst first."""
    rows = []
    for piece in report.pieces:
        accuracy = accuracy_of([piece.errors])
        cells = _row(piece.piece, accuracy)
        rows.append((accuracy.within[0.5], [cells[0], f"{accuracy.onsets:,}", *cells[1:]]))
    rows.sort(key=lambda row: row[0])
    head = table(report)[0]
    return [["piece", "onsets", *head[1:]], *(cells for _, cells in rows)]


def write(folder: Path, report: Report) -> None:
    """Write the report's files into a folder, which is made if need be.

    Raises:
        OSError: a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    head = headline(report)
    picture = figure.draw(head, report.task, report.pieces)
    lines = [*title(report.model, head), *pipes(table(report)), ""]
    lines += [part for remark in remarks(report) for part in (lines_of(remark), "")]
    lines += ["![Errors as curves, pieces as dots](results.png)", "", "Each onset: "]
    lines[-1] += "[onsets.csv](onsets.csv). The pieces, the worst first:"
    lines += ["", *pipes(by_piece(report))]
    contents = {
        "results.png": png(picture),
        "onsets.csv": _onsets(report.pieces).encode(),
        "results.md": ("\n".join(lines) + "\n").encode(),
        "results.json": json_bytes(to_json(report)),
    }
    for name, content in contents.items():
        write_atomically(folder / name, content)


def _above_linear(pieces: Sequence[Followed], seed: int) -> bool:
    hits, guessed = (
        np.concatenate([errors.seconds <= LIMIT_S for errors in group])
        for group in ([p.errors for p in pieces], [p.linear for p in pieces])
    )
    numbers = np.repeat(np.arange(len(pieces)), [len(p.onset) for p in pieces])
    return chance.near_above(hits, guessed, numbers, seed)


def _row(name: str, accuracy: Accuracy) -> list[str]:
    shares = [f"{accuracy.within[limit]:.1f}" for limit in WITHIN_S]
    medians = (
        f"{accuracy.median_s:.3f}",
        f"{accuracy.median_px:.1f}",
        f"{accuracy.median_width:.2f}",
    )
    return [name, *shares, *medians]


def _values(accuracy: Accuracy) -> dict[str, Any]:
    medians = {name: getattr(accuracy, name) for name in ("median_s", "median_px", "median_width")}
    edges = accuracy.intervals
    return {
        "onsets": accuracy.onsets,
        "unreached": accuracy.unreached,
        "within": {f"{limit:g}": share for limit, share in accuracy.within.items()},
        "intervals": {f"{limit:g}": list(edge) for limit, edge in edges.items()} if edges else None,
        **{name: value if math.isfinite(value) else None for name, value in medians.items()},
    }


def _onsets(pieces: Sequence[Followed]) -> str:
    """Return all onsets with their errors, as CSV."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["piece", "performance", "second", "error_s", "error_px", "linear_error_s"])
    for piece in pieces:
        for values in zip(
            piece.onset,
            piece.errors.seconds,
            piece.errors.pixels,
            piece.linear.seconds,
            strict=True,
        ):
            writer.writerow([piece.piece, piece.performance, *(f"{value:.6g}" for value in values)])
    return file.getvalue()
