"""Write Parquet files with checksums over every byte, and read them so that damage is detected.

The checksums of the format cover the content of pages, not the headers of pages nor the footer: a
changed byte there is read as another number, or as none. So a file that msmdtools has written has a
block between its last page and its footer, where no reader looks:

    4 bytes for each column chunk, row group by row group: CRC-32 of the chunk, page headers included
    4 bytes  CRC-32 of everything before the block
    4 bytes  CRC-32 of the footer
    4 bytes  CRC-32 of the block up to here
    8 bytes  MSMDCRC1

Bytes are compared with their checksums before they are parsed. A file without the block is of an older
msmdtools, or of another program, and is read without this check.
"""

import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.base.damage import Damage

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

MAGIC = b"MSMDCRC1"
_ENDS = b"PAR1"
# Length of the footer, and PAR1.
_LAST = 8
# Read at once from the end of a file: most footers are shorter, with their block.
_TAIL = 1 << 16
# Chunks that are so near to each other are read together.
_GAP = 1 << 13
_PIECE = 1 << 22


@dataclass(frozen=True, slots=True, eq=False)
class Footer:
    """The end of a file.

    Attributes:
        metadata: Parquet's own.
        sums: CRC-32 of the column chunks, uint32, (row groups, columns); None in a file without.
        total: CRC-32 of the first `before` bytes.
        before: number of bytes before the checksums and the footer.
    """

    metadata: "pq.FileMetaData"
    sums: NDArray[np.uint32] | None = None
    total: int = 0
    before: int = 0


class File:
    """A file that is open for reading.

    Args:
        path: the file.
        mapped: read it through a memory map, which suits uncompressed files read in small parts.

    Raises:
        Damage, pyarrow.ArrowException, ValueError: as `read_footer`.
        OSError: it cannot be opened.
    """

    def __init__(self, path: Path, *, mapped: bool = False) -> None:
        import pyarrow as pa

        if path.is_dir():
            raise Damage("it is a folder")
        self._file = pa.memory_map(str(path)) if mapped else pa.OSFile(str(path))
        self._footer = read_footer(self._file)

    @property
    def metadata(self) -> "pq.FileMetaData":
        """Parquet's own."""
        return self._footer.metadata

    @property
    def groups(self) -> int:
        """Number of row groups."""
        return int(self.metadata.num_row_groups)

    @property
    def schema(self) -> "pa.Schema":
        """The Arrow schema."""
        return self.metadata.schema.to_arrow_schema()

    def read(self, groups: Sequence[int] | None = None) -> "pa.Table":
        """Read row groups in this order, or all. Raises as `read`."""
        return read(self._file, self._footer, range(self.groups) if groups is None else groups)


@contextmanager
def writer(path: Path, schema: "pa.Schema", **options: Any) -> Iterator["pq.ParquetWriter"]:
    """Open a ParquetWriter whose file gets its checksums at the end.

    Pages get those of the format too, for readers that know them.

    Args:
        path: the file.
        schema: its Arrow schema.
        options: further arguments of ParquetWriter.

    Yields:
        The writer.
    """
    import pyarrow.parquet as pq

    with pq.ParquetWriter(path, schema, write_page_checksum=True, **options) as opened:
        yield opened
    with open(path, "rb+") as file:
        _seal(file)


def read_footer(file: Any) -> Footer:
    """Read the footer of an open file, local or remote.

    Raises:
        Damage: it is cut off, no Parquet file, or damaged.
        pyarrow.ArrowException: there are no checksums, and the footer cannot be parsed.
    """
    size = file.seek(0, io.SEEK_END) or file.tell()
    tail = bytes(_at(file, max(size - _TAIL, 0), min(size, _TAIL)))
    if len(tail) < _LAST or tail[-4:] != _ENDS:
        raise Damage("it is cut off, or not a Parquet file")
    length = int.from_bytes(tail[-_LAST:-4], "little")
    if length + 2 * _LAST > size:
        raise Damage("it is cut off, or not a Parquet file")
    if length + _LAST + len(MAGIC) > len(tail):
        tail = bytes(_at(file, max(size - length - _TAIL, 0), min(size, length + _TAIL)))
    footer = tail[-length - _LAST : -_LAST]
    block = tail[: -length - _LAST]
    if block[-len(MAGIC) :] != MAGIC:
        return Footer(_parsed(footer))
    total, own, of_block = np.frombuffer(block[-len(MAGIC) - 12 : -len(MAGIC)], "<u4").tolist()
    if zlib.crc32(footer) != own:
        raise Damage("the checksum of its end does not match")
    metadata = _parsed(footer)
    shape = metadata.num_row_groups, metadata.num_columns
    sums = 4 * shape[0] * shape[1]
    before = size - length - _LAST - len(MAGIC) - 12 - sums
    if before < 0:
        raise Damage("its checksums are missing")
    start = before - (size - len(tail))
    stored = block[start : -len(MAGIC) - 4] if start >= 0 else bytes(_at(file, before, sums + 8))
    if zlib.crc32(stored) != of_block:
        raise Damage("its checksums are damaged")
    chunk_sums = np.frombuffer(stored[:sums], "<u4").reshape(shape)
    return Footer(metadata, chunk_sums, total, before)


