"""The command `msmd index`, which calls `msmdtools.search.update.update`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from msmdtools.base.quantities import first_few, how_many
from msmdtools.cli import options
from msmdtools.cli.limits import option as limits_option
from msmdtools.cli.progress import Bar
from msmdtools.search.options import IndexOptions

if TYPE_CHECKING:
    from msmdtools.inputs.limits import Limits


@click.command("index", short_help="Index sheets and recordings for search.")
@click.argument("source", type=click.Path(), required=False)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="The folder of the index, created if needed.",
)
@click.option("--pieces", metavar="ID,…", show_default="all of SOURCE", help="The pieces to add.")
@click.option(
    "--performances",
    metavar="NAME,…",
    show_default="all",
    help='The performances of a dataset whose recordings are added; "" adds sheets only.',
)
@click.option(
    "--remove", metavar="ID,…", help="Pieces to remove from the index, before any are added."
)
@options.of(IndexOptions)
@click.option(
    "--exclude-seen",
    is_flag=True,
    help="Leave out the pieces of a dataset that the model was trained or validated on, and others "
    "with the same music.",
)
@options.device
@limits_option
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    source: str | None,
    out: Path,
    pieces: str | None,
    performances: str | None,
    remove: str | None,
    exclude_seen: bool,
    device: str | None,
    limits: "Limits",
    as_json: bool,
    **_: Any,
) -> None:
    """Embed windows of sheets and recordings and keep them in an index for msmd search.

    SOURCE is a dataset, or a plain folder with pictures or PDFs of sheets and audio files. If the
    index exists, SOURCE is added to it, and the pieces that it has stay as they are. If the command
    is interrupted, run it again: it continues where it stopped. Without SOURCE,
    the command only removes the pieces of --remove.

    Example: msmd index msmd --out msmd.index
    """
    if source is None and remove is None:
        raise click.UsageError("Give a SOURCE to add, or pieces to --remove.")
    index_options = IndexOptions(**options.specified(ctx, IndexOptions))
    from msmdtools.base import failures
    from msmdtools.base.failures import Failure
    from msmdtools.models.model import load_model
    from msmdtools.search import index, sources, update

    items = []
    if source is not None:
        items = sources.items(source, _names(pieces), _names(performances), limits)
    weights = index_options.model or index.weights_of(out)
    loaded = load_model(weights, device)
    seen = None
    if source is not None and sources.is_dataset(source):
        from msmdtools.dataset import reader
        from msmdtools.models import seen as looked

        named = sorted({item.piece for item in items})
        without, seen = looked.of_dataset(loaded.made, reader.open(source), named, exclude_seen)
        items = [item for item in items if item.piece not in without]
    elif exclude_seen:
        raise click.UsageError("--exclude-seen needs a dataset: the notes of files are unknown.")
    with Bar() as bar:
        change = update.update(
            out,
            items,
            loaded,
            weights,
            remove=_names(remove) or (),
            sheet_stride=index_options.sheet_stride,
            audio_stride=index_options.audio_stride,
            progress=bar,
        )
    if as_json:
        values = {**asdict(change), "seen": seen and seen.to_json()}
        click.echo(json.dumps(values, ensure_ascii=False))
    else:
        click.echo(f"{out}: {change.added} added, {change.removed} removed, {change.kept} kept.")
        for side, windows, how in change.sides:
            click.echo(f"{how_many(windows, f'{side} window')}, searched by: {how}")
        if seen is not None:
            click.echo(seen.to_text())
        if change.incomplete:
            click.echo(_incomplete(change.incomplete), err=True)
        if change.failed:
            names = [Failure(piece, "", message) for piece, _, message in change.failed]
            click.echo(f"{len(names):,} could not be indexed:", err=True)
            click.echo("\n".join(failures.lines(names)), err=True)
    if change.failed:
        ctx.exit(3)


def _incomplete(pieces: tuple[str, ...]) -> str:
    return (
        f"The index lacks sheets or recordings of {how_many(len(pieces), 'piece')} that it kept as before: "
        f"{first_few(pieces, 5)}.\n"
        "To add these, give the same command with --remove and the pieces: they are embedded anew."
    )


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name for name in text.split(",") if name]
