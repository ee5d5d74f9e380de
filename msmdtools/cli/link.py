"""The command `msmd link`, which calls `msmdtools.link.scans`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from msmdtools.cli.limits import option as limits_option
from msmdtools.cli.progress import Bar

if TYPE_CHECKING:
    from msmdtools.inputs.limits import Limits
    from msmdtools.link.scans import Outcome


@click.command("link", short_help="Find the bars and note heads of a piece on a scan of it.")
@click.argument("scans", metavar="SCAN|FOLDER|CSV", type=click.Path(path_type=Path))
@click.option(
    "--dataset",
    type=click.Path(path_type=Path),
    required=True,
    help="The dataset that has the piece.",
)
@click.option("--piece", default="", metavar="ID", help="The piece that the scan shows.")
@click.option(
    "--name",
    default="",
    show_default="the name of its file",
    help="Name of the print, for one scan.",
)
@click.option("--licence", default="", help="Licence of the prints, to be recorded.")
@click.option("--again", is_flag=True, help="Link anew what is linked already.")
@limits_option
@click.option("--json", "as_json", is_flag=True, help="Print the outcomes as JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    scans: Path,
    dataset: Path,
    piece: str,
    name: str,
    licence: str,
    again: bool,
    limits: "Limits",
    as_json: bool,
) -> None:
    """Find the bars and note heads of a piece on a SCAN of it.

    SCAN is a PDF, a picture, or a folder of pictures of another edition of a piece of the dataset. It
    is compared with the piece's engraving, note head by note head, and becomes a print of the piece:
    pages, systems, bars and note heads, each bar and head with a confidence. Pages of other music,
    repeats that are written out, endings and pages that are missing, and a scan upside down are
    noticed. A scan of another piece is refused.

    FOLDER has several scans, each called as its piece, such as ID.first-edition.pdf. CSV lists them:
    its columns are file, piece and, if wanted, name and licence.

    If it is interrupted, run the same command again. If a scan fails, the exit code is 3.

    Example: msmd link scan.pdf --dataset DATASET --piece ID
    """
    from msmdtools.dataset import reader
    from msmdtools.link.scans import FAILED, link_scans, listed

    opened = reader.open(dataset)
    found = listed(scans, opened, piece, name, licence)
    with Bar() as bar:
        outcomes = link_scans(dataset, found, again=again, limits=limits, progress=bar)
    if as_json:
        click.echo(json.dumps([one.to_json() for one in outcomes], indent=1, ensure_ascii=False))
    else:
        click.echo("\n".join(_line(one) for one in outcomes))
    ctx.exit(3 if any(one.status == FAILED for one in outcomes) else 0)


def _line(one: "Outcome") -> str:
    from msmdtools.base.quantities import how_many
    from msmdtools.link.scans import FAILED, THERE

    if one.status == FAILED:
        return f"failed: {one.reason}"
    words = f"{one.scan.piece}, print {one.scan.name}: {how_many(one.bars, 'bar')}"
    words += f", {one.quality:.0%} of their note heads found"
    if one.turned:
        words += "; it was upside down"
    if one.missing:
        words += f"; not on it: bars {_ranges(one.missing)}"
    if one.status == THERE:
        words += " (linked before)"
    return words + (f"\n  {one.reason}" if one.reason else "")


def _ranges(numbers: tuple[int, ...]) -> str:
    """Numbers as a list of ranges: 3, 7 to 12."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(f"{a} to {b}" if b > a else str(a) for a, b in runs)
