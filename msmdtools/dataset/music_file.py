"""The file of a piece's written music, which has all that a performance of it needs, exactly.

From it a piece is performed again, at another tempo or with another soundfont, without being
engraved again. The file is JSON, compressed: for each field of `Music`, the columns of its rows
by their names.
"""

import gzip
import json
import zlib
from dataclasses import fields, is_dataclass
from fractions import Fraction
from pathlib import Path
from types import GenericAlias
from typing import Any, get_args, get_origin, get_type_hints

from msmdtools.base.damage import Damage, why
from msmdtools.errors import DatasetError
from msmdtools.score import Music

MUSIC_FILE = "music.json.gz"


def to_bytes(music: Music) -> bytes:
    """Encode music as the content of its file; the same music gives the same bytes."""
    text = json.dumps(_encoded(music), separators=(",", ":"), ensure_ascii=False)
    return gzip.compress(text.encode(), mtime=0)


def from_bytes(content: bytes) -> Music:
    """Decode the content of a file of music.

    Raises:
        Damage: it is not the content that was written.
    """
    try:
        music = _decoded(Music, json.loads(gzip.decompress(content)))
    except (OSError, EOFError, KeyError, TypeError, ValueError, zlib.error) as error:
        raise Damage(why(error)) from error
    assert isinstance(music, Music)
    return music


def read_music(folder: Path) -> Music:
    """Read the written music of a piece from its folder.

    Raises:
        DatasetError: the file is missing or damaged; the message says what to remove.
    """
    path = folder / MUSIC_FILE
    try:
        return from_bytes(path.read_bytes())
    except (FileNotFoundError, IsADirectoryError, ValueError) as error:
        state = f"damaged ({why(error)})" if path.exists() else "missing"
        raise DatasetError(f"{path} is {state}: remove {folder} and build again") from error


def _encoded(value: Any) -> Any:
    if is_dataclass(value):
        return {f.name: _encoded(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, tuple):
        if value and is_dataclass(value[0]):
            return {f.name: [_encoded(getattr(v, f.name)) for v in value] for f in fields(value[0])}
        return [_encoded(inner) for inner in value]
    return str(value) if isinstance(value, Fraction) else value


def _decoded(kind: Any, value: Any) -> Any:
    if isinstance(kind, type) and is_dataclass(kind):
        hints = get_type_hints(kind)
        values = {name: _decoded(hints[name], inner) for name, inner in value.items()}
        return kind(**values)
    if isinstance(kind, GenericAlias) and get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        if isinstance(inner, type) and is_dataclass(inner) and isinstance(value, dict):
            hints = get_type_hints(inner)
            columns = [[_decoded(hints[n], v) for v in column] for n, column in value.items()]
            rows = zip(*columns, strict=True)
            return tuple(inner(**dict(zip(value, row, strict=True))) for row in rows)
        return tuple(_decoded(inner, v) for v in value)
    return Fraction(value) if kind is Fraction else value
