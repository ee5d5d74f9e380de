"""Write a piece's own rows of the tables, and make the tables of the whole dataset from them.

Each finished piece has its rows as Parquet files in `pieces/<piece>/tables/`. The tables at the top
of the dataset are these files one after the other in the order of the piece ids: they depend on
nothing but the pieces, not on the order in which these were built or on how often a build was
interrupted.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msmdtools.base import parquet
from msmdtools.base.damage import why
from msmdtools.base.files import put, sync_file
from msmdtools.base.table import Table
from msmdtools.dataset.records import PIECES_FOLDER, Record
from msmdtools.dataset.tables import ATTEMPTS, FILES, PIECES, TABLES
from msmdtools.errors import DatasetError
from msmdtools.performance import EVENTS, PERFORMANCES, TIMINGS
from msmdtools.prints import PRINT_TABLES
from msmdtools.score import MEASURES, NOTEHEADS, PARTS, SYSTEMS

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

FOLDER = "tables"
PART_TABLES = (SYSTEMS, MEASURES, PARTS, NOTEHEADS, EVENTS, PERFORMANCES, TIMINGS)

# A row group holds whole pieces and is closed once it has this many rows: a scan meets few groups,
# and one piece can still be read without the rest.
ROWS_PER_GROUP = 32_768


def write_part(folder: Path, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a piece's rows of one table into the piece's folder.

    Args:
        folder: the piece's folder.
        table: the table.
        rows: the rows, in any order; they are sorted by the table's key.
    """
    unsorted = table.from_rows(rows)
    (folder / FOLDER).mkdir(exist_ok=True)
    with _writer(folder / FOLDER / f"{table.name}.parquet", table) as writer:
        writer.write_table(unsorted.sort_by([(name, "ascending") for name in table.key]))


