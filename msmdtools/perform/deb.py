"""Extract one file from a Debian package, without Debian's tools: a soundfont on a system without apt."""

import io
import lzma
import shutil
import tarfile
from pathlib import Path

from msmdtools.base.files import replacing
from msmdtools.errors import SoundfontError

_MAGIC = b"!<arch>\n"


def extract_from_deb(package: Path, file_name: str, target: Path) -> None:
    """Extract the file of a given name from a Debian package.

    A .deb is an `ar` archive: after eight bytes of magic, members with a 60-byte header each (name
    in the first 16 bytes, size in bytes 48 to 57) on even offsets; the files are in data.tar.xz.

    Args:
        package: the .deb file.
        file_name: name of the file, in whatever folder of the package.
        target: where the file goes; it gets this name only when it is whole.

    Raises:
        SoundfontError: `package` is not a Debian package, is cut short, or has no such file.
    """
    content = package.read_bytes()
    if not content.startswith(_MAGIC):
        raise SoundfontError(f"{package} is not a Debian package")
    position = len(_MAGIC)
    while position + 60 <= len(content):
        header = content[position : position + 60]
        size = int(header[48:58])
        if header[:16].rstrip(b" /") == b"data.tar.xz":
            data = content[position + 60 : position + 60 + size]
            break
        position += 60 + size + size % 2
    else:
        raise SoundfontError(
            f"{package} has no data.tar.xz: it is cut short or of another kind; fetch it again"
        )
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:xz") as tar:
            for member in tar:
                file = tar.extractfile(member) if member.isfile() else None
                if file and Path(member.name).name == file_name:
                    with replacing(target) as temporary, temporary.open("wb") as copy:
                        shutil.copyfileobj(file, copy)
                    return
    except (tarfile.TarError, lzma.LZMAError, EOFError) as error:
        raise SoundfontError(f"{package} is damaged ({error}): fetch it again") from error
    raise SoundfontError(
        f"{package} has no file {file_name}: give the path of a soundfont of your own"
    )
