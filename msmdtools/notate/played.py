"""What a MIDI file that has been written as a score plays: each of its notes is one key struck.

It is known which head each note of the file became, so the written music of the engraved score can be played with
the file's own times without any search.
"""

from collections.abc import Mapping, Set
from dataclasses import replace
from fractions import Fraction

from msmdtools.mei.written import Strike, Written
from msmdtools.midi.actions import DEFAULT_US_PER_QUARTER
from msmdtools.midi.reading import MidiFile
from msmdtools.notate.notation import Notation
from msmdtools.score import TICKS_PER_QUARTER, PedalChange, TempoChange

FILE, NOTATED = "file", "notated"
TIMINGS = (FILE, NOTATED)
UNISON = "unison"


def as_played(written: Written, notation: Notation, file: MidiFile, timing: str) -> Written:
    """Let each note of a MIDI file be one strike of the written music of its notation.

    A note without a head of its own is struck together with the note that has it, for the reason "unison".

    Args:
        written: the written music of `notation.text`.
        notation: the file as a score.
        file: the MIDI file.
        timing: "file" gives strikes the times and velocities of the file, and takes its tempi and its sustain
            pedal, which holds for all parts with notes on its channel; times are rounded to
            1/`TICKS_PER_QUARTER` of the file's quarter note. "notated" leaves all as it is written.

    Returns:
        The written music; its strikes are ordered anew.
    """
    strikes = [(strike, _index(strike, notation)) for strike in written.strikes]
    of_note = {index: strike for strike, index in strikes if index >= 0}
    for unison in notation.unisons:
        if unison.other in of_note:
            other = of_note[unison.other]
            strikes.append((replace(other, ids=(), reason=UNISON), unison.index))
    if timing == FILE:
        strikes = [(_timed(strike, index, file), index) for strike, index in strikes]
    order = sorted(range(len(strikes)), key=lambda i: _place(strikes[i][0]))
    new = {old: number for number, old in enumerate(order)}
    notes = tuple(
        replace(
            note,
            strikes=tuple(new[i] for i in note.strikes),
            continues=tuple(new[i] for i in note.continues),
        )
        for note in written.notes
    )
    struck = replace(written, notes=notes, strikes=tuple(strikes[i][0] for i in order))
    if timing != FILE:
        return struck
    parts: dict[int, set[int]] = {}
    for strike, index in strikes:
        if index >= 0:
            parts.setdefault(file.notes[index].channel, set()).add(strike.part)
    return replace(struck, tempi=_tempi(file), pedals=_pedals(file, parts))


def _index(strike: Strike, notation: Notation) -> int:
    """The note of the file that a strike plays; -1 for none."""
    return next((notation.notes[i] for i in strike.ids if i in notation.notes), -1)


def _timed(strike: Strike, index: int, file: MidiFile) -> Strike:
    if index < 0:
        return strike
    note = file.notes[index]
    return replace(
        strike,
        onset=Fraction(note.onset_tick, file.ticks_per_quarter),
        offset=Fraction(note.offset_tick, file.ticks_per_quarter),
        velocity=note.velocity,
        program=0 if strike.drum else max(note.program, 0),
    )


def _place(strike: Strike) -> tuple[int, int, int, float]:
    """The order of strikes: as `Written.strikes`, in ticks."""
    return round(strike.onset * TICKS_PER_QUARTER), strike.part, strike.pitch, strike.cents


def _tick(tick: int, file: MidiFile) -> int:
    return round(Fraction(tick, file.ticks_per_quarter) * TICKS_PER_QUARTER)


def _tempi(file: MidiFile) -> tuple[TempoChange, ...]:
    changes = {0: DEFAULT_US_PER_QUARTER} | {
        _tick(tick, file): us for tick, us in file.tempi if us > 0
    }
    return tuple(TempoChange(tick, us) for tick, us in sorted(changes.items()))


def _pedals(file: MidiFile, parts: Mapping[int, Set[int]]) -> tuple[PedalChange, ...]:
    return tuple(
        PedalChange(_tick(change.tick, file), part, change.value)
        for change in file.pedals
        for part in sorted(parts.get(change.channel, ()))
    )
