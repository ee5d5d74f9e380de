"""The position of a training, which a checkpoint holds beside weights and optimisers."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

# Weight of a step in the running mean of the loss; more in the first 1 / _STEP steps.
_STEP = 0.02


@dataclass
class Position:
    """The position of a training.

    Attributes:
        pairs: pairs trained on so far, in all processes together.
        steps: steps taken so far.
        epoch, batch: epoch and number of the next batch.
        elapsed_s: seconds so far, over all starts.
        validated: number of finished validations.
        loss: running mean of the loss.
        best, last: results of the best and of the last validation, as in results.jsonl.
        ended: whether the training is finished.
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
        """Count a step.

        Args:
            pairs: pairs in the step, in all processes together.
            loss: the loss of the step.
            epoch, batch: of the step's last batch.
        """
        self.steps += 1
        self.pairs += pairs
        self.epoch, self.batch = epoch, batch + 1
        weight = max(_STEP, 1 / self.steps)
        self.loss = loss if self.steps == 1 else (1 - weight) * self.loss + weight * loss

    def state_dict(self) -> dict[str, Any]:
        """The position as plain values."""
        return asdict(self)

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> "Position":
        """Read the position from a checkpoint."""
        return cls(**{f.name: state[f.name] for f in fields(cls)})
