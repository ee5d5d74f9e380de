"""One training, from its configuration to its weights.

    RUN/checkpoints/            to go on from (`checkpoints`)
    RUN/weights.safetensors     the best so far, by validation
    RUN/config.json, …          what was done and how it went (`record`)

Best is the largest mean reciprocal rank on the validation split, mean of both directions. The same
snippets, configuration, seed and number of pairs give the same weights on one machine, stopped and
resumed or not, unless the learning rate follows a budget of time.
"""

import logging
import math
import os
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from msmdtools.errors import MsmdError
from msmdtools.evaluation import metrics
from msmdtools.models import bundle
from msmdtools.models.config import Config
from msmdtools.models.model import RUN_WEIGHTS
from msmdtools.snippets import draws
from msmdtools.training import checkpoints, identity, interrupts, optimisers, record
from msmdtools.training.averages import Average
from msmdtools.training.batches import Training
from msmdtools.training.data import open_data
from msmdtools.training.hardware import precision
from msmdtools.training.objective import Objective, begin_with
from msmdtools.training.options import Progress, Summary, TrainOptions
from msmdtools.training.refit import refit

CHECKPOINTS = "checkpoints"
# Seconds between checkpoints, where validation does not save one before.
_SAVE_S = 300
# The stream of random numbers that dropout draws from; see snippets.draws.
_DROPOUT = 64


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
        DatasetError: no snippets, or their windows are smaller than the model's.
        MsmdError: the folder holds another run, or none to resume; an option is wrong; the loss is
            not finite.
        KeyboardInterrupt: interrupted by the user or a termination signal; a checkpoint was saved.
    """
    options = options or TrainOptions()
    # Lightning tells how it was set up, and PyTorch what Lightning should call.
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", "torch.distributed.nn.functional.all_gather is deprecated")
    asked = {"pairs": options.pairs, "refit_cca": options.refit_cca}
    changes: dict[str, Any] = {k: v for k, v in asked.items() if v is not None}
    if changes.get("refit_cca") and config.to_json()["projection"]["kind"] != "cca":
        raise MsmdError(f"--refit-cca: {config.name} has no CCA projection; leave it out")
    config = replace(config, training=replace(config.training, **changes))
    return _Run(snippets, config, run, options, progress, warn).train()


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
        self._clock = time.monotonic()
        self.config, self.run, self.options = config, run, options
        self.progress, self.warn = progress, warn
        if options.threads:
            torch.set_num_threads(options.threads)
        self.precision = precision(config.training.precision, options.accelerator)
        self.fabric = _fabric(options, self.precision)
        self.settings = identity.settings(config, options, self.precision)
        # In the first process, which will write there; what it finds all are told.
        mine = self.fabric.is_global_zero
        wrong = record.check_folder(run, run / CHECKPOINTS, options.resume) if mine else None
        if wrong := self.fabric.broadcast(wrong):
            raise MsmdError(wrong)
        saved = checkpoints.load(run / CHECKPOINTS, warn) if options.resume else None
        if saved is not None:  # before the snippets are read, which takes longer
            self._check(saved["identity"], self.settings)
        before = {} if saved is None else saved["identity"]
        torch.manual_seed(options.seed)
        self.objective = Objective(config)
        if options.init and saved is None:
            begin_with(self.objective.network, options.init)
        rank, ranks = self.fabric.global_rank, self.fabric.world_size
        self.source, self.validation = open_data(snippets, config, options, rank, ranks, before)
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
        self.ended = False
        self._saved_at = self._clock
        if saved is not None:
            self._check(saved["identity"], self.source.identity())
            self._restore(saved)
        # What was used of a budget before counts as if this process had begun earlier.
        self._clock -= self.elapsed_s

    def train(self) -> Summary:
        """The whole training, or what is left of it."""
        if self.ended:
            return Summary(self.run, self.run / RUN_WEIGHTS, self.last, self.best)
        self._begin()
        with interrupts.listening() as stop:
            batches = self.source.read(self.epoch, self.batch)
            try:
                self._loop(batches, stop)
            finally:
                getattr(batches, "close", lambda: None)()
            return self._end()

    def _loop(self, batches: Iterator[Training], stop: interrupts.Stop) -> None:
        speed = _Speed(self.pairs)
        while True:
            # Before the step: a run that was stopped where it should validate now does so first.
            if self._done() * self.options.validations >= self.validated + 1:
                self._validate(speed.at(self.pairs))
                speed = _Speed(self.pairs)
            elif time.monotonic() - self._saved_at > _SAVE_S:
                self._save()
            if self._done() >= 1.0:
                return
            self._step(next(batches))
            # Distributed processes read one clock, or one would stop before the other.
            self.elapsed_s, stopped = self._agreed(time.monotonic() - self._clock, stop.asked)
            self._tell(speed.at(self.pairs))
            if stopped:
                self._save()
                raise KeyboardInterrupt

    def _done(self) -> float:
        """How much of the training is done, 0 to 1."""
        if self.options.budget_s is not None:
            return min(1.0, self.elapsed_s / self.options.budget_s)
        return min(1.0, self.pairs / self.config.training.pairs)

    def _step(self, batch: Training) -> None:
        self.rates.set(optimisers.factor(self.config.training, self.pairs, self._done()))
        # Dropout follows from the step alone: no state of a generator is to be kept.
        drawn = draws.hashes(self.options.seed, _DROPOUT, self.steps, self.fabric.global_rank)
        torch.manual_seed(int(drawn) >> 1)
        windows = self.fabric.to_device((batch.sheets, batch.spectrograms, batch.music))
        loss = self.module(*windows, self._gather if self.fabric.world_size > 1 else None)
        for optimiser in self.optimisers:
            optimiser.zero_grad()
        self.fabric.backward(loss)
        clip = self.config.training.clip or math.inf
        norm = nn.utils.clip_grad_norm_(self.objective.parameters(), clip)
        value = float(loss.detach())
        for what, number in (("loss", value), ("gradient", float(norm))):
            if not math.isfinite(number):
                raise MsmdError(self._not_finite(what, number, batch))
        for optimiser in self.optimisers:
            optimiser.step()
        if self.average is not None:
            self.average.update(self.objective.network)
        self.steps += 1
        self.pairs += len(batch.sheets) * self.fabric.world_size
        self.epoch, self.batch = batch.epoch, batch.number + 1
        weight = max(0.02, 1 / self.steps)
        self.loss = value if self.steps == 1 else (1 - weight) * self.loss + weight * value

    def _not_finite(self, what: str, number: float, batch: Training) -> str:
        names = self.source.names(batch.index)
        shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        return (
            f"the {what} is {number} at batch {batch.number} of epoch {batch.epoch}, after "
            f"{self.pairs:,} pairs; its onsets: {shown}. Lower training.lr, clip the gradient "
            f"(training.clip) or use training.precision = '32', in a new run; the checkpoints in "
            f"{self.run} are from before"
        )

    def _gather(self, values: Tensor, gradients: bool) -> Tensor:
        found: Any = self.fabric.all_gather(values, sync_grads=gradients)
        return torch.flatten(found, 0, 1)

    def _agreed(self, elapsed_s: float, stopped: bool) -> tuple[float, bool]:
        """Elapsed seconds and whether to stop, the same in all processes."""
        if self.fabric.world_size == 1:
            return elapsed_s, stopped
        told = torch.tensor([elapsed_s, float(stopped)], dtype=torch.float32)
        told = self.fabric.all_reduce(self.fabric.to_device(told), reduce_op="max")
        return float(told[0]), bool(told[1])

    def _validate(self, speed: float) -> None:
        """Validate, record, keep the best weights, save a checkpoint."""
        self.validated = int(self._done() * self.options.validations)
        best = False
        if self.fabric.is_global_zero:
            with self._averaged(), self.fabric.autocast():
                valid = self.validation(self.objective.network)
            self.last = self._row(valid, speed)
            self.record.add(self.last)
            best = not self.best or self.last["mrr"] > self.best["mrr"]
            if best:
                self.best = self.last
                self._write_weights(self.last)
            self._tell(speed, valid)
        self.elapsed_s, _ = self._agreed(time.monotonic() - self._clock, False)
        self._save(best)

    def _row(self, valid: dict[str, dict[str, float]], speed: float) -> dict[str, Any]:
        row = {
            "pairs": self.pairs,
            "steps": self.steps,
            "epoch": self.epoch,
            "elapsed_s": round(self.elapsed_s, 1),
            "pairs_per_s": round(speed, 1),
            "loss": self.loss,
            "lr": max(self.rates.now()),
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
            if self.config.training.refit_cca:
                self._refit()
            self.record.close()
            self.ended = True
            self._save()
        self.fabric.barrier()
        return Summary(self.run, self.run / RUN_WEIGHTS, self.last, self.best)

    def _refit(self) -> None:
        """Fit the CCA projections of the best weights to pairs of the training split."""
        count, weights = self.config.training.refit_cca, self.run / RUN_WEIGHTS
        to_device = self.fabric.to_device
        with self.fabric.autocast():
            valid = refit(weights, self.source, self.epoch + 1, count, self.validation, to_device)
        best = self.best
        self.last = {**self._row(valid, 0.0), "refit_cca": count}
        self.best = {**self.last, "pairs": best["pairs"], "steps": best["steps"]}
        self.record.add(self.last)
        self._tell(0.0, valid)

    def _save(self, best: bool = False) -> None:
        """Save a checkpoint."""
        self._saved_at = time.monotonic()
        if not self.fabric.is_global_zero:
            return
        average = self.average
        state = {
            "identity": {**self.settings, **self.source.identity()},
            "objective": self.objective.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "average": average and {"steps": average.steps, "state": average.state},
            **{name: getattr(self, name) for name in _COUNTERS},
        }
        checkpoints.save(self.run / CHECKPOINTS, state, best)

    def _restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint of this run."""
        self.objective.load_state_dict(state["objective"])
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.rates = optimisers.Rates(self.optimisers, self.rates.highest)
        if self.average is not None:
            self.average.load(state["average"]["steps"], state["average"]["state"])
        for name in _COUNTERS:
            setattr(self, name, state[name])

    def _check(self, saved: dict[str, Any], mine: dict[str, Any]) -> None:
        """Raise MsmdError if a checkpoint is of another run than `mine` says."""
        differ = identity.differences(saved, mine)
        if differ:
            raise MsmdError(
                f"{self.run} is another run: {'; '.join(differ)}. Give the options it was begun "
                "with, or another folder with --out"
            )

    def _tell(self, speed: float, valid: dict[str, dict[str, float]] | None = None) -> None:
        if self.progress and self.fabric.is_global_zero:
            chance = metrics.chance(self.validation.candidates).recall_1
            told = Progress(self.pairs, self._done(), self.loss, speed, valid, chance)
            self.progress(told)


