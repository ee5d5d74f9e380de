"""The command `msmd show snippets`, which calls `msmdtools.loading.contact.contact_sheet`."""

from pathlib import Path

import click

from msmdtools.cli.show import picture


@click.command("snippets", short_help="Pairs of snippets, as they are stored and augmented.")
@click.argument("folder", metavar="SNIPPETS", type=click.Path(path_type=Path))
@click.option(
    "--augment",
    metavar="[NAME|FILE.toml]",
    is_flag=False,
    flag_value="papers",
    default="off",
    show_default=True,
    help="Draw each pair augmented, too: as papers or strong, or with the strengths in a TOML file. "
    "--augment alone means papers.",
)
@click.option(
    "--split",
    metavar="NAME",
    show_default="the first one there is, usually train",
    help="The split to draw from: train, valid or test.",
)
@click.option(
    "--pairs", type=int, metavar="N", default=4, show_default=True, help="How many pairs to draw."
)
@click.option(
    "--variants",
    type=int,
    metavar="N",
    default=4,
    show_default=True,
    help="With --augment: how many variants of each pair to draw, one for each epoch of a training.",
)
@click.option(
    "--context",
    type=float,
    metavar="SECONDS",
    default=2.1,
    show_default=True,
    help="The length of the audio windows.",
)
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="Seed of the random choice of pairs and variants.",
)
@picture.out_option("SNIPPETS")
def command(
    folder: Path,
    augment: str,
    split: str | None,
    pairs: int,
    variants: int,
    context: float,
    seed: int,
    out: Path | None,
) -> None:
    """Draw pairs of SNIPPETS, each with its sheet window above its spectrogram.

    With --augment, each row shows one pair: as it is stored, then as training would see it in the
    first epochs.

    Example: msmd show snippets snippets --augment papers -o papers.png
    """
    from msmdtools.loading import augment as augmentation
    from msmdtools.loading import contact

    image = contact.contact_sheet(
        folder,
        augmentation.named(augment),
        split=split,
        pairs=pairs,
        variants=variants,
        context_s=context,
        seed=seed,
    )
    picture.save(image, out or Path(f"{folder.absolute().name}.png"))
