"""The command `msmd build`, which calls `msmdtools.build.build.build`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from msmdtools.base import resources
from msmdtools.build.options import (
    BuildOptions,
    Places,
    parse_formats,
    parse_options,
    read_config,
)
from msmdtools.cli import options
from msmdtools.cli.progress import Bar
from msmdtools.piece import FORMATS, Piece

FAILED = 3


@click.command("build", short_help="Build a dataset from scores.")
@click.argument("sources", nargs=-1, type=click.Path(), metavar="[SOURCE]...")
@options.of(Places, BuildOptions)
@click.option(
    "--config", type=click.Path(), help="A TOML file that sets any of these options by name."
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.pass_context
def command(
    ctx: click.Context, /, sources: tuple[str, ...], config: str | None, as_json: bool, **_: Any
) -> None:
    """Build a dataset from scores.

    SOURCE is a file of LilyPond (.ly), MusicXML (.musicxml, .mxl, .xml), MEI (.mei), Humdrum (.krn), ABC (.abc),
    MuseScore (.mscz, .mscx, converted by MuseScore's own program) or MIDI (.mid), or a folder, which is searched
    for them; several are built into one dataset. Or it is a manifest (.csv, see msmd ingest); its sources are in
    the folder --root, or else in its own.

    If the build is interrupted, run the same command again: it continues where it stopped. If pieces fail,
    the exit code is 3, and pieces.parquet says why.

    Example: msmd build song.mxl --out DATASET
    """
    from msmdtools.build.build import build
    from msmdtools.build.summary import format_summary

    values = read_config(Path(config)) if config else {}
    values |= options.specified(ctx, Places, BuildOptions)
    manifest, root, out = _places(values, sources)
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


def _places(
    values: dict[str, Any], sources: Sequence[str]
) -> tuple[Path | Sequence[Piece], Path, Path]:
    """Take manifest, root and out from the options; sources or --sample stand for the first two."""
    from msmdtools.sources import collections
    from msmdtools.sources.gather import gather

    sample = values.pop("sample", False)
    manifest, root, out = (values.pop(name, None) for name in ("manifest", "root", "out"))
    formats = parse_formats(values.pop("formats", FORMATS))
    if sample and (manifest or root or sources):
        raise click.UsageError(
            "--sample stands for SOURCE, and for --manifest and --root: leave them out."
        )
    if sample:
        manifest, root = resources.manifest("sample"), resources.pieces()
    elif len(sources) == 1 and Path(sources[0]).suffix.lower() == ".csv":
        if manifest:
            raise click.UsageError("SOURCE is a manifest, too: leave --manifest out.")
        manifest, root = sources[0], root or Path(sources[0]).parent
    elif sources:
        if manifest or root:
            raise click.UsageError(
                "--manifest and --root are for manifests: leave them out, or the other sources."
            )
        if any(Path(source).suffix.lower() == ".csv" for source in sources):
            raise click.UsageError("A manifest (.csv) is built by itself: name it alone.")
    if not (sources or manifest):
        raise click.UsageError(
            "There is nothing to build: name files or folders of scores, a manifest, or --sample for the bundled "
            "pieces."
        )
    for name, value in (("--root", root or sources), ("--out", out)):
        if not value:
            cure = (
                "name a folder for the dataset"
                if name == "--out"
                else "give the folder of the sources that the manifest lists"
            )
            raise click.UsageError(f"{name} is missing: {cure}.")
    assert out is not None
    if manifest is None:
        gathered = gather(sources, formats)
        return gathered.pieces, gathered.root, Path(out)
    return resources.named_manifest(manifest), collections.tree(root), Path(out)
