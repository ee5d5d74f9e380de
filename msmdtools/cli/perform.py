"""The command `msmd perform`, which calls `msmdtools.recorded.add_performances`."""

import json
from pathlib import Path
from typing import Any

import click

from msmdtools.build.perform_options import PerformOptions, parse_options
from msmdtools.cli import options
from msmdtools.cli.progress import Bar

FAILED = 3


@click.command("perform", short_help="Add performances by people to a dataset.")
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option(
    "--from",
    "sources",
    multiple=True,
    required=True,
    metavar="CSV|FOLDER",
    type=click.Path(path_type=Path),
    help="A list of performances, or a folder that has performances.csv or match files; may be given again.",
)
@options.of(PerformOptions)
@click.option(
    "--json", "as_json", is_flag=True, help="Print what was added and what failed as JSON."
)
@click.pass_context
def command(
    ctx: click.Context, /, dataset: Path, sources: tuple[Path, ...], as_json: bool, **_: Any
) -> None:
    """Add performances by people, MIDI files or recordings, to the pieces of DATASET that they are of.

    The list is a CSV file with the columns piece (its id, source file or folder) and file (a MIDI file), and
    perhaps alignment (a match file, an (n)ASAP .tsv or a Parangonada folder with its notes matched to those of
    the score; where there is none, the package parangonar makes one), name and licence. A match file or
    Parangonada folder may also stand for the MIDI file. Each performance is sounded with its own times,
    velocities and pedals.

    A recording (audio, or the sound of a video) becomes a performance with the sound that it has. Its alignment
    is a file of marks, which say when bars or beats sound: a table with the columns second and bar (perhaps
    beat), measure or quarters, beats in the form of ASAP, or a layer of Sonic Visualiser. Where there is none,
    --model aligns it; a recording that is probably of another piece is refused.

    Performances that are there already stay; the same command, given again, continues where it stopped. If some
    fail, the exit code is 3, and attempts.parquet says why.

    Example: msmd perform DATASET --from asap-dataset --soundfonts FluidR3_GM
    """
    from msmdtools.recorded import add_performances

    chosen = parse_options(options.specified(ctx, PerformOptions))
    with Bar() as bar:
        summary = add_performances(dataset, sources, chosen, progress=bar)
    if as_json:
        click.echo(json.dumps(summary.to_json(), indent=1, ensure_ascii=False))
    else:
        click.echo(summary.to_text())
    if summary.failures:
        ctx.exit(FAILED)
