"""What is trained, with all that a step changes: network and loss, optimisers, averaged weights."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from msmdtools.base import draws
from msmdtools.models.config import Config
from msmdtools.models.network import TwoTower
from msmdtools.training import optimisers
from msmdtools.training.averages import Average
from msmdtools.training.batches import Training
from msmdtools.training.objective import Objective, begin_with

# The stream of random numbers that dropout draws from; see snippets.draws.
_DROPOUT = 64


class Learner:
    """A model in training, in this process or in this and others.

    Args:
        seed: of the weights and of dropout.
        init: a model to begin with the weights of; None for random ones.

    Attributes:
        anew: names of the weights that are random in spite of `init`: they are of another size there.

    Raises:
        MsmdError: there is no such model, or it has other layers.
    """

    def __init__(self, config: Config, fabric: Fabric, seed: int, init: str | None) -> None:
        self._fabric, self._seed = fabric, seed
        self._clip = config.training.clip or math.inf
        torch.manual_seed(seed)
        self.objective = Objective(config)
        self.anew = begin_with(self.objective.network, init) if init else []
        if config.training.freeze_towers:
            self.network.freeze_towers()
        made = optimisers.make(config.training, self.objective)
        self._module, *self._optimisers = fabric.setup(self.objective, *made)
        self._rates = optimisers.Rates(self._optimisers)
        ema = config.training.ema
        self._average = Average(self.objective.network, ema) if ema else None

    @property
    def network(self) -> TwoTower:
        """The network with its present weights."""
        return self.objective.network

    @property
    def temperature(self) -> float | None:
        """The loss's temperature now; None if it has none."""
        return getattr(self.objective.loss, "temperature", None)

    @property
    def rate(self) -> float:
        """The largest of the learning rates now."""
        return max(self._rates.now())

    def step(self, batch: Training, number: int, factor: float) -> float:
        """One step along the gradient of a batch; the loss before it.

        Args:
            number: of the step, which dropout draws from: no state of a generator is to be kept.
            factor: part of their highest values that the learning rates have.

        Raises:
            FloatingPointError: the loss or the gradient is not finite; the weights are as they were.
        """
        self._rates.set(factor)
        drawn = draws.hashes(self._seed, _DROPOUT, number, self._fabric.global_rank)
        torch.manual_seed(int(drawn) >> 1)
        windows = self._fabric.to_device((batch.sheets, batch.spectrograms, batch.music))
        loss = self._module(*windows, self._gather if self._fabric.world_size > 1 else None)
        for optimiser in self._optimisers:
            optimiser.zero_grad()
        self._fabric.backward(loss)
        norm = nn.utils.clip_grad_norm_(self.objective.parameters(), self._clip)
        value = float(loss.detach())
        for what, found in (("loss", value), ("gradient", float(norm))):
            if not math.isfinite(found):
                raise FloatingPointError(f"the {what} is {found}")
        for optimiser in self._optimisers:
            optimiser.step()
        if self._average is not None:
            self._average.update(self.network)
        return value

    @contextmanager
    def averaged(self) -> Iterator[TwoTower]:
        """The network, meanwhile with its averaged weights if it has them."""
        if self._average is None:
            yield self.network
            return
        own = {name: value.clone() for name, value in self.network.state_dict().items()}
        self.network.load_state_dict(self._average.state)
        try:
            yield self.network
        finally:
            self.network.load_state_dict(own)

    def state_dict(self) -> dict[str, Any]:
        """All that the next steps depend on, beside their batches."""
        average = self._average
        return {
            "objective": self.objective.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self._optimisers],
            "average": average and {"steps": average.steps, "state": average.state},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go to where another learner was."""
        self.objective.load_state_dict(state["objective"])
        for optimiser, saved in zip(self._optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self._rates = optimisers.Rates(self._optimisers, self._rates.highest)
        if self._average is not None:
            self._average.load(state["average"]["steps"], state["average"]["state"])

    def _gather(self, values: Tensor, gradients: bool) -> Tensor:
        found: Any = self._fabric.all_gather(values, sync_grads=gradients)
        return torch.flatten(found, 0, 1)
