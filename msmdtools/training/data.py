"""Where a training's batches come from, and what validates it: snippets, or what is made up."""

import os
from collections.abc import Sequence
from typing import Any, Protocol

import torch

from msmdtools.models.config import Config
from msmdtools.models.network import TwoTower
from msmdtools.snippets import reader
from msmdtools.training.batches import SnippetBatches, Source
from msmdtools.training.options import TrainOptions
from msmdtools.training.synthetic import SYNTHETIC, SyntheticBatches, SyntheticValidation
from msmdtools.training.validation import Validation


class Validator(Protocol):
    """Measures retrieval among pairs that are not trained on."""

    candidates: int

    def __call__(self, network: TwoTower) -> dict[str, dict[str, float]]:
        """Metrics by direction."""
        ...


def open_data(
    snippets: Sequence[str],
    config: Config,
    options: TrainOptions,
    rank: int,
    ranks: int,
    before: dict[str, Any],
    device: torch.device | None = None,
) -> tuple[Source, Validator]:
    """The batches of one process, and the validation.

    Args:
        snippets: folders or URLs, or `SYNTHETIC` alone. All are trained on, the first validates.
        before: the identity of the run that is resumed: a split that was held in memory is so again,
            whatever memory is free now, as the order of batches depends on it. Empty for a new run.
        device: that trains.

    Raises:
        DatasetError: no snippets, windows smaller than the model's, or of different sizes.
        MsmdError: there are fewer onsets than a batch needs.
    """
    if list(snippets) == [SYNTHETIC]:
        source = SyntheticBatches(config, options.seed, rank, ranks)
        return source, SyntheticValidation(config, options.validation_pairs)
    opened = [reader.open(folder) for folder in snippets]
    memory = options.memory
    if memory == "auto" and "in_memory" in before:
        memory = "in-memory" if before["in_memory"] else "stream"
    # The smaller split first: what is wrong with the windows is found before much is read.
    validation = Validation(opened[0], config, options.validation_pairs)
    batches = SnippetBatches(
        reader.join(opened, "train"),
        config,
        seed=options.seed,
        memory=memory,
        device=device,
        rank=rank,
        ranks=ranks,
        beside=int(os.environ.get("LOCAL_WORLD_SIZE", max(ranks // options.nodes, 1))),
    )
    return batches, validation
