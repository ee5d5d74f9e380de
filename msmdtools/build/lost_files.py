"""Find finished pieces whose files were removed or cut off since, so that a build makes them again.

Only names and sizes are compared, which takes no time that a user would notice. `msmd validate`, which reads
everything, finds files that have changed and kept their size.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from msmdtools.build.parts import FOLDER, PART_TABLES
from msmdtools.dataset.records import PIECES_FOLDER, Record
from msmdtools.dataset.tables import PDF
from msmdtools.performance import TIMINGS

# Only pieces with recordings have timings.
_TABLES = tuple(f"{FOLDER}/{table.name}.parquet" for table in PART_TABLES if table is not TIMINGS)


def lost_files(dataset: Path, records: Iterable[Record]) -> dict[str, str]:
    """The first missing or short file of each piece that has one, relative to the piece's folder, by piece id.

    Args:
        dataset: the dataset folder.
        records: the records of its pieces; those that failed have no files.
    """
    by_piece = {}
    for record in records:
        if record.ok:
            folder = dataset / PIECES_FOLDER / record.piece
            file = next(_lost_of(folder, record), None)
            if file is not None:
                by_piece[record.piece] = file
    return by_piece


def warnings_of(lost: Mapping[str, str], to_build: Collection[str]) -> list[str]:
    """Messages about lost files, in sentences; none where there are none.

    Args:
        lost: the result of `lost_files`.
        to_build: ids of the pieces of this build; those of them that lack files are built again.
    """
    rebuilt, left_out = sorted(lost.keys() & set(to_build)), sorted(lost.keys() - set(to_build))
    messages = []
    if rebuilt:
        messages.append(
            f"Files of finished pieces are missing or cut off, such as {rebuilt[0]}/{lost[rebuilt[0]]}. "
            f"They are built again: {_some(rebuilt)}"
        )
    if left_out:
        messages.append(
            f"Files of pieces that are not to be built now are missing or cut off, such as "
            f"{left_out[0]}/{lost[left_out[0]]}. To mend {_some(left_out)}, build with their manifest too."
        )
    return messages


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")


def _lost_of(folder: Path, record: Record) -> Iterator[str]:
    for row in record.files:
        path = folder / row["file"]
        if not path.is_file() or path.stat().st_size != row["bytes"]:
            yield str(row["file"])
    yield from (name for name in (PDF, *_TABLES) if not (folder / name).is_file())
