"""`msmd validate`: a thin shell over `msmdtools.dataset.validate.validate`."""

import os
from pathlib import Path

import click


@click.command("validate", short_help="Check a dataset from end to end.")
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("--pieces", default="*", metavar="GLOB", help="Only pieces whose id matches.")
@click.option(
    "--jobs",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Worker processes; 0 (default) for one per core.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def command(ctx: click.Context, dataset: Path, pieces: str, jobs: int, as_json: bool) -> None:
    """Read all of DATASET again and check it from end to end.

    Tables, checksums and counts; ink in every note head's box; systems that do not overlap; onsets
    that rise with score time; each played head's event and its pitch; a rise of energy at sampled
    onsets. Prints the findings by piece.

    Exit code 0 when all is well, 3 when there are findings, 1 when DATASET cannot be read.

    Example: msmd validate sample
    """
    from tqdm import tqdm

    from msmdtools.dataset.validate import validate

    # disable=None: no bar where the error stream is no terminal.
    with tqdm(desc="validate", unit="piece", leave=False, disable=None) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        workers = jobs or len(os.sched_getaffinity(0))
        report = validate(dataset, pieces, workers, progress)
    click.echo(report.to_json() if as_json else report.to_text())
    ctx.exit(0 if report.ok else 3)
