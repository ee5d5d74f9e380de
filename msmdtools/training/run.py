"""One training, from its configuration to its weights.

    RUN/checkpoints/            to go on from (`checkpoints`)
    RUN/weights.safetensors     the best so far, by validation
    RUN/config.json, …          what was done and how it went (`record`)

Best is the largest mean reciprocal rank on the validation split, mean of both directions. The same
snippets, configuration, seed and number of pairs give the same weights on one machine, stopped and
resumed or not, unless the learning rate follows a budget of time.
"""

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from msmdtools.errors import MsmdError
from msmdtools.evaluation import metrics
from msmdtools.models import bundle, losses
from msmdtools.models.config import Config
from msmdtools.models.model import RUN_WEIGHTS
from msmdtools.models.network import TwoTower
from msmdtools.snippets import reader
from msmdtools.training import checkpoints, optimisers, record
from msmdtools.training.averages import Average
from msmdtools.training.batches import SnippetBatches, Source, Training
from msmdtools.training.hardware import precision
from msmdtools.training.synthetic import SYNTHETIC, SyntheticBatches, SyntheticValidation
from msmdtools.training.validation import Validation

CHECKPOINTS = "checkpoints"


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """How a training is run; what is trained is the configuration's.

    Attributes:
        pairs: to train on; None for the configuration's number.
        budget_s: seconds of wall-clock time in all, validation included and over all resumptions;
            the learning rate follows it. None for as long as it takes.
        resume: go on from the run's last checkpoint.
        seed: of the weights, the order of the batches and what augmentation draws.
        refit_cca: pairs to fit the CCA projections on at the end; None for the configuration's number.
        init: weights to begin with, a name or a path as `load_model` takes.
        validations: how many times to validate in the course of the training.
        validation_pairs: on so many pairs at most.
        memory: of `batches.MEMORY`.
        accelerator, devices, nodes: as Lightning Fabric takes them.
        threads: for calculating, on processors; None for PyTorch's choice.
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
        for name in ("pairs", "budget_s", "validations", "validation_pairs", "threads"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise MsmdError(f"{name} is {value}; it must be more than 0")


@dataclass(frozen=True, slots=True)
class Progress:
    """What a running training tells: after each step, and after a validation with its metrics."""

    pairs: int
    done: float
    loss: float
    pairs_per_s: float
    valid: dict[str, dict[str, float]] | None
    chance: float


@dataclass(frozen=True, slots=True)
class Summary:
    """What a training has made: the run folder, the weights, the last and the best row of results."""

    run: Path
    weights: Path
    last: dict[str, Any]
    best: dict[str, Any]


class Objective(nn.Module):
    """A network with its loss, whose temperature is learned with it."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.network = TwoTower(config)
        self.loss = losses.make(config.loss)

    def forward(
        self,
        sheets: Tensor,
        spectrograms: Tensor,
        same: Tensor | None,
        gather: Callable[[Tensor, Tensor, Tensor | None], tuple[Tensor, Tensor, Tensor | None]]
        | None,
    ) -> Tensor:
        """The loss of pairs; `gather` brings in those of other processes as further negatives."""
        u, v = self.network(sheets, spectrograms)
        if gather is not None:
            u, v, same = gather(u, v, same)
        loss: Tensor = self.loss(u, v, same)
        return loss


def train(
    snippets: str | Path,
    config: Config,
    run: Path,
    options: TrainOptions | None = None,
    *,
    progress: Callable[[Progress], None] | None = None,
    warn: Callable[[str], None] = lambda message: None,
) -> Summary:
    """Train a model on snippets, or go on with that.

    Args:
        snippets: a folder or URL of snippets with splits train and valid, or `SYNTHETIC`.
        run: the run folder; made if need be.
        progress: called after each step and each validation.
        warn: called with what is not as it should be, but stops nothing.

    Raises:
        DatasetError: no snippets, or their context is shorter than the model's.
        MsmdError: the folder holds another run, or none to resume; an option is wrong; the loss is
            not finite.
        KeyboardInterrupt: interrupted by the user or a termination signal; a checkpoint was saved.
    """
    options = options or TrainOptions()
    config = replace(config, training=_training(config, options))
    return _Run(snippets, config, run, options, progress, warn).train()


def _training(config: Config, options: TrainOptions) -> Any:
    asked = {"pairs": options.pairs, "refit_cca": options.refit_cca}
    changes: dict[str, Any] = {k: v for k, v in asked.items() if v is not None}
    return replace(config.training, **changes)


