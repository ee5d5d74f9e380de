"""Save and load the checkpoints of a run: the last, the previous one, and the best.

    RUN/checkpoints/last.pt, previous.pt, best.pt

A file begins with the SHA-256 of the rest, so that damage is detected; it is written under another
name, flushed to the disk and renamed, and the last one becomes the previous one.
"""

import hashlib
import io
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from msmdtools.base.files import replacing, sync_file
from msmdtools.errors import MsmdError

LAST, PREVIOUS, BEST = "last.pt", "previous.pt", "best.pt"
_DIGEST = 32


def save(folder: Path, state: Mapping[str, Any], best: bool = False) -> None:
    """Save a state as the last checkpoint of a folder.

    Args:
        folder: the folder of the checkpoints; created if needed.
        state: values and tensors.
        best: whether it is the best one too.

    Raises:
        OSError: it cannot be written; the earlier checkpoints stay.
    """
    folder.mkdir(parents=True, exist_ok=True)
    content = io.BytesIO()
    torch.save(dict(state), content)
    data = content.getvalue()
    with replacing(folder / LAST, durable=True) as temporary:
        with open(temporary, "wb") as file:
            file.write(hashlib.sha256(data).digest())
            file.write(data)
        sync_file(temporary)
        if best:
            _copy(temporary, folder / BEST)
        if (folder / LAST).exists():
            os.replace(folder / LAST, folder / PREVIOUS)


def exist(folder: Path) -> bool:
    """Whether a folder has a checkpoint to continue from, damaged or not."""
    return any((folder / name).exists() for name in (LAST, PREVIOUS))


def load(folder: Path, warn: Callable[[str], None]) -> dict[str, Any]:
    """Load the last undamaged checkpoint of a folder.

    Args:
        folder: the folder of the checkpoints.
        warn: called with a message if that is the previous one, because the last one is damaged.

    Raises:
        MsmdError: there is no checkpoint, or all are damaged.
    """
    damaged = []
    for name in (LAST, PREVIOUS):
        path = folder / name
        if not path.exists():
            continue
        state = _read(path)
        if state is None:
            damaged.append(str(path))
            continue
        if damaged:
            warn(f"{damaged[0]} is damaged; continuing from {path}, {state['pairs']:,} pairs")
        return state
    if damaged:
        raise MsmdError(
            f"{' and '.join(damaged)}: damaged; start the training anew in another folder"
        )
    raise MsmdError(f"{folder}: no checkpoint to continue from; leave --resume out to start")


def _read(path: Path) -> dict[str, Any] | None:
    """Read the state in a file; None if it is damaged."""
    data = path.read_bytes()
    if hashlib.sha256(data[_DIGEST:]).digest() != data[:_DIGEST]:
        return None
    state: dict[str, Any] = torch.load(
        io.BytesIO(data[_DIGEST:]), map_location="cpu", weights_only=True
    )
    return state


def _copy(path: Path, to: Path) -> None:
    """Give a file another name too; where the file system has no links, copy it."""
    with replacing(to) as temporary:
        try:
            os.link(path, temporary)
        except OSError:
            shutil.copyfile(path, temporary)
