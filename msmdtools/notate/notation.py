"""Write a MIDI file as a score, and account for each of its notes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from msmdtools.errors import PieceError
from msmdtools.midi.actions import DEFAULT_US_PER_QUARTER
from msmdtools.midi.reading import MidiFile
from msmdtools.notate.bars import ScoreBar, make_bars
from msmdtools.notate.beats import ESTIMATED, WRITTEN, Beats, exact, find_beats
from msmdtools.notate.musicxml import CLEFS, Sheet, Tempo, musicxml
from msmdtools.notate.quantise import place
from msmdtools.notate.rhythm import writable
from msmdtools.notate.spelling import find_keys
from msmdtools.notate.staves import ScorePart, make_parts
from msmdtools.notate.voices import Chord, Unison, make_voices

_TIDY = 32
# A clef is found from so many notes of a staff at most.
_MOST_NOTES_FOR_CLEF = 200


@dataclass(frozen=True, slots=True)
class Notation:
    """A MIDI file as a score. Each of its notes is in `notes` or in `unisons`.

    Attributes:
        text: MusicXML.
        notes: id in the MusicXML -> index of the note in `MidiFile.notes`. What is tied has several ids: "n7",
            and "n7-1", "n7-2", … for the heads that continue it.
        unisons: the notes that have no head of their own.
        beats: how the beats were found: "written", "counted" or "estimated" (`msmdtools.notate.beats`).
    """

    text: str
    notes: Mapping[str, int]
    unisons: tuple[Unison, ...]
    beats: str

    def places(self, file: MidiFile) -> dict[str, str]:
        """Where the note of each id is in its file: track and channel, from 0, and tick."""
        places = {}
        for identity, index in self.notes.items():
            note = file.notes[index]
            places[identity] = f"track {note.track}, channel {note.channel}, tick {note.onset_tick}"
        return places


def notate(file: MidiFile, *, title: str = "", composer: str = "") -> Notation:
    """Write a MIDI file as a score.

    Args:
        file: what it plays.
        title: printed above the score.
        composer: printed above the score.

    Returns:
        The score, and what became of each note.

    Raises:
        PieceError: stage "source", reason "no-notes", "too-long" or "too-many-bars".
    """
    if not file.notes:
        raise PieceError("source", "no-notes", "the MIDI file has no notes")
    beats = find_beats(file)
    placed = place(file, beats)
    parts = make_parts(file, placed)
    voiced = [
        [make_voices(staff, written=beats.kind == WRITTEN, drum=part.drum) for staff in part.staves]
        for part in parts
    ]
    end = max(
        c.onset + Fraction(1, 64) if part.drum else max(c.offset, c.onset + Fraction(1, 64))
        for part, staves in zip(parts, voiced, strict=True)
        for voices, _ in staves
        for voice in voices
        for c in voice
    )
    signatures = [(_score_time(file, beats, at), count, unit) for at, count, unit in file.metres]
    bars = make_bars(signatures, end)
    keys = find_keys(file, placed, [_score_time(file, beats, at) for at, *_ in file.keys])
    sheets = []
    for part, staves in zip(parts, voiced, strict=True):
        all_voices = [voices for voices, _ in staves]
        for voice in (voice for voices in all_voices for voice in voices):
            _tidy(voice, bars)
        clefs = tuple(_clef(part, i) for i in range(len(staves)))
        sheets.append(Sheet(part.name, part.program, part.drum, clefs, tuple(all_voices)))
    tempi = _tempi(file, beats)
    text, ids = musicxml(sheets, bars, keys, tempi, title=title, composer=composer)
    unisons = [unison for staves in voiced for _, found in staves for unison in found]
    accounted = {*ids.values(), *(unison.index for unison in unisons)}
    if len(accounted) != len(file.notes):
        raise ValueError(f"{len(file.notes) - len(accounted)} notes of the file are lost")
    return Notation(text, ids, tuple(sorted(unisons, key=lambda u: u.index)), beats.kind)


def _score_time(file: MidiFile, beats: Beats, tick: int) -> Fraction:
    """The score time of a tick, on a simple division of a quarter note."""
    if beats.kind == ESTIMATED:
        # Its signatures stand in a time that the estimated beats have nothing to do with.
        return Fraction(0) if not tick else Fraction(round(beats.at_tick(tick)))
    found = exact(tick, file.ticks_per_quarter)
    return Fraction(round(16 * tick / file.ticks_per_quarter), 16) if found is None else found


def _tempi(file: MidiFile, beats: Beats) -> list[Tempo]:
    """The tempi of the score: those of the file, or the average of an estimated pulse."""
    if beats.us_per_quarter:
        return [Tempo(Fraction(0), round(6e7 / beats.us_per_quarter, 3))]
    tempi = {Fraction(0): DEFAULT_US_PER_QUARTER}
    tempi |= {_score_time(file, beats, tick): us for tick, us in file.tempi if us > 0}
    return [Tempo(onset, 6e7 / us) for onset, us in sorted(tempi.items())]


def _tidy(voice: Sequence[Chord], bars: Sequence[ScoreBar]) -> None:
    """Move what cannot be written in note values of any length to the nearest 128th notes."""
    points: dict[tuple[int, int], set[Fraction]] = {}
    number = 0
    places: list[tuple[Fraction, tuple[int, int]]] = []
    for point in sorted({p for chord in voice for p in (chord.onset, chord.offset)}):
        while number + 1 < len(bars) and bars[number].end <= point:
            number += 1
        within = point - bars[number].onset
        key = number, int(within)
        points.setdefault(key, set()).add(within)
        places.append((point, key))
    moved: dict[Fraction, Fraction] = {}
    last = Fraction(-1)
    for point, key in places:
        new = point
        if not writable(points[key]):
            start = bars[key[0]].onset
            new = start + Fraction(round((point - start) * _TIDY), _TIDY)
        if new <= last:
            new = last + Fraction(1, 2 * _TIDY)
        moved[point] = last = new
    for chord in voice:
        chord.onset, chord.offset = moved[chord.onset], moved[chord.offset]


def _clef(part: ScorePart, staff: int) -> str:
    """The clef for the pitches of a staff."""
    from music21 import clef, note, stream

    notes = part.staves[staff]
    if not notes or part.drum:
        return "treble" if staff == 0 else "bass"
    every = -(-len(notes) // _MOST_NOTES_FOR_CLEF)
    pitches: Any = stream.Stream([note.Note(placed.pitch) for placed in notes[::every]])
    found = clef.bestClef(pitches, allowTreble8vb=False)
    return found.name if found.name in CLEFS else "treble" if found.sign == "G" else "bass"
