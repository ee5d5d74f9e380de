"""The command `msmd show page`, which calls `msmdtools.dataset.figure.show`."""

from pathlib import Path

import click

from msmdtools.base.quantities import first_few
from msmdtools.cli.show import picture


@click.command("page", short_help="A page of a dataset, its note heads and its onsets.")
@click.argument("dataset", type=click.Path(path_type=Path))
@click.argument("piece", required=False)
@click.option(
    "--page",
    type=int,
    metavar="N",
    show_default="the first with notes",
    help="The page to draw; the first is 1.",
)
@click.option(
    "--performance",
    metavar="NAME",
    show_default="the first by name",
    help="The performance whose spectrogram to draw.",
)
@click.option(
    "--color",
    type=click.Choice(["onset", "role"]),
    default="onset",
    show_default=True,
    help="Colour note heads by when they sound (onset), or by their role: played, tied or silent.",
)
@click.option(
    "--print",
    "print_name",
    metavar="NAME",
    help="Draw a page of this print (see msmd link) with its bars and heads, instead of the engraving.",
)
@picture.out_option("PIECE")
def command(
    dataset: Path,
    piece: str | None,
    page: int | None,
    performance: str | None,
    color: str,
    print_name: str | None,
    out: Path | None,
) -> None:
    """Draw a page of PIECE of DATASET.

    Below the page is the spectrogram of its music. A note head and its onset have the same colour. With
    --print, the bars and heads of a scan have the colours of their confidence.

    Example: msmd show page sample PetzoldC__BWVAnh114__minuet-in-g -o minuet.png
    """
    from msmdtools.dataset import figure, reader

    opened = reader.open(dataset)
    if not piece:
        raise click.UsageError(f"PIECE is missing; {dataset} has {first_few(opened.ids)}.")
    if print_name is None:
        picture.save(
            figure.show(opened, piece, page, performance, color), out or Path(f"{piece}.png")
        )
        return
    from msmdtools.dataset.print_figure import show_print

    if performance is not None:
        raise click.UsageError("--performance is for the engraving, and --print for a scan.")
    view = opened[piece].prints[print_name]
    picture.save(show_print(view, page), out or Path(f"{piece}-{print_name}.png"))
