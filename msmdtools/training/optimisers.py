"""The optimisers of a training, and learning rate and size of a step as it goes on."""

import math
from typing import Any

import torch
from torch import nn

from msmdtools.models.options import Training
from msmdtools.training.muon import Muon

# Of the learning rate of Adam for what Muon does not take.
_BETAS = (0.9, 0.98)


def make(options: Training, objective: nn.Module) -> list[torch.optim.Optimizer]:
    """The optimisers of a network and its loss.

    Adam and AdamW take all parameters. With Muon, it takes the kernels and matrices, and AdamW what
    has one dimension only: biases, normalisation, temperature. Weight decay is for kernels and
    matrices, with Adam (where it is an L2 penalty) for all.
    """
    parameters = [p for p in objective.parameters() if p.requires_grad]
    matrices = [p for p in parameters if p.ndim > 1]
    others = [p for p in parameters if p.ndim < 2]
    decay = options.weight_decay
    if options.optimiser == "adam":
        return [torch.optim.Adam(parameters, options.lr, weight_decay=decay)]
    if options.optimiser == "muon":
        muon = Muon(matrices, options.muon_lr, weight_decay=decay)
        return [muon, torch.optim.AdamW(others, options.lr, _BETAS, weight_decay=0.0)]
    groups: list[dict[str, Any]] = [{"params": matrices}, {"params": others, "weight_decay": 0.0}]
    return [torch.optim.AdamW(groups, options.lr, _BETAS, weight_decay=decay)]


def factor(options: Training, pairs: int, done: float) -> float:
    """What part of its highest value the learning rate has.

    Args:
        pairs: trained on so far; the rate rises over the first `warmup_pairs`.
        done: how much of the whole training that is, 0 to 1.
    """
    warm = min(1.0, (pairs + 1) / options.warmup_pairs) if options.warmup_pairs else 1.0
    done = min(max(done, 0.0), 1.0)
    if options.schedule == "cosine":
        return warm * (1 + math.cos(math.pi * done)) / 2
    if options.schedule == "linear":
        return warm * (1 - done)
    return warm


def together(options: Training, done: float) -> int:
    """How many batches a step takes together.

    It doubles, from 1 to `growth` or the power of two before, at equal parts of the training. Small
    batches make many steps, from which a training gains most at first, large ones compare each pair
    with more others and have less noise (Smith et al. 2018, "Don't decay the learning rate, increase
    the batch size").

    Args:
        done: how much of the whole training is done, 0 to 1.
    """
    stages = options.growth.bit_length()
    return 1 << min(int(done * stages), stages - 1)


class Rates:
    """The learning rates of optimisers, all of them by one factor of their highest values.

    Args:
        highest: one for each group of parameters; None for what the optimisers were made with.
    """

    def __init__(self, optimisers: list[Any], highest: list[float] | None = None) -> None:
        # Loading an optimiser's state replaces its groups: then this is made anew.
        self._groups = [group for optimiser in optimisers for group in optimiser.param_groups]
        self.highest = highest or [group["lr"] for group in self._groups]

    def set(self, factor: float) -> None:
        """Set each to this part of its highest value."""
        for group, highest in zip(self._groups, self.highest, strict=True):
            group["lr"] = highest * factor

    def now(self) -> list[float]:
        """The learning rate of each group of parameters."""
        return [group["lr"] for group in self._groups]
