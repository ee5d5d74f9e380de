"""`msmd eval`: a thin shell over `msmdtools.evaluation.retrieval.evaluate`."""

import json
from pathlib import Path

import click

from msmdtools.cli.progress import Bars

DIRECTIONS = ("audio-to-sheet", "sheet-to-audio")


@click.command("eval", short_help="Measure how well a model finds sheet by sound and back.")
@click.argument("model")
@click.argument("snippets", type=click.Path())
@click.option("--split", default="test", show_default=True, help="train, valid or test.")
@click.option(
    "--candidates",
    type=int,
    default=10_000,
    show_default=True,
    help="How many, evenly spaced over the split's onsets.",
)
@click.option(
    "--direction",
    type=click.Choice(["both", *DIRECTIONS]),
    default="both",
    show_default=True,
    help="What is asked for with what.",
)
@click.option("--performance", metavar="P", help="Of all pieces; default: the first of each.")
@click.option("--robustness", is_flag=True, help="Measure with other gain and added noise too.")
@click.option(
    "--dataset",
    type=click.Path(path_type=Path),
    help="With --robustness: where the snippets are from, to perform pieces again at other tempi, "
    "with other soundfonts, and tuned higher and lower.",
)
@click.option(
    "--robustness-candidates",
    type=int,
    metavar="N",
    default=2000,
    show_default=True,
    help="How many for it.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the intervals' draws.")
@click.option("--device", help="Such as cpu or cuda. [default: a GPU if there is one]")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="A folder for a report with pictures."
)
def command(
    model: str,
    snippets: str,
    split: str,
    candidates: int,
    direction: str,
    performance: str | None,
    robustness: bool,
    dataset: Path | None,
    robustness_candidates: int,
    seed: int,
    device: str | None,
    as_json: bool,
    out: Path | None,
) -> None:
    """Measure how well MODEL finds sheet music by sound, and sound by sheet music, in SNIPPETS.

    MODEL is the name of a bundled model, a .safetensors file, or a run of msmd train. The figures
    are those of the literature: every candidate is a query, and has one right answer.

    Example: msmd eval compact-4s snippets -o report
    """
    if dataset is not None and not robustness:
        raise click.UsageError("--dataset is for --robustness; give both.")
    from msmdtools.evaluation import candidates as pool
    from msmdtools.evaluation import report, retrieval
    from msmdtools.evaluation import robustness as other
    from msmdtools.models.model import load_model
    from msmdtools.snippets import reader

    opened = reader.open(snippets)
    opened[split]  # before the model is loaded, which takes longer
    loaded = load_model(model, device)
    chosen = pool.choose(opened, split, candidates, performance)
    directions = DIRECTIONS if direction == "both" else (direction,)
    with Bars() as bars:
        found = retrieval.evaluate(loaded, chosen, directions, seed=seed, progress=bars.update)
        outcomes = []
        if robustness:
            fewer = pool.choose(opened, split, robustness_candidates, performance)
            outcomes = other.evaluate(loaded, fewer, dataset, directions, progress=bars.update)
    if out is not None:
        report.write(out, loaded, found, outcomes)
    if as_json:
        click.echo(json.dumps(report.to_json(found, outcomes), indent=1, ensure_ascii=False))
        return
    click.echo(report.to_text(found, outcomes))
    if out is not None:
        click.echo(f"\nThe report is in {out}: results.md, results.json, by_piece.csv, pictures.")
