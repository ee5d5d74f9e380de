"""The command `msmd export`, which calls `msmdtools.export.export.export`."""

import json
from pathlib import Path

import click

from msmdtools.cli.progress import Bar

# Those of `msmdtools.export.export`, which this module does not load for the sake of --help.
FORMATS = ("coco", "yolo", "mung", "msmd", "omr")


@click.command("export", short_help="Export a dataset as COCO, YOLO, MuNG, MSMD or for OMR.")
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(FORMATS), required=True, help="The format.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="The folder to make; new or empty.",
)
@click.option("--pieces", metavar="GLOB", default="*", help="Only pieces whose id matches.")
@click.option(
    "--split",
    metavar="CSV:COLUMN",
    help="Only pieces of this split, each with its part: train, valid or test.",
)
@click.option("--missing-ok", is_flag=True, help="The split may name pieces that DATASET lacks.")
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    help="The folder of the sources, from which omr takes the encodings.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
def command(
    dataset: Path,
    form: str,
    out: Path,
    pieces: str,
    split: str | None,
    missing_ok: bool,
    root: Path | None,
    as_json: bool,
) -> None:
    """Write the pages of DATASET, and what is known of them, in another format.

    coco: pages, and a JSON file with boxes of note heads, staves, systems and bars. yolo: the same
    boxes as Ultralytics' YOLO reads them. mung: Music Notation Graphs, one file a page. msmd: the
    folders of the original MSMD, with its graphs, MIDI files and spectrograms. omr: Parquet files with
    the picture of each page and of each system, and its encoding if the source has one.

    docs/formats.md says what each format holds, and shows how it is read.

    Example: msmd export sample --format coco --out sample-coco
    """
    from msmdtools.export.export import export

    with Bar() as bar:
        exported = export(
            dataset,
            out,
            form,
            pieces=pieces,
            split=split,
            missing_ok=missing_ok,
            root=root,
            progress=bar,
        )
    if as_json:
        click.echo(json.dumps(exported.to_json(), indent=1, ensure_ascii=False))
    else:
        click.echo(exported.to_text())
