"""Decode scores that are plain text: Humdrum and ABC."""

from msmdtools.sources.limits import refused
from msmdtools.sources.syntax import BYTE_ORDER_MARKS


def decode(data: bytes, where: str) -> str:
    """Decode a score that is plain text: by its byte order mark, else as UTF-8, else as Latin-1.

    Args:
        data: the bytes.
        where: the name of the file, for messages.

    Returns:
        The text, with "\\n" at the ends of lines.

    Raises:
        PieceError: "empty-file", or "not-text": it has a zero byte.
    """
    if not data.strip():
        raise refused("empty-file", f"{where}: the file is empty.")
    text = ""
    for mark, codec in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            text = data[len(mark) :].decode(codec, errors="replace")
            break
    else:
        if b"\0" in data:
            raise refused("not-text", f"{where}: the file has zero bytes: it is not a text.")
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")
