"""Train a network step by step, with everything that a step changes: loss, optimisers, averaged weights."""

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

# The stream of random numbers that dropout draws from; see base.draws.
_DROPOUT = 64


class Learner:
    """A model in training, in one process or distributed over several.

    Args:
        config: the model.
        fabric: the devices.
        seed: of the weights and of dropout.
        init: a model whose weights the training starts from; None for random ones.

    Attributes:
        objective: the network with its loss.
        anew: names of the weights that are random in spite of `init`, because their size differs there.

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
        self._module, *self._optimisers = fabric.setup(
            self.objective, *optimisers.make(config.training, self.objective)
        )
        self._rates = optimisers.Rates(self._optimisers)
        ema = config.training.ema
        self._average = Average(self.objective.network, ema) if ema else None

    @property
    def network(self) -> TwoTower:
        """The network with its present weights."""
        return self.objective.network

    @property
    def temperature(self) -> float | None:
        """The present temperature of the loss; None if it has none."""
        return getattr(self.objective.loss, "temperature", None)

    @property
    def rate(self) -> float:
        """The largest of the present learning rates."""
        return max(self._rates.now())

    def step(self, batch: Training, number: int, factor: float) -> float:
        """Take one step along the gradient of a batch.

        Args:
            batch: the pairs.
            number: of the step; dropout draws from it, so that no generator's state needs to be saved.
            factor: share of their highest values that the learning rates have.

        Returns:
            The loss before the step.

        Raises:
            FloatingPointError: the loss or the gradient is not finite; the weights stay as they were.
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
        for name, quantity in (("loss", value), ("gradient", float(norm))):
            if not math.isfinite(quantity):
                raise FloatingPointError(f"the {name} is {quantity}")
        for optimiser in self._optimisers:
            optimiser.step()
        if self._average is not None:
            self._average.update(self.network)
        return value

    @contextmanager
    def averaged(self) -> Iterator[TwoTower]:
        """The network, with its averaged weights inside the `with` block if it has them."""
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
        """Everything that the next steps depend on, apart from their batches."""
        average = self._average
        return {
            "objective": self.objective.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self._optimisers],
            "average": average and {"steps": average.steps, "state": average.state},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go to the saved state of another learner."""
        self.objective.load_state_dict(state["objective"])
        for optimiser, saved in zip(self._optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self._rates = optimisers.Rates(self._optimisers, self._rates.highest)
        if self._average is not None:
            self._average.load(state["average"]["steps"], state["average"]["state"])

    def _gather(self, values: Tensor, gradients: bool) -> Tensor:
        gathered: Any = self._fabric.all_gather(values, sync_grads=gradients)
        return torch.flatten(gathered, 0, 1)
