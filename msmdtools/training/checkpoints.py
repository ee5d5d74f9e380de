"""Checkpoints of a run: the last, the one before it, the best, and how they are found again.

    RUN/checkpoints/last.pt, previous.pt, best.pt

A file begins with the SHA-256 of what follows, so that damage is seen; it is written under another
name, flushed to the disk and renamed, the last one becoming the previous one.
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
    """Make a state the last checkpoint of a folder.

    Args:
        best: it is the best one too.

    Raises:
        OSError: it cannot be written; the checkpoints that are there stay.
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


def there(folder: Path) -> bool:
    """Whether a folder has a checkpoint to go on from, whole or not."""
    return any((folder / name).exists() for name in (LAST, PREVIOUS))


def load(folder: Path, warn: Callable[[str], None]) -> dict[str, Any]:
    """The last checkpoint of a folder that is whole.

    Args:
        warn: called with a message if that is the previous one, since the last one is damaged.

    Raises:
        MsmdError: there is none, or all are damaged.
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
            warn(f"{damaged[0]} is damaged; going on from {path}, {state['pairs']:,} pairs")
        return state
    if damaged:
        raise MsmdError(
            f"{' and '.join(damaged)}: damaged; start the training anew in another folder"
        )
    raise MsmdError(f"{folder}: no checkpoint to go on from; leave --resume out to start")


def _read(path: Path) -> dict[str, Any] | None:
    """The state in a file; None if it is damaged."""
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
