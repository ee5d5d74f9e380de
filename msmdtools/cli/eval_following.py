"""`msmd eval --task following`: asks as `msmdtools.cli.eval_alignment` does, for score following."""

from typing import Any

from msmdtools.cli import eval_alignment
from msmdtools.cli.progress import Progress


def run(
    model: str, dataset: str, progress: Progress, **options: Any
) -> tuple[dict[str, Any], str, list[str]]:
    """The figures as values and as text, and the names of what was written."""
    return eval_alignment.run(model, dataset, progress, **options, task="following")
