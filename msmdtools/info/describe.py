"""Tell what kind of file or folder a path or name stands for, and describe it."""

from pathlib import Path

from msmdtools.base import resources
from msmdtools.errors import MsmdError
from msmdtools.info import data, learned
from msmdtools.info.facts import Facts


def describe(path_or_name: str | Path) -> Facts:
    """Describe a file or folder of msmdtools: what it is, and what it holds.

    Args:
        path_or_name: a dataset, snippets, an index, a training run, weights (a file, or the name of a
            bundled model) or a manifest (a file, or the name of a bundled one).

    Raises:
        MsmdError: there is no such file or folder, it is of another kind, or it is damaged.
    """
    path = Path(path_or_name)
    if path.is_dir():
        return _folder(path)
    if path.suffix == ".safetensors" or str(path_or_name) in learned.bundled():
        return learned.weights(str(path_or_name))
    if path.suffix.lower() == ".csv" or (not path.exists() and path.name in _manifests()):
        return data.manifest(str(path_or_name))
    if not path.exists():
        names = ", ".join([*learned.bundled(), *_manifests()])
        raise MsmdError(
            f"{path_or_name}: no such file or folder, and no bundled model or manifest has this name ({names})"
        )
    raise MsmdError(f"{path}: {_KINDS}; this is a file of another kind")


_KINDS = (
    "msmd info describes a dataset, snippets, an index, a training run, weights (.safetensors or a "
    "bundled model's name) and a manifest (.csv or its name)"
)
# Files of which a folder of each kind has at least one; the first kind that fits counts.
_MARKS = (
    (("snippets.json", ".export"), data.snippets),
    (("index.json",), data.index),
    (("dataset.json", "pieces.parquet"), data.dataset),
    (("results.jsonl", "checkpoints", "config.json"), learned.run),
)


def _manifests() -> list[str]:
    return sorted(path.stem for path in resources.manifests().glob("*.csv"))


def _folder(path: Path) -> Facts:
    for marks, describes in _MARKS:
        if any((path / mark).exists() for mark in marks):
            return describes(path)
    raise MsmdError(f"{path}: {_KINDS}; this folder holds none of them")
