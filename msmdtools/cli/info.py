"""The command `msmd info`, which calls `msmdtools.info.describe`."""

import json

import click


@click.command("info", short_help="Describe a dataset, snippets, index, run, weights or manifest.")
@click.argument("path_or_name", metavar="THING")
@click.option("--json", "as_json", is_flag=True, help="Print the description as JSON.")
def command(path_or_name: str, as_json: bool) -> None:
    """Describe THING: what it is, what it holds, how it was made, and whether it is finished.

    THING is a dataset, snippets, an index, a training run, weights (a .safetensors file, or the name
    of a bundled model) or a manifest (a CSV file, or the name of a bundled one).

    Example: msmd info compact-4s
    """
    from msmdtools.info import describe

    facts = describe(path_or_name)
    click.echo(
        json.dumps(facts.to_json(), indent=1, ensure_ascii=False) if as_json else facts.to_text()
    )
