"""One file out of a Debian package, without Debian's tools: soundfonts on a system that has no
apt."""

import io
import lzma
import shutil
import tarfile
from pathlib import Path

from msmdtools.base.files import replacing
from msmdtools.errors import SoundfontError

_MAGIC = b"!<arch>\n"


def extract_from_deb(package: Path, file_name: str, target: Path) -> None:
    """Write the file called `file_name`, in whatever folder of `package`, to `target`, atomically.

    A .deb is an `ar` archive: after eight bytes of magic, members with a 60-byte header each (name
    in the first 16 bytes, size in bytes 48 to 57) on even offsets; the files are in data.tar.xz.

    Raises:
        SoundfontError: it is not a Debian package, is cut short, or has no such file.
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
        raise SoundfontError(f"{package} has no data.tar.xz: it is cut short, or of another kind")
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:xz") as tar:
            for member in tar:
                file = tar.extractfile(member) if member.isfile() else None
                if file and Path(member.name).name == file_name:
                    with replacing(target) as temporary, temporary.open("wb") as out:
                        shutil.copyfileobj(file, out)
                    return
    except (tarfile.TarError, lzma.LZMAError, EOFError) as error:
        raise SoundfontError(f"{package} is damaged ({error}): fetch it again") from error
    raise SoundfontError(f"{package} has no file {file_name}")
