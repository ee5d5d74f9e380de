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

Found = Identification | Location
NAMES = ["results.md", "results.json", "queries.csv", "results.png"]
_COUNTS = ("at_most_1", "at_most_5", "at_most_10", "beyond_10")
_METRICS = ("recall_1", "recall_5", "recall_10", "mrr")


def to_json(
    model: Embedder, collection: Collection, distractors: Sequence[Dataset], found: Sequence[Found]
) -> dict[str, Any]:
    """All figures as plain values; percentages are of queries."""
    evaluated = set(collection.selection.performances)
    known = {piece for piece, _ in collection.sheets.names}
    alike = {p: sorted(others) for p, others in collection.alike.items() if p in evaluated}
    return {
        "msmdtools": __version__,
        "model": model.config.name,
        "context_s": model.config.context_s,
        "dataset": str(collection.dataset.path),
        "distractors": [str(dataset.path) for dataset in distractors],
        "pieces": len(evaluated),
        "candidates": len(known),
        "performances": sorted(set(collection.selection.performances.values())),
        "sheet_stride": collection.sheet_stride,
        "audio_stride": collection.audio_stride,
        "near_identical": alike,
        "seen": collection.seen and collection.seen.to_json(),
        "results": [_values(one) for one in found],
    }


def to_text(
    model: Embedder, collection: Collection, distractors: Sequence[Dataset], found: Sequence[Found]
) -> str:
    """The figures for a terminal, in aligned columns."""
    blocks = [headline(model, collection, distractors)]
    blocks += [aligned(table) for table in tables(found)]
    return "\n\n".join([*blocks, *remarks(collection, found)])


