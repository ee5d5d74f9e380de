"""The command `msmd search`, which calls `msmdtools.search.search`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from msmdtools.cli import options
from msmdtools.cli.limits import option as limits_option

if TYPE_CHECKING:
    from msmdtools.inputs.limits import Limits


@click.command("search", short_help="Find the piece of a recording or of a sheet, and the place.")
@click.argument("index", type=click.Path())
@click.argument("query")
@click.option(
    "--model",
    metavar="MODEL",
    show_default="where the index says",
    help="Where the model is that the index was made with, if it has moved.",
)
@click.option(
    "--dataset",
    type=click.Path(path_type=Path),
    help="Search with a piece of this dataset: QUERY is its id, not a file.",
)
@click.option(
    "--performance",
    metavar="NAME",
    show_default="the first by name",
    help="With --dataset: the performance of the piece to search with.",
)
@click.option(
    "--by",
    type=click.Choice(["audio", "sheet"]),
    default="audio",
    show_default=True,
    help="With --dataset: search with the recording of the piece, or with its sheet.",
)
@click.option(
    "--page",
    type=click.IntRange(min=1),
    metavar="N",
    show_default="all",
    help="Search with this page of a sheet only; the first is 1.",
)
@click.option(
    "--start",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    default=0.0,
    show_default=True,
    help="Search with the recording from here on.",
)
@click.option(
    "--end",
    type=float,
    metavar="SECONDS",
    show_default="its end",
    help="Search with the recording up to here.",
)
@click.option(
    "--top",
    type=click.IntRange(min=1),
    metavar="N",
    default=10,
    show_default=True,
    help="How many answers to give, at most.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="Draw the query and the best answers, with the places found, into this PNG file.",
)
@options.device
@limits_option
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the answers as JSON, each with the place of every window.",
)
def command(
    index: str,
    query: str,
    model: str | None,
    dataset: Path | None,
    performance: str | None,
    by: str,
    page: int | None,
    start: float,
    end: float | None,
    top: int,
    out: Path | None,
    device: str | None,
    limits: "Limits",
    as_json: bool,
) -> None:
    """Search INDEX for the sheet of a recording, or for the recording of a sheet.

    QUERY is an audio file (WAV, FLAC, OGG or MP3; with ffmpeg any other), a MIDI file, a picture or PDF
    of a sheet, a folder of pictures, or with --dataset a piece.

    Each line is an answer: its rank, its mean similarity, the probability that it is the right piece,
    its name, and the place in it. If no answer is likely, the last line says that the piece is
    probably not in the index; the exit code is 0 all the same.

    Example: msmd search msmd.index recording.flac -o found.png
    """
    if dataset is None and (by == "sheet" or performance is not None):
        raise click.UsageError("--by sheet and --performance need --dataset.")
    if dataset is not None and page is not None and by != "sheet":
        raise click.UsageError("A recording has no pages: give --page with --by sheet.")
    from msmdtools.dataset import reader
    from msmdtools.models.model import load_model
    from msmdtools.search import queries, verdict
    from msmdtools.search.index import open_index, weights_of
    from msmdtools.search.search import search

    opened = open_index(index)
    weights = model or weights_of(index)
    if dataset is None:
        request = queries.of_file(query, start, end, page, limits)
    else:
        piece = reader.open(dataset)[query]
        request = queries.of_piece(piece, by, performance, start, end, page)
    for note in getattr(request.sheet, "notes", ()):
        click.echo(f"{query}: {note}", err=True)
    loaded = load_model(weights, device)
    opened.check(loaded, weights)
    matches = search(opened, request.embed(loaded, opened.description), top)
    if out is not None:
        from msmdtools.search.figure import draw

        draw(opened, request, matches, out)
    if as_json:
        click.echo(json.dumps([asdict(match) for match in matches], indent=1, ensure_ascii=False))
        return
    for match in matches:
        name = " ".join(filter(None, (match.piece, match.performance)))
        likely = f"{100 * match.probability:3.0f} %"
        click.echo(f"{match.rank:3}  {match.score:.3f}  {likely}  {name}  {_place(match.path)}")
    if not any(match.probability >= verdict.LIKELY for match in matches):
        click.echo("Probably not in the index: none of these is likely to be the piece.")


def _place(path: list[dict[str, Any]]) -> str:
    """The beginning and the end of a place in the piece."""
    if "second" in path[0]:
        return f"{path[0]['second']:.1f} to {path[-1]['second']:.1f} s"
    first, last = (
        f"page {p['page']} system {p['system']} x {p['x']:.0f}" for p in (path[0], path[-1])
    )
    return f"{first} to {last}"