def read(
    file: Any,
    footer: Footer,
    groups: Sequence[int],
    columns: Sequence[str] | None = None,
    *,
    threads: bool = True,
) -> "pa.Table":
    """Read row groups of an open file, after a check of the bytes that are read.

    Args:
        file: the file.
        footer: its footer, from `read_footer`.
        groups: numbers of the row groups, from 0.
        columns: names of columns, or of parts of them such as `sheet.bytes`; None for all.
        threads: decode columns side by side.

    Returns:
        The rows, in the order of `groups`.

    Raises:
        Damage, pyarrow.ArrowException, ValueError: the file is cut off or damaged.
    """
    import pyarrow.parquet as pq

    source: Any = file
    if footer.sums is not None:
        source = _Verified(file, footer, _ranges(file, footer, groups, columns))
    # A file without our checksums may have those of pages.
    opened = pq.ParquetFile(
        source, metadata=footer.metadata, page_checksum_verification=footer.sums is None
    )
    return opened.read_row_groups(list(groups), columns=columns, use_threads=threads)


def verify(path: Path) -> None:
    """Compare a whole file with its checksums, including the bytes that no reader of ours looks at.

    Raises:
        OSError, pyarrow.ArrowException: it is damaged (`Damage`), or cannot be read.
    """
    with open(path, "rb") as file:
        footer = read_footer(file)
        file.seek(0)
        if footer.sums is not None and _sum(file, footer.before) != footer.total:
            raise Damage("its checksum does not match")


def _seal(file: Any) -> None:
    """Insert the block before the footer of a file that is open for reading and writing."""
    size = file.seek(0, io.SEEK_END)
    file.seek(size - _LAST)
    length = int.from_bytes(file.read(4), "little")
    before = size - length - _LAST
    end = _at(file, before, length + _LAST)
    metadata = _parsed(end[:length])
    sums = [
        zlib.crc32(_at(file, *_chunk(metadata, group, column)))
        for group in range(metadata.num_row_groups)
        for column in range(metadata.num_columns)
    ]
    file.seek(0)
    block = np.array([*sums, _sum(file, before), zlib.crc32(end[:length])], "<u4").tobytes()
    block += zlib.crc32(block).to_bytes(4, "little")
    file.seek(before)
    file.write(block + MAGIC + end)


def _chunk(metadata: "pq.FileMetaData", group: int, column: int) -> tuple[int, int]:
    """Where a column chunk begins, and its length in bytes."""
    chunk = metadata.row_group(group).column(column)
    starts = (chunk.dictionary_page_offset, chunk.data_page_offset)
    return min(start for start in starts if start is not None), chunk.total_compressed_size


def _ranges(
    file: Any, footer: Footer, groups: Sequence[int], columns: Sequence[str] | None
) -> list[tuple[int, Any]]:
    """Read the wanted column chunks and check them: offsets, ascending, and bytes."""
    metadata, sums = footer.metadata, footer.sums
    assert sums is not None
    wanted = [
        leaf
        for leaf in range(metadata.num_columns)
        if columns is None or _is_of(metadata.schema.column(leaf).path, columns)
    ]
    chunks = sorted(
        (*_chunk(metadata, group, leaf), int(sums[group, leaf]))
        for group in groups
        for leaf in wanted
    )
    together: list[list[tuple[int, int, int]]] = []
    for chunk in chunks:
        if together and chunk[0] - sum(together[-1][-1][:2]) <= _GAP:
            together[-1].append(chunk)
        else:
            together.append([chunk])
    ranges = []
    for neighbours in together:
        first, (last, size, _) = neighbours[0][0], neighbours[-1]
        content = memoryview(_at(file, first, last + size - first))
        for start, length, expected in neighbours:
            if zlib.crc32(content[start - first : start - first + length]) != expected:
                raise Damage(f"bytes {start} to {start + length - 1} do not match their checksum")
        ranges.append((first, content))
    return ranges


def _is_of(path: str, columns: Sequence[str]) -> bool:
    return any(path == name or path.startswith(f"{name}.") for name in columns)


class _Verified(io.RawIOBase):
    """A file of which only the checked ranges can be read."""

    def __init__(self, file: Any, footer: Footer, ranges: list[tuple[int, Any]]) -> None:
        self._size = file.seek(0, io.SEEK_END) or file.tell()
        self._ranges = ranges
        self._here = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._here, io.SEEK_END: self._size}[whence]
        self._here = base + offset
        return self._here

    def tell(self) -> int:
        return self._here

    def read(self, size: int = -1) -> Any:
        for first, content in self._ranges:
            if first <= self._here < first + len(content):
                start = self._here - first
                part = content[start : start + size] if size >= 0 else content[start:]
                self._here += len(part)
                return part
        raise Damage(f"byte {self._here} was not to be read")


def _parsed(footer: bytes) -> "pq.FileMetaData":
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = b"".join((_ENDS, footer, len(footer).to_bytes(4, "little"), _ENDS))
    return pq.read_metadata(pa.BufferReader(content))


def _at(file: Any, offset: int, length: int) -> Any:
    """Read bytes of a file as a buffer, without a copy if it is mapped. Raises Damage if it ends before."""
    file.seek(offset)
    content = file.read_buffer(length) if hasattr(file, "read_buffer") else file.read(length)
    if len(content) != length:
        raise Damage("it is cut off")
    return content


def _sum(file: Any, length: int) -> int:
    """CRC-32 of the next bytes of a file."""
    total = 0
    while length:
        content = file.read(min(length, _PIECE))
        if not content:
            raise Damage("it is cut off")
        total, length = zlib.crc32(content, total), length - len(content)
    return total
