"""The ids of pieces, made from paths, and one checksum for several files."""

import hashlib
import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Sequence

LONGEST_ID = 250
"""Bytes of a piece's id: with .json behind it, it is the name of a file."""

_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]+")


def piece_ids(paths: Iterable[str]) -> dict[str, str]:
    """An id for each main file: the first two folders and the file's name, as in MSMD.

    `BachJS/BWV814/french-suite-3/french-suite-3-lys/parts/gavotte.ly` is `BachJS__BWV814__gavotte`.
    Where that would name several files (upper and lower case count as equal), all folders but the
    `-lys` ones are in the id, and a number if that is still not enough. Other characters than
    letters, digits and ". _ + -" become "_", and no id begins with "." or "-". An
    id that is too long for the name of a folder is cut, and ends in part of the path's checksum.
    """
    names = {path: posixpath.splitext(path)[0].split("/") for path in paths}
    ids = {path: _safe([*name[:-1][:2], name[-1]]) for path, name in names.items()}
    for shorten in (lambda name: [n for n in name if not n.endswith("-lys")], lambda name: name):
        counts = Counter(piece.casefold() for piece in ids.values())
        ids.update(
            {p: _safe(shorten(names[p])) for p, i in ids.items() if counts[i.casefold()] > 1}
        )
    ids = {path: _short(piece, path) for path, piece in ids.items()}
    used: set[str] = set()
    for path in sorted(ids):
        piece, number = ids[path], 2
        while piece.casefold() in used:
            piece, number = f"{ids[path]}-{number}", number + 1
        used.add(piece.casefold())
        ids[path] = piece
    return ids


def _short(piece: str, path: str) -> str:
    room = LONGEST_ID - len("-99999")  # a number may follow
    if len(piece) <= room:
        return piece
    return f"{piece[: room - 9]}-{hashlib.sha256(path.encode()).hexdigest()[:8]}"


def _safe(parts: Sequence[str]) -> str:
    joined = "__".join(_UNSAFE.sub("_", part).lstrip(".") or "_" for part in parts)
    return joined.lstrip("-.") or "_"  # a command takes what begins with "-" for an option


def combined_sha256(digests: Iterable[tuple[str, str]]) -> str:
    """One sha256 over several files: of the lines `sha256  path`, as sha256sum prints them, sorted by path."""
    lines = "".join(f"{digest}  {path}\n" for path, digest in sorted(digests))
    return hashlib.sha256(lines.encode()).hexdigest()
