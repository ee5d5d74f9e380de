"""`msmd eval --task alignment`: a thin shell over `msmdtools.evaluation.following.evaluate.evaluate`."""

from pathlib import Path
from typing import Any

from msmdtools.cli.eval_pieces import numbers
from msmdtools.cli.progress import Progress


def run(
    model: str,
    dataset: str,
    progress: Progress,
    *,
    split: str | None,
    performance: str | None,
    tempi: str | None,
    seed: int,
    device: str | None,
    out: Path | None,
    exclude_seen: bool,
    task: str = "alignment",
) -> tuple[dict[str, Any], str, list[str]]:
    """The figures as values and as text, and the names of what was written to `out`."""
    speeds = numbers(tempi)
    from msmdtools.dataset import reader
    from msmdtools.evaluation.following import evaluate as alignment
    from msmdtools.evaluation.following import report as alignment_report
    from msmdtools.models import seen as looked
    from msmdtools.models.model import load_model
    from msmdtools.splits import selection

    opened = reader.open(dataset)
    selected = selection.select(opened, split, performance)
    loaded = load_model(model, device)
    selected, seen = looked.of_selection(loaded.made, opened, selected, exclude_seen)
    found = alignment.evaluate(loaded, opened, selected.performances, task, speeds, progress.update)
    report = alignment_report.summed_up(loaded, opened, task, found, seed, seen)
    written = []
    if out is not None:
        alignment_report.write(out, report)
        written = alignment_report.NAMES
    return alignment_report.to_json(report), alignment_report.to_text(report), written
