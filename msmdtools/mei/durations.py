"""Time as whole numbers: in units of which every duration of a document is a multiple."""

import math
from fractions import Fraction

from lxml import etree

from msmdtools.mei.numbers import whole
from msmdtools.mei.tree import tag

# Four dots on a 2048th note, and the 9/40 of grace time.
_FINEST = 2**13 * 45
_SHORTEST = 2048
MOST_DOTS = 4
MOST_NOTES = 1000
"""Most notes of a tuplet."""

MOST_DIVISIONS = 10_000_000
_LONG = {"breve": Fraction(8), "brevis": Fraction(8), "long": Fraction(16), "longa": Fraction(16)}
_LONG["maxima"] = Fraction(32)
_TUPLET = tag("tuplet")

Ratio = tuple[int, int]
"""How much longer than written notes are: (numerator, denominator)."""

AS_WRITTEN: Ratio = (1, 1)


class Units:
    """The unit of a document, and the durations in it.

    Attributes:
        quarter: how many units a quarter note has.
    """

    def __init__(self, root: etree._Element) -> None:
        quarter = _FINEST
        by_depth: dict[int, int] = {}
        for tuplet in root.iter(_TUPLET):
            depth = sum(1 for _ in tuplet.iterancestors(_TUPLET))
            by_depth[depth] = math.lcm(
                by_depth.get(depth, 1), whole(tuplet.get("num"), 3, most=MOST_NOTES)
            )
        for least in by_depth.values():
            quarter *= least
        divisions = (
            whole(e.get("ppq"), 1, most=MOST_DIVISIONS)
            for e in root.iter(tag("staffDef"), tag("scoreDef"))
        )
        self.quarter = math.lcm(quarter, *divisions)
        self._durations: dict[tuple[str | None, int, Ratio], int] = {}
        self._fractions: dict[int, Fraction] = {}

    def duration(self, dur: str | None, dots: int, ratio: Ratio) -> int:
        """A duration in units.

        Args:
            dur: MEI's name of the note value, such as "4"; a quarter note where there is none.
            dots: number of dots.
            ratio: that of the tuplets around it.

        Returns:
            The duration.
        """
        key = (dur, dots, ratio)
        value = self._durations.get(key)
        if value is None:
            quarters = _LONG.get(dur or "") or Fraction(4, whole(dur, 4, most=_SHORTEST))
            quarters *= Fraction(2 ** (dots + 1) - 1, 2**dots) * Fraction(*ratio)
            value = self._durations[key] = int(quarters * self.quarter)
        return value

    def fraction(self, units: int) -> Fraction:
        """A time in quarter notes."""
        value = self._fractions.get(units)
        if value is None:
            value = self._fractions[units] = Fraction(units, self.quarter)
        return value


def tuplet_ratio(tuplet: etree._Element, ratio: Ratio) -> Ratio:
    """The ratio of the notes in a tuplet that has a ratio around it."""
    inner = Fraction(
        whole(tuplet.get("numbase"), 2, most=MOST_NOTES),
        whole(tuplet.get("num"), 3, most=MOST_NOTES),
    ) * Fraction(*ratio)
    return inner.numerator, inner.denominator
