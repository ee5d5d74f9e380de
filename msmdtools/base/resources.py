"""Find the package's data files, in a checkout and in an installed wheel.

A wheel carries `soundfonts/registry.toml` and `manifests/` inside the package, as `data/` (see
pyproject.toml); a checkout keeps them at its top level, beside the package.
"""

from pathlib import Path

from msmdtools.errors import MsmdError

PACKAGE = Path(__file__).resolve().parents[1]


def soundfont_registry() -> Path:
    """Path of the soundfont registry, a TOML file.

    Raises:
        MsmdError: the installation lacks it.
    """
    return _find("soundfonts/registry.toml")


def manifests() -> Path:
    """Path of the folder of the manifests that come with the package.

    Raises:
        MsmdError: the installation lacks it.
    """
    return _find("manifests")


def manifest(name: str) -> Path:
    """Path of a manifest that comes with the package, by its name without ".csv", such as "sample".

    Raises:
        MsmdError: there is none of that name; the message lists the names.
    """
    folder = manifests()
    path = folder / f"{name}.csv"
    if not path.is_file():
        names = ", ".join(sorted(p.stem for p in folder.glob("*.csv"))) or "none"
        raise MsmdError(f"No manifest named {name!r} comes with msmdtools (there are: {names}).")
    return path


def named_manifest(name_or_path: str | Path) -> Path:
    """Path of a manifest that is given by its path, or by the name of a bundled one, such as "msmd-v1.1".

    A name has no folder and no ".csv"; an existing file of that name comes first.

    Raises:
        MsmdError: there is none of that name.
    """
    path = Path(name_or_path)
    is_name = path.name == str(name_or_path) and path.suffix.lower() != ".csv"
    return manifest(path.name) if is_name and not path.exists() else path


def pieces() -> Path:
    """The bundled pieces: the root of a source tree laid out as Mutopia's."""
    return PACKAGE / "pieces"


def _find(name: str) -> Path:
    for path in (PACKAGE / "data" / name, PACKAGE.parent / name):
        if path.exists():
            return path
    raise MsmdError(
        f"{PACKAGE / 'data' / name} is missing: this installation of msmdtools is incomplete; "
        "install it again from where you have it."
    )
