"""Write what a voice does in a bar as note values: plain, dotted, tied, and in tuplets.

A bar is divided by its metre into beats, and these by two, again and again. What begins and ends on such
divisions is written without tuplets. A note that crosses a division is split there and tied, unless one note
value holds it and it begins or ends together with the larger part that it is in, or is a syncope. For anything
else the smallest part of the bar that holds it becomes a tuplet: 3 in the time of 2, 5 in that of 4, and so on,
whose units are halved again as needed. So every rational time can be written exactly.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

PLAIN = (1, 1)
_LONGEST = Fraction(8)
_SIMPLE = (3, 5, 7, 9)
_SHORTEST = Fraction(1, 256)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a voice: notes that sound together, or a rest.

    Attributes:
        start, end: quarter notes from the start of the bar.
        event: what sounds: a number of the caller's; -1 for a rest.
    """

    start: Fraction
    end: Fraction
    event: int


@dataclass(frozen=True, slots=True)
class Value:
    """One printed note value.

    Attributes:
        start, end: quarter notes from the start of the bar.
        event: as in its span.
        base: the note value without its dot, in quarter notes: a power of two.
        dots: 0 or 1.
        ratio: (actual, normal) of its tuplet; (1, 1) for none.
        first, last: whether it begins or ends a tuplet.
    """

    start: Fraction
    end: Fraction
    event: int
    base: Fraction
    dots: int
    ratio: tuple[int, int] = PLAIN
    first: bool = False
    last: bool = False


def write(spans: Sequence[Span], length: Fraction, levels: Sequence[int]) -> list[Value]:
    """Write a bar of a voice.

    Args:
        spans: what it does, without gaps from the start of the bar to its end.
        length: of the bar, in quarter notes; its denominator is a power of two.
        levels: into how many equal parts the bar is divided, each of those again, and so on, as
            `ScoreBar.levels` gives it: (2, 2) for 4/4, (2, 3) for 6/8.

    Returns:
        The note values in order; those of a span fill it.
    """
    return list(_write(spans, _Node(Fraction(0), length, tuple(levels))))


@dataclass(frozen=True, slots=True)
class _Node:
    """A part of the bar, and how it is divided."""

    start: Fraction
    length: Fraction
    levels: tuple[int, ...]

    @property
    def end(self) -> Fraction:
        return self.start + self.length

    @property
    def parts(self) -> int:
        return self.levels[0] if self.levels else 2

    def children(self) -> "list[_Node]":
        part = self.length / self.parts
        return [_Node(self.start + i * part, part, self.levels[1:]) for i in range(self.parts)]


def _write(spans: Sequence[Span], node: _Node) -> Iterable[Value]:
    inner = [span.start for span in spans[1:]]
    if all(_dyadic(point) for point in inner):
        for span in spans:
            yield from _plain(span.start, span.end, span.event, node, PLAIN)
    elif _must_be_tuplet(spans, node):
        yield from _tuplet(spans, node)
    else:
        for child in node.children():
            yield from _write(_cut(spans, child), child)


def _cut(spans: Sequence[Span], node: _Node) -> list[Span]:
    return [
        Span(max(span.start, node.start), min(span.end, node.end), span.event)
        for span in spans
        if span.start < node.end and span.end > node.start
    ]


def _must_be_tuplet(spans: Sequence[Span], node: _Node) -> bool:
    """Whether notes that need a tuplet cross the divisions of this part, or it has no smaller one."""
    if node.length.numerator not in (1, 2, 3, 4, 8):
        return False
    lines = [child.start for child in node.children()[1:]]
    crossing = [s for s in spans if any(s.start < line < s.end for line in lines)]
    if node.levels or node.length > 1:
        inside = [s for s in crossing if not _dyadic(s.start) and not _dyadic(s.end)]
        odd = _odd(spans, node)
        simple = odd in _SIMPLE and (odd % 3 != 0 or node.length.numerator != 3)
        return bool(inside) and simple and _finest(spans, node) >= _SHORTEST
    return bool(crossing)