def write(
    folder: Path,
    model: Embedder,
    collection: Collection,
    distractors: Sequence[Dataset],
    found: Sequence[Found],
    queries: Mapping[tuple[str, float], Sequence[Query]],
) -> None:
    """Write the report's files into a folder, which is made if need be.

    Args:
        queries: what was asked for, by direction and speed.

    Raises:
        OSError: a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    values = to_json(model, collection, distractors, found)
    picture = figure.draw(headline(model, collection, distractors), found)
    lines = title(model.config.name, headline(model, collection, distractors))
    for table in tables(found):
        lines += [*pipes(table), ""]
    lines += [lines_of(line) + "\n" for line in remarks(collection, found)]
    lines += ["![The figures as bars](results.png)", "", "By query: [queries.csv](queries.csv)."]
    contents = {
        "results.png": png(picture),
        "queries.csv": _by_query(found, queries).encode(),
        "results.md": ("\n".join(lines) + "\n").encode(),
        "results.json": json_bytes(values),
    }
    for name, content in contents.items():
        write_atomically(folder / name, content)


def headline(model: Embedder, collection: Collection, distractors: Sequence[Dataset]) -> str:
    """What was evaluated on what, in two lines."""
    names = sorted(set(collection.selection.performances.values()))
    performances = ", ".join(names) if len(names) <= 3 else f"{len(names)} performances"
    pieces = len(collection.selection.performances)
    more = "".join(f", {dataset.path}" for dataset in distractors)
    return (
        f"{model.config.name}: {model.config.context_s:g} s of audio\n"
        f"{collection.dataset.path}: {pieces:,} {'piece' if pieces == 1 else 'pieces'}, "
        f"{performances}; {len(collection.sheets.names):,} candidates"
        + (f" with those of{more[1:]}" if more else "")
    )


def remarks(collection: Collection, found: Sequence[Found]) -> list[str]:
    """What a reader of the figures must know: whether they are above chance, and what was seen before."""
    lost = [one for one in found if not one.above_chance]
    lines = []
    if lost:
        named = "; ".join(
            kind(one)
            + (f", by {one.method}" if isinstance(one, Identification) else " in the right piece")
            + (f", speed {one.speed:g}" if one.speed != 1 else "")
            for one in lost
        )
        lines = [f"Not distinguishable from chance: {named}."]
    seen = collection.seen
    return ["\n".join(lines + ([seen.to_text()] if seen else []))] if lines or seen else []


def tables(found: Sequence[Found]) -> list[Table]:
    """The figures of one task: at the speed of the dataset, and at others."""
    identified = [one for one in found if isinstance(one, Identification)]
    located = [one for one in found if isinstance(one, Location)]
    made = [identification_table(identified)] if identified else []
    made += [location_table(located)] if located else []
    if any(one.speed != 1 for one in found):
        made.append(speeds_table(found))
    return made


def identification_table(found: Sequence[Identification]) -> Table:
    """How often pieces are found, a row per kind of query and method."""
    head = ["", "ranked by", "queries", "R@1", "95 % interval", "R@5", "R@10", "MRR"]
    table = [[*head, "≤ 1", "≤ 5", "≤ 10", "> 10"]]
    for one in found:
        if one.speed == 1:
            table.append(
                [
                    kind(one),
                    one.method,
                    f"{len(one.ranks):,}",
                    f"{one.retrieval.recall_1:.1f}",
                    _interval(one, "recall_1"),
                    f"{one.retrieval.recall_5:.1f}",
                    f"{one.retrieval.recall_10:.1f}",
                    f"{one.retrieval.mrr:.3f}",
                    *(f"{count:,}" for count in one.counts),
                ]
            )
    return table


def location_table(found: Sequence[Location]) -> Table:
    """How well beginnings are located, a row per kind of query."""
    table = [["", "queries"]]
    for name in WITHIN:
        table[0] += [f"{name} %", "95 % interval"]
    table[0] += [*(f"in the piece: {name}" for name in WITHIN), "median px"]
    for one in found:
        if one.speed == 1:
            row = [kind(one), f"{len(one.queries):,}"]
            for name in WITHIN:
                row += [f"{one.located[name]:.1f}"]
                row += [_interval(one, name)]
            row += [f"{one.in_piece[name]:.1f}" for name in WITHIN]
            table.append([*row, f"{one.median_px:.0f}"])
    return table


def speeds_table(found: Sequence[Found]) -> Table:
    """The main figure of each kind of query, a row per speed: R@1, or located within a measure."""
    of = {
        (one.speed, kind(one)): main_figure(one)
        for one in found
        if isinstance(one, Location) or one.method == "paths"
    }
    kinds = list(dict.fromkeys(name for _, name in of))
    shown = "R@1" if isinstance(found[0], Identification) else "measure %"
    table = [[f"speed, {shown}", *kinds]]
    for speed in sorted({one.speed for one in found}):
        cells = [f"{of[speed, k]:.1f}" if (speed, k) in of else "" for k in kinds]
        table.append([f"{speed:g}", *cells])
    return table


def main_figure(one: Found) -> float:
    """R@1, or the percentage located within a measure."""
    return one.retrieval.recall_1 if isinstance(one, Identification) else one.located["measure"]


def kind(one: Found) -> str:
    """Direction and length, for people."""
    return f"{one.direction.replace('-', ' ')}, {size(one)}"


def size(one: Found) -> str:
    """The length of the queries, for people."""
    if one.length is None:
        return "whole"
    return f"{one.length:,g} {'s' if one.direction == AUDIO_TO_SHEET else 'px'}"


def _interval(one: Found, name: str) -> str:
    return "{:.1f}–{:.1f}".format(*one.intervals[name]) if one.intervals else ""


def _values(one: Found) -> dict[str, Any]:
    values: dict[str, Any] = {"direction": one.direction, "speed": one.speed, "length": one.length}
    if isinstance(one, Identification):
        values |= {"method": one.method, "queries": len(one.ranks)}
        values |= {name: getattr(one.retrieval, name) for name in _METRICS}
        values |= dict(zip(_COUNTS, one.counts, strict=True))
        values |= {"candidates": one.retrieval.candidates, "above_chance": one.above_chance}
    else:
        values |= {"queries": len(one.queries), "located": one.located, "in_piece": one.in_piece}
        values |= {"chance": one.chance, "above_chance": one.above_chance}
        values |= {"median_px": one.median_px}
    names = _METRICS if isinstance(one, Identification) else WITHIN
    edges = {name: list(one.intervals[name]) for name in names} if one.intervals else None
    return {**values, "intervals": edges}


def _by_query(found: Sequence[Found], queries: Mapping[tuple[str, float], Sequence[Query]]) -> str:
    """All queries with what became of them: ranks, or errors."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    head = ["piece", "direction", "speed", "length", "first_window"]
    own = ["rank_paths", "rank_votes"]  # these at the speed of the dataset only
    if isinstance(found[0], Location):
        own = ["first", "pixels", "systems", "measures"]
    writer.writerow([*head, *own])
    rows: dict[tuple[str, float, float | None], list[list[str]]] = {}
    located: dict[tuple[str, float, float | None], Sequence[Query]] = {}
    for one in found:
        columns = rows.setdefault((one.direction, one.speed, one.length), [])
        if isinstance(one, Identification):
            columns.append([str(rank) for rank in one.ranks.tolist()])
        else:
            located[one.direction, one.speed, one.length] = one.queries
            columns.append([str(int(first)) for first in one.first])
            for errors in (one.errors.pixels, one.errors.systems, one.errors.measures):
                columns.append([f"{error:.6g}" for error in errors.tolist()])
    for (direction, speed, length), columns in rows.items():
        asked = located.get((direction, speed, length)) or [
            query for query in queries[direction, speed] if query.length == length
        ]
        for query, *values in zip(asked, *columns, strict=True):
            where = [query.piece, direction, f"{speed:g}", f"{length:g}" if length else ""]
            blank = [""] * (len(own) - len(values))
            writer.writerow([*where, query.first, *values, *blank])
    return file.getvalue()
