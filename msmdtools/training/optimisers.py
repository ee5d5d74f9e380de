"""Make the optimisers of a training, and schedule its learning rate and the size of its steps."""

import math
from typing import Any

import torch
from torch import nn

from msmdtools.models.options import Training
from msmdtools.training.muon import Muon

# AdamW's running means, beside Muon too.
_BETAS = (0.9, 0.98)


def make(options: Training, objective: nn.Module) -> list[torch.optim.Optimizer]:
    """Make the optimisers of a network and its loss.

    Adam and AdamW take all parameters. Muon takes the kernels and matrices only, and AdamW the parameters
    of one dimension: biases, normalisation, temperature. Weight decay is for kernels and matrices, with
    Adam (where it is an L2 penalty) for all parameters.
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
    """The share of its highest value that the learning rate has at some point of the training.

    Args:
        options: schedule and warm-up.
        pairs: pairs trained on so far; the rate rises over the first `warmup_pairs`.
        done: share of the training that is done, 0 to 1.

    Returns:
        The factor, 0 to 1.
    """
    warm = min(1.0, (pairs + 1) / options.warmup_pairs) if options.warmup_pairs else 1.0
    done = min(max(done, 0.0), 1.0)
    if options.schedule == "cosine":
        return warm * (1 + math.cos(math.pi * done)) / 2
    if options.schedule == "linear":
        return warm * (1 - done)
    return warm


def together(options: Training, done: float) -> int:
    """The number of batches that a step takes together.

    It doubles, from 1 to `growth` or the power of two below, at equal intervals of the training. Small
    batches make many steps, which help most at first; large batches compare each pair with more others
    and have less noise (Smith et al. 2018, "Don't decay the learning rate, increase the batch size").

    Args:
        options: `growth`.
        done: share of the training that is done, 0 to 1.
    """
    stages = options.growth.bit_length()
    return 1 << min(int(done * stages), stages - 1)


class Rates:
    """The learning rates of optimisers, which change together by one factor.

    Args:
        optimisers: the optimisers.
        highest: the highest rate of each group of parameters; None for the rates that the optimisers have.
    """

    def __init__(self, optimisers: list[Any], highest: list[float] | None = None) -> None:
        # Loading an optimiser's state replaces its groups: then this is made anew.
        self._groups = [group for optimiser in optimisers for group in optimiser.param_groups]
        self.highest = highest or [group["lr"] for group in self._groups]

    def set(self, factor: float) -> None:
        """Set each to this share of its highest value."""
        for group, highest in zip(self._groups, self.highest, strict=True):
            group["lr"] = highest * factor

    def now(self) -> list[float]:
        """The present learning rate of each group of parameters."""
        return [group["lr"] for group in self._groups]
