"""The command `msmd train`, which calls `msmdtools.training.run.train`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from msmdtools.base import options as declared
from msmdtools.cli import options
from msmdtools.cli.progress import Bar
from msmdtools.training.options import Step, TrainOptions


@click.command("train", short_help="Train a model on snippets.")
@click.argument("snippets", nargs=-1, required=True)
@click.option(
    "--model", metavar="NAME", help="A model that comes with msmdtools, such as compact-4s."
)
@click.option(
    "--config", type=click.Path(), help="Instead of --model: a TOML file that describes a model."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="The run folder, created if needed.",
)
@options.of(TrainOptions)
@click.pass_context
def command(
    ctx: click.Context,
    /,
    snippets: tuple[str, ...],
    model: str | None,
    config: str | None,
    out: Path,
    **_: Any,
) -> None:
    """Train a model on SNIPPETS: folders or URLs, or `synthetic` for made-up pairs.

    The model is trained on the pairs of the split train in all of them, and validated on the split valid
    of the first. End the training by --budget or by --pairs.

    The run folder gets weights, checkpoints, results and curves. If the training is interrupted, run the
    command again with --resume and the same options. The first run may have --resume, too.

    Example: msmd train synthetic --model compact-2s --out trial --pairs 2048
    """
    from msmdtools.models import require

    require("msmd train", {"lightning_fabric": "Lightning Fabric", "matplotlib": "Matplotlib"})
    from msmdtools.models import config as configs
    from msmdtools.training import checkpoints, licences
    from msmdtools.training.run import CHECKPOINTS, train

    if (model is None) == (config is None):
        raise click.UsageError("Give either --model or --config.")
    specified = options.specified(ctx, TrainOptions)
    if specified.keys() >= {"budget", "pairs"}:
        raise click.UsageError("Give either --budget or --pairs: one of them ends the training.")
    train_options = TrainOptions(**declared.read(TrainOptions, specified))
    try:
        with Bar() as bar:
            summary = train(
                snippets,
                configs.load(model or Path(str(config))),
                out,
                train_options,
                observe=_Observer(bar),
            )
    except KeyboardInterrupt:
        if checkpoints.exist(out / CHECKPOINTS):
            click.echo(
                "A checkpoint was saved: continue with the same command and --resume.", err=True
            )
        raise
    best = summary.best
    if not best:  # not the first of several processes
        return
    click.echo(f"{best['pairs']:,} pairs gave the best weights: {summary.weights}")
    for direction, metrics in best["valid"].items():
        click.echo(
            f"  {direction.replace('-', ' ')}: R@1 {metrics['recall_1']:.1f}  R@10 {metrics['recall_10']:.1f}"
            f"  MRR {metrics['mrr']:.3f}  of {metrics['candidates']:,} validation pairs"
        )
    if remark := licences.warning(summary.licences):
        click.echo(remark)
    if not any(_above_chance(metrics) for metrics in best["valid"].values()):
        click.echo(
            "That is not distinguishable from chance: train longer, on more pieces, or start from "
            "trained weights (--init)."
        )


def _above_chance(metrics: Mapping[str, float]) -> bool:
    """Whether the metrics of a direction can be told from chance."""
    from msmdtools.metrics import chance
    from msmdtools.metrics.ranks import RECALLS

    recalls = {k: metrics[f"recall_{k}"] for k in RECALLS}
    return chance.above(recalls, int(metrics["queries"]), int(metrics["candidates"]))


class _Observer:
    """Show the progress of a training on a bar, and print a line for each validation."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._recall = ""

    def __call__(self, step: Step) -> None:
        if step.valid is not None:
            metrics = step.valid["audio-to-sheet"]
            self._recall = f"R@1 {metrics['recall_1']:.1f} (chance {step.chance:.2f})"
            self._bar.line(
                f"{step.pairs:>11,} pairs  loss {step.loss:.3f}  {self._recall}  "
                f"R@10 {metrics['recall_10']:.1f}  MRR {metrics['mrr']:.3f}  {step.pairs_per_s:.0f} pairs/s"
            )
        shown = f"{step.pairs:,} pairs, {step.pairs_per_s:.0f}/s, loss {step.loss:.3f}"
        note = f"{shown}, {self._recall}" if self._recall else shown
        self._bar("training", float(step.done), 1.0, note)
