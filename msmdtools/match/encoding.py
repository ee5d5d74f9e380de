"""Build a score from an encoding that Verovio has engraved: heads and written notes have the same ids."""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from operator import itemgetter

from msmdtools.engrave.verovio import Engraving
from msmdtools.engrave.verovio.drawn import Box, DrawnHead, union
from msmdtools.errors import PieceError
from msmdtools.mei.reading import read
from msmdtools.mei.written import Written, WrittenNote
from msmdtools.score import TICKS_PER_QUARTER, Measure, Music, Note, NoteHead, Score, StaffBox

_STAFF_DEF, _STAFF = re.compile(r"<staffDef\b[^>]*>"), re.compile(r"<staff\b[^>]*>")
_NUMBER, _ID = re.compile(r' n="([^"]*)"'), re.compile(r' xml:id="([^"]*)"')
NOT_ENGRAVED = "not-engraved"


def match_encoding(
    engraving: Engraving, played: Callable[[Written], Written] = lambda written: written
) -> Score:
    """Join each drawn head with the written note of its id, and each bar with its place.

    A head is *played* when a key is struck for it, *tied* when it continues the sound of another head, and
    otherwise *silent* for a reason. A sounding note without a head has a reason too: that of the written music,
    "tied-head-only" where only a head that continues it is printed, or "not-engraved".

    Args:
        engraving: the encoding, engraved.
        played: what is played, from the written music of the encoding; as written unless given.

    Raises:
        PieceError: stage "match", reason "no-notes" when nothing sounds, "not-readable" when the encoding
            cannot be read.
    """
    unfold = engraving.repeats == "unfolded"
    try:
        written = played(
            read(
                engraving.mei,
                repeats="unfolded" if unfold and not engraving.not_unfolded else "written",
                audible=engraving.audible,
                ties=engraving.ties,
                shifts=engraving.shifts,
            )
        )
    except ValueError as error:
        raise PieceError("match", "not-readable", str(error), engraving.log) from error
    if not written.strikes:
        raise PieceError("match", "no-notes", "nothing sounds", engraving.log)
    layout = _layout(engraving)
    heads = _heads(engraving, layout, written)
    warnings = engraving.warnings
    return Score(
        engraving.pages,
        engraving.pdf,
        layout.staves,
        tuple(heads),
        _music(written, heads),
        engraving.engine,
        warnings,
        written.repeats,
        written.repeats_reason or (engraving.not_unfolded if unfold else ""),
        _measures(written, layout),
    )


@dataclass(frozen=True, slots=True)
class _Layout:
    """Staves and bars in pixels.

    Attributes:
        staves: the boxes of all staves.
        row: (system from 0, number of the staff in the score) -> staff in the system, from 1 at the top.
        bars: id of a bar -> (page from 1, system from 1, box).
    """

    staves: tuple[StaffBox, ...]
    row: dict[tuple[int, int], int]
    bars: dict[str, tuple[int, int, Box]]


def _layout(engraving: Engraving) -> _Layout:
    numbers = _staff_numbers(engraving.mei)
    boxes: dict[tuple[int, int], StaffBox] = {}
    bars: dict[str, tuple[int, int, Box]] = {}
    for drawn in engraving.drawn.staves:
        box = _pixels(engraving, drawn.page, drawn.box)
        page, system = drawn.page + 1, drawn.system + 1
        key = drawn.system, numbers[drawn.id]
        old = boxes.get(key)
        joined = box if old is None else union(box, (old.x0, old.y0, old.x1, old.y1))
        boxes[key] = StaffBox(page, system, 0, *joined)
        before = bars.get(drawn.measure)
        bars[drawn.measure] = (page, system, box if before is None else union(box, before[2]))
    ordered = sorted(boxes.items(), key=lambda item: (item[1].system, item[1].y0))
    row: dict[tuple[int, int], int] = {}
    staves: list[StaffBox] = []
    for (system, number), stave in ordered:
        staff = staves[-1].staff + 1 if staves and staves[-1].system == stave.system else 1
        row[system, number] = staff
        staves.append(replace(stave, staff=staff))
    return _Layout(tuple(staves), row, bars)


def _staff_numbers(mei: str) -> dict[str, int]:
    """The number in the score, from 1 at the top, of each staff of each bar, by its id."""
    order: dict[str, int] = {}
    for definition in _STAFF_DEF.findall(mei):
        order.setdefault(_NUMBER.findall(definition)[0], len(order) + 1)
    numbers: dict[str, int] = {}
    for staff in _STAFF.findall(mei):
        name = _NUMBER.findall(staff)[0]
        numbers[_ID.findall(staff)[0]] = order.setdefault(name, len(order) + 1)
    return numbers


