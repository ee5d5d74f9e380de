"""Piece identification and position as plain values, as text for a terminal, and as a folder of files.

    report/results.json    all figures
    report/results.md      the same for people
    report/queries.csv     one row per query
    report/results.png     the figures as bars

The files have their final names only when they are whole; results.json is written last.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msmdtools.base.files import json_bytes, write_atomically
from msmdtools.base.quantities import how_many
from msmdtools.base.text_table import Table, aligned, lines_of, pipes, title
from msmdtools.dataset.reader import Dataset
from msmdtools.evaluation.pieces import figure
from msmdtools.evaluation.pieces.collection import Collection
from msmdtools.evaluation.pieces.excerpts import Query
from msmdtools.evaluation.pieces.identification import Identification
from msmdtools.evaluation.pieces.location import WITHIN, Location
from msmdtools.evaluation.snippets.figure import png
from msmdtools.evaluation.snippets.retrieval import AUDIO_TO_SHEET, Embedder
from msmdtools.version import __version__

Result = Identification | Location
NAMES = ["results.md", "results.json", "queries.csv", "results.png"]
_COUNTS = ("at_most_1", "at_most_5", "at_most_10", "beyond_10")
_METRICS = ("recall_1", "recall_5", "recall_10", "mrr")


def to_json(
    model: Embedder,
    collection: Collection,
    distractors: Sequence[Dataset],
    results: Sequence[Result],
) -> dict[str, Any]:
    """Return all figures as values for JSON; percentages are of queries.

    Args:
        model: the model that was evaluated.
        collection: the pieces and the candidates.
        distractors: datasets whose other pieces were candidates too.
        results: figures of one task.

    Returns:
        The values, as in results.json.
    """
    evaluated = set(collection.selection.performances)
    candidates = {piece for piece, _ in collection.sheets.names}
    alike = {p: sorted(others) for p, others in collection.alike.items() if p in evaluated}
    return {
        "msmdtools": __version__,
        "model": model.config.name,
        "context_s": model.config.context_s,
        "dataset": str(collection.dataset.path),
        "distractors": [str(dataset.path) for dataset in distractors],
        "pieces": len(evaluated),
        "candidates": len(candidates),
        "performances": sorted(set(collection.selection.performances.values())),
        "sheet_stride": collection.sheet_stride,
        "audio_stride": collection.audio_stride,
        "near_identical": alike,
        "seen": collection.seen and collection.seen.to_json(),
        "results": [_values(result) for result in results],
    }


def to_text(
    model: Embedder,
    collection: Collection,
    distractors: Sequence[Dataset],
    results: Sequence[Result],
) -> str:
    """Return the figures as text for a terminal, in aligned columns.

    Args:
        model: the model that was evaluated.
        collection: the pieces and the candidates.
        distractors: datasets whose other pieces were candidates too.
        results: figures of one task.

    Returns:
        The text.
    """
    blocks = [headline(model, collection, distractors)]
    blocks += [aligned(table) for table in tables(results)]
    return "\n\n".join([*blocks, *remarks(collection, results)])


def write(
    folder: Path,
    model: Embedder,
    collection: Collection,
    distractors: Sequence[Dataset],
    results: Sequence[Result],
    queries: Mapping[tuple[str, float], Sequence[Query]],
) -> None:
    """Write the report's files into a folder, which is made if need be.

    Args:
        folder: the folder.
        model: the model that was evaluated.
        collection: the pieces and the candidates.
        distractors: datasets whose other pieces were candidates too.
        results: figures of one task.
        queries: the queries, by direction and speed.

    Raises:
        OSError: a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    values = to_json(model, collection, distractors, results)
    picture = figure.draw(headline(model, collection, distractors), results)
    lines = title(model.config.name, headline(model, collection, distractors))
    for table in tables(results):
        lines += [*pipes(table), ""]
    lines += [lines_of(line) + "\n" for line in remarks(collection, results)]
    lines += ["![The figures as bars](results.png)", "", "By query: [queries.csv](queries.csv)."]
    contents = {
        "results.png": png(picture),
        "queries.csv": _by_query(results, queries).encode(),
        "results.md": ("\n".join(lines) + "\n").encode(),
        "results.json": json_bytes(values),
    }
    for name, content in contents.items():
        write_atomically(folder / name, content)


