"""The command `msmd build`, which calls `msmdtools.build.build.build`."""

import json
from pathlib import Path
from typing import Any

import click

from msmdtools.base import resources
from msmdtools.build.options import BuildOptions, Places, parse_options, read_config
from msmdtools.cli import options
from msmdtools.cli.progress import Bar

FAILED = 3


@click.command("build", short_help="Build a dataset from a manifest.")
@options.of(Places, BuildOptions)
@click.option(
    "--config", type=click.Path(), help="A TOML file that sets any of these options by name."
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.pass_context
def command(ctx: click.Context, /, config: str | None, as_json: bool, **_: Any) -> None:
    """Build a dataset from a manifest.

    If the build is interrupted, run the same command again: it continues where it stopped. If pieces fail,
    the exit code is 3, and pieces.parquet says why.

    Example: msmd build --sample --out sample
    """
    from msmdtools.build.build import build
    from msmdtools.build.summary import format_summary

    values = read_config(Path(config)) if config else {}
    values |= options.specified(ctx, Places, BuildOptions)
    manifest, root, out = _places(values)
    build_options = parse_options(values)
    with Bar() as bar:
        summary = build(
            manifest,
            root,
            out,
            build_options,
            progress=bar,
        )
    if as_json:
        click.echo(json.dumps(summary.to_json(), indent=1, ensure_ascii=False))
    else:
        click.echo(format_summary(summary))
    if summary.failed or summary.lacking:
        ctx.exit(FAILED)


def _places(values: dict[str, Any]) -> tuple[Path, Path, Path]:
    """Take manifest, root and out from the options; --sample replaces the first two."""
    sample = values.pop("sample", False)
    manifest, root, out = (values.pop(name, None) for name in ("manifest", "root", "out"))
    if sample:
        if manifest or root:
            raise click.UsageError("--sample stands for --manifest and --root: leave them out.")
        manifest, root = resources.manifest("sample"), resources.pieces()
    for name, value in (("--manifest", manifest), ("--root", root), ("--out", out)):
        if not value:
            cure = (
                "name a folder for the dataset"
                if name == "--out"
                else "give it, or --sample for the bundled pieces"
            )
            raise click.UsageError(f"{name} is missing: {cure}.")
    return resources.named_manifest(manifest), Path(root), Path(out)
