"""The onsets of a tremolo's heads, which sound at its start and not where they are printed.

A tremolo between two heads of a half note each lasts a half note. LilyPond prints the second head at the
middle, with a moment to match; it sounds for the first time one stroke after the first.
"""

from collections import defaultdict
from fractions import Fraction

from msmdtools.engrave.lilypond.records import Records


def delays(records: Records) -> dict[int, Fraction]:
    """How many quarter notes each written note of a tremolo sounds earlier than it is printed."""
    printed: dict[int, Fraction] = {}
    for head in records.heads:
        if head.note >= 0 and records.notes[head.note].tremolo >= 0:
            printed[head.note] = min(printed.get(head.note, head.onset), head.onset)
    sounding: dict[int, Fraction] = {}
    for played in records.played:
        if played.note in printed:
            sounding[played.note] = min(sounding.get(played.note, played.onset), played.onset)
    tremolos: dict[int, list[int]] = defaultdict(list)
    for note in printed.keys() & sounding.keys():
        tremolos[records.notes[note].tremolo].append(note)
    result: dict[int, Fraction] = {}
    for notes in tremolos.values():
        first_printed = min(printed[note] for note in notes)
        first_sounding = min(sounding[note] for note in notes)
        for note in notes:
            result[note] = (printed[note] - first_printed) - (sounding[note] - first_sounding)
    return result