# What a checkpoint holds beside weights and optimisers.
_COUNTERS = (
    "pairs",
    "steps",
    "epoch",
    "batch",
    "elapsed_s",
    "validated",
    "loss",
    "best",
    "last",
    "ended",
)


class _Speed:
    """Pairs per second since this was made."""

    def __init__(self, pairs: int) -> None:
        self._pairs, self._begun = pairs, time.monotonic()

    def at(self, pairs: int) -> float:
        return (pairs - self._pairs) / max(time.monotonic() - self._begun, 1e-9)


def _fabric(options: TrainOptions, precision: str) -> Fabric:
    """The devices of a training, and the other processes.

    Raises:
        MsmdError: there are no such devices.
    """
    devices, nodes = options.devices, options.nodes
    if "LOCAL_WORLD_SIZE" in os.environ:  # torchrun has started them already
        devices = int(os.environ["LOCAL_WORLD_SIZE"])
        nodes = int(os.environ["WORLD_SIZE"]) // devices
    elif devices == "auto" and _on_processors(options.accelerator):
        # One process with many threads is faster than many processes.
        devices = 1
    try:
        fabric = Fabric(
            accelerator=options.accelerator,
            devices=devices,
            num_nodes=nodes,
            precision=precision,  # type: ignore[arg-type]  # one of Lightning's names
        )
        fabric.launch()
    except (RuntimeError, ValueError, TypeError) as error:
        raise MsmdError(
            f"accelerator {options.accelerator} with {devices} device(s) of {nodes} node(s): "
            f"{error}"
        ) from error
    return fabric


def _on_processors(accelerator: str) -> bool:
    return accelerator == "cpu" or (accelerator == "auto" and not torch.cuda.is_available())
