"""The command `msmd snippets`, which calls `msmdtools.snippets.export.export`."""

import json
from pathlib import Path
from typing import Any

import click

from msmdtools.base import options as declared
from msmdtools.cli import options
from msmdtools.cli.progress import Bar
from msmdtools.snippets.options import (
    Places,
    SnippetOptions,
    SplitOptions,
    parse_options,
    read_config,
)


@click.command("snippets", short_help="Cut a dataset into paired snippets, as Parquet shards.")
@click.argument("dataset", required=False, type=click.Path())
@options.of(Places, SplitOptions, SnippetOptions, but=["dataset"])
@click.option(
    "--config", type=click.Path(), help="A TOML file that sets any of these options by name."
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.pass_context
def command(ctx: click.Context, /, config: str | None, as_json: bool, **_: Any) -> None:
    """Cut DATASET into paired windows of sheet and audio, as Parquet shards.

    There is one row for each onset in each performance. Pages are resized to staves of one height, and sizes
    in pixels are for these. No soundfont may be used in both training and testing. If the command is
    interrupted, run it again: it continues where it stopped.

    Example: msmd snippets sample --out snippets
    """
    from msmdtools.snippets.export import export

    values = read_config(Path(config)) if config else {}
    specified = options.specified(ctx, Places, SplitOptions, SnippetOptions)
    of_split = declared.names(SplitOptions)
    if specified.keys() & of_split:  # a split given here replaces the file's
        values = {name: value for name, value in values.items() if name not in of_split}
    values |= specified
    dataset, out = values.pop("dataset", None), values.pop("out", None)
    if not dataset:
        raise click.UsageError("DATASET is missing: name the folder that msmd build --out made.")
    if not out:
        raise click.UsageError("--out is missing: name a folder for the snippets.")
    with Bar() as bar:
        summary = export(
            Path(dataset),
            Path(out),
            parse_options(values),
            progress=bar,
        )
    if as_json:
        click.echo(json.dumps(summary.to_json(), indent=1, ensure_ascii=False))
    else:
        click.echo(summary.to_text())
