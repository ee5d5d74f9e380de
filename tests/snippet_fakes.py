"""What stands in for the two functions of an export's workers, and a program that exports with them.

Workers find these functions by their names, so they are in a module of their own.
"""

import errno
import os
import signal
import sys
import time
from pathlib import Path

from msmdtools.snippets import export, prepare, shards
from msmdtools.snippets.options import parse_options


def full_disk(task: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def die(task: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(task: prepare.PieceTask) -> prepare.PieceCounts:
    mark = task.folder.parents[2].with_suffix(".died")
    if not mark.exists():
        mark.touch()
        task.folder.mkdir()  # a half-made piece
        die(task)
    return prepare.prepare(task)


def die_on_test(task: shards.ShardTask) -> dict:
    if task.shard.split == "test":
        die(task)
    return shards.write_shard(task)


def hang_on_test(task: shards.ShardTask) -> dict:
    if task.shard.split == "test":
        task.path.write_bytes(b"half")
        time.sleep(600)
    return shards.write_shard(task)


if __name__ == "__main__":
    dataset, out, split = sys.argv[1:]
    shards.write_shard = hang_on_test
    export.export(Path(dataset), Path(out), parse_options({"split": split, "jobs": 1}))
