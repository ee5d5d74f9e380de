"""What differs between snippets that are there and those that are wanted, in the words of the command."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msmdtools.errors import DatasetError

# What a difference in the plan of an export comes from, as a user knows it.
_DIFFERENCES = {
    "dataset_sha256": "the dataset, which has changed",
    "msmdtools": "the version of msmdtools",
    "split_by": "the split",
    "split": "the split",
    "works": "the split",
    "leaks": "--drop-leaks",
    "near_duplicates": "near-duplicates",
    "performances": "--performances",
    "transpose": "--transpose",
    "shard_bytes": "--shard-size",
    "page_width": "the width of the pages",
    "rows": "--sheet",
    "columns": "--sheet",
    "margin_rows": "--margin",
    "margin_columns": "--margin",
    "context_s": "--context",
    "frames": "--context",
    "margin_frames": "--margin-frames",
    "edge": "--edge",
    "onsets": "--onsets",
    "seed": "--seed",
}


def check_same(file: Path, made: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Check that what is there was made as is wanted now.

    Raises:
        DatasetError: it was not; the message names what differs.
    """
    if made != wanted:
        windows = made.get("windows", {})
        differ = [key for key in wanted if key != "windows" and made.get(key) != wanted[key]]
        differ += [k for k, value in wanted["windows"].items() if windows.get(k) != value]
        what = dict.fromkeys(_DIFFERENCES.get(key, key) for key in differ)
        raise DatasetError(
            f"{file.parent}: these snippets were made in another way. What differs: "
            f"{', '.join(what)}. Give another folder with --out, or remove this one"
        )
