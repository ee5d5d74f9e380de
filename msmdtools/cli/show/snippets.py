"""`msmd show snippets`: a thin shell over `msmdtools.loading.contact.contact_sheet`."""

from pathlib import Path

import click

from msmdtools.cli.show import picture


@click.command("snippets", short_help="Pairs of snippets, as they are stored and augmented.")
@click.argument("folder", metavar="SNIPPETS", type=click.Path(path_type=Path))
@click.option(
    "--augment",
    metavar="[PRESET|X.toml]",
    is_flag=False,
    flag_value="papers",
    default="off",
    show_default=True,
    help="Show each pair augmented, too: off, papers (also without a value), strong, or as a TOML "
    "file says.",
)
@click.option(
    "--split",
    metavar="NAME",
    show_default="the first there is",
    help="Which split: train, valid or test.",
)
@click.option("--pairs", type=int, metavar="N", default=4, show_default=True, help="Rows of pairs.")
@click.option(
    "--variants",
    type=int,
    metavar="N",
    default=4,
    show_default=True,
    help="Variants beside each pair, one for each epoch of a training.",
)
@click.option(
    "--context",
    type=float,
    metavar="SECONDS",
    default=2.1,
    show_default=True,
    help="Length of the audio windows.",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Seed of the choice and of the variants."
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

    With --augment, each pair is drawn as it is stored and, beside it, as some epochs of training
    would have it.

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
