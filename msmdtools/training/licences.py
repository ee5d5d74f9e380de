"""Count the licences of the music that a training hears, for the record in its weights.

What may be done with weights depends on what they were trained on: with music that excludes commercial use, so do
the weights.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from msmdtools.models import bundle
from msmdtools.models.model import find
from msmdtools.snippets import reader
from msmdtools.sources.repositories import non_commercial
from msmdtools.training.synthetic import SYNTHETIC

NOT_RECORDED = "not recorded"
"""Stands for the licences of the music behind weights of --init that do not record them; its number is 0."""


def of(snippets: Sequence[str], init: str | None) -> dict[str, int]:
    """Count the training pairs under each licence.

    Args:
        snippets: folders or URLs, or `SYNTHETIC` alone, which has none.
        init: a model whose weights the training starts from; the pairs that it was trained on count too.

    Returns:
        Numbers of pairs by licence (SPDX identifiers, or unknown), most first.

    Raises:
        DatasetError: there are no such snippets, or they are damaged.
        MsmdError: there are no such weights, or they are damaged.
    """
    counts: Counter[str] = Counter()
    if init is not None:
        counts.update(bundle.made_with(find(init)).get("licences") or {NOT_RECORDED: 0})
    if list(snippets) != [SYNTHETIC]:
        for folder in snippets:
            for _, table in reader.open_split(folder, "train").tables(["licence"]):
                counts.update(table["licence"].to_pylist())
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def shares(counts: Mapping[str, int]) -> str:
    """The licences with their shares, for people, such as "CC0-1.0 75.0 %, CC-BY-4.0 25.0 %"."""
    total = max(sum(counts.values()), 1)
    return ", ".join(
        f"{licence} {100 * count / total:.1f} %" if count else licence
        for licence, count in counts.items()
    )


def warning(counts: Mapping[str, int]) -> str:
    """Say that weights may not be used commercially, if that is so; "" if not."""
    restrictive = {licence: count for licence, count in counts.items() if non_commercial(licence)}
    if not restrictive:
        return ""
    return (
        f"These weights were trained on music that is not for commercial use ({shares(counts)}): "
        "the same holds for them."
    )