def _pixels(engraving: Engraving, page: int, box: Box) -> Box:
    x, y = engraving.scales[page]
    return box[0] * x, box[1] * y, box[2] * x, box[3] * y


def _heads(engraving: Engraving, layout: _Layout, written: Written) -> list[NoteHead]:
    """Every drawn head in reading order: by page, system, score time, place."""
    notes = {note.id: note for note in written.notes}
    # Times are compared as whole numbers of their common denominator.
    common = math.lcm(*{note.onset.denominator for note in written.notes})
    ordered: list[tuple[tuple[float | Fraction, ...], DrawnHead, Box]] = []
    for drawn in engraving.drawn.heads:
        if (note := notes.get(drawn.id)) is None:
            raise PieceError("match", "unknown-head", f"the head {drawn.id} is no note", "")
        time = note.onset.numerator * (common // note.onset.denominator)
        grace = -note.grace if note.grace else 0
        staff = layout.row.get((drawn.system, note.staff), 0)
        box = _pixels(engraving, drawn.page, drawn.box)
        place = (drawn.page, drawn.system, time, grace, staff, -box[1], box[0])
        ordered.append((place, drawn, box))
    ordered.sort(key=itemgetter(0))
    number_of: dict[str, int] = {}
    for number, (_, drawn, _) in enumerate(ordered):
        number_of.setdefault(drawn.id, number)
    heads = []
    for number, (_, drawn, (x0, y0, x1, y1)) in enumerate(ordered):
        note = notes[drawn.id]
        role = "played" if note.strikes else "tied" if note.continues else "silent"
        heads.append(
            NoteHead(
                notehead=number,
                page=drawn.page + 1,
                system=drawn.system + 1,
                staff=layout.row.get((drawn.system, note.staff), 0),
                x0=x0,
                y0=y0,
                x1=x1,
                y1=y1,
                pitch=note.pitch,
                onset=note.onset,
                duration=note.duration,
                grace=note.grace,
                role=role,
                reason=(note.reason or "not-performed") if role == "silent" else "",
                events=note.strikes or note.continues,
                tied_to=_tied_to(notes, note, number_of),
                source=engraving.sources[drawn.id],
                cents=note.cents,
            )
        )
    return heads


def _tied_to(
    notes: Mapping[str, WrittenNote], note: WrittenNote, number_of: Mapping[str, int]
) -> int:
    """The head whose sound a tied head continues; where it is not printed, the one before it in the chain."""
    while note.tied_to and note.tied_to in notes:
        if note.tied_to in number_of:
            return number_of[note.tied_to]
        note = notes[note.tied_to]
    return -1


def _music(written: Written, heads: list[NoteHead]) -> Music:
    started: dict[int, int] = defaultdict(int)
    for head in heads:
        if head.role == "played":
            for event in head.events:
                started[event] += 1
    continued = {event for head in heads if head.role == "tied" for event in head.events}
    notes = []
    for index, strike in enumerate(written.strikes):
        reason = "tied-head-only" if index in continued else NOT_ENGRAVED
        onset = _tick(strike.onset)
        notes.append(
            Note(
                onset,
                max(_tick(strike.offset), onset + 1),
                strike.pitch,
                strike.velocity,
                strike.part,
                strike.drum,
                started[index],
                "" if started[index] else strike.reason or reason,
                strike.cents,
                strike.program,
            )
        )
    return Music(tuple(notes), written.tempi, written.pedals, written.parts)


def _tick(quarters: Fraction) -> int:
    tick, rest = divmod(quarters.numerator * TICKS_PER_QUARTER, quarters.denominator)
    return tick if not rest else round(quarters * TICKS_PER_QUARTER)


def _measures(written: Written, layout: _Layout) -> tuple[Measure, ...]:
    """Each bar with its box; bars of a system touch, and a bar that is not drawn (in a long rest) has no row."""
    measures = []
    for bar in written.measures:
        if bar.id in layout.bars:
            page, system, box = layout.bars[bar.id]
            measures.append(
                Measure(
                    page,
                    system,
                    bar.index,
                    bar.number,
                    *box,
                    bar.onset,
                    bar.duration,
                    bar.time_signature,
                    bar.plays,
                )
            )
    return tuple(measures)
