"""The command `msmd eval snippets`, which calls `msmdtools.evaluation.snippets.retrieval.evaluate_snippets`."""

from dataclasses import replace
from pathlib import Path

import click

from msmdtools.cli.eval import task
from msmdtools.cli.progress import Bar


@click.command(
    "snippets", short_help="Find the sheet window of an audio window among many, and back."
)
@click.argument("model")
@click.argument("folder", metavar="SNIPPETS", type=click.Path())
@click.option(
    "--split",
    metavar="NAME",
    default="test",
    show_default=True,
    help="The split to take the windows from: train, valid or test.",
)
@click.option(
    "--candidates",
    type=int,
    metavar="N",
    default=10_000,
    show_default=True,
    help="How many windows to search among. They are spread evenly over the onsets of the split.",
)
@task.direction
@click.option(
    "--robustness", is_flag=True, help="Measure with louder, softer and noisy audio, too."
)
@click.option(
    "--dataset",
    type=click.Path(path_type=Path),
    help="With --robustness: the dataset that the snippets were cut from, to measure at other tempi, with "
    "other soundfonts, and tuned higher and lower, too.",
)
@click.option(
    "--robustness-candidates",
    type=int,
    metavar="N",
    default=2000,
    show_default=True,
    help="With --robustness: how many windows to search among.",
)
@task.performance("the first by name of each piece")
@task.options
def command(
    model: str,
    folder: str,
    split: str,
    candidates: int,
    directions: tuple[str, ...],
    robustness: bool,
    dataset: Path | None,
    robustness_candidates: int,
    performance: str | None,
    exclude_seen: bool,
    seed: int,
    device: str | None,
    as_json: bool,
    out: Path | None,
) -> None:
    """Measure how well MODEL finds windows of SNIPPETS, as in the literature.

    Each audio window is searched for among the sheet windows, of which exactly one is the right answer;
    then the other way round.

    MODEL is the name of a bundled model, a .safetensors file, or a run of msmd train.

    Example: msmd eval snippets compact-4s snippets -o report
    """
    if dataset is not None and not robustness:
        raise click.UsageError("--dataset is for --robustness; give both.")
    task.check_folder(out)
    from msmdtools.evaluation.snippets import report
    from msmdtools.evaluation.snippets.candidates import choose_candidates
    from msmdtools.evaluation.snippets.retrieval import evaluate_snippets
    from msmdtools.evaluation.snippets.robustness import evaluate_robustness
    from msmdtools.models import seen as looked
    from msmdtools.models.model import load_model
    from msmdtools.snippets import reader

    opened = reader.open(folder)
    opened[split]  # so that a missing split is an error before the model is loaded, not after
    with Bar() as bar:
        loaded = load_model(model, device)
        without, seen = looked.of_split(loaded.made, opened, split, exclude_seen)
        chosen = replace(
            choose_candidates(opened, split, candidates, performance, without), seen=seen
        )
        results = evaluate_snippets(loaded, chosen, directions, seed=seed, progress=bar)
        outcomes = []
        if robustness:
            fewer = choose_candidates(opened, split, robustness_candidates, performance, without)
            outcomes = evaluate_robustness(loaded, fewer, dataset, directions, progress=bar)
        written = []
        if out is not None:
            report.write(out, loaded, results, outcomes)
            written = ["results.md", "results.json", "by_piece.csv", "pictures"]
    figures = report.to_json(results, outcomes), report.to_text(results, outcomes), written
    task.give_out(figures, out, as_json)
