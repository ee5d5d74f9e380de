"""`msmd eval --task snippets`: a thin shell over `msmdtools.evaluation.snippets.retrieval.evaluate`."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from msmdtools.cli.progress import Progress


def run(
    model: str,
    snippets: str,
    progress: Progress,
    *,
    split: str | None,
    candidates: int,
    directions: tuple[str, ...],
    performance: str | None,
    robustness: bool,
    dataset: Path | None,
    robustness_candidates: int,
    seed: int,
    device: str | None,
    out: Path | None,
    exclude_seen: bool,
) -> tuple[dict[str, Any], str, list[str]]:
    """The figures as values and as text, and the names of what was written to `out`."""
    if dataset is not None and not robustness:
        raise click.UsageError("--dataset is for --robustness; give both.")
    from msmdtools.evaluation.snippets import candidates as pool
    from msmdtools.evaluation.snippets import report, retrieval
    from msmdtools.evaluation.snippets import robustness as other
    from msmdtools.models import seen as looked
    from msmdtools.models.model import load_model
    from msmdtools.snippets import reader

    split = split or "test"
    opened = reader.open(snippets)
    opened[split]  # before the model is loaded, which takes longer
    loaded = load_model(model, device)
    without, seen = looked.of_split(loaded.made, opened, split, exclude_seen)
    chosen = replace(pool.choose(opened, split, candidates, performance, without), seen=seen)
    found = retrieval.evaluate(loaded, chosen, directions, seed=seed, progress=progress.update)
    outcomes = []
    if robustness:
        fewer = pool.choose(opened, split, robustness_candidates, performance, without)
        outcomes = other.evaluate(loaded, fewer, dataset, directions, progress=progress.update)
    written = []
    if out is not None:
        report.write(out, loaded, found, outcomes)
        written = ["results.md", "results.json", "by_piece.csv", "pictures"]
    return report.to_json(found, outcomes), report.to_text(found, outcomes), written
