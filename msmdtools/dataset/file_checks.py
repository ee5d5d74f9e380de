"""The checks of a piece's files: each that is listed is there and whole, and there are no others."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from msmdtools.base import parquet
from msmdtools.base.damage import why
from msmdtools.base.files import file_sha256
from msmdtools.dataset import records, tables
from msmdtools.dataset.checks import Finding, Findings
from msmdtools.errors import DatasetError

if TYPE_CHECKING:
    import pandas as pd

PARTS = "tables"


def check_files(piece: str, folder: Path, files: "pd.DataFrame") -> Findings:
    """Check that each file of the files table is there and whole, and that there are no others.

    Args:
        piece: the piece id.
        folder: its folder.
        files: its rows of the files table.

    Yields:
        A finding for each fault.
    """
    for file, size, sha256 in files[["file", "bytes", "sha256"]].itertuples(index=False, name=None):
        path = folder / file
        if not path.is_file():
            yield Finding(piece, "files", "is missing", file)
            continue
        content = path.read_bytes()
        if len(content) != size:
            yield Finding(piece, "files", f"has {len(content)} bytes, not {size}", file)
        elif hashlib.sha256(content).hexdigest() != sha256:
            yield Finding(piece, "files", "is not the file that was written (sha256)", file)
    yield from _check_unlisted(piece, folder)
    expected = {*files["file"], tables.PDF, tables.PDF_SUM, tables.PIECE_FILE}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        if name not in expected and not name.startswith(f"{PARTS}/"):
            yield Finding(piece, "files", "is not in the files table", name)


def _check_unlisted(piece: str, folder: Path) -> Findings:
    """Check the files that the files table does not list: the PDF, the piece's record and its own tables."""
    pdf, listed = folder / tables.PDF, folder / tables.PDF_SUM
    if not pdf.is_file():
        yield Finding(piece, "files", "is missing", tables.PDF)
    elif listed.is_file():  # not in a dataset of an older msmdtools
        expected = f"{file_sha256(pdf)}  {tables.PDF}\n"
        if listed.read_bytes() != expected.encode():
            what = f"is not the file that was written ({tables.PDF_SUM})"
            yield Finding(piece, "files", what, tables.PDF)
    if (folder / tables.PIECE_FILE).is_file():
        try:
            records.read_record(folder / tables.PIECE_FILE, folder)
        except DatasetError as error:
            yield Finding(piece, "files", str(error), tables.PIECE_FILE)
    for path in sorted((folder / PARTS).glob("*.parquet")):
        try:
            parquet.verify(path)
        except (pa.ArrowException, OSError, ValueError) as error:
            what = f"is damaged ({why(error)}); remove the piece's folder and build again"
            yield Finding(piece, "files", what, f"{PARTS}/{path.name}")