def write_tables(
    dataset: Path,
    records: Mapping[str, Record],
    work: Path,
    attempts: Iterable[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Make all tables of the dataset from its pieces, and count their content.

    Args:
        dataset: the dataset folder.
        records: the records of all pieces attempted, by id.
        work: a folder on the same disk for unfinished files.
        attempts: new rows of the attempts table; of earlier ones those of performances that are gone are left out.

    Returns:
        The totals that the summary shows and `dataset.json` keeps.

    Raises:
        DatasetError: the rows of a piece cannot be read; the message says what to remove.
    """
    ok = [record for record in records.values() if record.ok]
    counts: dict[str, Counter[str]] = {}
    for table in PART_TABLES:
        parts = (read_part(dataset, record.piece, table) for record in ok)
        counts[table.name] = Counter()
        _write(work, table, parts, counts[table.name])
    for table, rows in (
        (PIECES, [record.row for record in records.values()]),
        (FILES, [row for record in ok for row in record.files]),
        (ATTEMPTS, _attempts(dataset, records, attempts)),
    ):
        _write(work, table, [table.from_rows(rows)], Counter())
    linked = [record.piece for record in ok if has_prints(dataset, record.piece)]
    for table in PRINT_TABLES if linked else ():
        _write(work, table, (read_part(dataset, p, table) for p in linked), Counter())
    for table in (*TABLES, *PRINT_TABLES):
        name = f"{table.name}.parquet"
        if not linked and table in PRINT_TABLES:
            (dataset / name).unlink(missing_ok=True)
            continue
        sync_file(work / name)
        put(work / name, dataset / name)
    return _totals(records, counts)


def read_attempts(dataset: Path) -> list[dict[str, Any]]:
    """The rows of the attempts table; none where it is missing or damaged: it can be made again."""
    import pyarrow as pa

    try:
        rows: list[dict[str, Any]] = parquet.File(dataset / "attempts.parquet").read().to_pylist()
    except (OSError, pa.ArrowException, ValueError):
        return []
    return rows


def _attempts(
    dataset: Path, records: Mapping[str, Record], new: Iterable[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    rows: dict[tuple[str, str], Mapping[str, Any]] = {}
    for row in (*read_attempts(dataset), *new):
        key = row["piece"], row["performance"]
        file = f"performances/{key[1]}/spectrogram.npy"
        record = records.get(key[0])
        there = record is not None and any(entry["file"] == file for entry in record.files)
        if row["status"] != "ok" or there:
            rows[key] = row
    return [rows[key] for key in sorted(rows)]


def has_prints(dataset: Path, piece: str) -> bool:
    """Whether prints are linked to a piece."""
    name = f"{PRINT_TABLES[0].name}.parquet"
    return (dataset / PIECES_FOLDER / piece / FOLDER / name).is_file()


def _write(work: Path, table: Table, parts: Iterable["pa.Table"], counts: Counter[str]) -> None:
    import pyarrow as pa

    with _writer(work / f"{table.name}.parquet", table) as writer:
        group: list[pa.Table] = []
        for part in parts:
            _count(table, part, counts)
            group.append(part)
            if sum(p.num_rows for p in group) >= ROWS_PER_GROUP:
                _write_group(writer, group)
                group = []
        if group:
            _write_group(writer, group)


def _write_group(writer: Any, group: list["pa.Table"]) -> None:
    import pyarrow as pa

    rows = pa.concat_tables(group).combine_chunks()
    if rows.num_rows:
        writer.write_table(rows, row_group_size=rows.num_rows)


def _writer(path: Path, table: Table) -> "AbstractContextManager[pq.ParquetWriter]":
    return parquet.writer(path, table.arrow_schema(), compression="zstd")


def read_part(dataset: Path, piece: str, table: Table) -> "pa.Table":
    """Read a piece's rows of one table.

    Args:
        dataset: the dataset folder.
        piece: the piece id.
        table: the table.

    Returns:
        The rows, with the table's schema.

    Raises:
        DatasetError: the file is missing or damaged; the message says what to remove.
    """
    import pyarrow as pa

    folder = dataset / PIECES_FOLDER / piece
    path = folder / FOLDER / f"{table.name}.parquet"
    if table is TIMINGS and not path.exists():  # it has no recording
        return table.from_rows(())
    try:
        return table.completed(parquet.File(path).read()).cast(table.arrow_schema())
    except (OSError, pa.ArrowException, ValueError) as error:
        state = f"damaged ({why(error)})" if path.exists() else "missing"
        raise DatasetError(f"{path} is {state}: remove {folder} and build again") from error


def _count(table: Table, part: "pa.Table", counts: Counter[str]) -> None:
    """Count rows by the categories of the summary."""
    import pyarrow.compute as pc

    if table is NOTEHEADS:
        keys = pc.binary_join_element_wise(part["role"], part["reason"], ":")
    elif table is EVENTS:
        headed = pc.if_else(pc.greater(part["heads"], 0), "with", "without")
        keys = pc.binary_join_element_wise(headed, part["reason"], ":")
    elif table is PERFORMANCES:
        counts["rows"] += part.num_rows
        # Whole microseconds: a sum of floats would depend on the order of the pieces.
        seconds, sums = part["duration_s"].to_pylist(), part["audio_sha256"].to_pylist()
        counts["microseconds"] += sum(round(s * 1e6) for s in seconds)
        counts["audio_microseconds"] += sum(
            round(s * 1e6) for s, k in zip(seconds, sums, strict=True) if k
        )
        return
    else:
        counts["rows"] += part.num_rows
        return
    for entry in pc.value_counts(keys).to_pylist():
        counts[entry["values"]] += entry["counts"]


def _totals(records: Mapping[str, Record], counts: Mapping[str, Counter[str]]) -> dict[str, Any]:
    heads, events = counts[NOTEHEADS.name], counts[EVENTS.name]
    ok = [record for record in records.values() if record.ok]
    failed = Counter(
        f"{record.row['stage']}/{record.row['reason']}"
        for record in records.values()
        if not record.ok
    )
    silent = {
        key.removeprefix("silent:"): n for key, n in heads.items() if key.startswith("silent:")
    }
    without = {
        key.removeprefix("without:"): n for key, n in events.items() if key.startswith("without:")
    }
    return {
        "attempted": len(records),
        "ok": len(ok),
        "failed": sum(failed.values()),
        "failed_by_reason": _by_frequency(failed),
        "pages": sum(record.row["pages"] for record in ok),
        "systems": sum(record.row["systems"] for record in ok),
        "staves": counts[SYSTEMS.name]["rows"],
        "measures": sum(record.row["measures"] for record in ok),
        "noteheads": sum(heads.values()),
        "played": sum(n for key, n in heads.items() if key.startswith("played:")),
        "tied": sum(n for key, n in heads.items() if key.startswith("tied:")),
        "silent": sum(silent.values()),
        "silent_by_reason": _by_frequency(silent),
        "events": sum(events.values()),
        "events_with_head": sum(n for key, n in events.items() if key.startswith("with:")),
        "events_without_head": sum(without.values()),
        "events_without_head_by_reason": _by_frequency(without),
        "performances": counts[PERFORMANCES.name]["rows"],
        "performed_s": round(counts[PERFORMANCES.name]["microseconds"] / 1e6, 3),
        "audio_s": round(counts[PERFORMANCES.name]["audio_microseconds"] / 1e6, 3),
        "bytes": sum(row["bytes"] for record in ok for row in record.files),
    }


def _by_frequency(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
