"""The command `msmd fetch`, which downloads the Mutopia Project and soundfonts from their publishers."""

from pathlib import Path

import click

from msmdtools.cli.progress import Bar


@click.group("fetch")
def command() -> None:
    """Fetch the Mutopia Project or soundfonts.

    Example: msmd fetch soundfonts TimGM6mb
    """


@command.command("mutopia")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("mutopia"),
    show_default=True,
    help="The folder to clone into.",
)
@click.option(
    "--commit",
    metavar="SHA|BRANCH",
    show_default="that of an earlier fetch, or else the one that msmdtools was tested with",
    help="The commit to clone: its full SHA, the name of a branch, or HEAD for the newest.",
)
@click.option(
    "--url",
    envvar="MSMD_MUTOPIA_URL",
    metavar="URL",
    help="Clone from this address instead of from the Mutopia Project's. The environment variable "
    "MSMD_MUTOPIA_URL does the same.",
)
def mutopia(out: Path, commit: str | None, url: str | None) -> None:
    """Clone the sources of the Mutopia Project at one commit.

    The sources are in the subfolder `ftp`. The file SOURCE_COMMIT in the folder names the commit, and a
    later fetch into the same folder fetches that commit again.

    Example: msmd fetch mutopia --out mutopia
    """
    from msmdtools.sources.fetch import MUTOPIA_URL, fetch_mutopia

    with Bar() as bar:
        bar("cloning", 0, 0)
        sha = fetch_mutopia(out, commit, url or MUTOPIA_URL)
    click.echo(f"Mutopia Project at commit {sha} -> {out / 'ftp'}")


def _soundfonts_help() -> str:
    from msmdtools.perform.soundfonts import registry

    return (
        "Fetch soundfonts by their names, and check their content.\n\n"
        f"The names are {', '.join(registry())}.\n\n"
        "Example: msmd fetch soundfonts TimGM6mb MuseScore_General_Lite"
    )


@command.command("soundfonts", help=_soundfonts_help())
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    show_default="~/.local/share/msmdtools/soundfonts, where msmd looks for them",
    help="The folder to put them into.",
)
def soundfonts(names: tuple[str, ...], out: Path | None) -> None:
    """Fetch soundfonts. Users read `_soundfonts_help` instead, which lists the names."""
    from msmdtools.perform.fetch import fetch_soundfont
    from msmdtools.perform.soundfonts import user_folder

    for name in names:
        with Bar() as bar:
            path = fetch_soundfont(name, out or user_folder(), bar)
        click.echo(f"{name} -> {path}")
