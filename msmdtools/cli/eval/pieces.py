"""The commands `msmd eval pieces` and `msmd eval position`, which call
`msmdtools.evaluation.pieces.tasks.evaluate_pieces`."""

from pathlib import Path
from typing import Any

import click

from msmdtools.cli.eval import task
from msmdtools.cli.options import together
from msmdtools.cli.progress import Bar

_options = together(
    click.argument("model"),
    click.argument("folder", metavar="DATASET", type=click.Path()),
    task.split_of_dataset,
    task.direction,
    click.option(
        "--excerpts",
        type=click.IntRange(min=1),
        metavar="N",
        default=20,
        show_default=True,
        help="How many excerpts of each length to take from each piece: of 5, 10 and 20 s of its "
        "recording, and of 400, 800 and 1600 px of its sheet.",
    ),
    click.option(
        "--index",
        type=click.Path(path_type=Path),
        help="Take embeddings from this index, which msmd index or an earlier evaluation made, and add "
        "those that it lacks.",
    ),
    click.option(
        "--distractors",
        metavar="DATASET",
        multiple=True,
        type=click.Path(),
        help="Search among the pieces of this dataset, too; they are never queries. Repeatable.",
    ),
    task.tempi,
    task.performance_of_dataset,
    task.options,
)


@click.command("pieces", short_help="Find the piece of a recording or sheet, or of an excerpt.")
@_options
def pieces(out: Path | None, as_json: bool, **arguments: Any) -> None:
    """Measure how well MODEL tells which piece of DATASET a recording or a sheet is.

    Each piece is searched for by its whole recording, its whole sheet, and excerpts of both.

    MODEL is the name of a bundled model, a .safetensors file, or a run of msmd train.

    Example: msmd eval pieces compact-4s msmd -o report
    """
    _measure("pieces", out, as_json, **arguments)


@click.command("position", short_help="Find the place in a piece where an excerpt begins.")
@_options
def position(out: Path | None, as_json: bool, **arguments: Any) -> None:
    """Measure how exactly MODEL finds where in its piece an excerpt begins.

    The excerpts are of recordings, to be found on sheets, and of sheets, to be found in recordings.

    MODEL is the name of a bundled model, a .safetensors file, or a run of msmd train.

    Example: msmd eval position compact-4s msmd -o report
    """
    _measure("position", out, as_json, **arguments)


def _measure(
    what: str,
    out: Path | None,
    as_json: bool,
    *,
    model: str,
    folder: str,
    split: str | None,
    directions: tuple[str, ...],
    excerpts: int,
    index: Path | None,
    distractors: tuple[str, ...],
    tempi: list[float],
    performance: str | None,
    exclude_seen: bool,
    seed: int,
    device: str | None,
) -> None:
    task.check_folder(out)
    from msmdtools.dataset import reader
    from msmdtools.evaluation.pieces import collection, report
    from msmdtools.evaluation.pieces.tasks import evaluate_pieces
    from msmdtools.models import seen as looked
    from msmdtools.models.model import load_model
    from msmdtools.splits import selection

    opened = reader.open(folder)
    selected = selection.select(opened, split, performance)
    others = [reader.open(other) for other in distractors]
    with Bar() as bar:
        loaded = load_model(model, device)
        selected, seen = looked.of_selection(loaded.made, opened, selected, exclude_seen)
        gathered = collection.gather(
            loaded,
            model,
            opened,
            selected,
            distractors=others,
            index=index,
            seen=seen,
            progress=bar,
        )
        figures, queries = evaluate_pieces(
            [what],
            loaded,
            gathered,
            directions,
            tempi,
            draws=excerpts,
            seed=seed,
            progress=bar,
        )
        about = (loaded, gathered, others, figures[what])
        written = []
        if out is not None:
            report.write(out, *about, queries)
            written = report.NAMES
    task.give_out((report.to_json(*about), report.to_text(*about), written), out, as_json)
