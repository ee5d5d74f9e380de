"""`msmd build`: a thin shell over `msmdtools.build.build.build`."""

import json
from pathlib import Path
from typing import Any

import click

from msmdtools.base import resources
from msmdtools.cli import output
from msmdtools.cli.progress import Progress

FAILED = 3


@click.command("build", short_help="Build a dataset from a manifest.")
@click.option(
    "--manifest",
    type=click.Path(),
    help="The list of pieces: a CSV file, or the name of a bundled one, such as msmd-v1.1.",
)
@click.option("--root", type=click.Path(), help="The source tree that the manifest was made from.")
@click.option("--out", type=click.Path(), help="The dataset folder; created if needed.")
@click.option("--sample", is_flag=True, default=None, help="Build the bundled pieces.")
@click.option("--pieces", metavar="GLOB", help="Only pieces whose id matches. [default: *]")
@click.option(
    "--tempi",
    metavar="LIST",
    help="Speeds, 1.0 being as written, such as 0.9,1.0,1.1. [default: 1.0]",
)
@click.option(
    "--soundfonts",
    metavar="NAME[:PROGRAM],…",
    help="Names in the registry, or .sf2 files. [default: the first font installed]",
)
@click.option("--width", type=int, help="Width of page images in pixels. [default: 835]")
@click.option("--keep-audio", is_flag=True, default=None, help="Keep the audio as FLAC.")
@click.option("--velocity", metavar="N|source", help="MIDI velocity of all notes. [default: 64]")
@click.option(
    "--instruments",
    type=click.Choice(["piano", "source"]),
    help="Play all parts with the program of --soundfonts, or each with its own. [default: piano]",
)
@click.option(
    "--repeats",
    type=click.Choice(["written", "unfolded"]),
    help="Play the page once, or repeats as a musician would. [default: written]",
)
@click.option(
    "--transpose",
    type=int,
    metavar="SEMITONES",
    help="Engrave and play everything this much higher.",
)
@click.option("--jobs", type=int, help="Worker processes. [default: one per core]")
@click.option(
    "--timeout", type=float, help="Time limit for engraving one piece, in seconds. [default: 600]"
)
@click.option("--memory", metavar="SIZE", help="Memory limit for the engraver. [default: 4G]")
@click.option("--retry-failed", is_flag=True, default=None, help="Try failed pieces again.")
@click.option(
    "--lilypond", type=click.Path(), help="Engrave with this lilypond. [default: msmdtools' own]"
)
@click.option(
    "--engine", type=click.Path(), help="A second lilypond to try when the first one crashes."
)
@click.option(
    "--upgrade",
    type=click.Choice(["auto", "never"]),
    help="Convert sources that were written for an older LilyPond, or use all as they are. [default: auto]",
)
@click.option("--sandbox/--no-sandbox", default=None, help="Run the engraver in bubblewrap.")
@click.option("--config", type=click.Path(), help="A TOML file that sets these options by name.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.pass_context
def command(ctx: click.Context, config: str | None, as_json: bool, **given: Any) -> None:
    """Build a dataset from a manifest.

    If it is interrupted, give the same command again: it goes on where it stopped. Pieces that fail
    are in pieces.parquet too, with the reason, and the exit code is 3.

    Example: msmd build --sample --out sample
    """
    from msmdtools.build.build import build
    from msmdtools.build.options import parse_options, read_config
    from msmdtools.build.summary import format_summary

    values = read_config(Path(config)) if config else {}
    values |= {name: value for name, value in given.items() if value is not None}
    manifest, root, out = _places(values)
    options = parse_options(values)
    with Progress() as progress:

        def tell(done: int, failed: int, total: int) -> None:
            progress.update("pieces", done, total, f"{failed:,} failed" if failed else "")

        summary = build(
            manifest,
            root,
            out,
            options,
            progress=tell,
            warn=output.warn,
        )
    if as_json:
        click.echo(json.dumps(summary.to_json(), indent=1, ensure_ascii=False))
    else:
        click.echo(format_summary(summary))
    if summary.failed or summary.lacking:
        ctx.exit(FAILED)


def _places(values: dict[str, Any]) -> tuple[Path, Path, Path]:
    """Take manifest, root and out from the options; --sample stands for the first two."""
    sample = values.pop("sample", False)
    manifest, root, out = (values.pop(name, None) for name in ("manifest", "root", "out"))
    if sample:
        if manifest or root:
            raise click.UsageError("--sample stands for --manifest and --root: leave them out.")
        manifest, root = resources.manifest("sample"), resources.pieces()
    for name, value in (("--manifest", manifest), ("--root", root), ("--out", out)):
        if not value:
            cure = "" if name == "--out" else " (or --sample for the bundled pieces)"
            raise click.UsageError(f"{name} is missing{cure}.")
    return resources.named_manifest(manifest), Path(root), Path(out)
