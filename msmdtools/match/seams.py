"""Decide on which side of a seam between two passages its grace notes lie.

At the moment at which a repeat ends there may be grace notes at its own end and others that lead to what
follows. The marks of the staff (`repeats.ily`) tell them apart: notes before the mark belong to the repeat.
"""

from dataclasses import dataclass
from fractions import Fraction

from msmdtools.engrave.lilypond.records import Records

Place = tuple[Fraction, int]
"""A moment in quarter notes, and -1 for a note before a seam at that moment, else 0."""


@dataclass(frozen=True, slots=True)
class Seams:
    """The edges of all repeats and endings.

    Attributes:
        graces: for each (performance, staff, moment) of an edge, the grace time at which it stands, in
            quarter notes; staff -1 holds for all staves.
    """

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
        """The place of a note, on one side of a seam or the other.

        Args:
            performance: number of the performance.
            staff: number of the staff context.
            onset: main moment of the note, in quarter notes.
            grace: its grace time, negative before the main note.

        Returns:
            The moment and the side of a seam at it.
        """
        if not grace:
            return onset, 0
        anywhere = self.graces.get((performance, -1, onset))
        seam = self.graces.get((performance, staff, onset), anywhere)
        return onset, -1 if seam is not None and grace < seam else 0
