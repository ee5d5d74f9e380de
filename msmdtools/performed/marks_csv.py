"""Read marks in a recording from a table, CSV or TSV, whose first line names the columns.

The column second (or seconds, time) has seconds from the start of the recording; one of these says what sounds:

- bar (or number): the printed number of a bar, and perhaps beat: the beat in it, from 1;
- measure: the number of a bar in the measures table, from 0, and perhaps beat;
- quarters: score time, in quarter notes from the start of the piece, such as 4.5 or 13/3;
- label: a bar, or a bar and a beat, as Sonic Visualiser labels instants: 12 or 12.3.

Other columns are left alone.
"""

import csv
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from msmdtools.performed import sonic_visualiser
from msmdtools.performed.alignment import refuse
from msmdtools.performed.marks import Named, exact, second_of

NAME = "table"
SECOND = ("second", "seconds", "time")
PLACES = ("quarters", "measure", "bar", "number", "label")


def is_header(line: str) -> bool:
    """Whether a line names the columns of such a table."""
    names = _names(next(csv.reader([line], delimiter=_delimiter(line)), []))
    return any(name in SECOND for name in names)


def read(path: Path, text: str) -> list[Named]:
    """Read the marks of a table.

    Raises:
        PieceError: it lacks a column, or a row has no such value (stage "read").
    """
    lines = text.splitlines()
    rows = list(csv.reader(lines, delimiter=_delimiter(lines[0])))
    names = _names(rows[0])
    second = next((name for name in SECOND if name in names), "")
    place = next((name for name in PLACES if name in names), "")
    if not (second and place):
        raise refuse(
            "wrong-columns",
            f"{path.name} has the columns {', '.join(names)}: a table of marks has second, and one of bar, "
            "measure and quarters",
            "read",
        )
    marks = []
    for line, values in enumerate(rows[1:], 2):
        row = dict(zip(names, (value.strip() for value in values), strict=False))
        if not any(row.values()):
            continue
        where = f"{path.name}, line {line}"
        if not row.get(place):
            raise refuse("damaged", f"{where}: it has no {place}", "read")
        seconds = second_of(row.get(second, ""), where)
        beat = exact(row["beat"], where, "beat") if row.get("beat") else Fraction(1)
        if place == "quarters":
            mark = Named(where, seconds, quarters=exact(row[place], where, place))
        elif place == "measure":
            measure = exact(row[place], where, place)
            if measure.denominator != 1:
                raise refuse("damaged", f"{where}: the measure {row[place]} is no bar", "read")
            mark = Named(where, seconds, measure=int(measure), beat=beat)
        elif place == "label":
            mark = sonic_visualiser.mark(where, seconds, row[place])
        else:
            mark = Named(where, seconds, bar=row[place], beat=beat)
        marks.append(mark)
    return marks


def _names(row: Sequence[str]) -> list[str]:
    return [name.strip().lower() for name in row]


def _delimiter(line: str) -> str:
    return max("\t;,", key=line.count)
