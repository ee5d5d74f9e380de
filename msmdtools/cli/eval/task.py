"""Arguments, options and output that all tasks of `msmd eval` share."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from msmdtools.cli.options import device, together

DIRECTIONS = ("audio-to-sheet", "sheet-to-audio")

# The result of a task: its figures as plain values and as text, and the names of the files that it
# wrote into the folder of --out.
Outcome = tuple[Mapping[str, Any], str, Sequence[str]]


# The options that every task has.
options = together(
    click.option(
        "--exclude-seen",
        is_flag=True,
        help="Leave out the pieces that the model was trained or validated on, and others with the "
        "same music.",
    ),
    click.option(
        "--seed", type=int, default=0, show_default=True, help="Seed of all random choices."
    ),
    device,
    click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON."),
    click.option(
        "-o",
        "--out",
        type=click.Path(path_type=Path),
        help="Write a report with pictures into this folder, which must be new, empty, or an earlier "
        "report's.",
    ),
)


def direction(command: Any) -> Any:
    """Add the option --direction: the parameter `directions`."""
    return click.option(
        "--direction",
        "directions",
        type=click.Choice(["both", *DIRECTIONS]),
        default="both",
        show_default=True,
        callback=lambda _, __, value: DIRECTIONS if value == "both" else (value,),
        help="Search for sheets by audio, for audio by sheets, or measure both.",
    )(command)


def split_of_dataset(command: Any) -> Any:
    """Add the option --split of the tasks that take a dataset."""
    return click.option(
        "--split",
        metavar="CSV:COLUMN:PART",
        show_default="all pieces",
        help="Measure only the pieces in this part of a split: a CSV file, its column, and train, valid or "
        "test, such as manifests/msmd-v1.1.csv:all_split:test.",
    )(command)


def performance(default: str) -> Callable[[Any], Any]:
    """Make the option --performance; the default in words says which one is taken without it."""
    return click.option(
        "--performance",
        metavar="NAME",
        show_default=default,
        help="The performance of each piece to take, such as FluidR3_GM-000_x1.00, or a pattern of names, "
        'of which the first is taken, such as "*_FluidR3_GM-000" for what people played.',
    )


def performance_of_dataset(command: Any) -> Any:
    """Add the option --performance of the tasks that take a dataset."""
    return performance(
        "one whose soundfont is meant for this part of the split, at the tempo nearest to 1"
    )(command)


def tempi(command: Any) -> Any:
    """Add the option --tempi: a list of speeds."""
    return click.option(
        "--tempi",
        metavar="N,…",
        callback=lambda _, __, value: _numbers(value),
        show_default="none",
        help="Perform the pieces again at these speeds, too, and measure each: such as 0.5,0.8,1.25,2.0 "
        "(2.0 is twice as fast).",
    )(command)


def check_folder(out: Path | None) -> None:
    """Check that a report can be written there, before anything is measured."""
    if out is not None:
        from msmdtools.evaluation.folder import check

        check(out)


def give_out(outcome: Outcome, out: Path | None, as_json: bool) -> None:
    """Print the figures, as text or as JSON.

    Args:
        outcome: the result of the task.
        out: the folder of the report; None without one.
        as_json: whether to print JSON.
    """
    values, text, written = outcome
    if as_json:
        click.echo(json.dumps(values, indent=1, ensure_ascii=False))
        return
    click.echo(text)
    if written:
        click.echo(f"\nThe report is in {out}: {', '.join(written)}.")


def _numbers(text: str | None) -> list[float]:
    try:
        return [float(number) for number in (text or "").split(",") if number]
    except ValueError as error:
        raise click.UsageError(f"--tempi is {text}; give speeds such as 0.5,2.0.") from error
