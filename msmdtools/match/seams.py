"""On which side of a seam, where passages are joined, the grace notes lie that stand at it.

At the moment at which a repeat ends there may be grace notes at its own end and others that lead to what
follows. The marks of the staff (`repeats.ily`) tell them apart: what comes before them belongs to what ends.
"""

from dataclasses import dataclass
from fractions import Fraction

from msmdtools.engrave.records import Records

Place = tuple[Fraction, int]
"""A moment in quarter notes, and -1 for what stands before a seam at that moment, else 0."""


@dataclass(frozen=True, slots=True)
class Seams:
    """For each performance, staff and moment of a repeat's edge the grace time at which the edge is."""

    graces: dict[tuple[int, int, Fraction], Fraction]

    @classmethod
    def of(cls, records: Records) -> "Seams":
        """The seams of all repeats and endings."""
        graces: dict[tuple[int, int, Fraction], Fraction] = {}
        for repeat in records.repeats:
            edges = [repeat.begin, repeat.end]
            edges += (edge for ending in repeat.endings for edge in (ending.begin, ending.end))
            for main, grace in edges:
                key = (repeat.performance, repeat.staff, main)
                graces[key] = min(grace, graces.get(key, grace))
        return cls(graces)

    def place(self, performance: int, staff: int, onset: Fraction, grace: Fraction) -> Place:
        """Where a note belongs that begins at (onset, grace) in a staff."""
        if not grace:
            return onset, 0
        anywhere = self.graces.get((performance, -1, onset))
        seam = self.graces.get((performance, staff, onset), anywhere)
        return onset, -1 if seam is not None and grace < seam else 0
