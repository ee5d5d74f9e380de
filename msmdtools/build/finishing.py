"""Write what a dataset has at its top: its tables, its card, and its description, which comes last."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msmdtools.base import seal
from msmdtools.base.files import json_bytes, write_atomically
from msmdtools.build import additions
from msmdtools.dataset import records
from msmdtools.dataset.records import Record
from msmdtools.dataset.tables import CARD, DESCRIPTION

BUILDING, COMPLETE = "building", "complete"


def write_description(out: Path, description: Mapping[str, Any], work: Path) -> None:
    """Write dataset.json, sealed and through to the disk.

    Args:
        out: the dataset folder.
        description: what to write.
        work: a folder on the same disk for the unfinished file.
    """
    write_atomically(out / DESCRIPTION, json_bytes(seal.sealed(description)), work, durable=True)


def finish(
    out: Path, work: Path, description: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Record]]:
    """Make the tables and the card anew from the pieces, and then say that the dataset is complete.

    Args:
        out: the dataset folder.
        work: a folder on the same disk for unfinished files.
        description: the description so far.

    Returns:
        The description, and the records of all pieces attempted.

    Raises:
        DatasetError: a piece is damaged, or was built by an earlier version of msmdtools.
    """
    from msmdtools.build import parts
    from msmdtools.build.card import card

    attempted = records.read_records(out)
    additions.require_current(out, attempted)
    totals = parts.write_tables(out, attempted, work)
    # Written last: a description with the state "complete" means that all the rest is in its place.
    complete = additions.as_built(description, attempted.values())
    complete |= {"state": COMPLETE, "totals": totals}
    write_atomically(out / CARD, card(complete, attempted).encode(), work, durable=True)
    write_description(out, complete, work)
    return complete, attempted
