"""Train a model, from its configuration to its weights.

    RUN/checkpoints/            to continue from (`checkpoints`)
    RUN/weights.safetensors     the best so far, by validation
    RUN/config.json, …          configuration, results and environment (`record`)

The best weights are those with the largest mean reciprocal rank on the validation split, averaged over both
directions. The same snippets, configuration, seed and number of pairs give the same weights on one
machine, stopped and resumed or not, unless the learning rate follows a budget of time.
"""

import logging
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from msmdtools.base.files import remove_temporaries
from msmdtools.base.lock import held
from msmdtools.base.quantities import first_few
from msmdtools.errors import DatasetError, MsmdError
from msmdtools.metrics.ranks import chance_metrics
from msmdtools.models import bundle
from msmdtools.models.config import Config
from msmdtools.models.model import RUN_WEIGHTS
from msmdtools.training import (
    checkpoints,
    identity,
    interrupts,
    licences,
    optimisers,
    pieces,
    record,
)
from msmdtools.training.batches import Training, join
from msmdtools.training.data import open_data
from msmdtools.training.devices import launched
from msmdtools.training.hardware import precision, tune
from msmdtools.training.learner import Learner
from msmdtools.training.options import Step, Summary, TrainOptions
from msmdtools.training.position import Position
from msmdtools.training.refit import refit

_log = logging.getLogger(__name__)

CHECKPOINTS = "checkpoints"
# Seconds between checkpoints, if no validation saves one before.
_SAVE_S = 300


def train(
    snippets: str | Path | Sequence[str | Path],
    config: Config,
    run: Path,
    options: TrainOptions | None = None,
    *,
    observe: Callable[[Step], None] = lambda step: None,
    warn: Callable[[str], None] = _log.warning,
) -> Summary:
    """Train a model on snippets, or continue a stopped training; the run folder is locked meanwhile.

    Args:
        snippets: a folder or URL of snippets with splits train and valid, or `SYNTHETIC`; of several
            folders all training pairs are trained on, and those of the first's valid validate.
        config: the model.
        run: the run folder; created if needed.
        options: how the training is run; None for the defaults.
        observe: called after each step and each validation.
        warn: called with a message about a problem that does not stop the training.

    Returns:
        The run folder, its weights, and the last and the best results.

    Raises:
        DatasetError: no snippets, windows smaller than the model's, or of different sizes.
        MsmdError: the folder holds another run, or something else, or another training is running
            there; an option is wrong; the loss is not finite.
        KeyboardInterrupt: interrupted by the user or a termination signal; a checkpoint was saved.
    """
    options = options or TrainOptions()
    # Lightning tells how it was set up, and PyTorch what Lightning should call.
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", "torch.distributed.nn.functional.all_gather is deprecated")
    replacements = {"pairs": options.pairs, "refit_cca": options.refit_cca}
    changes: dict[str, Any] = {k: v for k, v in replacements.items() if v is not None}
    if changes.get("refit_cca") and config.to_json()["projection"]["kind"] != "cca":
        raise MsmdError(f"--refit-cca: {config.name} has no CCA projection; leave it out")
    if config.training.freeze_towers and options.init is None:
        raise MsmdError(
            "training.freeze_towers keeps the towers of --init as they are; add --init, or leave it out"
        )
    config = replace(config, training=replace(config.training, **changes))
    folders = [snippets] if isinstance(snippets, str | Path) else snippets
    with ExitStack() as lock:
        names = [str(folder) for folder in folders]
        return _Run(names, config, run, options, observe, warn, lock).train()


