"""`msmd align`: a thin shell over `msmdtools.retrieval.alignment` and `following`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from msmdtools.cli.limits import option as limits_option
from msmdtools.cli.progress import Progress

if TYPE_CHECKING:
    from msmdtools.retrieval.alignment import Alignment
    from msmdtools.retrieval.limits import Limits


@click.command(
    "align", short_help="Follow a recording on its sheet, in a table, picture or player."
)
@click.argument("recording", metavar="AUDIO")
@click.argument("sheet", metavar="PIECE|PAGES")
@click.option("--model", default="compact-4s", show_default=True, help="As for msmd eval.")
@click.option(
    "--dataset",
    type=click.Path(path_type=Path),
    help="The sheet is a piece of it, and AUDIO may be the name of a performance of that piece.",
)
@click.option("--online", is_flag=True, help="Tell each place from what was heard before it.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    multiple=True,
    help="A table (.csv, .parquet, .json), a picture (.png) or a player (.html); repeatable.",
)
@click.option("--device", help="Such as cpu or cuda. [default: a GPU if there is one]")
@limits_option
@click.option("--json", "as_json", is_flag=True, help="Print the table as JSON.")
def command(
    recording: str,
    sheet: str,
    model: str,
    dataset: Path | None,
    online: bool,
    out: tuple[Path, ...],
    device: str | None,
    limits: "Limits",
    as_json: bool,
) -> None:
    """Find where AUDIO is on its sheet at every moment: page, system and x.

    AUDIO is an audio or MIDI file; the sheet is a picture or PDF, a folder of pictures, or with
    --dataset a piece.

    Example: msmd align recording.flac score.pdf -o player.html
    """
    from msmdtools.dataset import reader
    from msmdtools.models.model import load_model
    from msmdtools.retrieval import alignment as aligning
    from msmdtools.retrieval import alignment_files, alignment_table, apart, following, pages
    from msmdtools.retrieval import recording as recordings
    from msmdtools.retrieval.windows import Paged

    alignment_files.check(out)
    seen: Paged
    if dataset is None:
        heard = recordings.of_file(recording, limits)
        seen = apart.read(pages.read_sheet, sheet, None, limits=limits)
    else:
        seen = piece = reader.open(dataset)[sheet]
        if Path(recording).is_file():
            heard = recordings.of_file(recording, limits)
        else:
            heard = recordings.of_performance(piece, recording)
    apart.close()
    for note in getattr(seen, "notes", ()):
        click.echo(f"{sheet}: {note}", err=True)
    loaded = load_model(model, device)
    method = following.follow if online else aligning.align
    with Progress() as progress:
        found = method(seen, heard.bands, loaded, progress.update)
    for path in out:
        alignment_files.write(found, heard, path)
    if as_json:
        click.echo(json.dumps(alignment_table.rows(found), indent=1))
        return
    click.echo(_summary(found))


def _summary(found: "Alignment") -> str:
    """A line for each way through a system, and the mean similarity."""
    page, system, x, _ = found.places
    lines = []
    for part in found.passages():
        first, last = part.start, part.stop - 1
        lines.append(
            f"{found.second[first]:7.1f} to {found.second[last]:.1f} s  page {page[first]} "
            f"system {system[first]} x {x[first]:.0f} to {x[last]:.0f}"
        )
    return "\n".join([*lines, f"mean similarity {found.similarity.mean():.2f}"])