def _tuplet(spans: Sequence[Span], node: _Node) -> Iterable[Value]:
    ratio = _ratio(spans, node)
    stretch = Fraction(ratio[1], ratio[0])
    # Inside, time is counted in printed values.
    inside = _Node(Fraction(0), node.length / stretch, (ratio[0],))
    values = []
    for span in spans:
        start, end = ((point - node.start) / stretch for point in (span.start, span.end))
        values += list(_plain(start, end, span.event, inside, ratio))
    for i, value in enumerate(values):
        yield replace(
            value,
            start=node.start + value.start * stretch,
            end=node.start + value.end * stretch,
            first=i == 0,
            last=i == len(values) - 1,
        )


def _ratio(spans: Sequence[Span], node: _Node) -> tuple[int, int]:
    """How many units the tuplet of a node has, and in the time of how many; a dotted part has three, six, …"""
    actual = _odd(spans, node)
    normal = 3 if node.length.numerator == 3 else 1
    while normal * 2 <= actual:
        normal *= 2
    return actual, normal


def _odd(spans: Sequence[Span], node: _Node) -> int:
    """Into how many parts, but for halving, a node must be divided to have all its notes on lines."""
    divisions = _divisions(spans, node)
    return divisions // (divisions & -divisions)


def _finest(spans: Sequence[Span], node: _Node) -> Fraction:
    """A note value that is short enough for all in the tuplet of a node."""
    divisions = _divisions(spans, node)
    return node.length / _ratio(spans, node)[1] / (divisions & -divisions)


def _divisions(spans: Sequence[Span], node: _Node) -> int:
    points = [(span.start - node.start) / node.length for span in spans[1:]]
    return math.lcm(*(point.denominator for point in points))


def _plain(
    start: Fraction, end: Fraction, event: int, node: _Node, ratio: tuple[int, int]
) -> Iterable[Value]:
    value = notated(end - start)
    if value and (start == node.start or end == node.end or _syncope(start, end, node)):
        yield Value(start, end, event, *value, ratio)
        return
    children = node.children()
    lines = [child.start for child in children[1:] if start < child.start < end]
    if not lines:
        child = next(c for c in children if c.start <= start and end <= c.end)
        yield from _plain(start, end, event, child, ratio)
        return
    # What stands before the first division and after the last one, and the whole parts between them.
    points = [start, *dict.fromkeys((lines[0], lines[-1])), end]
    if start == node.start:
        points = [start, lines[-1], end]
    elif end == node.end:
        points = [start, lines[0], end]
    for a, b in pairwise(points):
        within = [c for c in children if c.start <= a and b <= c.end]
        if within:
            yield from _plain(a, b, event, within[0], ratio)
        else:
            yield from _whole_parts(a, b, event, node, ratio)


def _whole_parts(
    start: Fraction, end: Fraction, event: int, node: _Node, ratio: tuple[int, int]
) -> Iterable[Value]:
    """Parts of a node one after another, in as few values as there are."""
    part = node.length / node.parts
    while start < end:
        count = int((end - start) / part)
        while not (value := notated(count * part)) and count > 1:
            count -= 1
        if value is None:
            child = next(c for c in node.children() if c.start == start)
            yield from _plain(start, start + part, event, child, ratio)
        else:
            yield Value(start, start + count * part, event, *value, ratio)
        start += count * part


def _syncope(start: Fraction, end: Fraction, node: _Node) -> bool:
    """Whether a value may hide a division: it is as long as a part, and begins in the middle of one."""
    part = node.length / node.parts
    return end - start == part and ((start - node.start) / part).denominator == 2


def notated(length: Fraction) -> tuple[Fraction, int] | None:
    """The note value, in quarter notes, and dots of a length; None where it takes more than one value."""
    if not _dyadic(length) or length > _LONGEST + _LONGEST / 2:
        return None
    dotted = length.numerator % 3 == 0
    base = length * Fraction(2, 3) if dotted else length
    if base.numerator & (base.numerator - 1) or base > _LONGEST:
        return None
    return base, int(dotted)


def writable(points: Iterable[Fraction]) -> bool:
    """Whether what begins at these points of one beat can be written without values below the 1024th note."""
    divisions = math.lcm(*(point.denominator for point in points))
    halves = divisions & -divisions
    odd = divisions // halves
    return bool(halves << (odd.bit_length() - 1) <= 1 / _SHORTEST)


def _dyadic(point: Fraction) -> bool:
    return not point.denominator & (point.denominator - 1)