def headline(model: Embedder, collection: Collection, distractors: Sequence[Dataset]) -> str:
    """Return two lines that say what was evaluated on what.

    Args:
        model: the model that was evaluated.
        collection: the pieces and the candidates.
        distractors: datasets whose other pieces were candidates too.

    Returns:
        The two lines.
    """
    names = sorted(set(collection.selection.performances.values()))
    performances = ", ".join(names) if len(names) <= 3 else f"{len(names)} performances"
    pieces = len(collection.selection.performances)
    others = "".join(f", {dataset.path}" for dataset in distractors)
    return (
        f"{model.config.name}: {model.config.context_s:g} s of audio\n"
        f"{collection.dataset.path}: {how_many(pieces, 'piece')}, "
        f"{performances}; {how_many(len(collection.sheets.names), 'candidate')}"
        + (f" with those of{others[1:]}" if others else "")
    )


def remarks(collection: Collection, results: Sequence[Result]) -> list[str]:
    """Return what a reader must know: whether the figures are above chance, and what the model had seen before."""
    lost = [result for result in results if not result.above_chance]
    lines = []
    if lost:
        named = "; ".join(
            kind(result)
            + (
                f", by {result.method}"
                if isinstance(result, Identification)
                else " in the right piece"
            )
            + (f", speed {result.speed:g}" if result.speed != 1 else "")
            for result in lost
        )
        lines = [f"Not distinguishable from chance: {named}."]
    seen = collection.seen
    return ["\n".join(lines + ([seen.to_text()] if seen else []))] if lines or seen else []


def tables(results: Sequence[Result]) -> list[Table]:
    """Return the tables of one task: at the speed of the dataset, and at other speeds."""
    identified = [result for result in results if isinstance(result, Identification)]
    located = [result for result in results if isinstance(result, Location)]
    task_tables = [identification_table(identified)] if identified else []
    task_tables += [location_table(located)] if located else []
    if any(result.speed != 1 for result in results):
        task_tables.append(speeds_table(results))
    return task_tables


def identification_table(results: Sequence[Identification]) -> Table:
    """Return how often pieces are found, a row for each kind of query and method."""
    head = ["", "ranked by", "queries", "R@1", "95 % interval", "R@5", "R@10", "MRR"]
    table = [[*head, "≤ 1", "≤ 5", "≤ 10", "> 10"]]
    for result in results:
        if result.speed == 1:
            table.append(
                [
                    kind(result),
                    result.method,
                    f"{len(result.ranks):,}",
                    f"{result.retrieval.recall_1:.1f}",
                    _interval(result, "recall_1"),
                    f"{result.retrieval.recall_5:.1f}",
                    f"{result.retrieval.recall_10:.1f}",
                    f"{result.retrieval.mrr:.3f}",
                    *(f"{count:,}" for count in result.counts),
                ]
            )
    return table


def location_table(results: Sequence[Location]) -> Table:
    """Return how well beginnings are located, a row for each kind of query."""
    table = [["", "queries"]]
    for name in WITHIN:
        table[0] += [f"{name} %", "95 % interval"]
    table[0] += [*(f"in the piece: {name}" for name in WITHIN), "median px"]
    for result in results:
        if result.speed == 1:
            row = [kind(result), f"{len(result.queries):,}"]
            for name in WITHIN:
                row += [f"{result.located[name]:.1f}"]
                row += [_interval(result, name)]
            row += [f"{result.in_piece[name]:.1f}" for name in WITHIN]
            table.append([*row, f"{result.median_px:.0f}"])
    return table