class _Run:
    """The state of a training and its loop."""

    def __init__(
        self,
        snippets: list[str],
        config: Config,
        run: Path,
        options: TrainOptions,
        observe: Callable[[Step], None],
        warn: Callable[[str], None],
        lock: ExitStack,
    ) -> None:
        self._lock, self._locked = lock, False
        self._clock = time.monotonic()
        self.config, self.run, self.options = config, run, options
        self.snippets = snippets
        self.observe, self.warn = observe, warn
        if options.threads:
            torch.set_num_threads(options.threads)
        self.precision = precision(config.training.precision, options.accelerator)
        self.fabric = launched(options, self.precision)
        if self.fabric.device.type == "cuda":
            tune()
        self.settings = identity.settings(config, options, self.precision)
        self._claim()
        begun = checkpoints.exist(run / CHECKPOINTS)
        saved = checkpoints.load(run / CHECKPOINTS, warn) if begun else None
        mine = self.fabric.is_global_zero
        if options.resume and not begun and mine:
            warn(
                f"{run} has no checkpoint to continue from: the training starts from the beginning"
            )
        if saved is not None:  # before the snippets are read, which takes longer
            self._check(saved["identity"], self.settings)
        before = {} if saved is None else saved["identity"]
        init = options.init if saved is None else None
        self.learner = Learner(config, self.fabric, options.seed, init)
        if self.learner.anew and mine:
            warn(
                f"--init {init}: these layers have another size there, and begin at random: "
                f"{', '.join(self.learner.anew)}"
            )
        rank, ranks = self.fabric.global_rank, self.fabric.world_size
        self.source, self.validation = open_data(
            snippets, config, options, rank, ranks, before, self.fabric.device
        )
        # A resumed run keeps the pieces it began with, whatever --init names now.
        listed = None if saved is None else saved.get("pieces")
        self.pieces = listed or pieces.of(snippets, options.init)
        counted = None if saved is None else saved.get("licences")
        self.licences = counted or licences.of(snippets, options.init)
        self.at = Position()
        if saved is not None:
            self._check(saved["identity"], self.source.identity())
            self.learner.load_state_dict(saved)
            self.at = Position.of(saved)
        self._saved_at = self._clock
        # The time used before counts as if this process had begun earlier.
        self._clock -= self.at.elapsed_s

    def train(self) -> Summary:
        """Train from the beginning, or from the checkpoint, to the end."""
        if self.at.ended:
            return self._summary()
        self._begin()
        with interrupts.listening() as stop:
            batches = self.source.read(self.at.epoch, self.at.batch)
            try:
                self._loop(batches, stop)
            finally:
                getattr(batches, "close", lambda: None)()
            return self._end()

    def _loop(self, batches: Iterator[Training], stop: interrupts.Stop) -> None:
        speed = _Speed(self.at.pairs)
        while True:
            # Before the step: a run that was stopped where it should validate now does so first.
            if self._done() * self.options.validations >= self.at.validated + 1:
                self._validate(speed.at(self.at.pairs))
                speed = _Speed(self.at.pairs)
            elif time.monotonic() - self._saved_at > _SAVE_S:
                self._save()
            if self._done() >= 1.0:
                return
            together = optimisers.together(self.config.training, self._done())
            self._step(join([next(batches) for _ in range(together)]))
            # Distributed processes read one clock, or one would stop before the other.
            self.at.elapsed_s, stopped = self._agreed(
                time.monotonic() - self._clock, stop.requested
            )
            self._tell(speed.at(self.at.pairs))
            if stopped:
                self._save()
                raise stop.error()

    def _claim(self) -> None:
        """Take the run folder for this training, if it exists yet.

        The first process does so, as it will write there, and tells the others the result.

        Raises:
            MsmdError: it holds something else, or another training is running there.
        """
        wrong = None
        if self.fabric.is_global_zero:
            # Checked again with the lock, as the folder may have changed.
            wrong = self._wrong()
            if wrong is None and self.run.is_dir() and not self._locked:
                try:
                    self._lock.enter_context(held(self.run, "training"))
                except DatasetError as error:
                    wrong = str(error)
                else:
                    self._locked = True
                    wrong = self._wrong()
        if wrong := self.fabric.broadcast(wrong):
            raise MsmdError(wrong)

    def _wrong(self) -> str | None:
        begun = checkpoints.exist(self.run / CHECKPOINTS)
        return record.check_folder(self.run, begun, self.options.resume)

    def _done(self) -> float:
        """The share of the training that is done, 0 to 1."""
        if self.options.budget_s is not None:
            return min(1.0, self.at.elapsed_s / self.options.budget_s)
        return min(1.0, self.at.pairs / self.config.training.pairs)

    def _step(self, batch: Training) -> None:
        factor = optimisers.factor(self.config.training, self.at.pairs, self._done())
        try:
            loss = self.learner.step(batch, self.at.steps, factor)
        except FloatingPointError as error:
            raise MsmdError(self._not_finite(str(error), batch)) from None
        pairs = len(batch.sheets) * self.fabric.world_size
        self.at.step(pairs, loss, batch.epoch, batch.number)

    def _not_finite(self, what: str, batch: Training) -> str:
        names = self.source.names(batch.index)
        return (
            f"{what} at batch {batch.number} of epoch {batch.epoch}, after "
            f"{self.at.pairs:,} pairs; its onsets: {first_few(names)}. Lower training.lr, clip the gradient "
            f"(training.clip) or use training.precision = '32', in a new run; the checkpoints in "
            f"{self.run} are from before"
        )

    def _agreed(self, elapsed_s: float, stopped: bool) -> tuple[float, bool]:
        """Elapsed seconds and whether to stop, the same in all processes."""
        if self.fabric.world_size == 1:
            return elapsed_s, stopped
        mine = torch.tensor([elapsed_s, float(stopped)], dtype=torch.float32)
        largest: Any = self.fabric.all_reduce(self.fabric.to_device(mine), reduce_op="max")
        return float(largest[0]), bool(largest[1])

    def _validate(self, speed: float) -> None:
        """Validate, record the results, keep the best weights, save a checkpoint."""
        self.at.validated = int(self._done() * self.options.validations)
        best = False
        if self.fabric.is_global_zero:
            with self.learner.averaged() as network, self.fabric.autocast():
                valid = self.validation(network)
            self.at.last = self._row(valid, speed)
            self.record.add(self.at.last)
            best = not self.at.best or self.at.last["mrr"] > self.at.best["mrr"]
            if best:
                self.at.best = self.at.last
                self._write_weights(self.at.last)
            self._tell(speed, valid)
        self.at.elapsed_s, _ = self._agreed(time.monotonic() - self._clock, False)
        self._save(best)

    def _row(self, valid: dict[str, dict[str, float]], speed: float) -> dict[str, Any]:
        row = {
            "pairs": self.at.pairs,
            "steps": self.at.steps,
            "epoch": self.at.epoch,
            "elapsed_s": round(self.at.elapsed_s, 1),
            "pairs_per_s": round(speed, 1),
            "loss": self.at.loss,
            "lr": self.learner.rate,
            "mrr": sum(v["mrr"] for v in valid.values()) / len(valid),
            "valid": valid,
        }
        temperature = self.learner.temperature
        return row if temperature is None else {**row, "temperature": temperature}

    def _write_weights(self, row: dict[str, Any]) -> None:
        made = {
            "training": {k: row[k] for k in ("pairs", "steps", "elapsed_s")},
            "validation": row["valid"],
            "seed": self.options.seed,
            "snippets": ", ".join(self.snippets),
            "batches": self.source.identity(),
            "pieces": self.pieces,
            "licences": self.licences,
            **{k: self.environment[k] for k in ("command", "platform", "precision", "packages")},
        }
        with self.learner.averaged() as network:
            bundle.save(self.run / RUN_WEIGHTS, network, self.config, made)

    def _begin(self) -> None:
        """Prepare the run folder and its configuration; nothing is written before all checks have passed."""
        mine = self.fabric.is_global_zero
        if mine:
            self.run.mkdir(parents=True, exist_ok=True)
        self._claim()
        if not mine:
            return
        remove_temporaries(self.run, self.run / CHECKPOINTS)
        begun = checkpoints.exist(self.run / CHECKPOINTS)
        if not begun:
            shutil.rmtree(self.run / record.TENSORBOARD, ignore_errors=True)
        record.write_json(self.run / record.CONFIG, self.config.to_json())
        self.environment = record.environment(
            torch.get_num_threads(),
            self.precision,
            self.fabric.world_size,
            str(self.fabric.device),
        )
        path = self.run / record.ENVIRONMENT
        starts = record.read_list(path) if begun else []
        record.write_json(path, [*starts, self.environment])
        self.record = record.Record(self.run, self.at.pairs)
        if not begun:  # so that it can be resumed whenever it is killed
            self._save()

    def _end(self) -> Summary:
        if self.fabric.is_global_zero:
            if self.config.training.refit_cca:
                self._refit()
            self.record.close()
            self.at.ended = True
            self._save()
        self.fabric.barrier()
        return self._summary()

    def _summary(self) -> Summary:
        weights = self.run / RUN_WEIGHTS
        return Summary(self.run, weights, self.at.last, self.at.best, self.licences)

    def _refit(self) -> None:
        """Fit the CCA projections of the best weights to pairs of the training split."""
        count, weights = self.config.training.refit_cca, self.run / RUN_WEIGHTS
        to_device = self.fabric.to_device
        with self.fabric.autocast():
            valid = refit(
                weights, self.source, self.at.epoch + 1, count, self.validation, to_device
            )
        best = self.at.best
        self.at.last = {**self._row(valid, 0.0), "refit_cca": count}
        self.at.best = {**self.at.last, "pairs": best["pairs"], "steps": best["steps"]}
        self.record.add(self.at.last)
        self._tell(0.0, valid)

    def _save(self, best: bool = False) -> None:
        """Save a checkpoint."""
        self._saved_at = time.monotonic()
        if not self.fabric.is_global_zero:
            return
        state = {
            "identity": {**self.settings, **self.source.identity()},
            "pieces": self.pieces,
            "licences": self.licences,
            **self.learner.state_dict(),
            **self.at.state_dict(),
        }
        checkpoints.save(self.run / CHECKPOINTS, state, best)

    def _check(self, saved: dict[str, Any], mine: dict[str, Any]) -> None:
        """Raise MsmdError if the identity in a checkpoint is not that of this run (`mine`)."""
        differ = identity.differences(saved, mine)
        if differ:
            raise MsmdError(
                f"{self.run} is another run: {'; '.join(differ)}. Give the options it was started "
                "with, or another folder with --out"
            )

    def _tell(self, speed: float, valid: dict[str, dict[str, float]] | None = None) -> None:
        if self.fabric.is_global_zero:
            chance = chance_metrics(self.validation.candidates).recall_1
            self.observe(Step(self.at.pairs, self._done(), self.at.loss, speed, valid, chance))


class _Speed:
    """Pairs per second since this object was made."""

    def __init__(self, pairs: int) -> None:
        self._pairs, self._begun = pairs, time.monotonic()

    def at(self, pairs: int) -> float:
        return (pairs - self._pairs) / max(time.monotonic() - self._begun, 1e-9)
