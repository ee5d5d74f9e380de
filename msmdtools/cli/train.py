"""`msmd train`: a thin shell over `msmdtools.training.run.train`."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from msmdtools.cli import output
from msmdtools.cli.progress import Progress


@click.command("train", short_help="Train a model on snippets.")
@click.argument("snippets", nargs=-1, required=True)
@click.option("--model", metavar="NAME", help="Name of a model that comes with msmdtools.")
@click.option("--config", type=click.Path(), help="A model's configuration, as a TOML file.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The run folder.")
@click.option(
    "--budget", metavar="TIME", help="Wall-clock time for the whole training, such as 90m or 3h."
)
@click.option("--pairs", type=int, help="Number of pairs to train on. [default: the model's]")
@click.option(
    "--resume", is_flag=True, help="Continue from the last checkpoint in --out, if there is one."
)
@click.option("--init", metavar="MODEL", help="Start from the weights of this model.")
@click.option(
    "--refit-cca",
    type=int,
    metavar="N",
    help="At the end, fit the CCA projection again, to N pairs.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed for everything random.")
@click.option(
    "--validations", type=int, default=20, show_default=True, help="How many times to validate."
)
@click.option(
    "--validation-pairs",
    type=int,
    default=2000,
    show_default=True,
    help="Pairs in each validation.",
)
@click.option(
    "--memory",
    type=click.Choice(["auto", "in-memory", "device", "stream"]),
    default="auto",
    show_default=True,
    help="Keep the training split in memory, keep it in the GPU's memory, or stream it.",
)
@click.option("--accelerator", default="auto", show_default=True, help="cpu, cuda, mps or auto.")
@click.option(
    "--devices",
    default="auto",
    show_default=True,
    help="Devices to use on each node: a number, or auto.",
)
@click.option("--nodes", type=int, default=1, show_default=True, help="Number of machines.")
@click.option("--threads", type=int, help="Threads to calculate with. [default: one per core]")
def command(
    snippets: tuple[str, ...],
    model: str | None,
    config: str | None,
    out: Path,
    budget: str | None,
    devices: str,
    **given: Any,
) -> None:
    """Train a model on SNIPPETS: folders or URLs, or `synthetic` for made-up pairs.

    The training pairs of all of them are used, and the validation pairs of the first.

    The run folder gets weights, checkpoints, results and curves. If the training is interrupted,
    give the command again with --resume and the same options. You may give --resume from the start.

    Example: msmd train synthetic --model compact-2s --out run --pairs 2048
    """
    from msmdtools.models import require

    require("msmd train", {"lightning_fabric": "Lightning Fabric", "matplotlib": "Matplotlib"})
    from msmdtools.models import config as configs
    from msmdtools.training import checkpoints
    from msmdtools.training.options import TrainOptions
    from msmdtools.training.run import CHECKPOINTS, train

    if (model is None) == (config is None):
        raise click.UsageError("Give either --model or --config.")
    if budget is not None and given["pairs"] is not None:
        raise click.UsageError("Give either --budget or --pairs: one of them ends the training.")
    number = int(devices) if devices.isdigit() else devices
    options = TrainOptions(budget_s=_seconds(budget), devices=number, **given)
    try:
        with Progress() as progress:
            summary = train(
                snippets,
                configs.load(model or Path(str(config))),
                out,
                options,
                progress=_Teller(progress).update,
                warn=output.warn,
            )
    except KeyboardInterrupt:
        if checkpoints.there(out / CHECKPOINTS):
            click.echo("A checkpoint was saved: the same command with --resume goes on.", err=True)
        raise
    best = summary.best
    if not best:  # not the first of several processes
        return
    click.echo(f"{best['pairs']:,} pairs gave the best weights: {summary.weights}")
    for direction, found in best["valid"].items():
        click.echo(
            f"  {direction.replace('-', ' ')}: R@1 {found['recall_1']:.1f}  R@10 {found['recall_10']:.1f}"
            f"  MRR {found['mrr']:.3f}  of {found['candidates']:,} validation pairs"
        )
    if not any(_above_chance(found) for found in best["valid"].values()):
        click.echo(
            "That is not distinguishable from chance: train longer, on more pieces, or begin with "
            "trained weights (--init)."
        )


def _above_chance(found: Mapping[str, float]) -> bool:
    """Whether the metrics of a direction can be told from chance."""
    from msmdtools.metrics import chance
    from msmdtools.metrics.retrieval import RECALLS

    recalls = {k: found[f"recall_{k}"] for k in RECALLS}
    return chance.above(recalls, int(found["queries"]), int(found["candidates"]))


def _seconds(text: str | None) -> float | None:
    """Seconds of "90m", "3h", "45s"; None of None."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|h)", text.strip())
    if match is None:
        raise click.BadParameter(
            f"{text!r} is not a time such as 90m, 3h or 45s", param_hint="--budget"
        )
    return float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]


class _Teller:
    """What a training tells, as progress and as a line for each validation."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._found = ""

    def update(self, told: Any) -> None:
        if told.valid is not None:
            one = told.valid["audio-to-sheet"]
            self._found = f"R@1 {one['recall_1']:.1f} (chance {told.chance:.2f})"
            self._progress.line(
                f"{told.pairs:>11,} pairs  loss {told.loss:.3f}  {self._found}  "
                f"R@10 {one['recall_10']:.1f}  MRR {one['mrr']:.3f}  {told.pairs_per_s:.0f} pairs/s"
            )
        shown = f"{told.pairs:,} pairs, {told.pairs_per_s:.0f}/s, loss {told.loss:.3f}"
        note = f"{shown}, {self._found}" if self._found else shown
        self._progress.update("training", float(told.done), 1.0, note)
