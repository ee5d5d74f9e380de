"""Where a training is: what a checkpoint holds beside weights and optimisers."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

# Part of the running mean of the loss that a step is, once there are as many.
_STEP = 0.02


@dataclass
class Position:
    """Where a training is.

    Attributes:
        pairs: trained on so far, in all processes together.
        steps: taken so far.
        epoch, batch: of the next batch.
        elapsed_s: seconds so far, of all its starts together.
        validated: how many of the validations are done.
        loss: running mean.
        best, last: rows of results.
        ended: nothing is left to do.
    """

    pairs: int = 0
    steps: int = 0
    epoch: int = 0
    batch: int = 0
    elapsed_s: float = 0.0
    validated: int = 0
    loss: float = math.nan
    best: dict[str, Any] = field(default_factory=dict)
    last: dict[str, Any] = field(default_factory=dict)
    ended: bool = False

    def step(self, pairs: int, loss: float, epoch: int, batch: int) -> None:
        """Count a step that was taken on a batch."""
        self.steps += 1
        self.pairs += pairs
        self.epoch, self.batch = epoch, batch + 1
        weight = max(_STEP, 1 / self.steps)
        self.loss = loss if self.steps == 1 else (1 - weight) * self.loss + weight * loss

    def state_dict(self) -> dict[str, Any]:
        """All of it, as plain values."""
        return asdict(self)

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> "Position":
        """The position that is in a checkpoint."""
        return cls(**{f.name: state[f.name] for f in fields(cls)})
