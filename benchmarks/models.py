"""Windows per second of models: embedding of sheet and of audio, and bare training steps.

    python benchmarks/models.py [MODEL …] [--threads N] [--precision 32|bf16|both] [--train]

Without a model: compact-4s. A model is a name or a TOML file of a configuration; its weights are
random, which does not change the time. `embed_sheet` and `embed_audio` take numpy arrays and give
them, so all preprocessing counts; `embed_audio` is measured on spectrograms and on waveforms of the
model's context. Training is forward, loss, backward and a step of AdamW on tensors in memory, at the
configuration's batch size, in its precision. Each number is the best of several runs: the machine at
rest is what is asked for.

What the machine is, and how many products a window takes (multiplications of convolutions and linear
layers), is printed beside it.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from msmdtools.features import SAMPLE_RATE
from msmdtools.models import config, losses, towers
from msmdtools.models.config import Config
from msmdtools.models.model import Model
from msmdtools.models.network import TwoTower


def best(call: Callable[[], object], runs: int) -> float:
    """Seconds of the fastest of so many runs, after one that does not count."""
    call()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def embedding(c: Config, precision: str, windows: int, runs: int) -> list[float]:
    """Sheet windows, spectrograms and waveforms per second."""
    random = np.random.default_rng(0)
    model = Model(TwoTower(c), c, {}, "cpu", precision)
    sheets = random.integers(0, 256, (windows, *c.sheet_shape)).astype(np.uint8)
    sounds = random.random((windows, *c.audio_shape), np.float32).astype(np.float16)
    samples = c.frames * SAMPLE_RATE // 20
    waves = random.integers(-9999, 9999, (windows // 4, samples)).astype(np.int16)
    return [
        windows / best(lambda: model.embed_sheet(sheets), runs),
        windows / best(lambda: model.embed_audio(sounds), runs),
        len(waves) / best(lambda: model.embed_audio(waves), runs),
    ]


def training(c: Config, precision: str, runs: int) -> float:
    """Pairs per second of bare training steps."""
    size = c.training.batch_size
    network, loss = TwoTower(c).train(), losses.make(c.loss)
    optimiser = torch.optim.AdamW([*network.parameters(), *loss.parameters()], c.training.lr)
    sheets = torch.randint(0, 256, (size, *c.sheet_shape), dtype=torch.uint8)
    sounds = torch.rand(size, *c.audio_shape).half()

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            u, v = network(sheets, sounds)
        loss(u, v).backward()
        optimiser.step()
        optimiser.zero_grad()

    return size / best(step, runs)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("models", nargs="*", default=["compact-4s"])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--precision", choices=["32", "bf16", "both"], default="both")
    parser.add_argument("--windows", type=int, default=512)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--train", action="store_true", help="also measure training")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    precisions = ["32", "bf16"] if arguments.precision == "both" else [arguments.precision]
    print(
        f"{arguments.threads} threads, {torch.backends.cpu.get_cpu_capability()}, {torch.__version__}"
    )
    head = ("model", "bits", "parameters", "Mprod sheet", "audio")
    print("{:<12}{:>5}{:>12}{:>13}{:>7}".format(*head), end="")
    print("{:>9}{:>9}{:>9}{:>9}".format("sheet/s", "audio/s", "waves/s", "train/s"))
    for name in arguments.models:
        c = config.load(name)
        network = TwoTower(c)
        shapes = (c.sheet_shape, c.audio_shape)
        sheet, audio = (torch.zeros(1, *shape) for shape in shapes)
        products = towers.count_products(network, sheet, audio)
        seen = torch.zeros(1, 1, *(side // c.sheet.reduction for side in c.sheet_shape))
        ours = towers.count_products(network.sheet_tower, seen)
        for precision in precisions:
            rates = embedding(c, precision, arguments.windows, arguments.runs)
            if arguments.train:
                rates.append(training(c, precision, arguments.runs))
            print(
                f"{name:<12}{precision:>5}{towers.parameters(network):>12,}"
                f"{ours / 1e6:>13.1f}{(products - ours) / 1e6:>7.1f}"
                + "".join(f"{rate:>9.0f}" for rate in rates),
                flush=True,
            )


if __name__ == "__main__":
    main()
