"""Build a score from an engraving: note heads with place, role and sound, staves, and the music."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from msmdtools.base.quantities import how_many
from msmdtools.engrave import Engraving
from msmdtools.engrave.lilypond.records import DrawnHead, DrawnStaff
from msmdtools.errors import PieceError
from msmdtools.match.heads import HeadMatch, match_heads
from msmdtools.match.measures import measures
from msmdtools.match.music import Timeline, starts_of, timeline
from msmdtools.match.repeats import Contradiction
from msmdtools.match.together import parted
from msmdtools.match.tremolo import delays, heads_of_strokes
from msmdtools.match.unfold import unfold
from msmdtools.score import Music, Note, NoteHead, Score, StaffBox


@dataclass(frozen=True, slots=True)
class _Layout:
    """The places of all staves.

    Attributes:
        staves: their boxes.
        place: for each staff symbol its (system, staff), both from 1.
        systems: the number of each system, from 1, by (page, system) in the records.
    """

    staves: tuple[StaffBox, ...]
    place: dict[int, tuple[int, int]]
    systems: dict[tuple[int, int], int]


def match(engraving: Engraving) -> Score:
    """Find the notes that each drawn head sounds, and the heads of each sounding note.

    A head is *played* when a key is struck for it, *tied* when it continues the sound of another head, and
    otherwise *silent* for a reason: "cue", "ambitus", "trill-pitch", "text-example", "unplayed" or
    "not-performed".
    A note without a head has a reason too: "percent-repetition", "tremolo-repetition", "hidden-head",
    "quotation" or "not-engraved".

    Where the staves contradict each other about the repeats that are to be played, the score is performed
    as written, and `Score.repeats_reason` says why.

    Raises:
        PieceError: stage "match", reason "no-notes" when nothing sounds.
    """
    engraving = _on_paper(engraving)
    records = engraving.records
    matches, unmatched = match_heads(records)
    performed = _Performed(
        engraving, matches, unmatched, delays(records), starts_of(records), _once
    )
    if engraving.repeats == "written":
        return _score(performed, "written", "")
    if not records.repeats:
        return _score(performed, "none", "")
    try:
        return _unfolded(performed)
    except Contradiction as error:
        return _score(performed, "written", str(error))


@dataclass(frozen=True, slots=True)
class _Performed:
    """An engraving with the notes that each head sounds (`match_heads`).

    Attributes:
        delay: how much earlier the notes of tremolos sound than they are printed (`delays`).
        starts: the score time at which each performance starts.
        plays: how often a moment of a score is played (its number, quarter notes from its start).
    """

    engraving: Engraving
    matches: dict[int, HeadMatch]
    unmatched: dict[int, str]
    delay: dict[int, Fraction]
    starts: tuple[Fraction, ...]
    plays: Callable[[int, Fraction], int]


def _once(score: int, moment: Fraction) -> int:
    """How often a moment is played where nothing is repeated."""
    return 1


def _unfolded(performed: _Performed) -> Score:
    """The score with its repeats played.

    Raises:
        Contradiction: the staves do not agree about the repeats, or would part.
    """
    engraving = performed.engraving
    unfolded = unfold(engraving.records, engraving.midis)
    score = _score(
        replace(
            performed,
            engraving=replace(engraving, records=unfolded.records, midis=unfolded.midis),
            matches=unfolded.matches(performed.matches),
            unmatched=unfolded.reasons(performed.unmatched),
            plays=unfolded.plays,
        ),
        "unfolded",
        "",
    )
    if (quarter := parted(score)) is not None and parted(_score(performed, "written", "")) is None:
        raise Contradiction(f"the staves would part at quarter {float(quarter):g}")
    return score


def _score(performed: _Performed, repeats: str, reason: str) -> Score:
    engraving = performed.engraving
    time = timeline(engraving.records, engraving.midis)
    if not time.strikes:
        raise PieceError("match", "no-notes", "the source has no note that sounds")
    time = replace(time, starts=performed.starts)
    layout = _layout(engraving)
    heads = _heads(performed, layout, time)
    warnings = engraving.warnings
    if time.unrecorded:
        warnings += (
            f"LilyPond's MIDI has {how_many(time.unrecorded, 'note')} from voices that were not recorded",
        )
    return Score(
        engraving.pages,
        engraving.pdf,
        layout.staves,
        tuple(heads),
        _music(time, heads, performed.unmatched),
        engraving.engine.name,
        warnings,
        repeats,
        reason,
        measures(
            engraving.records,
            layout.staves,
            layout.systems,
            engraving.pixels,
            performed.starts,
            performed.plays,
        ),
    )


def _on_paper(engraving: Engraving) -> Engraving:
    """Leave out heads and parts of staves that LilyPond drew beyond the edge of a page."""
    records = engraving.records
    heads = tuple(
        replace(d, box=_clip(d.box, engraving, d.page))
        for d in records.drawn
        if _visible(d, engraving)
    )
    staves = tuple(
        replace(s, box=_clip(s.box, engraving, s.page))
        for s in records.staves
        if _visible(s, engraving)
    )
    return replace(engraving, records=replace(records, drawn=heads, staves=staves))


def _visible(item: DrawnHead | DrawnStaff, engraving: Engraving) -> bool:
    x0, y0, x1, y1 = _clip(item.box, engraving, item.page)
    middle_x, middle_y = (item.box[0] + item.box[2]) / 2, (item.box[1] + item.box[3]) / 2
    if isinstance(item, DrawnHead):
        return x0 < middle_x < x1 and y0 < middle_y < y1
    return x0 < x1 and y0 < y1


def _clip(
    box: tuple[float, float, float, float], engraving: Engraving, page: int
) -> tuple[float, float, float, float]:
    (width, height), (x, y) = engraving.sizes[page], engraving.pixels[page]
    x0, y0, x1, y1 = box
    return max(x0, 0.0), max(y0, 0.0), min(x1, width / x), min(y1, height / y)


def _layout(engraving: Engraving) -> _Layout:
    """Number systems down the pages and staves down each system."""
    by_system: dict[tuple[int, int], list[tuple[float, int, StaffBox]]] = defaultdict(list)
    for staff in engraving.records.staves:
        if staff.system >= 0:
            x, y = engraving.pixels[staff.page]
            x0, y0, x1, y1 = staff.box
            box = StaffBox(staff.page + 1, 0, 0, x0 * x, y0 * y, x1 * x, y1 * y)
            by_system[staff.page, staff.system].append((box.y0, staff.symbol, box))
    ordered = sorted(
        by_system.items(), key=lambda item: (item[0][0], min(y for y, _, _ in item[1]), item[0][1])
    )
    boxes: list[StaffBox] = []
    place: dict[int, tuple[int, int]] = {}
    for number, (_, staves) in enumerate(ordered, 1):
        rows: list[StaffBox] = []
        for _, symbol, box in sorted(staves, key=lambda s: (s[2].y0, s[2].x0, s[1])):
            # A staff that stops and starts again in a system is one staff in several parts.
            row = next((i for i, b in enumerate(rows) if abs(b.y0 - box.y0) < 1), None)
            if row is None:
                row = len(rows)
                rows.append(replace(box, system=number, staff=row + 1))
            else:
                begun = rows[row]
                rows[row] = replace(begun, x0=min(begun.x0, box.x0), x1=max(begun.x1, box.x1))
            place[symbol] = (number, row + 1)
        boxes += rows
    numbers = {key: number for number, (key, _) in enumerate(ordered, 1)}
    return _Layout(tuple(boxes), place, numbers)


def _heads(performed: _Performed, layout: _Layout, time: Timeline) -> list[NoteHead]:
    """Every drawn head in reading order: by page, system, score time, place."""
    engraving, matches, delay = performed.engraving, performed.matches, performed.delay
    records = engraving.records
    heads: list[tuple[NoteHead, int]] = []
    for drawn in records.drawn:
        heads.append((_head(engraving, layout, drawn, matches, time, delay), drawn.head))
    heads.sort(key=lambda pair: _reading_order(pair[0]))
    number_of: dict[int, int] = {}
    for number, (_, index) in enumerate(heads):
        number_of.setdefault(index, number)
    head_of_played: dict[int, int] = {}
    for index, match in matches.items():
        if index in number_of:
            for i in match.played:
                head_of_played.setdefault(i, number_of[index])
    head_of_played |= heads_of_strokes(records, head_of_played, performed.unmatched)
    head_of_event: dict[int, int] = {}
    for number, (head, _) in enumerate(heads):
        if head.role == "played":
            for event in head.events:
                head_of_event.setdefault(event, number)
    return [
        replace(
            head,
            notehead=number,
            tied_to=_tied_to(matches[index], head, time, head_of_played, head_of_event),
        )
        for number, (head, index) in enumerate(heads)
    ]


def _tied_to(
    match: HeadMatch,
    head: NoteHead,
    time: Timeline,
    head_of_played: dict[int, int],
    head_of_event: dict[int, int],
) -> int:
    """The head whose sound a tied head continues.

    Where this head is not printed, it is the nearest printed one before it in the chain of ties; else the head
    of another voice that started the same event; else -1.
    """
    if head.role != "tied":
        return -1
    i = next(i for i in match.played if i in time.tied_from)
    while i in time.tied_from:
        i = time.tied_from[i]
        if i in head_of_played:
            return head_of_played[i]
    return head_of_event.get(head.events[0], -1)


def _reading_order(head: NoteHead) -> tuple[object, ...]:
    return (
        head.page,
        head.system,
        head.onset,
        -head.grace,
        head.staff,
        -head.y0,
        head.x0,
        head.source,
    )


def _head(
    engraving: Engraving,
    layout: _Layout,
    drawn: DrawnHead,
    matches: dict[int, HeadMatch],
    time: Timeline,
    delay: dict[int, Fraction],
) -> NoteHead:
    records = engraving.records
    x, y = engraving.pixels[drawn.page]
    x0, y0, x1, y1 = drawn.box
    engraved = records.heads[drawn.head]
    match = matches[drawn.head]
    struck = tuple(i for i in match.played if i in time.strike_of and i not in time.tied_from)
    tied = tuple(i for i in match.played if i in time.strike_of and i in time.tied_from)
    role = "played" if struck else "tied" if tied else "silent"
    events = tuple(dict.fromkeys(time.strike_of[i] for i in struck or tied))
    reason = "" if role != "silent" else match.reason or "not-performed"
    system, staff = layout.place.get(drawn.symbol, (0, 0)) if drawn.system >= 0 else (0, 0)
    start = Fraction(0)
    if match.played:
        start = time.starts[records.played[match.played[0]].performance]
    elif engraved.note >= 0:
        start = _start_of_score(engraving, time, records.notes[engraved.note].score)
    pitch = time.strikes[events[0]].pitch if engraved.pitch is None and events else engraved.pitch
    return NoteHead(
        notehead=0,
        page=drawn.page + 1,
        system=system,
        staff=staff,
        x0=x0 * x,
        y0=y0 * y,
        x1=x1 * x,
        y1=y1 * y,
        pitch=-1 if pitch is None else pitch,
        onset=start + engraved.onset - delay.get(engraved.note, Fraction(0)),
        duration=engraved.duration,
        grace=-engraved.grace,
        role=role,
        reason=reason,
        events=events,
        tied_to=-1,
        source=records.notes[engraved.note].source if engraved.note >= 0 else "",
        cents=engraved.cents,
    )


def _start_of_score(engraving: Engraving, time: Timeline, score: int) -> Fraction:
    for note in engraving.records.played:
        if note.note >= 0 and engraving.records.notes[note.note].score == score:
            return time.starts[note.performance]
    return Fraction(0)


def _music(time: Timeline, heads: list[NoteHead], unmatched: dict[int, str]) -> Music:
    started: dict[int, int] = defaultdict(int)
    for head in heads:
        if head.role == "played":
            for event in head.events:
                started[event] += 1
    notes = []
    for k, strike in enumerate(time.strikes):
        reasons = [unmatched[i] for i in strike.played if i in unmatched]
        reason = "" if started[k] else (reasons[0] if reasons else "tied-head-only")
        notes.append(
            Note(
                strike.onset_tick,
                strike.offset_tick,
                strike.pitch,
                strike.velocity,
                strike.channel,
                strike.drum,
                started[k],
                reason,
                strike.cents,
                strike.program,
            )
        )
    return Music(tuple(notes), time.tempi, time.pedals, time.parts)
