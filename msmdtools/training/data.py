"""Open the batches and the validation of a training: from snippets, or from made-up pairs."""

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
    """Measures retrieval among pairs that are not in training.

    Attributes:
        candidates: number of pairs.
    """

    candidates: int

    def __call__(self, network: TwoTower) -> dict[str, dict[str, float]]:
        """Measure the metrics of a network, by direction and name."""
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
    """Open the batches of one process, and the validation.

    Args:
        snippets: folders or URLs, or `SYNTHETIC` alone. All are trained on, the first validates.
        config: the model, whose windows and batch size the batches have.
        options: how the training is run.
        rank, ranks: number of this process among those of distributed training, and how many there are.
        before: the identity of the run that is resumed: a split that was held in memory is held there
            again, whatever memory is free now, because the order of batches depends on it. Empty for a
            new run.
        device: the device that trains.

    Returns:
        The batches of this process, and the validation.

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
    # The smaller split first: a fault of the windows shows before much is read.
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
