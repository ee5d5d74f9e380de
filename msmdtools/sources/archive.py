"""Read the main file of a zip archive such as .mxl, whatever the archive claims about itself."""

import io
import lzma
import struct
import zipfile
import zlib
from pathlib import Path

from msmdtools.base.damage import why
from msmdtools.sources.limits import (
    MOST_ENTRIES,
    MOST_FILE_BYTES,
    MOST_RATIO,
    MOST_TEXT_BYTES,
    SMALL_BYTES,
    refused,
)
from msmdtools.sources.markup import decode_xml, parse_xml

ZIP = b"PK\x03\x04"
ARCHIVES = (".mxl", ".mscz")
CONTAINER = "META-INF/container.xml"
# Bytes among which XML has its first bracket, after a byte order mark.
_MARK = 8
# What the library raises for archives that are damaged, encrypted, or packed in ways that it does not know.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    IndexError,
)


def read(path: Path, most: int = MOST_TEXT_BYTES) -> bytes:
    """Read a file, or the main file of a zip archive, which its list of contents names.

    Args:
        path: the file; what it is, is told by its first bytes.
        most: read no more than the beginning of this length, in bytes.

    Returns:
        The content.

    Raises:
        PieceError: "missing-source", "empty-file", "too-large"; of an archive "wrong-zip" (damaged, encrypted,
            or not as the format wants it), "no-container", "missing-rootfile".
    """
    try:
        with open(path, "rb") as file:
            data = file.read(MOST_FILE_BYTES + 1)
    except OSError as error:
        raise refused("missing-source", f"{path}: {why(error)}.") from error
    if len(data) > MOST_FILE_BYTES:
        raise refused("too-large", f"{path}: larger than {MOST_FILE_BYTES >> 20} MiB.")
    if not data:
        raise refused("empty-file", f"{path}: the file is empty.")
    if not data.startswith(ZIP):
        if path.suffix.lower() in ARCHIVES and b"<" not in data[:_MARK]:
            raise refused("wrong-zip", f"{path}: not a zip archive, although its name says so.")
        return data[:most]
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _main_file(archive, str(path), most)
    except _DAMAGE as error:
        raise refused(
            "wrong-zip",
            f"{path}: a zip archive that cannot be unpacked ({error}). Get it again, or save the score anew.",
        ) from error


def _main_file(archive: zipfile.ZipFile, where: str, most: int) -> bytes:
    names = archive.namelist()
    if len(names) > MOST_ENTRIES:
        raise refused(
            "too-large",
            f"{where}: {len(names):,} files in the archive, more than {MOST_ENTRIES:,}.",
        )
    if CONTAINER not in names:
        raise refused(
            "no-container",
            f"{where}: the archive lacks {CONTAINER}, which says which of its files is the score. Save the "
            "score anew, or unpack it and name the file in it.",
        )
    listed = _unpacked(archive, CONTAINER, where, SMALL_BYTES)
    main = _root_file(listed, f"{where}: {CONTAINER}")
    if main not in names:
        raise refused("missing-rootfile", f"{where}: the archive lacks its main file {main!r}.")
    return _unpacked(archive, main, where, most)


def _unpacked(archive: zipfile.ZipFile, name: str, where: str, most: int) -> bytes:
    """The content of a file, as far as `most`, if it has no more than scores have."""
    info = archive.getinfo(name)
    with archive.open(info) as file:
        if most < MOST_TEXT_BYTES:
            return file.read(most)
        content = file.read(SMALL_BYTES)
        bound = min(MOST_TEXT_BYTES, max(SMALL_BYTES, MOST_RATIO * info.compress_size))
        content += file.read(bound + 1 - len(content))
    if len(content) > bound:
        raise refused(
            "too-large",
            f"{where}: {name} unpacks to more than {bound >> 20} MiB, {MOST_RATIO} times its size in the archive "
            "or more than any score needs.",
        )
    return content


def _root_file(container: bytes, where: str) -> str:
    """The name of the first file that a list of contents names as the main one."""
    root = parse_xml(decode_xml(container, where), where)
    for element in root.iter("{*}rootfile"):
        if name := element.get("full-path"):
            return str(name)
    raise refused("no-container", f"{where}: it names no file.")
