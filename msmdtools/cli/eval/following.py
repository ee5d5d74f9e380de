"""The commands `msmd eval alignment` and `msmd eval following`, which call
`msmdtools.evaluation.following.accuracy.evaluate_following`."""

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
    task.tempi,
    task.performance_of_dataset,
    task.options,
)


@click.command("alignment", short_help="Follow a recording on its sheet when all of it is known.")
@_options
def alignment(out: Path | None, as_json: bool, **arguments: Any) -> None:
    """Measure how exactly MODEL aligns the recordings of DATASET with their sheets.

    All of a recording is known before any place is reported, as with msmd align.

    MODEL is the name of a bundled model, a .safetensors file, or a run of msmd train.

    Example: msmd eval alignment compact-4s msmd -o report
    """
    _measure("alignment", out, as_json, **arguments)


@click.command("following", short_help="Follow a recording on its sheet while it is played.")
@_options
def following(out: Path | None, as_json: bool, **arguments: Any) -> None:
    """Measure how exactly MODEL follows the recordings of DATASET on their sheets.

    Each place is found from nothing but the sound up to that moment, as with msmd align --online.

    MODEL is the name of a bundled model, a .safetensors file, or a run of msmd train.

    Example: msmd eval following compact-4s msmd -o report
    """
    _measure("following", out, as_json, **arguments)


def _measure(
    what: str,
    out: Path | None,
    as_json: bool,
    *,
    model: str,
    folder: str,
    split: str | None,
    tempi: list[float],
    performance: str | None,
    exclude_seen: bool,
    seed: int,
    device: str | None,
) -> None:
    task.check_folder(out)
    from msmdtools.dataset import reader
    from msmdtools.evaluation.following import report
    from msmdtools.evaluation.following.accuracy import evaluate_following
    from msmdtools.models import seen as looked
    from msmdtools.models.model import load_model
    from msmdtools.splits import selection

    opened = reader.open(folder)
    selected = selection.select(opened, split, performance)
    with Bar() as bar:
        loaded = load_model(model, device)
        selected, seen = looked.of_selection(loaded.made, opened, selected, exclude_seen)
        accuracy = evaluate_following(loaded, opened, selected.performances, what, tempi, bar)
        summed = report.summed_up(loaded, opened, what, accuracy, seed, seen)
        written = []
        if out is not None:
            report.write(out, summed)
            written = report.NAMES
    task.give_out((report.to_json(summed), report.to_text(summed), written), out, as_json)
