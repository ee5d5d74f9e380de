"""`msmd eval`: a model measured at one of several tasks, each of which has a shell of its own.

A task's shell is a module with a function `run`. It gets the model's name, the folder, the
progress, the options that all tasks have and its own, and returns the figures as plain values and
as text, and the names of the files that it has written into the folder of `--out`.
"""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from msmdtools.cli.progress import Progress

DIRECTIONS = ("audio-to-sheet", "sheet-to-audio")

_PIECES = ("directions", "index", "distractors", "excerpts", "tempi")
# The tasks with their shells and the options that not all tasks have.
TASKS = {
    "snippets": (
        "msmdtools.cli.eval_snippets",
        ("candidates", "directions", "robustness", "dataset", "robustness_candidates"),
    ),
    "pieces": ("msmdtools.cli.eval_pieces", _PIECES),
    "position": ("msmdtools.cli.eval_position", _PIECES),
    "alignment": ("msmdtools.cli.eval_alignment", ("tempi",)),
    "following": ("msmdtools.cli.eval_following", ("tempi",)),
}
COMMON = ("split", "performance", "seed", "device", "out", "exclude_seen")


def _directions(_: click.Context, __: click.Parameter, value: str) -> tuple[str, ...]:
    return DIRECTIONS if value == "both" else (value,)


@click.command("eval", short_help="Measure how well a model finds sheet by sound and back.")
@click.argument("model")
@click.argument("folder", metavar="SNIPPETS|DATASET", type=click.Path())
@click.option(
    "--task",
    type=click.Choice(list(TASKS)),
    default="snippets",
    show_default=True,
    help="What is measured; see below.",
)
@click.option(
    "--split",
    metavar="S",
    help="Of SNIPPETS: train, valid or test. [default: test] Of a DATASET: CSV:COLUMN:PART, such as "
    "manifests/msmd-v1.1.csv:all_split:test. [default: all pieces]",
)
@click.option(
    "--candidates",
    type=int,
    default=10_000,
    show_default=True,
    help="How many, evenly spaced over the split's onsets.",
)
@click.option(
    "--direction",
    "directions",
    type=click.Choice(["both", *DIRECTIONS]),
    default="both",
    show_default=True,
    callback=_directions,
    help="What is asked for with what.",
)
@click.option("--performance", metavar="P", help="Of all pieces; default: one of each.")
@click.option(
    "--exclude-seen",
    is_flag=True,
    help="Leave out the pieces that the model was trained or validated on, by their ids or music.",
)
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
@click.option(
    "--index",
    type=click.Path(path_type=Path),
    help="Pieces, position: an index of msmd index to take embeddings from and to add them to.",
)
@click.option(
    "--distractors",
    metavar="DATASET",
    multiple=True,
    type=click.Path(),
    help="Pieces, position: all other pieces of it are candidates too; repeatable.",
)
@click.option(
    "--excerpts",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="Pieces, position: how many of each length and piece.",
)
@click.option(
    "--tempi",
    metavar="N,…",
    help="Not snippets: speeds at which pieces are performed again and measured too, such as "
    "0.5,0.67,0.8,1.25,1.5,2.0.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of all that is drawn.")
@click.option("--device", help="Such as cpu or cuda. [default: a GPU if there is one]")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="A folder for a report with pictures."
)
@click.pass_context
def command(
    ctx: click.Context, model: str, folder: str, task: str, as_json: bool, **options: Any
) -> None:
    """Measure how well MODEL finds sheet music by sound, and sound by sheet music.

    MODEL is the name of a bundled model, a .safetensors file, or a run of msmd train.

    --task snippets: windows of SNIPPETS, as in the literature: every candidate is a query, and has
    one right answer.

    --task pieces: whole pieces of DATASET and excerpts of them, which are looked for among all.

    --task position: where in its piece an excerpt begins.

    --task alignment, following: how exactly a recording is followed on its sheet, with all of it or
    with what was heard before.

    Example: msmd eval compact-4s snippets -o report
    """
    shell, own = TASKS[task]
    for parameter in ctx.command.params:
        name = str(parameter.name)
        others = [other for other, (_, names) in TASKS.items() if name in names]
        given = ctx.get_parameter_source(name) is not ParameterSource.DEFAULT
        if given and others and name not in own:
            raise click.UsageError(f"{parameter.opts[0]} is for --task {' or '.join(others)}.")
    asked = {name: options[name] for name in (*COMMON, *own)}
    if asked["out"] is not None:
        from msmdtools.evaluation.folder import check

        check(asked["out"])
    with Progress() as progress:
        values, text, written = import_module(shell).run(model, folder, progress, **asked)
    if as_json:
        click.echo(json.dumps(values, indent=1, ensure_ascii=False))
        return
    click.echo(text)
    if written:
        click.echo(f"\nThe report is in {asked['out']}: {', '.join(written)}.")
