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
    help="Folder to clone into.",
)
@click.option(
    "--commit",
    show_default="that of an earlier fetch, else the pinned one",
    help="Commit (full sha) or branch to clone; HEAD is the newest commit.",
)
@click.option(
    "--url",
    envvar="MSMD_MUTOPIA_URL",
    help="Clone from here instead of from the Mutopia Project (also MSMD_MUTOPIA_URL).",
)
def mutopia(out: Path, commit: str | None, url: str | None) -> None:
    """Clone the sources of the Mutopia Project at one commit.

    The commit is written to SOURCE_COMMIT in the folder that is cloned into, and a later fetch keeps
    to it. The sources are in the subfolder `ftp`.

    Example: msmd fetch mutopia --out mutopia
    """
    from msmdtools.sources.fetch import MUTOPIA_URL, fetch_mutopia

    with Bar() as bar:
        bar("cloning", 0, 0)
        sha = fetch_mutopia(out, commit, url or MUTOPIA_URL)
    click.echo(f"Mutopia Project at commit {sha} -> {out / 'ftp'}")


@command.command("soundfonts")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    show_default="where msmd looks for them",
    help="Folder to put them into.",
)
def soundfonts(names: tuple[str, ...], out: Path | None) -> None:
    """Fetch soundfonts by their names, and check their content.

    The names are those in soundfonts/registry.toml; an unknown name lists them all.

    Example: msmd fetch soundfonts TimGM6mb MuseScore_General_Lite
    """
    from msmdtools.perform.fetch import fetch_soundfont
    from msmdtools.perform.soundfonts import user_folder

    for name in names:
        with Bar() as bar:
            path = fetch_soundfont(name, out or user_folder(), bar)
        click.echo(f"{name} -> {path}")
