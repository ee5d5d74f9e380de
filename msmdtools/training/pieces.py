"""List the pieces that a training sees, for the record in its weights: their ids and fingerprints."""

from collections.abc import Sequence
from typing import Any

from msmdtools.models import bundle, seen
from msmdtools.models.model import find
from msmdtools.models.seen import Pieces
from msmdtools.snippets import reader
from msmdtools.training.synthetic import SYNTHETIC


def of(snippets: Sequence[str], init: str | None) -> dict[str, Any]:
    """List the pieces of a training; not complete if it starts from weights without a list.

    Args:
        snippets: folders or URLs, or `SYNTHETIC` alone. All are trained on, the first validates.
        init: a model whose weights the training starts from; the pieces that it has seen count too.

    Raises:
        DatasetError: there are no such snippets, or they are damaged.
        MsmdError: there are no such weights, or they are damaged.
    """
    parts: list[tuple[str, Pieces]] = []
    complete = True
    if init is not None:
        made = bundle.made_with(find(init))
        complete = seen.complete(made)
        parts += seen.read(made).items()
    if list(snippets) != [SYNTHETIC]:
        opened = [reader.open(folder) for folder in snippets]
        parts += [("train", seen.pieces_of(folder, "train")) for folder in opened]
        parts += [("valid", seen.pieces_of(opened[0], "valid"))]
    return seen.listed(parts, complete)
