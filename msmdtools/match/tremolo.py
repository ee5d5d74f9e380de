"""The onsets of a tremolo's heads, which sound at its start and not where they are printed, and its strokes.

A tremolo between two heads of a half note each lasts a half note. LilyPond prints the second head at the
middle, with a moment to match; it sounds for the first time one stroke after the first.
"""

from collections import defaultdict
from collections.abc import Mapping
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


def heads_of_strokes(
    records: Records, heads: Mapping[int, int], reasons: Mapping[int, str]
) -> dict[int, int]:
    """The head that stands for each further stroke of a tremolo: that of its first stroke, before it.

    Args:
        records: what was played.
        heads: the head of each played note that has one.
        reasons: why a played note has none.

    Returns:
        The head of each further stroke, by its index in `Records.played`.
    """
    strokes = [i for i, reason in reasons.items() if reason == "tremolo-repetition"]
    if not strokes:
        return {}
    found: dict[int, int] = {}
    latest: dict[tuple[int, int, int], int] = {}
    played = records.played
    for i in sorted([*heads, *strokes], key=lambda i: (played[i].onset, played[i].grace, i)):
        key = played[i].performance, played[i].staff, played[i].note
        if i in heads:
            latest[key] = heads[i]
        elif key in latest:
            found[i] = latest[key]
    return found
