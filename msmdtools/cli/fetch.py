"""The command `msmd fetch`, which downloads collections of music and soundfonts from their publishers."""

from pathlib import Path

import click

from msmdtools.cli.progress import Bar
from msmdtools.sources.repositories import REPOSITORIES, Repository


@click.group("fetch")
def command() -> None:
    """Fetch a collection of music, or soundfonts.

    Example: msmd fetch soundfonts TimGM6mb
    """


def _add(repository: Repository) -> None:
    """Add the command that fetches a collection."""
    name = repository.name
    variable = f"MSMD_{name.upper().replace('-', '_')}_URL"

    @command.command(
        name,
        short_help=f"{repository.title}: {repository.holds}.",
        help=f"Clone the collection {repository.title} at one commit.\n\n"
        f"It has {repository.holds} ({repository.source}); {repository.terms}."
        f"{_where(repository)} The file SOURCE_COMMIT in the folder names the commit, and a later fetch into the "
        f"same folder fetches that commit again.\n\nExample: msmd fetch {name} --out {name}",
    )
    @click.option(
        "--out",
        type=click.Path(path_type=Path),
        default=Path(name),
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
        envvar=variable,
        metavar="URL",
        help="Clone from this address, or from the clone in this folder, instead of from the "
        f"publisher's. The environment variable {variable} does the same.",
    )
    def fetch(out: Path, commit: str | None, url: str | None) -> None:
        from msmdtools.sources import fetch

        with Bar() as bar:
            bar("cloning", 0, 0)
            sha = fetch.fetch(repository, out, commit, url)
        click.echo(f"{repository.title} at commit {sha} -> {out / repository.folder}")
        click.echo(f"{repository.terms[0].upper()}{repository.terms[1:]}.")


def _where(repository: Repository) -> str:
    return f" The sources are in the subfolder {repository.folder}." if repository.folder else ""


for _repository in REPOSITORIES.values():
    _add(_repository)


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
