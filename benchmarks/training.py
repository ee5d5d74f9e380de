"""What `msmd train` costs beside the model's own steps: pairs per second of both, and their ratio.

    python benchmarks/training.py [SNIPPETS] [--model compact-4s] [--steps 25] [--rounds 16] [--first] …

A training runs on the shards as `msmd train` runs it: batches are read, augmented and compared for
equal music, results are told after each step. After every so many steps it is held up, and the same
model, of the same configuration and precision, takes as many bare steps on batches that lie in memory:
forward, loss, backward, clipping, the optimisers. So both have the same machine, whatever else that
does. While the bare steps run, the loader has its few batches ready and rests; as many steps as that
are not counted after each pause, and the first round of both is not counted either. Validations and
checkpoints, whose number is the user's choice, are not in it; how long one of each takes is said.
Batches do not grow here: a step takes as many pairs as a bare one all the time.

The first epoch decodes each picture from PNG; later ones, which a training of hours consists of, from
what is held in memory. Measured are the later ones: all pictures are decoded once before. With --first
it is the first epoch.

Without SNIPPETS those of the bundled pieces are made first.
"""

import argparse
import statistics
import tempfile
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import build
import export  # both the benchmarks beside this one
import numpy as np
import torch
from torch import nn

from msmdtools.base.processors import processors
from msmdtools.models import config as configs
from msmdtools.models.config import Config
from msmdtools.snippets import reader
from msmdtools.training import checkpoints, data, hardware, optimisers, run
from msmdtools.training.batches import SnippetBatches, Source
from msmdtools.training.data import Validator
from msmdtools.training.objective import Objective
from msmdtools.training.options import MEMORY, Step, TrainOptions
from msmdtools.training.validation import Validation

# Batches that the loader may have ready when it is waited for, and some more.
AHEAD = 8
HELD = 16


class Bare:
    """Steps of a model on batches in memory, and nothing else."""

    def __init__(self, snippets: Path, config: Config, precision: str) -> None:
        source = SnippetBatches(reader.open(snippets)["train"], config, memory="stream")
        batches = source.read(0, 0)
        self.batches = list(islice(batches, HELD))
        batches.close()
        torch.manual_seed(0)
        self.objective = Objective(config).train()
        self.optimisers = optimisers.make(config.training, self.objective)
        self.clip, self.half = config.training.clip, precision == "bf16-mixed"

    def steps(self, count: int) -> float:
        """Seconds of so many steps."""
        begun = time.perf_counter()
        for batch in islice(cycle(self.batches), count):
            with torch.autocast("cpu", torch.bfloat16, enabled=self.half):
                loss = self.objective(batch.sheets, batch.spectrograms, batch.music)
            for optimiser in self.optimisers:
                optimiser.zero_grad()
            loss.backward()
            if self.clip:
                nn.utils.clip_grad_norm_(self.objective.parameters(), self.clip)
            for optimiser in self.optimisers:
                optimiser.step()
        return time.perf_counter() - begun


class Turns:
    """The real steps' seconds by round, and those of bare steps after each round."""

    def __init__(self, bare: Bare, steps: int) -> None:
        self.bare, self.steps = bare, steps
        self.real_s: list[float] = []
        self.bare_s: list[float] = []
        self._taken, self._begun = 0, 0.0

    def __call__(self, told: Step) -> None:
        """After each step of the training."""
        if told.valid is not None:
            return
        self._taken += 1
        if self._taken == AHEAD:
            self._begun = time.perf_counter()
        elif self._taken == AHEAD + self.steps:
            self.real_s.append(time.perf_counter() - self._begun)
            self.bare_s.append(self.bare.steps(self.steps))
            self._taken = 0


def decoded(*arguments: Any) -> tuple[Source, Validator]:
    """The batches and the validation, after an epoch: each picture was decoded once."""
    source, validation = data.open_data(*arguments)
    pairs = getattr(source, "_pairs", None)
    if pairs is not None:  # in memory
        rows = pairs.split.index.one_performance(0, 0)
        with ThreadPoolExecutor(processors()) as pool:
            deque(pool.map(pairs.batch, np.array_split(rows, -(-len(rows) // 256))), maxlen=0)
    return source, validation


def extras(folder: Path, config: Config, turns: Turns, temporary: Path) -> tuple[float, float]:
    """Seconds of a validation on 2,000 pairs, or as many as there are, and of a checkpoint."""
    validation = Validation(reader.open(folder), config, 2000)
    begun = time.perf_counter()
    validation(turns.bare.objective.network)
    validated = time.perf_counter()
    state = {
        "objective": turns.bare.objective.state_dict(),
        "optimisers": [optimiser.state_dict() for optimiser in turns.bare.optimisers],
    }
    checkpoints.save(temporary / "checkpoints", state)
    return validated - begun, time.perf_counter() - validated


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("snippets", nargs="?", help="default: of the bundled pieces")
    parser.add_argument("--model", default="compact-4s", help="a name or a TOML file")
    parser.add_argument("--steps", type=int, default=25, help="in a round")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--memory", choices=MEMORY, default="auto")
    parser.add_argument("--first", action="store_true", help="measure the first epoch")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    config = configs.load(given.model)
    config = replace(config, training=replace(config.training, growth=1))
    size, steps = config.training.batch_size, (given.rounds + 1) * (AHEAD + given.steps)
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.snippets
        if folder is None:
            folder = Path(temporary) / "snippets"
            command = ["snippets", export.bundled(Path(temporary)), "--out", folder]
            command += ["--split-by", "work", "--fractions", "0.6,0.2,0.2"]
            build.run([*build.MSMD, *command, "--context", str(config.context_s)])
        turns = Turns(
            Bare(folder, config, hardware.precision(config.training.precision, "cpu")), given.steps
        )
        options = TrainOptions(
            pairs=steps * size,
            validations=1,
            validation_pairs=100,
            memory=given.memory,
            accelerator="cpu",
            threads=given.threads,
        )
        if not given.first:
            run.open_data = decoded
        run.train(folder, config, Path(temporary) / "run", options, observe=turns)
        validation_s, checkpoint_s = extras(folder, config, turns, Path(temporary))
    print(f"{config.name} on {given.snippets or 'the bundled pieces'}, {given.threads} threads")
    print(f"{given.rounds} rounds of {given.steps} steps of {size} pairs each, taking turns")
    pairs = given.steps * size
    rounds = list(zip(turns.real_s[1:], turns.bare_s[1:], strict=True))
    for name, seconds in (("msmd train", turns.real_s[1:]), ("bare steps", turns.bare_s[1:])):
        rates = [pairs / s for s in seconds]
        print(f"{name}: {statistics.median(rates):7.1f} pairs/s, best {max(rates):.1f}")
    ratios = [bare / real for real, bare in rounds]
    whole = sum(bare for _, bare in rounds) / sum(real for real, _ in rounds)
    print(f"ratio: {whole:.3f} of all, median of the rounds {statistics.median(ratios):.3f}")
    print(f"by rounds {', '.join(f'{r:.3f}' for r in ratios)}")
    print(f"a validation takes {validation_s:.1f} s, a checkpoint {checkpoint_s:.2f} s")


if __name__ == "__main__":
    main()
