"""Where bars begin, read from LilyPond's records (`bars.ily` lists the records).

A *sheet* is the music of one Score context, which need not be all of a score. Moments are exact, in quarter
notes from its beginning: *raw* ones count music that LilyPond was told to skip (skipTypesetting).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

BAR_LINE = 2
"""`Column.line` of a bar line that ends a bar."""
WHOLE_SHEET = -1
"""`BarStart.timing` of the context that counts the bars of all staves together."""

LONGEST_NUMBER = 20
_SIGNATURE = re.compile(r"\d{1,5}/\d{1,5}")


@dataclass(frozen=True, slots=True)
class BarStart:
    """A moment at which LilyPond counts a new bar.

    Attributes:
        sheet: number of its sheet.
        timing: number of the context that counts, `WHOLE_SHEET` unless staves count by themselves.
        raw: the moment, with music that was skipped before it.
        main: the moment, without that.
        counted: whether a bar begins; otherwise only the difference of `raw` and `main` changes.
        number: its printed number.
        signature: the time signature, such as "6/8"; "" for none.
    """

    sheet: int
    timing: int
    raw: Fraction
    main: Fraction
    counted: bool
    number: str
    signature: str


@dataclass(frozen=True, slots=True)
class Column:
    """The place of a moment in a system.

    Attributes:
        raw: the moment.
        x: its place, in points from the left of the page: the middle of the bar line, if there is one.
        line: `BAR_LINE`, 1 for a bar line that only divides a bar, such as a dashed one, 0 for none.
        graced: whether it stands before the grace notes of the moment.
    """

    raw: Fraction
    x: float
    line: int
    graced: bool


@dataclass(frozen=True, slots=True)
class DrawnSystem:
    """A system on a page.

    Attributes:
        system: its number in the records, as `DrawnStaff.system`.
        page: page, from 0.
        sheet: number of its sheet.
        start: the raw moment at which it begins.
        end: the raw moment at which it ends.
        columns: the places at which bars may begin, of all staves.
    """

    system: int
    page: int
    sheet: int
    start: Fraction
    end: Fraction
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Bars:
    """All records of bars.

    Attributes:
        starts: the beginnings of bars, in the order of time in each sheet.
        notes: a written note of each sheet, -1 for none; by the sheets' numbers.
        systems: the systems on the pages.
    """

    starts: tuple[BarStart, ...] = ()
    notes: dict[int, int] = field(default_factory=dict)
    systems: tuple[DrawnSystem, ...] = ()


@dataclass(slots=True)
class BarReader:
    """Collects the records of bars, line by line.

    Attributes:
        quarters: reads a moment in whole notes as quarter notes.
    """

    quarters: Callable[[str], Fraction]
    _starts: list[BarStart] = field(default_factory=list)
    _notes: dict[int, int] = field(default_factory=dict)
    _systems: list[tuple[int, int, int, Fraction, Fraction]] = field(default_factory=list)
    _columns: dict[tuple[int, int], list[Column]] = field(default_factory=dict)

    def read(self, kind: str, fields: Sequence[str], page: int, points: float) -> None:
        """Take up a record.

        Args:
            kind: "bar", "sheet", "system" or "column".
            fields: its fields.
            page: the page at hand, from 0.
            points: points in a staff space of that page.
        """
        match kind:
            case "bar":
                sheet, timing, raw, main, counted, number, signature = fields
                self._starts.append(
                    BarStart(
                        int(sheet),
                        int(timing),
                        self.quarters(raw),
                        self.quarters(main),
                        counted == "1",
                        number[:LONGEST_NUMBER],
                        signature if _SIGNATURE.fullmatch(signature) else "",
                    )
                )
            case "sheet":
                sheet, note = fields
                self._notes[int(sheet)] = int(note)
            case "system":
                system, sheet, start, end = fields
                moments = (self.quarters(start), self.quarters(end))
                self._systems.append((int(system), page, int(sheet), *moments))
            case "column":
                system, raw, x, line, grace = fields
                graced = self.quarters(grace) < 0
                column = Column(self.quarters(raw), float(x) * points, int(line), graced)
                self._columns.setdefault((page, int(system)), []).append(column)

    def bars(self) -> Bars:
        """All that was read."""
        systems = (
            DrawnSystem(*system, tuple(self._columns.get((system[1], system[0]), ())))
            for system in self._systems
        )
        return Bars(tuple(self._starts), self._notes, tuple(systems))
