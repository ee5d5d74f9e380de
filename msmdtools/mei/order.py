"""The order in which the bars of a score are played: repeats, endings, and jumps (D.C., D.S., Coda, Fine).

- A repeat begins at its sign, or else where the repeat before it ended, or at the beginning: A :| B :| C is
  played A A B B C. It is played twice, or as often as its endings or the encoding say.
- An ending is played the times that it names. A repeat with endings is over after the last of them.
- A repeat bar line inside a bar divides it. The words of a jump, and Fine, count at the end of their bar,
  wherever in it they stand; a Segno and a Coda at its beginning.
- A jump is taken once, after the repeats of its bar. After it, repeats are not taken again, and of endings the
  last is played, unless its words say "con repetizione". Fine and To Coda count after a jump only.
- Where two Codas are printed and none says "To Coda", the first is where to leave.
- What cannot be played (D.S. without a Segno, al Fine without a Fine, al Coda without a Coda, endless jumps) is
  a contradiction.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from msmdtools.mei.notes import Bar

MOST_CELLS = 200_000

_BEGINS = frozenset(("rptstart", "rptboth"))
_ENDS = frozenset(("rptend", "rptboth"))


class Contradiction(ValueError):
    """The repeats cannot be played as they are written. The message says why."""


@dataclass(slots=True)
class Ending:
    """An ending (volta).

    Attributes:
        times: the times that it is played.
    """

    times: tuple[int, ...]


@dataclass(slots=True)
class Marks:
    """What a bar says about the order.

    Attributes:
        left: form of its left bar line.
        right: form of its right bar line.
        times: how often the repeat that ends with it is played; 0 where nothing says so.
        ending: the ending that it is part of, or None.
        segno: whether a Segno stands in it.
        codas: how many Coda signs stand in it.
        to_coda: whether it says where to leave for the Coda.
        fine: whether it says where to end.
        jump: the words of a jump, such as "dalsegno D.S. al Coda"; "" for none.
    """

    left: str = ""
    right: str = ""
    times: int = 0
    ending: Ending | None = None
    segno: bool = False
    codas: int = 0
    to_coda: bool = False
    fine: bool = False
    jump: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """Bars, or parts of them, that are played on end.

    Attributes:
        start: written time at which it begins.
        end: written time at which it ends.
        shift: how much later it is played than written.
        bars: indices of its bars.
    """

    start: int
    end: int
    shift: int
    bars: tuple[int, ...]


@dataclass(slots=True)
class _Cell:
    """A bar, or a part of one between repeat bar lines."""

    bar: int
    start: int
    end: int
    begins: bool = False
    ends: bool = False
    first: bool = True
    last: bool = True
    marks: Marks = field(default_factory=Marks)


def ending_times(text: str | None, place: int) -> tuple[int, ...]:
    """The times that an ending is played, such as (1, 2) for "1, 2" or "1-2"; its place where it has none."""
    times: list[int] = []
    for first, last in re.findall(r"(\d+)(?:[.\s]*[-–]\s*(\d+))?", text or ""):
        if int(first) <= int(last or first) <= 99:
            times += range(int(first), int(last or first) + 1)
    return tuple(times) or (place,)


def as_written(bars: Sequence[Bar]) -> tuple[Passage, ...]:
    """All bars once, from left to right."""
    start = bars[0].start
    return (Passage(start, bars[-1].end, -start, tuple(range(len(bars)))),)


def has_repeats(bars: Sequence[Bar], marks: Sequence[Marks]) -> bool:
    """Whether anything is to be played but once, from left to right."""
    return any(c.ends or c.marks.jump or c.marks.ending for c in _cells(bars, marks))


def unfolded(bars: Sequence[Bar], marks: Sequence[Marks]) -> tuple[Passage, ...]:
    """The passages in the order in which they are played.

    Args:
        bars: the bars of one score.
        marks: what each of them says.

    Returns:
        The passages; what follows each other on the page is one.

    Raises:
        Contradiction: they cannot be played.
    """
    cells = _cells(bars, marks)
    passages: list[Passage] = []
    played = 0
    run: list[_Cell] = []
    previous = -2
    for i in _Player(cells).play():
        if i != previous + 1 and run:
            passages.append(_passage(run, played))
            played += run[-1].end - run[0].start
            run = []
        run.append(cells[i])
        previous = i
    if run:
        passages.append(_passage(run, played))
    return tuple(passages)


def _passage(run: Sequence[_Cell], played: int) -> Passage:
    bars = tuple(dict.fromkeys(cell.bar for cell in run))
    return Passage(run[0].start, run[-1].end, played - run[0].start, bars)


def _cells(bars: Sequence[Bar], marks: Sequence[Marks]) -> list[_Cell]:
    cells: list[_Cell] = []
    for i, (bar, mark) in enumerate(zip(bars, marks, strict=True)):
        inner: dict[int, str] = {}
        begins, ends = mark.left in _BEGINS, mark.right in _ENDS
        for at, form in bar.inner:
            if form not in _BEGINS | _ENDS:
                continue
            if bar.start < at < bar.end:
                inner[at] = "rptboth" if inner.get(at, form) != form else form
            elif at == bar.start:
                begins |= form in _BEGINS
            else:
                ends |= form in _ENDS
        edges = [bar.start, *sorted(inner), bar.end]
        parts = [
            _Cell(i, a, b, first=a == bar.start, last=b == bar.end, marks=mark)
            for a, b in pairwise(edges)
        ]
        parts[0].begins, parts[-1].ends = begins, ends
        for before, after in pairwise(parts):
            before.ends, after.begins = inner[before.end] in _ENDS, inner[before.end] in _BEGINS
        # A bar line on the left that ends a repeat ends it with the bar before.
        if mark.left in _ENDS and cells:
            cells[-1].ends = True
        cells += parts
    for before, after in pairwise(cells):
        if before.last and before.marks.right in _BEGINS:
            after.begins = True
    return cells


class _Player:
    """Goes through the cells as a musician does."""

    def __init__(self, cells: Sequence[_Cell]) -> None:
        self._cells = cells
        self._segni = [i for i, c in enumerate(cells) if c.first and c.marks.segno]
        self._to_coda = [i for i, c in enumerate(cells) if c.last and c.marks.to_coda]
        self._codas = [i for i, c in enumerate(cells) if c.first and c.marks.codas]
        if self._codas and not self._to_coda:
            if len(self._codas) > 1:
                self._to_coda = [self._codas[0] - 1]
                self._codas = self._codas[1:]
            elif cells[self._codas[0]].marks.codas > 1:
                self._to_coda = self._codas[:1]
        self._starts = [i for i, c in enumerate(cells) if c.begins]
        self._jumped = False
        self._repeats_again = True
        self._goal = ""
        self._taken: set[int] = set()

    def play(self) -> list[int]:
        """The cells in order."""
        order: list[int] = []
        i, begin, time = 0, 0, 1
        while i < len(self._cells):
            cell = self._cells[i]
            ending = cell.marks.ending
            if cell.begins and i != begin:
                begin, time = i, 1
            if ending is not None and not self._is_played(i, time):
                i += 1
                continue
            order.append(i)
            if len(order) > MOST_CELLS:
                raise Contradiction(f"its repeats make more than {MOST_CELLS} bars")
            if cell.ends and self._repeats_again and time < self._times(i):
                i, time = begin, time + 1
                continue
            if cell.ends or self._last_of_endings(i):
                begin, time = i + 1, 1
            following = self._leave(i)
            if following < 0:
                break
            if following != i + 1:
                begin = max([s for s in self._starts if s <= following], default=0)
                time = 1
            i = following
        return order

    def _times(self, i: int) -> int:
        """How often the repeat that ends with a cell is played."""
        marks = self._cells[i].marks
        if marks.ending is not None:
            return max(2, *(t for e in self._endings(i) for t in e.times))
        return marks.times or 2

    def _endings(self, i: int) -> list[Ending]:
        """The endings of the repeat that a cell's ending belongs to."""
        first = last = i
        while (
            first > 0
            and self._cells[first - 1].marks.ending is not None
            and not self._cells[first].begins
        ):
            first -= 1
        while last + 1 < len(self._cells) and self._cells[last + 1].marks.ending is not None:
            if self._cells[last + 1].begins:
                break
            last += 1
        return [e for c in self._cells[first : last + 1] if (e := c.marks.ending) is not None]

    def _is_played(self, i: int, time: int) -> bool:
        ending = self._cells[i].marks.ending
        if ending is None:
            return True
        if self._repeats_again:
            return time in ending.times
        return max(ending.times) >= max(t for e in self._endings(i) for t in e.times)

    def _last_of_endings(self, i: int) -> bool:
        ending = self._cells[i].marks.ending
        following = self._cells[i + 1].marks.ending if i + 1 < len(self._cells) else None
        return ending is not None and following is None

    def _leave(self, i: int) -> int:
        """The cell after this one, a jump away or not; -1 for the end."""
        cell = self._cells[i]
        if not cell.last:
            return i + 1
        if self._jumped and cell.marks.fine and self._goal != "coda":
            return -1
        if self._jumped and i in self._to_coda and self._goal != "fine":
            after = [c for c in self._codas if c > i]
            if not after:
                raise Contradiction("it says To Coda, and has no Coda after that")
            self._to_coda = []
            return after[0]
        words = cell.marks.jump
        if words and i not in self._taken and not (self._jumped and cell.marks.fine):
            self._taken.add(i)
            return self._jump(i, words)
        return i + 1

    def _jump(self, i: int, words: str) -> int:
        spoken = words.lower()
        self._jumped = True
        self._repeats_again = bool(re.search(r"con (la )?rep|with rep|with the rep", spoken))
        self._goal = "fine" if "fine" in spoken else "coda" if "coda" in spoken else ""
        if self._goal == "fine" and not any(c.marks.fine for c in self._cells):
            raise Contradiction(f'it says "{words}", and has no Fine')
        if self._goal == "coda" and not (self._to_coda and self._codas):
            raise Contradiction(f'it says "{words}", and has no Coda to go to')
        if spoken.startswith("dacapo"):
            return 0
        place = bisect_left(self._segni, i + 1) - 1
        if place < 0:
            raise Contradiction(f'it says "{words}", and has no Segno before that')
        return self._segni[place]
