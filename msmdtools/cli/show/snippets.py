"""The command `msmd show snippets`, which calls `msmdtools.loading.contact.contact_sheet`."""

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
    help="Show each pair augmented, too: off, papers (if no value is given), strong, or a TOML file "
    "with strengths.",
)
@click.option(
    "--split",
    metavar="NAME",
    show_default="the first there is",
    help="Which split: train, valid or test.",
)
@click.option("--pairs", type=int, metavar="N", default=4, show_default=True, help="How many rows.")
@click.option(
    "--variants",
    type=int,
    metavar="N",
    default=4,
    show_default=True,
    help="How many augmented variants of each pair, one for each epoch.",
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
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="Seed of the choice of pairs and of the variants.",
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
