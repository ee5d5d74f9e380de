"""What a training is asked, what it tells while it runs, and what it gives back."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msmdtools.base import options
from msmdtools.base.options import option
from msmdtools.base.quantities import parse_seconds
from msmdtools.errors import MsmdError

# Whether the training split is held in memory, in that of the device, streamed from the shards, or
# what of the first and the third fits.
MEMORY = ("auto", "in-memory", "device", "stream")


def parse_devices(value: object) -> int | str:
    """A number of devices, or "auto"."""
    text = str(value)
    return int(text) if text.isdigit() else text


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """How a training is run; what is trained is the configuration's.

    A budget covers reading, validation and all resumptions, and the learning rate follows it. What is
    None is as the configuration says, or PyTorch chooses. Accelerator, devices and nodes are as
    Lightning Fabric takes them.

    Raises:
        MsmdError: a number makes no sense.
    """

    budget_s: float | None = option(
        "wall-clock time for the whole training, such as 90m or 3h",
        None,
        above=0,
        name="budget",
        read=parse_seconds,
        form="TIME",
    )
    pairs: int | None = option(
        "number of pairs to train on", None, above=0, shown="the model's", form="N"
    )
    resume: bool = option("continue from the last checkpoint in --out, if there is one", False)
    init: str | None = option("start from the weights of this model", None, form="MODEL")
    refit_cca: int | None = option(
        "number of pairs to fit the CCA projection to again at the end; 0 to leave it as trained",
        None,
        0,
        shown="the model's",
        form="N",
    )
    seed: int = option("seed for everything random", 0, 0)
    validations: int = option("how many times to validate", 20, above=0, form="N")
    validation_pairs: int = option("pairs in each validation", 2000, above=0, form="N")
    memory: str = option(
        "keep the training split in memory, keep it in the GPU's memory, or stream it",
        "auto",
        choices=MEMORY,
    )
    accelerator: str = option("hardware to train on: cpu, cuda, mps or auto", "auto")
    devices: int | str = option(
        "devices to use on each node: a number, or auto", "auto", read=parse_devices, form="N"
    )
    nodes: int = option("number of machines", 1, above=0, form="N")
    threads: int | None = option(
        "CPU threads to use",
        None,
        above=0,
        shown="one per core",
        form="N",
    )

    def __post_init__(self) -> None:
        options.check(self, "")
        if self.pairs is not None and self.budget_s is not None:
            raise MsmdError("pairs and budget_s are both given; one of them ends a training")


@dataclass(frozen=True, slots=True)
class Step:
    """What a training has come to: after each step, and after a validation with its metrics.

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
