"""Seal JSON objects with a checksum of themselves, so that one changed byte is detected.

The entry `checksum` is the SHA-256 of all other entries, written as JSON with sorted keys and no
spaces: the content of the file matters, and its layout does not. A description without the entry
is of an older msmdtools and is accepted without this check.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msmdtools.base.damage import Damage, why

KEY = "checksum"
_SHA256 = re.compile("[0-9a-f]{64}")


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """Add the checksum as the last entry, in place of an old one."""
    rest = {key: value for key, value in content.items() if key != KEY}
    # As it will be read again: keys that are numbers become texts, and sort as these.
    return {**rest, KEY: _checksum(json.loads(json.dumps(rest)))}


def intact(content: Mapping[str, Any]) -> bool:
    """Whether the checksum matches; True if there is none."""
    if KEY not in content:
        return True
    return bool(content[KEY] == _checksum({k: v for k, v in content.items() if k != KEY}))


def read(path: Path) -> dict[str, Any]:
    """Read the object in a file, without its checksum.

    Raises:
        Damage: it is no JSON object, or damaged.
        OSError: it cannot be read; FileNotFoundError if it is missing.
    """
    try:
        content = path.read_bytes()
    except IsADirectoryError as error:
        raise Damage(why(error)) from error
    return opened(content)


def opened(content: bytes) -> dict[str, Any]:
    """Parse the object in the bytes of a file, without its checksum.

    Raises:
        Damage: it is no JSON object, or damaged.
    """
    if not content.strip(b"\0 \r\n\t"):
        raise Damage("it is empty" if not content else "it has nothing but zeros or spaces")
    try:
        values = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Damage(why(error)) from error
    if not isinstance(values, dict):
        raise Damage("it is not a JSON object")
    # A checksum under another name: one byte of the name has changed.
    last = list(values.values())[-1] if values else None
    renamed = KEY not in values and isinstance(last, str) and _SHA256.fullmatch(last)
    if renamed or not intact(values):
        raise Damage("its checksum does not match")
    values.pop(KEY, None)
    return values


def _checksum(rest: Mapping[str, Any]) -> str:
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
