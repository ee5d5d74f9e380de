"""`msmd index`: a thin shell over `msmdtools.retrieval.index.update`."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from msmdtools.cli.progress import Bars


@click.command("index", short_help="Index the sheets and recordings of a dataset for search.")
@click.argument("dataset", type=click.Path(), required=False)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The index.")
@click.option("--model", required=True, help="A bundled model, a .safetensors file, or a run.")
@click.option("--pieces", metavar="P,…", help="Which to add; default: all of the dataset.")
@click.option(
    "--performances",
    metavar="P,…",
    help='Whose recordings to add; default: all of each piece; "" for none.',
)
@click.option("--remove", metavar="P,…", help="Pieces to remove from the index first.")
@click.option(
    "--sheet-stride", type=int, default=50, show_default=True, help="px between sheet windows."
)
@click.option(
    "--audio-stride", type=float, default=0.5, show_default=True, help="s between audio windows."
)
@click.option("--device", help="Such as cpu or cuda. [default: a GPU if there is one]")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def command(
    dataset: str | None,
    out: Path,
    model: str,
    pieces: str | None,
    performances: str | None,
    remove: str | None,
    sheet_stride: int,
    audio_stride: float,
    device: str | None,
    as_json: bool,
) -> None:
    """Embed windows of all sheets and recordings of DATASET and keep them in an index for msmd search.

    An index that is there already is added to: pieces that it has stay as they are. Without DATASET,
    pieces are only removed.

    Example: msmd index msmd --out msmd.index --model compact-4s
    """
    if dataset is None and remove is None:
        raise click.UsageError("Give a DATASET to add, or pieces to --remove.")
    from msmdtools.dataset import reader
    from msmdtools.models.model import load_model
    from msmdtools.retrieval import index

    opened = None if dataset is None else reader.open(dataset)
    loaded = load_model(model, device)
    with Bars() as bars:
        change = index.update(
            out,
            opened,
            loaded,
            model,
            pieces=_names(pieces),
            remove=_names(remove) or (),
            performances=_names(performances),
            sheet_stride=sheet_stride,
            audio_stride=audio_stride,
            progress=bars.update,
        )
    if as_json:
        click.echo(json.dumps(asdict(change)))
        return
    click.echo(f"{out}: {change.added} added, {change.removed} removed, {change.kept} kept.")


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name for name in text.split(",") if name]
