"""Collections of scores that come with installed packages, by name."""

import importlib.util
from pathlib import Path

from msmdtools.errors import ManifestError

# The package, and the folder in it.
_PACKAGES = {"music21": ("music21", "corpus")}
NAMES = tuple(_PACKAGES)


def tree(name_or_path: str | Path) -> Path:
    """The root of a tree that is given by its path, or by the name of a collection; an existing path comes first.

    Raises:
        ManifestError: the package of the collection is not installed.
    """
    path = Path(name_or_path)
    if str(name_or_path) not in _PACKAGES or path.exists():
        return path
    package, folder = _PACKAGES[str(name_or_path)]
    spec = importlib.util.find_spec(package)  # without importing it, which takes seconds
    places = spec.submodule_search_locations if spec is not None else None
    for place in places or ():
        if (found := Path(place) / folder).is_dir():
            return found
    raise ManifestError(
        f"{name_or_path} is a collection of the Python package {package}, which is not installed, or installed "
        f"without it. Install it with: pip install {package}"
    )
