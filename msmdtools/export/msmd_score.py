"""Make a score and performances of what the folders of MSMD hold, as far as their files say.

- *Music* is that of the MIDI file of one performance, the reference: ticks, tempi, pedals, a part for each track.
- *Events* are the rows of its `_notes.npy`. They and the notes of the MIDI file are brought together in the order
  of time, from the highest pitch down; both must be the same notes. Other performances must have these notes too.
- *Played heads* are those with a link to an event of their pitch. Their score time is the event's.
- *Tied heads* have no link and are marked as tied: they continue the last head of their pitch before them.
- *Silent heads* are all others; their reason is "not-linked". The score time of heads without a link is that of a
  head above or below, or else lies between those of the heads beside them; their duration is 0.

What `msmd export` has added to a head in items `msmdtools_…` is taken instead, where it does not contradict the
link.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from msmdtools.base.damage import why
from msmdtools.errors import PieceError
from msmdtools.export.msmd_files import Head, Recording, Sheet
from msmdtools.midi.actions import DRUM_CHANNEL
from msmdtools.midi.reading import MidiFile, read_midi
from msmdtools.perform.timing import TickMap
from msmdtools.performance import NoteEvent
from msmdtools.score import (
    TICKS_PER_QUARTER,
    Music,
    Note,
    NoteHead,
    Part,
    PedalChange,
    StaffBox,
    TempoChange,
)

NOT_LINKED = "not-linked"
"""Why a head is silent, or an event has no head: the files have no link."""
# Times in files are rounded, but not by a hundredth of a second.
_SAME_S = 0.01


@dataclass(frozen=True, slots=True)
class Links:
    """The events of the rows of `Recording.notes`, by the name of the recording; the first is the reference."""

    events: Mapping[str, NDArray[np.int64]]

    def of(self, head: Head) -> int:
        """The event of a head; -1 for none."""
        for name, events in self.events.items():
            row = head.rows.get(name, -1)
            if 0 <= row < len(events):
                return int(events[row])
        return -1


def music_of(reference: Recording) -> Music:
    """The written music of a performance's MIDI file; no note has a head yet.

    Raises:
        PieceError: the file cannot be read (stage "source"), or has no notes (stage "match").
    """
    try:
        file = read_midi(reference.midi)
    except ValueError as error:
        raise PieceError("source", "damaged-source", f"{reference.midi}: {why(error)}") from error
    if not file.notes:
        raise PieceError("match", "no-notes", f"{reference.midi} has no notes")
    part_of = {track: n for n, track in enumerate(sorted({note.track for note in file.notes}))}
    notes = [
        Note(
            onset_tick=_tick(file, note.onset_tick),
            offset_tick=_tick(file, note.offset_tick),
            pitch=note.pitch,
            velocity=note.velocity,
            channel=part_of[note.track],
            drum=note.channel == DRUM_CHANNEL,
            heads=0,
            reason=NOT_LINKED,
            program=max(note.program, 0),
        )
        for note in file.notes
    ]
    notes.sort(key=lambda note: (note.onset_tick, note.channel, note.pitch))
    tempo = reference.spec.tempo
    return Music(
        tuple(notes),
        tuple(TempoChange(_tick(file, tick), round(us * tempo)) for tick, us in file.tempi),
        tuple(
            PedalChange(_tick(file, change.tick), part_of[change.track], change.value)
            for change in file.pedals
            if change.track in part_of
        ),
        tuple(_part(part, notes) for part in sorted(part_of.values())),
    )


def events_of_rows(music: Music, recording: Recording) -> NDArray[np.int64]:
    """The event, an index into `Music.notes`, of each row of a performance's notes.

    Args:
        music: the written music.
        recording: the performance.

    Returns:
        int64 (rows,).

    Raises:
        PieceError: stage "match": they are not the same notes.
    """
    rows = recording.notes
    ticks = np.array([note.onset_tick for note in music.notes])
    pitches = np.array([note.pitch for note in music.notes])
    by_event = np.lexsort((np.arange(len(ticks)), -pitches, ticks))
    by_row = np.lexsort((np.arange(len(rows)), -rows[:, 1], rows[:, 0]))
    if len(by_event) != len(by_row) or (pitches[by_event] != rows[by_row, 1]).any():
        raise _differ(recording, f"{len(rows)} rows, and {len(ticks)} notes in MIDI")
    seconds = TickMap.of(music.tempi, recording.spec.tempo).seconds(ticks)
    if (apart := np.abs(seconds[by_event] - rows[by_row, 0]).max()) > _SAME_S:
        raise _differ(recording, f"onsets {apart:.3f} s apart")
    events = np.empty(len(rows), np.int64)
    events[by_row] = by_event
    return events


def note_events(recording: Recording, events: NDArray[np.int64]) -> tuple[NoteEvent, ...]:
    """The events of a performance in seconds, in the order of their numbers.

    Args:
        recording: the performance.
        events: the event of each row of its notes.

    Returns:
        Event i is `Music.notes[i]`.
    """
    rows = recording.notes[np.argsort(events)]
    return tuple(
        NoteEvent(event, onset, onset + duration, int(pitch), min(max(int(velocity), 1), 127))
        for event, (onset, pitch, duration, velocity) in enumerate(rows.tolist())
    )


def staves_of(sheet: Sheet) -> Iterator[StaffBox]:
    """The staves of a sheet, system by system."""
    for number, system in enumerate(sheet.systems, start=1):
        for staff, edges in enumerate(system.staves, start=1):
            yield StaffBox(system.page, number, staff, *edges)


def heads_of(sheet: Sheet, music: Music, links: Links) -> list[NoteHead]:
    """The heads of a sheet with their events and score times, by the rules of this module.

    Args:
        sheet: the sheet.
        music: the written music.
        links: the events of the rows that heads link to.

    Returns:
        Head n is number n.
    """
    found = [_events(head, music, links) for head in sheet.heads]
    onsets = _onsets(sheet.heads, found, music)
    last: dict[int, int] = {}
    heads: list[NoteHead] = []
    for number, (head, events, onset) in enumerate(zip(sheet.heads, found, onsets, strict=True)):
        role, tied_to = ("played" if events else "silent"), -1
        if head.ours.get("role") == "tied":
            events, tied_to = _stated(head, music), int(head.ours.get("tied_to", -1))  # noqa: PLW2901
            role = "tied" if events and tied_to < len(sheet.heads) else "silent"
        elif not events and head.tied and head.pitch in last:
            tied_to = last[head.pitch]
            role, events = "tied", heads[tied_to].events[-1:]  # noqa: PLW2901
        if role == "silent":
            events, tied_to = (), -1  # noqa: PLW2901
        else:
            last[head.pitch] = number
        heads.append(_notehead(number, head, sheet, (role, events, tied_to), onset, music))
    return heads


def with_heads(music: Music, heads: Sequence[NoteHead]) -> Music:
    """The same music, whose notes know how many heads start them."""
    counts = Counter(event for head in heads if head.role == "played" for event in head.events)
    notes = [
        replace(note, heads=counts[n], reason="" if counts[n] else NOT_LINKED)
        for n, note in enumerate(music.notes)
    ]
    return replace(music, notes=tuple(notes))


def copy_pages(sheet: Sheet, folder: Path) -> tuple[Path, ...]:
    """Write the pages of a sheet as grey PNG files; one that is that already keeps its bytes.

    Args:
        sheet: the sheet.
        folder: where to.

    Returns:
        The files, in order.

    Raises:
        PieceError: stage "source": a file is no picture.
    """
    import cv2

    from msmdtools.paper.strip import encode_png

    pages = []
    for number, path in enumerate(sheet.images, start=1):
        content = path.read_bytes()
        data = np.frombuffer(content, np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
        if image is None:
            raise PieceError("source", "damaged-source", f"{path} is not a picture")
        if image.ndim != 2 or image.dtype != np.uint8:
            grey = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
            content = encode_png(np.asarray(grey, np.uint8))
        pages.append(folder / f"{number:02d}.png")
        pages[-1].write_bytes(content)
    return tuple(pages)


def _tick(file: MidiFile, tick: int) -> int:
    return round(tick * TICKS_PER_QUARTER / file.ticks_per_quarter)


def _part(number: int, notes: Sequence[Note]) -> Part:
    own = [note for note in notes if note.channel == number]
    programs = tuple(dict.fromkeys(0 if note.drum else note.program for note in own))
    return Part(number, "", "", programs, all(note.drum for note in own))


def _events(head: Head, music: Music, links: Links) -> tuple[int, ...]:
    """The events that a head starts; none if it has no link to one of its pitch."""
    event = links.of(head)
    if event < 0 or music.notes[event].pitch != head.pitch:
        return ()
    stated = _stated(head, music)
    return stated if stated[:1] == (event,) else (event,)


def _stated(head: Head, music: Music) -> tuple[int, ...]:
    """The events that an export of ours has written down for a head."""
    events = tuple(int(event) for event in head.ours.get("events", ()))
    return events if all(0 <= event < len(music.notes) for event in events) else ()


def _onsets(
    heads: Sequence[Head], events: Sequence[tuple[int, ...]], music: Music
) -> list[Fraction]:
    """The score time of each head."""
    known: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for head, own in zip(heads, events, strict=True):
        if own:
            known[head.system].append((_centre(head), music.notes[own[0]].onset_tick))
    onsets: list[Fraction] = []
    for head, own in zip(heads, events, strict=True):
        if "onset_fraction" in head.ours:
            onsets.append(Fraction(str(head.ours["onset_fraction"])))
        elif own:
            onsets.append(Fraction(music.notes[own[0]].onset_tick, TICKS_PER_QUARTER))
        else:
            tick = _beside(head, sorted(known[head.system]))
            onsets.append(Fraction(tick, TICKS_PER_QUARTER))
    return onsets


def _beside(head: Head, known: list[tuple[float, int]]) -> int:
    """The tick of a head's column, from the columns and ticks of heads in its system."""
    if not known:
        return 0
    x = _centre(head)
    nearest, tick = min(known, key=lambda place: abs(place[0] - x))
    if abs(nearest - x) < head.box[2] - head.box[0]:
        return tick
    return round(float(np.interp(x, [place for place, _ in known], [tick for _, tick in known])))