class _Run:
    """The state of a training and its loop."""

    def __init__(
        self,
        snippets: str | Path,
        config: Config,
        run: Path,
        options: TrainOptions,
        progress: Callable[[Progress], None] | None,
        warn: Callable[[str], None],
    ) -> None:
        self.config, self.run, self.options = config, run, options
        self.progress, self.warn = progress, warn
        if options.threads:
            torch.set_num_threads(options.threads)
        self.precision = precision(config.training.precision, options.accelerator)
        self.fabric = Fabric(
            accelerator=options.accelerator,
            devices=_devices(options),
            num_nodes=options.nodes,
            precision=self.precision,  # type: ignore[arg-type]  # one of Lightning's names
        )
        self.fabric.launch()
        if self.fabric.is_global_zero:
            _check_folder(run, options.resume)
        torch.manual_seed(options.seed)
        self.objective = Objective(config)
        if options.init and not options.resume:
            _begin_with(self.objective.network, options.init)
        rank, ranks = self.fabric.global_rank, self.fabric.world_size
        self.source: Source
        self.validation: Validation | SyntheticValidation
        if str(snippets) == SYNTHETIC:
            self.source = SyntheticBatches(config, options.seed, rank, ranks)
            self.validation = SyntheticValidation(config, options.validation_pairs)
        else:
            opened = reader.open(snippets)
            self.source = SnippetBatches(
                opened, config, seed=options.seed, memory=options.memory, rank=rank, ranks=ranks
            )
            self.validation = Validation(opened, config, options.validation_pairs)
        made = optimisers.make(config.training, self.objective)
        prepared = self.fabric.setup(self.objective, *made)
        self.module, self.optimisers = prepared[0], list(prepared[1:])
        self.rates = optimisers.Rates(self.optimisers)
        ema = config.training.ema
        self.average = Average(self.objective.network, ema) if ema else None
        self.pairs, self.steps, self.epoch, self.batch = 0, 0, 0, 0
        self.elapsed_s, self.validated, self.loss = 0.0, 0, math.nan
        self.best: dict[str, Any] = {}
        self.last: dict[str, Any] = {}
        self.stopped = False

    def train(self) -> Summary:
        """The whole training, or what is left of it."""
        if self.options.resume:
            self._restore(checkpoints.load(self.run / CHECKPOINTS, self.warn))
        self._begin()
        begun, before = time.monotonic(), self.elapsed_s
        speed = _Speed(self.pairs)
        with _signals(self):
            batches = self.source.read(self.epoch, self.batch)
            try:
                while self._done() < 1.0:
                    self._step(next(batches))
                    self.elapsed_s = before + time.monotonic() - begun
                    self._tell(speed.at(self.pairs))
                    # Distributed processes read one clock, or one would stop before the other.
                    self.elapsed_s, self.stopped = self._agreed()
                    if self.stopped:
                        self._save()
                        raise KeyboardInterrupt
                    if self._done() * self.options.validations >= self.validated + 1:
                        self._validate(speed.at(self.pairs))
                        self.elapsed_s = before + time.monotonic() - begun
                        speed = _Speed(self.pairs)
            finally:
                getattr(batches, "close", lambda: None)()
            return self._end()

    def _done(self) -> float:
        """How much of the training is done, 0 to 1."""
        if self.options.budget_s is not None:
            return min(1.0, self.elapsed_s / self.options.budget_s)
        return min(1.0, self.pairs / self.config.training.pairs)

    def _step(self, batch: Training) -> None:
        self.rates.set(optimisers.factor(self.config.training, self.pairs, self._done()))
        sheets = self.fabric.to_device(batch.sheets)
        spectrograms = self.fabric.to_device(batch.spectrograms)
        gather = self._gathered if self.fabric.world_size > 1 else None
        loss = self.module(sheets, spectrograms, batch.same, gather)
        value = float(loss.detach())
        if not math.isfinite(value):
            shown = ", ".join(batch.what[:4])
            raise MsmdError(
                f"the loss is {value} at batch {batch.number} of epoch {batch.epoch}, after "
                f"{self.pairs:,} pairs (onsets {shown}, …); lower the learning rate or clip the gradient, "
                f"and go on from the last checkpoint in {self.run} with --resume"
            )
        for optimiser in self.optimisers:
            optimiser.zero_grad()
        self.fabric.backward(loss)
        if self.config.training.clip:
            nn.utils.clip_grad_norm_(self.objective.parameters(), self.config.training.clip)
        for optimiser in self.optimisers:
            optimiser.step()
        if self.average is not None:
            self.average.update(self.objective.network)
        self.steps += 1
        self.pairs += len(sheets) * self.fabric.world_size
        self.epoch, self.batch = batch.epoch, batch.number + 1
        weight = max(0.02, 1 / self.steps)
        self.loss = value if self.steps == 1 else (1 - weight) * self.loss + weight * value

    def _gathered(
        self, u: Tensor, v: Tensor, same: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """The embeddings of all processes, which are each other's negatives, with their gradients."""
        count, ranks = len(u), self.fabric.world_size
        both: Any = self.fabric.all_gather(torch.stack([u, v]), sync_grads=True)
        u, v = both[:, 0].reshape(ranks * count, -1), both[:, 1].reshape(ranks * count, -1)
        if same is not None:
            blocks: Any = self.fabric.all_gather(same.to(u.device))
            same = torch.block_diag(*blocks).bool()
        return u, v, same

    def _agreed(self) -> tuple[float, bool]:
        """Elapsed seconds and whether to stop, the same in all processes."""
        if self.fabric.world_size == 1:
            return self.elapsed_s, self.stopped
        told = torch.tensor([self.elapsed_s, float(self.stopped)], dtype=torch.float64)
        told = self.fabric.all_reduce(self.fabric.to_device(told), reduce_op="max")
        return float(told[0]), bool(told[1])

    def _validate(self, speed: float) -> None:
        """Validate, record, keep the best weights, save a checkpoint."""
        self.validated = int(self._done() * self.options.validations)
        if self.fabric.is_global_zero:
            with self._averaged(), self.fabric.autocast():
                valid = self.validation(self.objective.network)
            row = self._row(valid, speed)
            self.record.add(row)
            self.last = row
            if not self.best or row["mrr"] > self.best["mrr"]:
                self.best = row
                self._write_weights(row)
            if self.progress:
                self._tell(speed, valid)
        self._save()

    def _row(self, valid: dict[str, dict[str, float]], speed: float) -> dict[str, Any]:
        row = {
            "pairs": self.pairs,
            "steps": self.steps,
            "epoch": self.epoch,
            "elapsed_s": round(self.elapsed_s, 1),
            "pairs_per_s": round(speed, 1),
            "loss": self.loss,
            "rate": optimisers.factor(self.config.training, self.pairs, self._done()),
            "mrr": sum(v["mrr"] for v in valid.values()) / len(valid),
            "valid": valid,
        }
        temperature = getattr(self.objective.loss, "temperature", None)
        return row if temperature is None else {**row, "temperature": temperature}

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """The network with its averaged weights, if it has them."""
        if self.average is None:
            yield
            return
        own = {name: value.clone() for name, value in self.objective.network.state_dict().items()}
        self.objective.network.load_state_dict(self.average.state)
        try:
            yield
        finally:
            self.objective.network.load_state_dict(own)

    def _write_weights(self, row: dict[str, Any]) -> None:
        made = {
            "training": {k: row[k] for k in ("pairs", "steps", "elapsed_s")},
            "validation": row["valid"],
            "seed": self.options.seed,
            "batches": self.source.identity(),
            **{k: self.environment[k] for k in ("command", "platform", "precision", "packages")},
        }
        with self._averaged():
            bundle.save(self.run / RUN_WEIGHTS, self.objective.network, self.config, made)

    def _begin(self) -> None:
        """The run folder with its configuration; nothing is written before all has been checked."""
        if not self.fabric.is_global_zero:
            return
        self.run.mkdir(parents=True, exist_ok=True)
        record.write_json(self.run / record.CONFIG, self.config.to_json())
        self.environment = record.environment(
            torch.get_num_threads(),
            self.precision,
            self.fabric.world_size,
            str(self.fabric.device),
        )
        path = self.run / record.ENVIRONMENT
        starts = record.read_list(path) if self.options.resume else []
        record.write_json(path, [*starts, self.environment])
        self.record = record.Record(self.run, self.pairs)

    def _end(self) -> Summary:
        if self.fabric.is_global_zero:
            self.record.close()
        if self.config.training.refit_cca and self.objective.network.cca is not None:
            self._refit()
        self.fabric.barrier()
        return Summary(self.run, self.run / RUN_WEIGHTS, self.last, self.best)

    def _refit(self) -> None:
        """Fit the CCA projections of the best weights to pairs of the training split."""
        if not self.fabric.is_global_zero:
            return
        network, _, made = bundle.load(self.run / RUN_WEIGHTS)
        network.to(self.fabric.device)
        left = self.config.training.refit_cca

        def pairs() -> Iterator[tuple[Tensor, Tensor]]:
            taken = 0
            for batch in self.source.read(self.epoch + 1, 0):
                yield (
                    self.fabric.to_device(batch.sheets),
                    self.fabric.to_device(batch.spectrograms),
                )
                taken += len(batch.sheets)
                if taken >= left:
                    return

        count = network.refit_cca(pairs())
        with self.fabric.autocast():
            valid = self.validation(network)
        made = {**made, "refit_cca": count, "validation": valid}
        bundle.save(self.run / RUN_WEIGHTS, network, self.config, made)
        self.last = {**self._row(valid, 0.0), "refit_cca": count}
        self.record.add(self.last)
        self.best = self.last

    def _save(self) -> None:
        """Save a checkpoint."""
        if not self.fabric.is_global_zero:
            return
        state = {
            "identity": self._identity(),
            "objective": self.objective.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "average": None
            if self.average is None
            else {"steps": self.average.steps, "state": self.average.state},
            "random": torch.get_rng_state(),
            "pairs": self.pairs,
            "steps": self.steps,
            "epoch": self.epoch,
            "batch": self.batch,
            "elapsed_s": self.elapsed_s,
            "validated": self.validated,
            "loss": self.loss,
            "best": self.best,
            "last": self.last,
        }
        checkpoints.save(self.run / CHECKPOINTS, state)

    def _restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint.

        Raises:
            MsmdError: it is of another run.
        """
        mine, other = self._identity(), state["identity"]
        differ = [
            f"{k} was {other.get(k)} and is {v}" for k, v in mine.items() if other.get(k) != v
        ]
        if differ:
            raise MsmdError(
                f"{self.run}: another run: {'; '.join(differ)}. Give the options it was begun with, "
                "or another folder with --out"
            )
        self.objective.load_state_dict(state["objective"])
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.rates = optimisers.Rates(self.optimisers, self.rates.highest)
        if self.average is not None:
            self.average.load(state["average"]["steps"], state["average"]["state"])
        torch.set_rng_state(state["random"])
        self.pairs, self.steps = state["pairs"], state["steps"]
        self.epoch, self.batch = state["epoch"], state["batch"]
        self.elapsed_s, self.validated = state["elapsed_s"], state["validated"]
        self.loss, self.best, self.last = state["loss"], state["best"], state["last"]

    def _identity(self) -> dict[str, Any]:
        """What a run is: with any of it changed, it would be another one."""
        flat = _flat(self.config.to_json())
        schedule = {"budget_s": self.options.budget_s, "validations": self.options.validations}
        return {**flat, **schedule, "precision": self.precision, **self.source.identity()}

    def _tell(self, speed: float, valid: dict[str, dict[str, float]] | None = None) -> None:
        if self.progress and self.fabric.is_global_zero:
            chance = metrics.chance(self.validation.candidates).recall_1
            told = Progress(self.pairs, self._done(), self.loss, speed, valid, chance)
            self.progress(told)


class _Speed:
    """Pairs per second since this was made."""

    def __init__(self, pairs: int) -> None:
        self._pairs, self._begun = pairs, time.monotonic()

    def at(self, pairs: int) -> float:
        return (pairs - self._pairs) / max(time.monotonic() - self._begun, 1e-9)


@contextmanager
def _signals(run: _Run) -> Iterator[None]:
    """An interrupt or a termination signal stops the run after its present step."""

    def stop(_: int, __: FrameType | None) -> None:
        run.stopped = True

    try:
        old = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread, which alone gets signals
        yield
        return
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def _check_folder(run: Path, resume: bool) -> None:
    """Check that the run folder is empty, or holds a run where one is to be resumed."""
    if run.exists() and not run.is_dir():
        raise MsmdError(f"{run} is a file; give a folder with --out")
    has = (run / record.CONFIG).exists() or (run / CHECKPOINTS).exists()
    if not resume and has:
        raise MsmdError(
            f"{run} holds a run already; go on with it by --resume, or give another folder with --out"
        )
    if not resume and run.is_dir() and any(run.iterdir()):
        raise MsmdError(f"{run} is not empty and holds no run; give another folder with --out")


def _begin_with(network: TwoTower, where: str) -> None:
    """Begin with the weights of another model with the same network."""
    from msmdtools.models.model import find

    other, config, _ = bundle.load(find(where))
    state, mine = other.state_dict(), network.state_dict()
    if {k: v.shape for k, v in state.items()} != {k: v.shape for k, v in mine.items()}:
        raise MsmdError(
            f"--init {where}: the network of {config.name} is another one than that of "
            f"{network.config.name}; leave --init out, or choose weights of the same network"
        )
    network.load_state_dict(state)


def _devices(options: TrainOptions) -> int | str:
    """On processors one process with many threads is faster than many processes."""
    on_processors = options.accelerator == "cpu" or not torch.cuda.is_available()
    return 1 if on_processors and options.devices == "auto" else options.devices


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found
