"""Finished pieces of which a file was removed or cut off since: a build makes them again.

A look at names and sizes, which costs a build that has nothing to do no time that one would notice. A
file that has kept its size and changed is for `msmd validate` to find, which reads everything.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from msmdtools.build.parts import FOLDER, PART_TABLES
from msmdtools.dataset.records import PIECES_FOLDER, Record
from msmdtools.dataset.tables import PDF

_TABLES = tuple(f"{FOLDER}/{table.name}.parquet" for table in PART_TABLES)


def lost_files(dataset: Path, records: Iterable[Record]) -> dict[str, str]:
    """For each piece that lacks a file, by its id, the first such file, relative to the piece's folder.

    Args:
        records: of the dataset's pieces; those that failed have no files.
    """
    found = {}
    for record in records:
        if record.ok:
            folder = dataset / PIECES_FOLDER / record.piece
            lost = next(_lost(folder, record), None)
            if lost is not None:
                found[record.piece] = lost
    return found


def told(lost: Mapping[str, str], asked: Collection[str]) -> list[str]:
    """What to say of lost files, in sentences; nothing where there are none.

    Args:
        lost: as `lost_files` found them.
        asked: ids of the pieces to build, of which those that lack files are made again.
    """
    again, others = sorted(lost.keys() & set(asked)), sorted(lost.keys() - set(asked))
    messages = []
    if again:
        messages.append(
            f"Files of finished pieces are missing or cut off, such as {again[0]}/{lost[again[0]]}. "
            f"Built again: {_some(again)}"
        )
    if others:
        messages.append(
            f"Files of pieces that are not to be built now are missing or cut off, such as "
            f"{others[0]}/{lost[others[0]]}. To mend {_some(others)}, build with their manifest too."
        )
    return messages


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")


def _lost(folder: Path, record: Record) -> Iterator[str]:
    for row in record.files:
        path = folder / row["file"]
        if not path.is_file() or path.stat().st_size != row["bytes"]:
            yield str(row["file"])
    yield from (name for name in (PDF, *_TABLES) if not (folder / name).is_file())