def _centre(head: Head) -> float:
    return (head.box[0] + head.box[2]) / 2


def _notehead(
    number: int,
    head: Head,
    sheet: Sheet,
    sound: tuple[str, tuple[int, ...], int],
    onset: Fraction,
    music: Music,
) -> NoteHead:
    role, events, tied_to = sound
    x0, y0, x1, y1 = head.box
    note = music.notes[events[0]] if role == "played" else None
    ticks = note.offset_tick - note.onset_tick if note else 0
    staves = len(sheet.systems[head.system - 1].staves) if head.system else 0
    staff = int(head.ours.get("staff", 1))
    return NoteHead(
        notehead=number,
        page=head.page,
        system=head.system,
        staff=min(max(staff, 1), staves),
        x0=x0,
        y0=y0,
        x1=x1,
        y1=y1,
        pitch=max(head.pitch, 0),
        onset=onset,
        duration=Fraction(head.ours.get("duration_quarters", Fraction(ticks, TICKS_PER_QUARTER))),
        grace=Fraction(head.ours.get("grace_quarters", 0)),
        role=role,
        reason="" if role != "silent" else str(head.ours.get("reason", NOT_LINKED)),
        events=events,
        tied_to=tied_to,
        source=str(head.ours.get("source", "")),
    )


def _differ(recording: Recording, how: str) -> PieceError:
    message = f"{recording.name}: its notes are not those of the MIDI file of the piece ({how})"
    return PieceError("match", "notes-differ", message)
