"""Say how existing snippets differ from those that a command would make, in the words of the command."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msmdtools.errors import DatasetError

# Causes of a difference in the plan of an export, in the words of a user.
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
    "min_confidence": "--min-confidence",
    "page_width": "the width of the pages",
    "staff_height": "--staff-height",
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


def check_same(file: Path, recorded: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Check that existing snippets were made with the same plan.

    Args:
        file: snippets.json or the plan of an unfinished export, for the message.
        recorded: the plan in it.
        wanted: the plan of this command.

    Raises:
        DatasetError: the plans differ; the message names the options that do.
    """
    # Snippets of a version without the option are those of any value: there were no recordings.
    recorded = {"min_confidence": wanted.get("min_confidence"), **recorded}
    if recorded != wanted:
        windows = recorded.get("windows", {})
        differ = [key for key in wanted if key != "windows" and recorded.get(key) != wanted[key]]
        keys = dict.fromkeys([*wanted["windows"], *windows])
        differ += [k for k in keys if windows.get(k) != wanted["windows"].get(k)]
        causes = dict.fromkeys(_DIFFERENCES.get(key, key) for key in differ)
        raise DatasetError(
            f"{file.parent}: these snippets were made differently. They differ in: "
            f"{', '.join(causes)}. Give another folder with --out, or remove this one"
        )
