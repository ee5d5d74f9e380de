"""The command `msmd import-msmd`, which calls `msmdtools.export.msmd_import.import_msmd`."""

import json
from pathlib import Path

import click

from msmdtools.cli.progress import Bar

FAILED = 3


@click.command("import-msmd", short_help="Make a dataset of the folders of the original MSMD.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="The dataset to make; new or empty.",
)
@click.option("--pieces", metavar="GLOB", default="*", help="Only pieces whose name matches.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def command(ctx: click.Context, /, folder: Path, out: Path, pieces: str, as_json: bool) -> None:
    """Make a dataset of FOLDER, which has a folder for each piece as the original MSMD has.

    Heads, systems, events and links are those of its files; spectrograms and MIDI files are taken as they
    are. Which head is which event is `annotated` in such a dataset. Pieces that cannot be read are in
    pieces.parquet too, with the reason, and the exit code is 3.

    Example: msmd import-msmd msmd_aug --out original
    """
    from msmdtools.export.msmd_import import import_msmd

    with Bar() as bar:
        imported = import_msmd(folder, out, pieces=pieces, progress=bar)
    if as_json:
        click.echo(json.dumps(imported.to_json(), indent=1, ensure_ascii=False))
    else:
        click.echo(imported.to_text())
    if imported.failures:
        ctx.exit(FAILED)
