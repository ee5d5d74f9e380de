"""The command `msmd align`, which calls `msmdtools.follow.alignment` or `msmdtools.follow.following`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from msmdtools.cli import options
from msmdtools.cli.limits import option as limits_option
from msmdtools.cli.progress import Bar

if TYPE_CHECKING:
    from msmdtools.follow.alignment import Alignment
    from msmdtools.inputs.limits import Limits


@click.command(
    "align", short_help="Follow a recording on its sheet, in a table, picture or player."
)
@click.argument("recording", metavar="AUDIO")
@click.argument("sheet", metavar="PIECE|PAGES")
@click.option(
    "--model",
    metavar="MODEL",
    default="compact-4s",
    show_default=True,
    help="The model to align with: the name of a bundled one, a .safetensors file, or a run of msmd "
    "train.",
)
@click.option(
    "--dataset",
    type=click.Path(path_type=Path),
    help="Take the sheet from this dataset: give the id of a piece instead of PAGES. AUDIO may then be the "
    "name of a performance of it.",
)
@click.option(
    "--print",
    "print_name",
    metavar="NAME",
    help="With --dataset: take this print of the piece (see msmd link), not its engraving.",
)
@click.option(
    "--online",
    is_flag=True,
    help="Follow the recording as if it were being played: use only what was heard so far.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    multiple=True,
    help="The file to write: a table (.csv, .parquet, .json), a picture (.png) or a player (.html). A table "
    "named bars, such as bars.csv or sonata-bars.csv, lists when each bar begins. Repeatable.",
)
@options.device
@limits_option
@click.option("--json", "as_json", is_flag=True, help="Print the table as JSON.")
def command(
    recording: str,
    sheet: str,
    model: str,
    dataset: Path | None,
    print_name: str | None,
    online: bool,
    out: tuple[Path, ...],
    device: str | None,
    limits: "Limits",
    as_json: bool,
) -> None:
    """Find where AUDIO is on its sheet at every moment: page, system and x.

    AUDIO is an audio or MIDI file. PAGES is the sheet: a picture, a PDF or a folder of pictures. With
    --dataset the sheet is a PIECE.

    The last line says how probable it is that AUDIO is a recording of this sheet. If it is probably
    another piece, that is an answer and not an error: the exit code is 0. Parts that are not on the
    sheet, such as applause or other music, are marked in the table and have no cursor in the player.

    With --online, each place is found from what was heard so far, and does not change afterwards. The
    first seconds of music are taken to be on the sheet. Silence before the first sound is noticed at
    once, later silence after three seconds, and other music after some seconds.

    Example: msmd align recording.flac score.pdf -o player.html
    """
    from msmdtools.dataset import reader
    from msmdtools.follow import files, table
    from msmdtools.follow.alignment import align
    from msmdtools.follow.following import follow
    from msmdtools.inputs import apart, pages, recordings
    from msmdtools.models.model import load_model
    from msmdtools.paper.axis import Paged

    files.check(out)
    if print_name is not None and dataset is None:
        raise click.UsageError("--print is for a piece of a dataset: give --dataset, too.")
    seen: Paged
    if dataset is None:
        heard = recordings.of_file(recording, limits)
        seen = apart.read(pages.read_sheet, sheet, None, limits=limits)
    else:
        piece = reader.open(dataset)[sheet]
        seen = piece if print_name is None else piece.prints[print_name]
        if Path(recording).is_file():
            heard = recordings.of_file(recording, limits)
        else:
            heard = recordings.of_performance(piece, recording)
    apart.close()
    for note in getattr(seen, "notes", ()):
        click.echo(f"{sheet}: {note}", err=True)
    loaded = load_model(model, device)
    method = follow if online else align
    with Bar() as bar:
        alignment = method(seen, heard.spectrogram, loaded, bar)
    for path in out:
        files.write(alignment, heard, path)
    if as_json:
        click.echo(json.dumps(table.rows(alignment), indent=1))
        click.echo(_verdict(alignment), err=True)
        return
    click.echo(_summary(alignment))


def _summary(alignment: "Alignment") -> str:
    """Describe each way through a system in a line, then the mean similarity and the verdict."""
    import numpy as np

    page, system, x, _ = alignment.places
    lines = []
    for part in alignment.passages():
        frames = np.flatnonzero(alignment.on_sheet[part])
        if not len(frames):
            continue
        first, last = part.start + int(frames[0]), part.start + int(frames[-1])
        lines.append(
            f"{alignment.second[first]:7.1f} to {alignment.second[last]:.1f} s  page {page[first]} "
            f"system {system[first]} x {x[first]:.0f} to {x[last]:.0f}"
        )
    similarity = f"mean similarity {alignment.similarity.mean():.2f}"
    return "\n".join([*lines, *_of_bars(alignment), similarity, _verdict(alignment)])


def _of_bars(alignment: "Alignment") -> list[str]:
    """Say which bars are played again or skipped; nothing of a picture, whose bars are only guessed."""
    from msmdtools.dataset.reader import DatasetPiece
    from msmdtools.follow import bars

    sheet = alignment.axis.sheet
    if not isinstance(sheet, DatasetPiece) or not sheet.dataset.has_measures:
        return []
    return [remark[0].upper() + remark[1:] for remark in bars.remarks(bars.rows(alignment))]


def _verdict(alignment: "Alignment") -> str:
    """Say whether it is the piece, and which parts of the recording are not on the sheet."""
    import numpy as np

    from msmdtools.search.verdict import LIKELY

    statement = f"probability that this is the piece: {100 * alignment.probability:.0f} %"
    if alignment.probability < LIKELY:
        return f"This is probably not the piece.\n{statement}"
    on_sheet, second = alignment.on_sheet, alignment.second
    edges = np.flatnonzero(np.diff(np.concatenate([[True], on_sheet, [True]]).astype(int)))
    away = [
        f"{second[low]:.1f} to {second[min(high, len(second) - 1)]:.1f} s"
        for low, high in zip(edges[::2], edges[1::2], strict=True)
    ]
    return "\n".join([*([f"not on the sheet: {', '.join(away)}"] if away else []), statement])
