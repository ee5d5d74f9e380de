"""`msmd fetch`: the Mutopia Project and soundfonts from where they are published."""

import sys
from pathlib import Path

import click


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
    help="Commit (full sha) or branch (HEAD: the newest); by default that of an earlier fetch, else"
    " the pinned one.",
)
@click.option(
    "--url",
    envvar="MSMD_MUTOPIA_URL",
    help="Clone from here instead of from the Mutopia Project (also MSMD_MUTOPIA_URL).",
)
def mutopia(out: Path, commit: str | None, url: str | None) -> None:
    """Clone the sources of the Mutopia Project at one commit.

    The commit is written to SOURCE_COMMIT in the folder, and a later fetch keeps to it. The sources
    are in its folder `ftp`.

    Example: msmd fetch mutopia --out mutopia
    """
    from msmdtools.sources.fetch import MUTOPIA_URL, fetch_mutopia

    sha = fetch_mutopia(out, commit, url or MUTOPIA_URL)
    click.echo(f"Mutopia Project at commit {sha} -> {out / 'ftp'}")


@command.command("soundfonts")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder to put them into; by default where msmd looks for them.",
)
def soundfonts(names: tuple[str, ...], out: Path | None) -> None:
    """Fetch soundfonts by their name in the registry, and check their content.

    Example: msmd fetch soundfonts TimGM6mb MuseScore_General_Lite
    """
    from msmdtools.perform.fetch import fetch_soundfont
    from msmdtools.perform.soundfonts import user_folder

    def progress(done: int, total: int) -> None:
        if sys.stderr.isatty():
            of = f" of {total / 1e6:.1f}" if total else ""
            click.echo(f"\r{name}: {done / 1e6:.1f}{of} MB", nl=False, err=True)

    for name in names:
        path = fetch_soundfont(name, out or user_folder(), progress)
        if sys.stderr.isatty():
            click.echo("\r", nl=False, err=True)
        click.echo(f"{name} -> {path}")
