"""What a training is asked, what it tells while it runs, and what it gives back."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msmdtools.errors import MsmdError
from msmdtools.training.hardware import MEMORY


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """How a training is run; what is trained is the configuration's.

    Attributes:
        pairs: to train on; None for the configuration's number. Not with a budget.
        budget_s: seconds of wall-clock time in all, reading and validation included and over all
            resumptions; the learning rate follows it. None for as long as it takes.
        resume: go on from the run's last checkpoint.
        seed: of the weights, the order of the batches and what augmentation draws.
        refit_cca: pairs to fit the CCA projections on at the end; None for the configuration's number.
        init: weights to begin with, a name or a path as `load_model` takes.
        validations: how many times to validate in the course of the training.
        validation_pairs: on so many pairs at most.
        memory: of `hardware.MEMORY`.
        accelerator, devices, nodes: as Lightning Fabric takes them.
        threads: for calculating, on processors; None for PyTorch's choice.

    Raises:
        MsmdError: a number makes no sense.
    """

    pairs: int | None = None
    budget_s: float | None = None
    resume: bool = False
    seed: int = 0
    refit_cca: int | None = None
    init: str | None = None
    validations: int = 20
    validation_pairs: int = 2000
    memory: str = "auto"
    accelerator: str = "auto"
    devices: int | str = "auto"
    nodes: int = 1
    threads: int | None = None

    def __post_init__(self) -> None:
        for name in ("pairs", "budget_s", "validations", "validation_pairs", "nodes", "threads"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise MsmdError(f"{name} is {value}; it must be more than 0")
        for name in ("seed", "refit_cca"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise MsmdError(f"{name} is {value}; it must not be negative")
        if self.pairs is not None and self.budget_s is not None:
            raise MsmdError("pairs and budget_s are both given; one of them ends a training")
        if self.memory not in MEMORY:
            raise MsmdError(f"memory is {self.memory!r}; it must be one of {', '.join(MEMORY)}")


@dataclass(frozen=True, slots=True)
class Progress:
    """What a running training tells: after each step, and after a validation with its metrics.

    Attributes:
        pairs: trained on so far.
        done: how much of the training that is, 0 to 1.
        loss: running mean.
        pairs_per_s: since the last validation.
        valid: metrics by direction; None but after a validation.
        chance: R@1 in percent that guessing would have.
    """

    pairs: int
    done: float
    loss: float
    pairs_per_s: float
    valid: dict[str, dict[str, float]] | None
    chance: float


@dataclass(frozen=True, slots=True)
class Summary:
    """What a training has made: the run folder, the weights, the last and the best row of results.

    The rows are empty in all but the first of several processes.
    """

    run: Path
    weights: Path
    last: dict[str, Any]
    best: dict[str, Any]
