"""Build the music that sounds from the performed notes: one timeline, with one note per key pressed.

Several voices that strike the same key of the same staff together make one note. A key that is struck again
while it sounds is released first. Velocities, articulated lengths, tempo and pedal come from LilyPond's MIDI;
a note that has velocity 0 there, or is missing, does not sound.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise

from msmdtools.engrave.lilypond.records import PlayedNote, PlayedStaff, Records
from msmdtools.match.ties import end_of, tied_from
from msmdtools.midi.reading import MidiFile, MidiNote
from msmdtools.score import TICKS_PER_QUARTER, Part, PedalChange, TempoChange

GRACE_SPEED = Fraction(9, 40)
DEFAULT_VELOCITY = 90
LILYPOND_US_PER_QUARTER = 1_000_000
PAUSE_US = 1_000_000


@dataclass(slots=True)
class Strike:
    """One press of a key.

    Attributes:
        onset_tick: tick of the timeline (`TICKS_PER_QUARTER`) at which the key is pressed.
        offset_tick: tick at which it is released.
        pitch: MIDI number, the nearest semitone.
        cents: how far above `pitch` it sounds, in cents.
        velocity: MIDI velocity.
        channel: number of the staff that plays it (`Note.channel`).
        drum: whether the pitch names a General MIDI percussion sound.
        program: General MIDI program (0 for drums).
        played: the played notes that press it.
    """

    onset_tick: int
    offset_tick: int
    pitch: int
    cents: float
    velocity: int
    channel: int
    drum: bool
    program: int
    played: list[int]


@dataclass(frozen=True, slots=True)
class Timeline:
    """All performances of a source one after the other.

    Attributes:
        strikes: the keys pressed, sorted by (onset_tick, channel, pitch).
        strike_of: for each played note the index of the strike that it starts, or that its tie continues.
        tied_from: for each played note that continues another one, the index of that other note.
        starts: for each performance, the score time of its start: the length of those before, in quarter
            notes.
        tempi: tempo changes by tick.
        pedals: changes of the sustain pedal by tick.
        parts: the parts, from the top of the score.
        unrecorded: number of notes in the MIDI files that no performer recorded (none, unless the source
            adds performers of its own).
    """

    strikes: tuple[Strike, ...]
    strike_of: dict[int, int]
    tied_from: dict[int, int]
    starts: tuple[Fraction, ...]
    tempi: tuple[TempoChange, ...]
    pedals: tuple[PedalChange, ...]
    parts: tuple[Part, ...]
    unrecorded: int


def moment_tick(onset: Fraction, grace: Fraction, start: tuple[Fraction, Fraction]) -> int:
    """The tick at which LilyPond's MIDI has a moment.

    Grace time runs at 9/40 of main time, before its main note. A performance that starts before time zero
    (with grace notes, say) is shifted so that it starts at tick 0.

    Args:
        onset: main moment, in quarter notes.
        grace: grace time, in quarter notes, negative before the main note.
        start: (onset, grace) at which the performance starts.

    Returns:
        The tick, in `TICKS_PER_QUARTER`.
    """
    if start < (Fraction(0), Fraction(0)):
        onset, grace = onset - start[0], grace - start[1]
    return int((onset + GRACE_SPEED * grace) * TICKS_PER_QUARTER // 1)


def timeline(records: Records, midis: Sequence[MidiFile]) -> Timeline:
    """Put all performances on one timeline, each a second after the end of the one before."""
    continued = tied_from(records.played, records.ties)
    strikes: list[Strike] = []
    tempi: list[TempoChange] = []
    pedals: list[PedalChange] = []
    names: dict[int, list[PlayedStaff]] = {}
    unrecorded = 0
    begin = 0
    for p, (midi, start) in enumerate(zip(midis, records.starts, strict=True)):
        notes = [i for i, n in enumerate(records.played) if n.performance == p]
        ticks = {i: span(records.played[i], start) for i in notes}
        staves = _channels(records.played, notes)
        tracks = tracks_of_parts(records.played, ticks, midi)
        for staff in (s for s in records.parts if s.performance == p and s.staff in staves):
            names.setdefault(staves[staff.staff], []).append(staff)
        programs = _second_score_programs(records, p, notes)
        pressed, unaccounted = _strikes(
            records.played, ticks, continued, midi, begin, staves, tracks, programs
        )
        strikes += pressed
        unrecorded += unaccounted
        channel_of_track = {track: staves[staff] for (_, staff), track in tracks.items()}
        tempi += [
            TempoChange(begin + t, us) for t, us in midi.tempi or ((0, LILYPOND_US_PER_QUARTER),)
        ]
        pedals += [
            PedalChange(begin + tick, channel_of_track[track], value)
            for tick, track, _, value in midi.pedals
            if track in channel_of_track
        ]
        end = max([begin + midi.end_tick, *(s.offset_tick for s in pressed)])
        last_us = tempi[-1].us_per_quarter
        begin = end + PAUSE_US * TICKS_PER_QUARTER // last_us
    strikes.sort(key=lambda s: (s.onset_tick, s.channel, s.pitch, s.cents))
    strike_of = {i: k for k, strike in enumerate(strikes) for i in strike.played}
    for i in continued:
        if (root := root_of(i, continued)) in strike_of:
            strike_of[i] = strike_of[root]
    return Timeline(
        tuple(strikes),
        strike_of,
        continued,
        starts_of(records),
        tuple(tempi),
        tuple(pedals),
        _parts(strikes, names),
        unrecorded,
    )


def _second_score_programs(
    records: Records, performance: int, notes: Iterable[int]
) -> dict[int, int]:
    """The programs that a second score, which is only played, names for notes of a performance."""
    programs = {}
    for i in notes if records.programs else ():
        written_note = records.played[i].note
        program = (
            records.programs.get((performance, records.notes[written_note].source))
            if written_note >= 0
            else None
        )
        if program is not None:
            programs[i] = program
    return programs


def _parts(
    strikes: Sequence[Strike], names: Mapping[int, Sequence[PlayedStaff]]
) -> tuple[Part, ...]:
    """The parts that sound, by the places of their staves in the first score that has them.

    Args:
        names: for each channel its staves in one score after the other. If their names differ, all count.
    """
    programs: dict[int, dict[int, bool]] = defaultdict(dict)
    melodic: set[int] = set()
    for strike in strikes:
        programs[strike.channel].setdefault(strike.program, True)
        if not strike.drum:
            melodic.add(strike.channel)

    def place(channel: int) -> tuple[int, int, int]:
        top = names[channel][0] if channel in names else None
        return (top.performance, top.place, channel) if top else (len(names), 0, channel)

    return tuple(
        Part(
            channel,
            _joined(staff.name for staff in names.get(channel, ())),
            _joined(staff.short for staff in names.get(channel, ())),
            tuple(programs[channel]),
            channel not in melodic,
        )
        for channel in sorted(programs, key=place)
    )


def _joined(names: Iterable[str]) -> str:
    return " / ".join(name for name in dict.fromkeys(names) if name)


def starts_of(records: Records) -> tuple[Fraction, ...]:
    """For each performance, the score time of its start: the length of those before, in quarter notes."""
    ends = [Fraction(0)] * len(records.starts)
    for note in records.played:
        ends[note.performance] = max(ends[note.performance], note.onset + note.length)
    return tuple(accumulate(ends, initial=Fraction(0)))[: len(ends)]


def _channels(played: Sequence[PlayedNote], notes: Sequence[int]) -> dict[int, int]:
    """Number the staves of a performance, from 0, in the order in which LilyPond made them."""
    return {staff: i for i, staff in enumerate(sorted({played[i].staff for i in notes}))}


def span(note: PlayedNote, start: tuple[Fraction, Fraction]) -> tuple[int, int]:
    """The ticks at which a performed note starts and ends as written."""
    return moment_tick(note.onset, note.grace, start), moment_tick(*end_of(note), start)


def tracks_of_parts(
    played: Sequence[PlayedNote], ticks: dict[int, tuple[int, int]], midi: MidiFile
) -> dict[tuple[int, int], int]:
    """Find the MIDI track that has the notes of each voice of a staff.

    It is the track with which the voice shares most notes. Usually all notes of a staff go to one track; a
    source may ask for one for each voice. Where tracks have the same notes, the staves have them in order,
    as LilyPond writes them.

    Args:
        played: the notes of all performances.
        ticks: the notes of the performance at hand, by index: the ticks of their start and end.
        midi: the MIDI file of this performance.

    Returns:
        The track of each (voice, staff); none for those that share no note with any.
    """
    tracks_at: dict[tuple[int, int], list[int]] = defaultdict(list)
    for midi_note in midi.notes:
        tracks_at[midi_note.onset_tick, midi_note.pitch].append(midi_note.track)
    shared: Counter[tuple[tuple[int, int], int]] = Counter()
    for i, (tick, _) in ticks.items():
        note = played[i]
        if note.pitch is not None:
            part = (note.voice, note.staff)
            shared.update((part, track) for track in tracks_at[tick, note.pitch])
    most: Counter[tuple[int, int]] = Counter()
    for (part, _), count in shared.items():
        most[part] = max(most[part], count)
    tracks: dict[tuple[int, int], int] = {}
    for part in sorted(most, key=lambda part: (-most[part], part)):
        best = sorted(t for (p, t), count in shared.items() if p == part and count == most[part])
        same_staff = [t for (_, staff), t in tracks.items() if staff == part[1] and t in best]
        unused = [t for t in best if t not in tracks.values()]
        tracks[part] = (same_staff or unused or best)[0]
    return tracks


def _strikes(
    played: Sequence[PlayedNote],
    ticks: dict[int, tuple[int, int]],
    continued: dict[int, int],
    midi: MidiFile,
    begin: int,
    staves: dict[int, int],
    tracks: dict[tuple[int, int], int],
    further_programs: Mapping[int, int],
) -> tuple[list[Strike], int]:
    """The strikes of one performance, and the number of notes in its MIDI file that none of them explains.

    Args:
        further_programs: programs of notes for which LilyPond's MIDI file names none.
    """
    midi_notes, unaccounted = midi_notes_of(played, ticks, continued, midi, tracks)
    ends = _chain_ends(ticks, continued)
    programs = {n.track: n.program for n in reversed(midi.notes)}
    by_key: dict[tuple[int, int, int, float], Strike] = {}
    for i, midi_note in midi_notes.items():
        note, tick = played[i], ticks[i][0]
        # What LilyPond leaves out does not sound, unless its file keeps another time than we do.
        velocity = midi_note.velocity if midi_note else DEFAULT_VELOCITY if unaccounted else 0
        if not velocity:
            continue
        staff, pitch = staves[note.staff], note.pitch or 0
        program = (
            midi_note.program
            if midi_note
            else programs.get(tracks.get((note.voice, note.staff), -1), -1)
        )
        if program < 0:
            program = further_programs.get(i, 0)
        strike = by_key.setdefault(
            (staff, tick, pitch, note.cents),
            Strike(
                onset_tick=begin + tick,
                offset_tick=0,
                pitch=pitch,
                cents=note.cents,
                velocity=velocity,
                channel=staff,
                drum=note.drum,
                program=0 if note.drum else program,
                played=[],
            ),
        )
        strike.played.append(i)
        end = midi_note.offset_tick if midi_note else ends[i]
        strike.offset_tick = max(strike.offset_tick, begin + max(end, tick + 1))
    strikes = sorted(by_key.values(), key=lambda s: (*_key(s), s.onset_tick))
    for before, after in pairwise(strikes):
        if _key(before) == _key(after) and before.offset_tick > after.onset_tick:
            after.offset_tick = max(after.offset_tick, before.offset_tick)
            before.offset_tick = after.onset_tick
    return strikes, unaccounted


def midi_notes_of(
    played: Sequence[PlayedNote],
    ticks: dict[int, tuple[int, int]],
    continued: dict[int, int],
    midi: MidiFile,
    tracks: dict[tuple[int, int], int],
) -> tuple[dict[int, MidiNote | None], int]:
    """Find the note of LilyPond's MIDI file for each played note that presses a key.

    Args:
        played: the notes of all performances.
        ticks: the notes of the performance at hand, by index: the ticks of their start and end.
        continued: the notes that continue a tied one (`tied_from`).
        midi: the MIDI file of this performance.
        tracks: the track of each (voice, staff) (`tracks_of_parts`).

    Returns:
        The MIDI note of each played note, None where the file has none; and the number of notes in the
        file that belong to no played note.
    """
    sounding: dict[tuple[int, int, int], MidiNote] = {
        (n.track, n.onset_tick, n.pitch): n for n in reversed(midi.notes)
    }
    midi_notes: dict[int, MidiNote | None] = {}
    accounted: set[tuple[int, int, int]] = set()
    for i, (tick, _) in ticks.items():
        note = played[i]
        if i in continued or note.pitch is None:
            continue
        track = tracks.get((note.voice, note.staff), -1)
        # LilyPond counts in floating point: a tick may come out one less.
        near = [(track, tick + d, note.pitch) for d in (0, -1, 1)]
        key = next((key for key in near if key in sounding), near[0])
        midi_notes[i] = sounding.get(key)
        accounted.add(key)
    return midi_notes, len(sounding.keys() - accounted)


def _key(strike: Strike) -> tuple[int, int, float]:
    return strike.channel, strike.pitch, strike.cents


def _chain_ends(ticks: dict[int, tuple[int, int]], continued: dict[int, int]) -> dict[int, int]:
    """The tick at which each struck note ends, ties included."""
    ends: dict[int, int] = {}
    for i, (_, end) in ticks.items():
        root = root_of(i, continued)
        ends[root] = max(ends.get(root, 0), end)
    return ends


def root_of(i: int, continued: Mapping[int, int]) -> int:
    """The played note that starts the sound which note `i` starts or continues."""
    while i in continued:
        i = continued[i]
    return i
