"""The order in which a score with repeats is played: its repeats joined over all staves, and unfolded.

A repeat holds for all staves, as its bar lines are drawn through all of them, whichever staff it is written
in. Repeats of several staves are one when they agree in beginning, end, number of times and endings. Besides,

- one that is the last of its voice may end before that of another staff which begins with it: the voice has
  nothing more to play;
- one without endings that ends where the last ending of another begins is that one: both print the same.

Repeats that are not one follow each other, or one lies inside the other. Whatever else there is contradicts
itself. The time of all this is written time, in quarter notes.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from msmdtools.engrave.repeats import Repeat

MOST_PASSAGES = 10_000


class Contradiction(ValueError):
    """The staves of a score do not agree about its repeats. The message says where."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Written music from `start` up to `end` that sounds `shift` later than it is written."""

    start: Fraction
    end: Fraction
    shift: Fraction


@dataclass(frozen=True, slots=True)
class _Joined:
    """A repeat of all staves.

    Attributes:
        level: how many of those around it are as long.
        endings: (start, end, times).
    """

    start: Fraction
    end: Fraction
    level: int
    count: int
    endings: tuple[tuple[Fraction, Fraction, tuple[int, ...]], ...]


def passages(repeats: Sequence[Repeat], start: Fraction, end: Fraction) -> tuple[Passage, ...]:
    """The passages of one performance's music from `start` to `end`, in the order in which they are played.

    Raises:
        Contradiction: the repeats of the staves do not fit together, or are too many to be played.
    """
    order: list[tuple[Fraction, Fraction]] = []
    for first, last in _played(start, end, _joined(repeats), ()):
        if order and order[-1][1] == first:
            order[-1] = (order[-1][0], last)
        else:
            order.append((first, last))
        if len(order) > MOST_PASSAGES:
            raise Contradiction(f"its repeats make more than {MOST_PASSAGES} passages")
    result = []
    now = start
    for first, last in order:
        result.append(Passage(first, last, now - first))
        now += last - first
    return tuple(result)


def _played(
    start: Fraction,
    end: Fraction,
    inside: Sequence[_Joined],
    left_out: tuple[tuple[Fraction, Fraction], ...],
) -> Iterator[tuple[Fraction, Fraction]]:
    """What is played from `start` to `end`, where `inside` are the repeats in between, outer ones first."""
    now = start
    while inside:
        outer, *others = inside
        nested = [other for other in others if other.end <= outer.end]
        inside = others[len(nested) :]
        yield from _without(now, outer.start, left_out)
        for time in range(1, min(outer.count, MOST_PASSAGES + 1) + 1):
            skipped = ((a, b) for a, b, times in outer.endings if time not in times)
            yield from _played(outer.start, outer.end, nested, (*left_out, *skipped))
        now = outer.end
    yield from _without(now, end, left_out)


def _without(
    start: Fraction, end: Fraction, left_out: Iterable[tuple[Fraction, Fraction]]
) -> Iterator[tuple[Fraction, Fraction]]:
    for a, b in sorted(left_out):
        if start < min(a, end):
            yield start, min(a, end)
        start = max(start, b)
    if start < end:
        yield start, end


def _joined(repeats: Sequence[Repeat]) -> list[_Joined]:
    """The repeats of all staves as those of the score: by beginning, the outer ones first."""
    by_number = {repeat.number: repeat for repeat in repeats}
    of = {repeat.number: _outline(repeat, by_number) for repeat in repeats}
    nested = {
        (of[outer.number], of[repeat.number])
        for repeat in repeats
        for outer in _around(repeat, by_number)
    }
    found = {
        of[repeat.number]
        for repeat in repeats
        if repeat.begin[0] < repeat.end[0] and not _is_part(repeat, of)
    }
    result = sorted(found, key=lambda r: (r.start, -r.end, r.level))
    for one, other in combinations(result, 2):
        if not _fit(one, other, (one, other) in nested):
            raise Contradiction(_both(one, other, repeats, of))
    return result


def _outline(repeat: Repeat, by_number: dict[int, Repeat]) -> _Joined:
    """The repeat as far as it is the same in all staves: without grace notes, and what belongs to every time."""
    every = set(range(1, repeat.count + 1))
    endings = tuple(
        (ending.begin[0], ending.end[0], ending.times)
        for ending in repeat.endings
        if ending.begin[0] < ending.end[0] and not every <= set(ending.times)
    )
    start, end = repeat.begin[0], repeat.end[0]
    level = sum((r.begin[0], r.end[0]) == (start, end) for r in _around(repeat, by_number))
    return _Joined(start, end, level, repeat.count, endings)


def _around(repeat: Repeat, by_number: dict[int, Repeat]) -> Iterator[Repeat]:
    while repeat.parent in by_number:
        repeat = by_number[repeat.parent]
        yield repeat


def _is_part(repeat: Repeat, of: dict[int, _Joined]) -> bool:
    """Whether a repeat is only a shorter way to write another one."""
    own = of[repeat.number]
    longer = [
        other
        for other in of.values()
        if (other.start, other.count) == (own.start, own.count) and other.end > own.end
    ]
    before_last_ending = (r.endings and r.endings[-1][:2] == (own.end, r.end) for r in longer)
    return not own.endings and bool((repeat.last and longer) or any(before_last_ending))


def _fit(one: _Joined, other: _Joined, written_so: bool) -> bool:
    """Whether two repeats, the first of which begins first or is longer, can be played as they are."""
    if one.end <= other.start:
        return True
    shared_edge = one.start == other.start or one.end == other.end
    if other.end > one.end or (shared_edge and not written_so):
        return False
    return all(
        end <= other.start or other.end <= start or (start <= other.start and other.end <= end)
        for start, end, _ in one.endings
    )


def _both(one: _Joined, other: _Joined, repeats: Sequence[Repeat], of: dict[int, _Joined]) -> str:
    told = (
        f"{_told(joined)} ({next(r.source for r in repeats if of[r.number] == joined)})"
        for joined in (one, other)
    )
    return f"the staves contradict each other: {'; '.join(told)}"


def _told(repeat: _Joined) -> str:
    told = (
        f"quarters {float(repeat.start):g} to {float(repeat.end):g} are played {repeat.count} times"
    )
    endings = " and ".join(
        f"quarters {float(start):g} to {float(end):g} at time {', '.join(map(str, times))}"
        for start, end, times in repeat.endings
    )
    return f"{told}, of which {endings}" if endings else told
