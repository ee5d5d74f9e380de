"""The options of a training, its progress, and its result."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msmdtools.base import options
from msmdtools.base.options import option
from msmdtools.base.quantities import parse_seconds
from msmdtools.errors import MsmdError

# The training split is held in memory, or in the device's memory, or streamed from the shards; "auto" holds
# it in memory if it fits, and streams it otherwise.
MEMORY = ("auto", "in-memory", "device", "stream")


def parse_devices(value: object) -> int | str:
    """Parse a number of devices, or "auto"."""
    text = str(value)
    return int(text) if text.isdigit() else text


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """How a training is run; the configuration says what is trained.

    Each attribute is also an option of `msmd train`, with the help given here; renaming one renames the option.
    A budget covers reading, validation and all resumptions, and the learning rate follows it. Accelerator,
    devices and nodes are as Lightning Fabric takes them.

    Attributes:
        budget_s: wall-clock seconds for the whole training; None to end by `pairs`.
        pairs: number of pairs to train on; None for the configuration's.
        resume: whether to continue from the last checkpoint, if there is one.
        init: a model whose weights the training starts from; None for random ones.
        refit_cca: pairs on which the CCA projection is fitted at the end; None for the configuration's.
        seed: for everything random.
        validations: number of validations.
        validation_pairs: pairs in each validation.
        memory: where the training split is held, one of `MEMORY`.
        accelerator: what to calculate with: cpu, cuda, mps or auto.
        devices: devices on each node: a number, or auto.
        nodes: number of machines.
        threads: threads to calculate with; None for one per core.

    Raises:
        MsmdError: a number is out of range.
    """

    budget_s: float | None = option(
        "instead of --pairs: how long the whole training takes by the clock, such as 90m or 3h",
        None,
        above=0,
        name="budget",
        read=parse_seconds,
        form="TIME",
    )
    pairs: int | None = option(
        "how many pairs to train on, rounded up to whole steps of several batches",
        None,
        above=0,
        shown="as the model says",
        form="N",
    )
    resume: bool = option(
        "continue from the last checkpoint in --out; start anew if there is none", False
    )
    init: str | None = option(
        "start from the weights of this bundled model, .safetensors file or run",
        None,
        shown="random weights",
        form="MODEL",
    )
    refit_cca: int | None = option(
        "at the end, fit the CCA projection again, to this many pairs; 0 leaves it as trained. Only "
        "for models that have one",
        None,
        0,
        shown="as the model says",
        form="N",
    )
    seed: int = option("seed of all random choices", 0, 0)
    validations: int = option(
        "how often to validate, evenly spread over the training", 20, above=0, form="N"
    )
    validation_pairs: int = option("how many pairs to validate with", 2000, above=0, form="N")
    memory: str = option(
        "where training pairs are kept: in main memory (in-memory), in the GPU's memory (device), or "
        "nowhere, so that each epoch reads them anew (stream). auto means in-memory if they fit, "
        "otherwise stream",
        "auto",
        choices=MEMORY,
    )
    accelerator: str = option(
        "what to train on: cpu, cuda (NVIDIA), mps (Apple), or auto for a GPU if there is one",
        "auto",
    )
    devices: int | str = option(
        "how many GPUs to use on each machine; auto is all of them",
        "auto",
        read=parse_devices,
        form="N",
    )
    nodes: int = option("how many machines train together", 1, above=0, form="N")
    threads: int | None = option(
        "how many CPU threads to compute with",
        None,
        above=0,
        shown="one per core",
        form="N",
    )

    def __post_init__(self) -> None:
        options.check(self, "")
        if self.pairs is not None and self.budget_s is not None:
            raise MsmdError(
                "pairs and budget_s are both set; set only one of them, at which the training ends"
            )


@dataclass(frozen=True, slots=True)
class Step:
    """Progress of a training: after each step, and after a validation with its metrics.

    Attributes:
        pairs: pairs trained on so far.
        done: share of the training that is done, 0 to 1.
        loss: running mean.
        pairs_per_s: since the last validation.
        valid: metrics by direction; None except after a validation.
        chance: R@1 in percent that guessing would reach.
    """

    pairs: int
    done: float
    loss: float
    pairs_per_s: float
    valid: dict[str, dict[str, float]] | None
    chance: float


@dataclass(frozen=True, slots=True)
class Summary:
    """The result of a training.

    The rows are empty in all but the first of several processes.

    Attributes:
        run: the run folder.
        weights: the file of the weights.
        last: the last row of results.
        best: the best row of results.
        licences: numbers of training pairs by licence of their music.
    """

    run: Path
    weights: Path
    last: dict[str, Any]
    best: dict[str, Any]
    licences: dict[str, int]
