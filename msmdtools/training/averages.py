"""Average a network's weights with an exponential moving average (Polyak and Juditsky 1992)."""

import torch
from torch import Tensor, nn


class Average:
    """The average of all weights and statistics of a network.

    Args:
        network: the network.
        decay: share of the average that stays, per step; less in the first steps, so that the initial
            weights soon vanish.

    Attributes:
        steps: number of updates.
        state: the averages, by name.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._decay = decay
        self.steps = 0
        self.state = {name: value.clone() for name, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Update the average with the present weights."""
        self.steps += 1
        decay = min(self._decay, self.steps / (self.steps + 10))
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                self.state[name].lerp_(value, 1 - decay)
            else:
                self.state[name].copy_(value)

    def load(self, steps: int, state: dict[str, Tensor]) -> None:
        """Go to the saved state of another average."""
        self.steps = steps
        for name, value in state.items():
            self.state[name].copy_(value)
