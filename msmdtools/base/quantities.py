"""Quantities as people write them: sizes such as 4G, times such as 90m, lists such as 0.9,1.0, "1 piece"."""

import difflib
import re
from collections.abc import Iterable
from typing import Any

from msmdtools.errors import MsmdError

_UNITS = " KMGT"
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def parse_bytes(value: object) -> int:
    """Parse bytes from a number, or from a text such as "512M" or "4G".

    Raises:
        MsmdError: it is neither.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?", str(value).strip(), re.IGNORECASE)
    if match is None:
        raise MsmdError(f"{value!r} is not a size such as 512M or 4G")
    return int(float(match[1]) * 1024 ** _UNITS.index(match[2].upper() or " "))


def format_bytes(size: int) -> str:
    """The shortest text that `parse_bytes` parses as this size: "4G"."""
    power = 0
    while size and size % 1024 == 0 and power + 1 < len(_UNITS):
        size, power = size // 1024, power + 1
    return f"{size}{_UNITS[power].strip()}"


def parse_seconds(value: object) -> float:
    """Parse seconds from "90m", "3h" or "45s".

    Raises:
        MsmdError: it is none of these.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|h)", str(value).strip())
    if match is None:
        raise MsmdError(f"{value!r} is not a time such as 90m, 3h or 45s")
    return float(match[1]) * _SECONDS[match[2]]


def how_many(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: "1 piece", "1,470 pieces".

    Args:
        number: how many.
        noun: what is counted, in the singular.
        plural: the plural, if it is not the noun with an s.

    Returns:
        The text.
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def first_few(values: Iterable[object], shown: int = 3) -> str:
    """The first of some values, and how many more there are: "a, b, c and 4 more"."""
    texts = [str(value) for value in values]
    more = len(texts) - shown
    return ", ".join(texts[:shown]) + (f" and {more:,} more" if more > 0 else "")


def near(name: str, names: Iterable[str]) -> str:
    """The end of a message "no such name": the names that look like it, or some that exist."""
    names = list(names)
    similar = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    similar = similar or [n for n in names if name and name.lower() in n.lower()][:3]
    if similar:
        return f"; did you mean {' or '.join(similar)}?"
    shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    return f"; there are {len(names)}: {shown}" if names else "; there are none"


def items(value: object) -> Iterable[Any]:
    """The items of a list: the parts of "a,b,c", the elements of a list, or the value itself."""
    if isinstance(value, str):
        return [item for item in value.split(",") if item.strip()]
    return value if isinstance(value, list | tuple) else [value]
