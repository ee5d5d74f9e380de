"""Summarise failures for people: the number of each reason, and some of the messages."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Failure:
    """A piece that was not built, a file that was not indexed, or the like.

    Attributes:
        name: of the piece or file.
        reason: its kind in a word or two, such as "source, missing-file"; "" if there are no kinds.
        message: what is wrong, and where.
    """

    name: str
    reason: str
    message: str


def lines(failures: Iterable[Failure], shown: int = SHOWN) -> list[str]:
    """Group the failures by reason, the most frequent first, with at most `shown` messages.

    Every reason has one of its messages shown before any has a second one.
    """
    ordered = sorted(failures, key=lambda f: (f.reason, f.name))
    groups = [list(group) for _, group in groupby(ordered, key=lambda f: f.reason)]
    groups.sort(key=len, reverse=True)
    result: list[str] = []
    for group, count in zip(groups, _shares([len(g) for g in groups], shown), strict=True):
        result += _group(group, count)
    return result


def _group(group: Sequence[Failure], count: int) -> Iterator[str]:
    if group[0].reason:
        yield f"{len(group):>6,}  {group[0].reason}"
    for failure in group[:count]:
        yield f"        {failure.name}: {failure.message}"
    if count and len(group) > count:
        yield f"        … and {len(group) - count:,} more"


def _shares(sizes: Sequence[int], shown: int) -> list[int]:
    """Number of messages to show of each group: one of each in turn, until there are `shown`."""
    shares = [0] * len(sizes)
    left = min(shown, sum(sizes))
    while left:
        for i, size in enumerate(sizes):
            if left and shares[i] < size:
                shares[i] += 1
                left -= 1
    return shares
