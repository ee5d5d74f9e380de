"""`msmd eval --task pieces`: a thin shell over `msmdtools.evaluation.pieces.evaluate.evaluate`."""

from pathlib import Path
from typing import Any

import click

from msmdtools.cli.progress import Progress


def run(
    model: str,
    dataset: str,
    progress: Progress,
    *,
    split: str | None,
    directions: tuple[str, ...],
    performance: str | None,
    index: Path | None,
    distractors: tuple[str, ...],
    excerpts: int,
    tempi: str | None,
    seed: int,
    device: str | None,
    out: Path | None,
    exclude_seen: bool,
    task: str = "pieces",
) -> tuple[dict[str, Any], str, list[str]]:
    """The figures as values and as text, and the names of what was written to `out`."""
    speeds = numbers(tempi)
    from msmdtools.dataset import reader
    from msmdtools.evaluation.pieces import collection
    from msmdtools.evaluation.pieces import evaluate as pieces
    from msmdtools.evaluation.pieces import report as pieces_report
    from msmdtools.models import seen as looked
    from msmdtools.models.model import load_model
    from msmdtools.splits import selection

    opened = reader.open(dataset)
    selected = selection.select(opened, split, performance)
    others = [reader.open(other) for other in distractors]
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
        progress=progress.update,
    )
    figures, queries = pieces.evaluate(
        [task],
        loaded,
        gathered,
        directions,
        speeds,
        draws=excerpts,
        seed=seed,
        progress=progress.update,
    )
    about = (loaded, gathered, others, figures[task])
    written = []
    if out is not None:
        pieces_report.write(out, *about, queries)
        written = pieces_report.NAMES
    return pieces_report.to_json(*about), pieces_report.to_text(*about), written


def numbers(text: str | None) -> list[float]:
    """The speeds that --tempi names."""
    try:
        return [float(number) for number in (text or "").split(",") if number]
    except ValueError as error:
        raise click.UsageError(f"--tempi is {text}; give speeds such as 0.5,2.0.") from error
