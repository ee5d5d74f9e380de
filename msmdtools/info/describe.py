"""Which kind of thing a path or a name is, and who describes it."""

from pathlib import Path

from msmdtools.base import resources
from msmdtools.errors import MsmdError
from msmdtools.info import data, learned
from msmdtools.info.facts import Facts


def describe(thing: str | Path) -> Facts:
    """What `thing` is and holds.

    Args:
        thing: a dataset, snippets, an index, a training run, weights (a file, or the name of a bundled
            model) or a manifest (a file, or the name of a bundled one).

    Raises:
        MsmdError: there is no such thing, it is none of these, or it is damaged.
    """
    path = Path(thing)
    if path.is_dir():
        return _folder(path)
    if path.suffix == ".safetensors" or str(thing) in learned.bundled():
        return learned.weights(str(thing))
    if path.suffix.lower() == ".csv" or (not path.exists() and path.name in _manifests()):
        return data.manifest(str(thing))
    if not path.exists():
        known = ", ".join([*learned.bundled(), *_manifests()])
        raise MsmdError(
            f"{thing}: no such file or folder, and not the name of anything bundled ({known})"
        )
    raise MsmdError(f"{path}: {_KINDS}; this is a file of another kind")


_KINDS = (
    "msmd info describes a dataset, snippets, an index, a training run, weights (.safetensors or a "
    "bundled model's name) and a manifest (.csv or its name)"
)
# What a folder of each kind has: of these marks one, from the first kind to the last.
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
