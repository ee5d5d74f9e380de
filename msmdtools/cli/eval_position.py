"""`msmd eval --task position`: asks as `msmdtools.cli.eval_pieces` does, for places in pieces."""

from typing import Any

from msmdtools.cli import eval_pieces
from msmdtools.cli.progress import Progress


def run(
    model: str, dataset: str, progress: Progress, **options: Any
) -> tuple[dict[str, Any], str, list[str]]:
    """The figures as values and as text, and the names of what was written."""
    return eval_pieces.run(model, dataset, progress, **options, task="position")