def speeds_table(results: Sequence[Result]) -> Table:
    """Return the main figure of each kind of query, a row for each speed: R@1, or located within a measure."""
    figures = {
        (result.speed, kind(result)): main_figure(result)
        for result in results
        if isinstance(result, Location) or result.method == "paths"
    }
    kinds = list(dict.fromkeys(name for _, name in figures))
    shown = "R@1" if isinstance(results[0], Identification) else "measure %"
    table = [[f"speed, {shown}", *kinds]]
    for speed in sorted({result.speed for result in results}):
        cells = [f"{figures[speed, k]:.1f}" if (speed, k) in figures else "" for k in kinds]
        table.append([f"{speed:g}", *cells])
    return table


def main_figure(result: Result) -> float:
    """Return R@1, or the percentage located within a measure."""
    return (
        result.retrieval.recall_1
        if isinstance(result, Identification)
        else result.located["measure"]
    )


def kind(result: Result) -> str:
    """Return direction and length, for people."""
    return f"{result.direction.replace('-', ' ')}, {size(result)}"


def size(result: Result) -> str:
    """Return the length of the queries, for people."""
    if result.length is None:
        return "whole"
    return f"{result.length:,g} {'s' if result.direction == AUDIO_TO_SHEET else 'px'}"


def _interval(result: Result, name: str) -> str:
    return "{:.1f}–{:.1f}".format(*result.intervals[name]) if result.intervals else ""


def _values(result: Result) -> dict[str, Any]:
    values: dict[str, Any] = {
        "direction": result.direction,
        "speed": result.speed,
        "length": result.length,
    }
    if isinstance(result, Identification):
        values |= {"method": result.method, "queries": len(result.ranks)}
        values |= {name: getattr(result.retrieval, name) for name in _METRICS}
        values |= dict(zip(_COUNTS, result.counts, strict=True))
        values |= {"candidates": result.retrieval.candidates, "above_chance": result.above_chance}
    else:
        values |= {
            "queries": len(result.queries),
            "located": result.located,
            "in_piece": result.in_piece,
        }
        values |= {"chance": result.chance, "above_chance": result.above_chance}
        values |= {"median_px": result.median_px}
    names = _METRICS if isinstance(result, Identification) else WITHIN
    edges = {name: list(result.intervals[name]) for name in names} if result.intervals else None
    return {**values, "intervals": edges}


def _by_query(
    results: Sequence[Result], queries: Mapping[tuple[str, float], Sequence[Query]]
) -> str:
    """Return all queries as CSV, with their ranks or errors."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    head = ["piece", "direction", "speed", "length", "first_window"]
    task_columns = ["rank_paths", "rank_votes"]  # these at the speed of the dataset only
    if isinstance(results[0], Location):
        task_columns = ["first", "pixels", "systems", "measures"]
    writer.writerow([*head, *task_columns])
    rows: dict[tuple[str, float, float | None], list[list[str]]] = {}
    located: dict[tuple[str, float, float | None], Sequence[Query]] = {}
    for result in results:
        columns = rows.setdefault((result.direction, result.speed, result.length), [])
        if isinstance(result, Identification):
            columns.append([str(rank) for rank in result.ranks.tolist()])
        else:
            located[result.direction, result.speed, result.length] = result.queries
            columns.append([str(int(first)) for first in result.first])
            for errors in (result.errors.pixels, result.errors.systems, result.errors.measures):
                columns.append([f"{error:.6g}" for error in errors.tolist()])
    for (direction, speed, length), columns in rows.items():
        task_queries = located.get((direction, speed, length)) or [
            query for query in queries[direction, speed] if query.length == length
        ]
        for query, *values in zip(task_queries, *columns, strict=True):
            labels = [query.piece, direction, f"{speed:g}", f"{length:g}" if length else ""]
            blank = [""] * (len(task_columns) - len(values))
            writer.writerow([*labels, query.first, *values, *blank])
    return file.getvalue()
