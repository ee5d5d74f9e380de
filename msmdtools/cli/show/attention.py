"""The command `msmd show attention`, which calls `msmdtools.models.attention_figure.attention_figure`."""

from pathlib import Path

import click

from msmdtools.cli.show import picture


@click.command("attention", short_help="Pairs of snippets, and what a model attends to in them.")
@click.argument("run", metavar="MODEL", type=click.Path(path_type=Path))
@click.option(
    "--snippets",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    show_default="the one that the model was trained on",
    help="The folder of snippets to take pairs from.",
)
@click.option(
    "--split",
    metavar="NAME",
    show_default="the last one there is, usually test",
    help="The split to draw from: train, valid or test.",
)
@click.option(
    "--pairs", type=int, metavar="N", default=4, show_default=True, help="How many pairs to draw."
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Seed of the random choice of pairs."
)
@picture.out_option("MODEL")
def command(
    run: Path, snippets: Path | None, split: str | None, pairs: int, seed: int, out: Path | None
) -> None:
    """Draw pairs of snippets with the weights that MODEL gives to the frames of their audio.

    MODEL is the name of a bundled model, a .safetensors file, or a run of msmd train. It must have
    attention, as cnn-2s-at has.

    Example: msmd show attention run -o attention.png
    """
    from msmdtools.models.model import load_model

    model = load_model(run)
    source = snippets or _trained_on(run, model.made.get("snippets"))
    from msmdtools.models.attention_figure import attention_figure

    image = attention_figure(model, source, split=split, pairs=pairs, seed=seed)
    picture.save(image, out or Path(f"{run.absolute().stem}.png"))


def _trained_on(run: Path, named: str | None) -> str:
    """The first folder or URL that a model was trained on and that is here."""
    from msmdtools.training.synthetic import SYNTHETIC

    if named is None:
        reason = "does not say what it was trained on"
    elif named == SYNTHETIC:
        reason = "was trained on made-up pairs, which no folder has"
    else:
        folders = [named] if Path(named).is_dir() else named.split(", ")
        for folder in folders:
            if "://" in folder or Path(folder).is_dir():
                return folder
        reason = f"was trained on {named}, which is not here"
    raise click.UsageError(f"{run} {reason}; give --snippets FOLDER.")
