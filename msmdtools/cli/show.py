"""`msmd show`: a thin shell over `dataset.figure.show`, `snippets.contact.contact_sheet` and
`models.attention_figure.attention_figure`."""

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

OF_DATASET = ("page", "performance", "color")
OF_SNIPPETS = ("augment", "split", "pairs", "variants", "context", "seed")
OF_ATTENTION = ("split", "pairs", "seed")


@click.command("show", short_help="Draw a page with its onsets, pairs of snippets, or attention.")
@click.argument("folder", metavar="DATASET|SNIPPETS|RUN", type=click.Path(path_type=Path))
@click.argument("piece", required=False)
@click.option("--page", type=int, metavar="N", help="From 1; default: the first one with notes.")
@click.option("--performance", metavar="P", help="Name of the performance; default: the first.")
@click.option(
    "--color",
    type=click.Choice(["onset", "role"]),
    default="onset",
    show_default=True,
    help="Colour heads by when they sound, or by how.",
)
@click.option(
    "--augment",
    metavar="[PRESET|X.toml]",
    is_flag=False,
    flag_value="papers",
    default="off",
    help="Beside each of SNIPPETS show it varied: off, papers (with no value), strong, or a file.",
)
@click.option("--attention", is_flag=True, help="What the model of RUN attends to in the audio.")
@click.option(
    "--snippets",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="For --attention: pairs from these; default: those that the model was trained on.",
)
@click.option(
    "--split", metavar="NAME", help="Of the snippets; default: train, for --attention test."
)
@click.option("--pairs", type=int, default=4, show_default=True, help="Rows of SNIPPETS.")
@click.option("--variants", type=int, default=4, show_default=True, help="Variants beside each.")
@click.option("--context", type=float, default=2.1, show_default=True, help="Seconds of audio.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of what is chosen and drawn.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="X.png",
    help="The picture; default: PIECE.png, SNIPPETS.png or RUN.png in this folder.",
)
@click.pass_context
def command(
    ctx: click.Context,
    folder: Path,
    piece: str | None,
    page: int | None,
    performance: str | None,
    color: str,
    augment: str,
    attention: bool,
    snippets: Path | None,
    split: str | None,
    pairs: int,
    variants: int,
    context: float,
    seed: int,
    out: Path | None,
) -> None:
    """Draw a page of a dataset, a contact sheet of snippets, or a model's attention.

    DATASET PIECE: a page of PIECE with its note heads, and below it the spectrogram with its onsets
    in the same colours.

    SNIPPETS: rows of pairs, the sheet above and the spectrogram below; with --augment each pair as
    it is stored and, beside it, as some epochs of training would have it.

    RUN --attention: pairs with the weights that the model of RUN (or of a file of weights, or of a
    name) gives to the frames of the audio.

    Example: msmd show sample PetzoldC__BWVAnh114__minuet-in-g -o minuet.png
    """
    from msmdtools.dataset import figure, reader

    if attention:
        given = [name for name in (*OF_DATASET, *OF_SNIPPETS) if _given(ctx, name)]
        for name in (name for name in given if name not in OF_ATTENTION):
            raise click.UsageError(f"--{name} is not for --attention.")
        if piece:
            raise click.UsageError("PIECE is for a dataset, not for --attention.")
        image = _attention(folder, snippets, split=split, pairs=pairs, seed=seed)
        out = out or Path(f"{folder.absolute().stem}.png")
        figure.save(image, out)
        click.echo(f"{out}: {image.shape[1]} x {image.shape[0]} pixels")
        return
    if snippets:
        raise click.UsageError("--snippets is for --attention.")
    is_snippets = any((folder / name).exists() for name in ("snippets.json", ".export", "data"))
    dataset = None if is_snippets else reader.open(folder)
    for name in OF_DATASET if is_snippets else OF_SNIPPETS:
        if _given(ctx, name):
            kinds = ("a dataset", "snippets") if is_snippets else ("snippets", "a dataset")
            raise click.UsageError(f"--{name} is for {kinds[0]}, and {folder} holds {kinds[1]}.")
    if dataset is None:
        from msmdtools.loading import augment as augmentation
        from msmdtools.loading import contact

        if piece:
            raise click.UsageError(f"PIECE is for a dataset, and {folder} holds snippets.")
        image = contact.contact_sheet(
            folder,
            augmentation.named(augment),
            split=split,
            pairs=pairs,
            variants=variants,
            context_s=context,
            seed=seed,
        )
        out = out or Path(f"{folder.absolute().name}.png")
    else:
        if not piece:
            raise click.UsageError(f"PIECE is missing; {folder} has {_some(dataset.ids)}.")
        image = figure.show(dataset, piece, page, performance, color)
        out = out or Path(f"{piece}.png")
    figure.save(image, out)
    click.echo(f"{out}: {image.shape[1]} x {image.shape[0]} pixels")


def _attention(run: Path, snippets: Path | None, **choice: Any) -> Any:
    """The figure of a model's attention, on the snippets that it was trained on or on others."""
    from msmdtools.models.model import load_model

    model = load_model(run)
    source = snippets or model.made.get("snippets")
    if source is None:
        raise click.UsageError(
            f"{run} does not say what it was trained on; give --snippets FOLDER."
        )
    from msmdtools.models.attention_figure import attention_figure

    return attention_figure(model, source, **choice)


def _given(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) is not ParameterSource.DEFAULT


def _some(pieces: list[str]) -> str:
    return ", ".join(pieces[:3]) + (f" and {len(pieces) - 3} more" if len(pieces) > 3 else "")
