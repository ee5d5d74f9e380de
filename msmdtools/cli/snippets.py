"""`msmd snippets`: a thin shell over `msmdtools.snippets.export.export`."""

import json
from pathlib import Path
from typing import Any

import click

from msmdtools.cli import output
from msmdtools.cli.progress import Progress


@click.command("snippets", short_help="Cut a dataset into paired snippets, as Parquet shards.")
@click.argument("dataset", required=False, type=click.Path())
@click.option("--out", type=click.Path(), help="The folder for the snippets; created if needed.")
@click.option(
    "--split",
    metavar="CSV:COLUMN",
    help="Which piece belongs to which split: a column of a CSV file, such as "
    "manifests/msmd-v1.1.csv:all_split.",
)
@click.option(
    "--missing-ok",
    is_flag=True,
    default=None,
    help="Let --split name pieces that DATASET does not have.",
)
@click.option(
    "--split-by",
    type=click.Choice(["work"]),
    help="Make a split that keeps works whole. [default, without --split]",
)
@click.option(
    "--fractions",
    metavar="LIST",
    help="With --split-by: shares of train,valid,test. [default: 0.8,0.05,0.15]",
)
@click.option(
    "--performances",
    metavar="SPLIT=GLOB,…",
    help="Performances for each split, such as train=TimGM6mb*,test=FluidR3_GM*. [default: by the "
    "soundfonts' roles]",
)
@click.option(
    "--sheet", metavar="ROWSxCOLUMNS", help="Size of the sheet window. [default: 160x200]"
)
@click.option("--margin", type=int, help="Pixels stored around the sheet window. [default: 16]")
@click.option("--context", type=float, help="Length of the audio window in seconds. [default: 8.4]")
@click.option(
    "--margin-frames", type=int, help="Frames stored around the audio window. [default: 4]"
)
@click.option("--onsets", metavar="all|first|every:N", help="Which onsets to take. [default: all]")
@click.option(
    "--edge",
    type=click.Choice(["next", "white"]),
    help="What a window shows past the end of a system: the next one, or white. [default: next]",
)
@click.option(
    "--drop-leaks",
    is_flag=True,
    default=None,
    help="Leave out training pieces that nearly duplicate a piece of another split.",
)
@click.option(
    "--leak-threshold",
    type=float,
    help="Similarity, 0 to 1, from which --drop-leaks leaves a piece out. [default: 0.2]",
)
@click.option(
    "--transpose", is_flag=True, default=None, help="Find near-duplicates in other keys too."
)
@click.option("--shard-size", metavar="SIZE", help="Approximate size of a shard. [default: 256MB]")
@click.option(
    "--seed", type=int, help="Seed for the order of rows and for --split-by. [default: 0]"
)
@click.option("--jobs", type=int, help="Worker processes. [default: one per core]")
@click.option("--config", type=click.Path(), help="A TOML file that sets these options by name.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def command(config: str | None, as_json: bool, **given: Any) -> None:
    """Cut DATASET into paired windows of sheet and audio, as Parquet shards.

    There is one row per onset and performance. Sizes in pixels are for pages 835 pixels wide. No
    soundfont may be used in training and in testing. If it is interrupted, give the same command
    again: it goes on where it stopped.

    Example: msmd snippets sample --out snippets
    """
    from msmdtools.snippets.export import export
    from msmdtools.snippets.options import parse_options, read_config

    values = read_config(Path(config)) if config else {}
    given = {name: value for name, value in given.items() if value is not None}
    if given.keys() & {"split", "split_by", "fractions"}:  # a split given here replaces the file's
        values = {k: v for k, v in values.items() if k not in {"split", "split_by", "fractions"}}
    values |= given
    dataset, out = values.pop("dataset", None), values.pop("out", None)
    for name, value in (("DATASET", dataset), ("--out", out)):
        if not value:
            raise click.UsageError(f"{name} is missing.")
    with Progress() as progress:
        summary = export(
            Path(dataset),
            Path(out),
            parse_options(values),
            progress=progress.update,
            warn=output.warn,
        )
    if as_json:
        click.echo(json.dumps(summary.to_json(), indent=1, ensure_ascii=False))
    else:
        click.echo(summary.to_text())
