"""The command `msmd validate`, which calls the `validate` functions of `dataset` and `snippets`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from msmdtools.base.processors import Jobs
from msmdtools.cli import options
from msmdtools.cli.progress import Bar

if TYPE_CHECKING:
    from msmdtools.dataset.validate import Report
    from msmdtools.snippets.validate import SnippetReport


@click.command("validate", short_help="Check a dataset or snippets from end to end.")
@click.argument("folder", metavar="DATASET|SNIPPETS", type=click.Path(path_type=Path))
@click.option(
    "--pieces", metavar="GLOB", help="Check only pieces of DATASET whose id matches this pattern."
)
@click.option(
    "--dataset",
    type=click.Path(path_type=Path),
    show_default="where SNIPPETS say",
    help="Where the dataset is that SNIPPETS were cut from, if it has moved.",
)
@options.of(Jobs)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    folder: Path,
    pieces: str | None,
    dataset: Path | None,
    as_json: bool,
    **_: Any,
) -> None:
    """Read all of DATASET or SNIPPETS again and check it from end to end.

    Of a DATASET it checks that tables, checksums and counts are right; that there is ink in the box of
    every note head; that systems do not overlap; that onsets rise with score time; that each played
    head has an event of the same pitch; and that the sound rises at some of the onsets.

    Of SNIPPETS it checks the checksums, columns and counts of all shards, and every picture and
    spectrogram, and it compares some pairs with the dataset that they were cut from.

    The exit code is 0 if all is well, 3 if something is wrong, and 1 if the folder cannot be read.

    Example: msmd validate sample
    """
    workers = Jobs(**options.specified(ctx, Jobs)).workers
    is_snippets = any((folder / name).exists() for name in ("snippets.json", ".export"))
    if is_snippets and pieces:
        raise click.UsageError("--pieces is for a dataset; snippets are checked as a whole.")
    if not is_snippets and dataset:
        raise click.UsageError(f"--dataset is for snippets, and {folder} has no snippets.json.")
    with Bar() as bar:
        report: Report | SnippetReport
        if is_snippets:
            from msmdtools.snippets import validate as of_snippets

            report = of_snippets.validate(folder, dataset, workers, bar)
        else:
            from msmdtools.dataset import validate as of_dataset

            report = of_dataset.validate(folder, pieces or "*", workers, bar)
    click.echo(
        json.dumps(report.to_json(), indent=2, ensure_ascii=False) if as_json else report.to_text()
    )
    ctx.exit(0 if report.ok else 3)
