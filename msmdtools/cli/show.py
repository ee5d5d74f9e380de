"""`msmd show`: a thin shell over `msmdtools.dataset.figure.show`."""

from pathlib import Path

import click


@click.command("show", short_help="Draw a page with its note heads and onsets.")
@click.argument("dataset", type=click.Path(path_type=Path))
@click.argument("piece")
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
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="X.png",
    help="The picture; default: PIECE.png in this folder.",
)
def command(
    dataset: Path, piece: str, page: int | None, performance: str | None, color: str, out: Path
) -> None:
    """Draw a page of PIECE in DATASET with its note heads, and below it the spectrogram with its
    onsets in the same colours.

    Example: msmd show sample BachJS__BWVAnh131__air -o air.png
    """
    from msmdtools.dataset import figure, reader

    out = out or Path(f"{piece}.png")
    image = figure.show(reader.open(dataset), piece, page, performance, color)
    figure.save(image, out)
    click.echo(f"{out}: {image.shape[1]} x {image.shape[0]} pixels")
