"""The order in which a score with repeats is played: repeats of all staves joined, then unfolded.

A repeat holds for all staves, as its bar lines are drawn through all of them, whichever staff it is written
in. Repeats of several staves are one when they agree in beginning, end, number of times and endings. Besides,

- a repeat that is the last of its voice may end before the repeat of another staff that begins with it: the
  voice has nothing more to play;
- a repeat without endings that ends where the last ending of another begins is the same repeat: both print the
  same.

Other repeats follow each other, or one lies inside the other; anything else is a contradiction. All times are
written time, in quarter notes.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from msmdtools.engrave.lilypond.repeats import Repeat

MOST_PASSAGES = 10_000


class Contradiction(ValueError):
    """The staves of a score do not agree about its repeats. The message says where."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of written music that is played once.

    Attributes:
        start: where it starts, in quarter notes of written time.
        end: where it ends.
        shift: how much later it sounds than it is written, in quarter notes.
    """

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
    """The passages of one performance, in the order in which they are played.

    Args:
        repeats: the repeats of all staves.
        start: start of the music, in quarter notes.
        end: end of the music, in quarter notes.

    Returns:
        The passages; one that follows the one before on the page too is joined with it.

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
    position = start
    for first, last in order:
        result.append(Passage(first, last, position - first))
        position += last - first
    return tuple(result)


def _played(
    start: Fraction,
    end: Fraction,
    inside: Sequence[_Joined],
    left_out: tuple[tuple[Fraction, Fraction], ...],
) -> Iterator[tuple[Fraction, Fraction]]:
    """The stretches played from `start` to `end`, where `inside` are the repeats in between, outer ones first."""
    position = start
    while inside:
        outer, *others_inside = inside
        nested = [repeat for repeat in others_inside if repeat.end <= outer.end]
        inside = others_inside[len(nested) :]
        yield from _without(position, outer.start, left_out)
        for time in range(1, min(outer.count, MOST_PASSAGES + 1) + 1):
            skipped = ((a, b) for a, b, times in outer.endings if time not in times)
            yield from _played(outer.start, outer.end, nested, (*left_out, *skipped))
        position = outer.end
    yield from _without(position, end, left_out)


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
    """The repeats of the score, joined from those of all staves: by beginning, the outer ones first."""
    by_number = {repeat.number: repeat for repeat in repeats}
    outlines = {repeat.number: _outline(repeat, by_number) for repeat in repeats}
    nested = {
        (outlines[outer.number], outlines[repeat.number])
        for repeat in repeats
        for outer in _around(repeat, by_number)
    }
    joined = {
        outlines[repeat.number]
        for repeat in repeats
        if repeat.begin[0] < repeat.end[0] and not _is_part(repeat, outlines)
    }
    result = sorted(joined, key=lambda r: (r.start, -r.end, r.level))
    for first, second in combinations(result, 2):
        if not _compatible(first, second, (first, second) in nested):
            raise Contradiction(_contradiction(first, second, repeats, outlines))
    return result


def _outline(repeat: Repeat, by_number: dict[int, Repeat]) -> _Joined:
    """The repeat without grace notes and without endings that belong to every time: the same in all staves."""
    all_times = set(range(1, repeat.count + 1))
    endings = tuple(
        (ending.begin[0], ending.end[0], ending.times)
        for ending in repeat.endings
        if ending.begin[0] < ending.end[0] and not all_times <= set(ending.times)
    )
    start, end = repeat.begin[0], repeat.end[0]
    level = sum((r.begin[0], r.end[0]) == (start, end) for r in _around(repeat, by_number))
    return _Joined(start, end, level, repeat.count, endings)


def _around(repeat: Repeat, by_number: dict[int, Repeat]) -> Iterator[Repeat]:
    while repeat.parent in by_number:
        repeat = by_number[repeat.parent]
        yield repeat


def _is_part(repeat: Repeat, outlines: dict[int, _Joined]) -> bool:
    """Whether a repeat is only a shorter way to write another one."""
    outline = outlines[repeat.number]
    longer = [
        other
        for other in outlines.values()
        if (other.start, other.count) == (outline.start, outline.count) and other.end > outline.end
    ]
    before_last_ending = (r.endings and r.endings[-1][:2] == (outline.end, r.end) for r in longer)
    return not outline.endings and bool((repeat.last and longer) or any(before_last_ending))


def _compatible(first: _Joined, second: _Joined, nested: bool) -> bool:
    """Whether two repeats, the first of which begins earlier or is longer, can be played together."""
    if first.end <= second.start:
        return True
    shared_edge = first.start == second.start or first.end == second.end
    if second.end > first.end or (shared_edge and not nested):
        return False
    return all(
        end <= second.start or second.end <= start or (start <= second.start and second.end <= end)
        for start, end, _ in first.endings
    )


def _contradiction(
    first: _Joined, second: _Joined, repeats: Sequence[Repeat], outlines: dict[int, _Joined]
) -> str:
    descriptions = (
        f"{_description(joined)} ({next(r.source for r in repeats if outlines[r.number] == joined)})"
        for joined in (first, second)
    )
    return f"the staves contradict each other: {'; '.join(descriptions)}"


def _description(repeat: _Joined) -> str:
    description = (
        f"quarters {float(repeat.start):g} to {float(repeat.end):g} are played {repeat.count} times"
    )
    endings = " and ".join(
        f"quarters {float(start):g} to {float(end):g} at time {', '.join(map(str, times))}"
        for start, end, times in repeat.endings
    )
    return f"{description}, of which {endings}" if endings else description
