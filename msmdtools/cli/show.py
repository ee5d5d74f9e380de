"""`msmd show`: a thin shell over `dataset.figure.show` and `snippets.contact.contact_sheet`."""

from pathlib import Path

import click
from click.core import ParameterSource

OF_DATASET = ("page", "performance", "color")
OF_SNIPPETS = ("augment", "split", "pairs", "variants", "context", "seed")


@click.command("show", short_help="Draw a page with its onsets, or pairs of snippets.")
@click.argument("folder", metavar="DATASET|SNIPPETS", type=click.Path(path_type=Path))
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
@click.option("--split", metavar="NAME", help="Of SNIPPETS; default: the first, train.")
@click.option("--pairs", type=int, default=4, show_default=True, help="Rows of SNIPPETS.")
@click.option("--variants", type=int, default=4, show_default=True, help="Variants beside each.")
@click.option("--context", type=float, default=2.1, show_default=True, help="Seconds of audio.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of what is chosen and drawn.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="X.png",
    help="The picture; default: PIECE.png or SNIPPETS.png in this folder.",
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
    split: str | None,
    pairs: int,
    variants: int,
    context: float,
    seed: int,
    out: Path | None,
) -> None:
    """Draw a page of a dataset, or a contact sheet of snippets.

    DATASET PIECE: a page of PIECE with its note heads, and below it the spectrogram with its onsets
    in the same colours.

    SNIPPETS: rows of pairs, the sheet above and the spectrogram below; with --augment each pair as
    it is stored and, beside it, as some epochs of training would have it.

    Example: msmd show sample BachJS__BWVAnh131__air -o air.png
    """
    from msmdtools.dataset import figure, reader

    is_snippets = any((folder / name).exists() for name in ("snippets.json", ".export", "data"))
    dataset = None if is_snippets else reader.open(folder)
    for name in OF_DATASET if is_snippets else OF_SNIPPETS:
        if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT:
            kinds = ("a dataset", "snippets") if is_snippets else ("snippets", "a dataset")
            raise click.UsageError(f"--{name} is for {kinds[0]}, and {folder} holds {kinds[1]}.")
    if dataset is None:
        from msmdtools.snippets import augment as augmentation
        from msmdtools.snippets import contact

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


def _some(pieces: list[str]) -> str:
    return ", ".join(pieces[:3]) + (f" and {len(pieces) - 3} more" if len(pieces) > 3 else "")
