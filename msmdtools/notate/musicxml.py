"""Write the bars and voices of parts as MusicXML, in which each note has an id."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from lxml import etree

from msmdtools.notate.bars import ScoreBar
from msmdtools.notate.percussion import place_of
from msmdtools.notate.rhythm import PLAIN, Value
from msmdtools.notate.spelling import Accidentals, ScoreKey, spell
from msmdtools.notate.strokes import Stroke, by_bar, strokes_of
from msmdtools.notate.voices import Chord

_TYPES = {
    Fraction(8): "breve",
    Fraction(4): "whole",
    Fraction(2): "half",
    Fraction(1): "quarter",
    Fraction(1, 2): "eighth",
    **{Fraction(4, n): f"{n}th" for n in (16, 64, 128, 256, 512, 1024)},
    Fraction(1, 8): "32nd",
}
_SIGNS = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}
_VOICES = 4
# "treble" and the like: sign, line, octaves by which it sounds higher.
CLEFS = {
    "treble": ("G", 2, 0),
    "bass": ("F", 4, 0),
    "treble8va": ("G", 2, 1),
    "treble8vb": ("G", 2, -1),
    "bass8va": ("F", 4, 1),
    "bass8vb": ("F", 4, -1),
}


@dataclass(frozen=True, slots=True)
class Sheet:
    """A part to be written.

    Attributes:
        name: printed before its first system.
        program: General MIDI program.
        drum: whether it is a percussion staff.
        clefs: of its staves, keys of `CLEFS`; ignored for drums.
        staves: of each staff its voices, each by onset without overlaps.
    """

    name: str
    program: int
    drum: bool
    clefs: tuple[str, ...]
    staves: tuple[list[list[Chord]], ...]


@dataclass(frozen=True, slots=True)
class Tempo:
    """A tempo: quarter notes a minute from a score time on."""

    onset: Fraction
    per_minute: float


def musicxml(
    sheets: Sequence[Sheet],
    bars: Sequence[ScoreBar],
    keys: Sequence[ScoreKey],
    tempi: Sequence[Tempo],
    *,
    title: str = "",
    composer: str = "",
) -> tuple[str, dict[str, int]]:
    """Write a score.

    Returns:
        MusicXML, and for the id of each of its notes the number that its chord gives it; the parts of a note that
        is tied are several.
    """
    root = etree.Element("score-partwise", version="4.0")
    if title:
        _add(_add(root, "work"), "work-title", title)
    if composer:
        _add(_add(root, "identification"), "creator", composer, type="composer")
    listed = _add(root, "part-list")
    ids: dict[str, int] = {}
    for number, sheet in enumerate(sheets, start=1):
        _declare(listed, sheet, number)
    for number, sheet in enumerate(sheets, start=1):
        part = _add(root, "part", id=f"P{number}")
        _Part(part, sheet, number, keys, ids).write(bars, tempi if number == 1 else ())
    text: str = etree.tostring(root, encoding="unicode", pretty_print=True)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + text, ids


def _declare(listed: etree._Element, sheet: Sheet, number: int) -> None:
    part = _add(listed, "score-part", id=f"P{number}")
    _add(part, "part-name", sheet.name)
    sounds = sorted({p for voices in sheet.staves for v in voices for c in v for p, _ in c.notes})
    instruments = [f"P{number}-I{pitch}" for pitch in sounds] if sheet.drum else [f"P{number}-I1"]
    for instrument in instruments:
        _add(_add(part, "score-instrument", id=instrument), "instrument-name", sheet.name)
    for instrument, pitch in zip(instruments, sounds, strict=False):
        midi = _add(part, "midi-instrument", id=instrument)
        if sheet.drum:
            _add(midi, "midi-channel", "10")
            _add(midi, "midi-unpitched", str(pitch + 1))
        else:
            _add(midi, "midi-program", str(sheet.program + 1))


class _Part:
    """The writing of one part."""

    def __init__(
        self,
        element: etree._Element,
        sheet: Sheet,
        number: int,
        keys: Sequence[ScoreKey],
        ids: dict[str, int],
    ) -> None:
        self._element, self._sheet, self._number, self._ids = element, sheet, number, ids
        self._keys = list(keys)
        self._key = keys[0]
        # How many parts of each tied note have been written.
        self._pieces: dict[int, int] = {}

    def write(self, bars: Sequence[ScoreBar], tempi: Sequence[Tempo]) -> None:
        staves = [
            [by_bar(voice, bars) for voice in voices or [[]]] for voices in self._sheet.staves
        ]
        written = [
            [
                strokes_of(
                    [voice[i] for voice in voices], bar, self._identity, ties=not self._sheet.drum
                )
                for voices in staves
            ]
            for i, bar in enumerate(bars)
        ]
        values = (s.value for bar in written for voices in bar for v in voices for s in v)
        lengths = {bar.length for bar in bars} | {value.end - value.start for value in values}
        self._divisions = lcm(*(length.denominator for length in lengths))
        coming = deque(tempi)
        for i, bar in enumerate(bars):
            here = []
            while coming and coming[0].onset < bar.end:
                here.append(coming.popleft())
            self._bar(i, bar, written[i], here)

    def _identity(self, number: int) -> str:
        """An id for the next part of a note."""
        piece = self._pieces.get(number, 0)
        self._pieces[number] = piece + 1
        identity = f"n{number}-{piece}" if piece else f"n{number}"
        self._ids[identity] = number
        return identity

    def _bar(
        self,
        index: int,
        bar: ScoreBar,
        staves: Sequence[Sequence[Sequence[Stroke]]],
        tempi: Iterable[Tempo],
    ) -> None:
        measure = _add(self._element, "measure", number=str(index + 1))
        if not bar.regular:
            measure.set("implicit", "yes")
        self._attributes(measure, index, bar)
        for tempo in tempi:
            direction = _add(measure, "direction", placement="above")
            metronome = _add(_add(direction, "direction-type"), "metronome")
            metronome.set("print-object", "yes" if not index else "no")
            _add(metronome, "beat-unit", "quarter")
            _add(metronome, "per-minute", str(round(tempo.per_minute)))
            if tempo.onset > bar.onset:
                _add(direction, "offset", str(round((tempo.onset - bar.onset) * self._divisions)))
            _add(direction, "sound", tempo=f"{tempo.per_minute:.10g}")
        first = True
        for number, voices in enumerate(staves, start=1):
            signs = self._signs(voices)
            upper = next(i for i, strokes in enumerate(voices, start=1) if strokes)
            for voice, strokes in enumerate(voices, start=1):
                if not strokes:
                    continue
                if not first:
                    self._add_duration(_add(measure, "backup"), bar.length)
                first = False
                for stroke in strokes:
                    self._stroke(measure, stroke, number, voice, signs, voice == upper)

    def _attributes(self, measure: etree._Element, index: int, bar: ScoreBar) -> None:
        attributes = etree.Element("attributes")
        if not index:
            _add(attributes, "divisions", str(self._divisions))
        changed = not index
        while self._keys and self._keys[0].onset < bar.end:
            self._key, changed = self._keys.pop(0), True
        if changed and not self._sheet.drum:
            key = _add(attributes, "key")
            _add(key, "fifths", str(self._key.sharps))
            _add(key, "mode", "minor" if self._key.minor else "major")
        if bar.changed:
            time = _add(attributes, "time")
            _add(time, "beats", str(bar.signature[0]))
            _add(time, "beat-type", str(bar.signature[1]))
        if not index:
            _add(attributes, "staves", str(len(self._sheet.staves)))
            for number, name in enumerate(self._sheet.clefs, start=1):
                clef = _add(attributes, "clef", number=str(number))
                if self._sheet.drum:
                    _add(clef, "sign", "percussion")
                    continue
                sign, line, octaves = CLEFS[name]
                _add(clef, "sign", sign)
                _add(clef, "line", str(line))
                if octaves:
                    _add(clef, "clef-octave-change", str(octaves))
        if len(attributes):
            measure.append(attributes)

    def _signs(self, voices: Sequence[Sequence[Stroke]]) -> dict[str, int]:
        """The accidentals to print in a bar of a staff, by id; voices share what is in force."""
        accidentals = Accidentals(self._key.sharps)
        signs: dict[str, int] = {}
        if self._sheet.drum:
            return signs
        for stroke in sorted((s for voice in voices for s in voice), key=lambda s: s.value.start):
            graces = [(p, f"n{n}", False) for chord in stroke.graces for p, n in chord.notes]
            own = [(pitch, identity, before) for pitch, _, identity, before, _ in stroke.notes]
            for pitch, identity, tied in graces + own:
                sign = None if tied else accidentals.sign(spell(pitch, self._key))
                if sign is not None:
                    signs[identity] = sign
        return signs

    def _stroke(
        self,
        measure: etree._Element,
        stroke: Stroke,
        staff: int,
        voice: int,
        signs: Mapping[str, int],
        rests: bool,
    ) -> None:
        for chord in stroke.graces:
            for i, (pitch, number) in enumerate(chord.notes):
                note = _add(measure, "note", id=self._identity(number))
                _add(note, "grace", slash="yes")
                self._pitch(note, pitch, i > 0)
                self._rest_of(note, stroke.value, staff, voice, signs, grace=True)
        if not stroke.notes:
            note = _add(measure, "note")
            if not rests:
                note.set("print-object", "no")
            rest = _add(note, "rest")
            if not stroke.value.base:
                rest.set("measure", "yes")
            self._add_duration(note, stroke.value.end - stroke.value.start)
            self._rest_of(note, stroke.value, staff, voice, signs)
        for i, (pitch, _, identity, before, after) in enumerate(stroke.notes):
            note = _add(measure, "note", id=identity)
            self._pitch(note, pitch, i > 0)
            self._add_duration(note, stroke.value.end - stroke.value.start)
            ties = [kind for kind, tied in (("stop", before), ("start", after)) if tied]
            for kind in ties:
                _add(note, "tie", type=kind)
            beams = () if i else stroke.beams
            self._rest_of(note, stroke.value, staff, voice, signs, pitch, beams, ties, i == 0)

    def _pitch(self, note: etree._Element, pitch: int, in_chord: bool) -> None:
        if in_chord:
            _add(note, "chord")
        if self._sheet.drum:
            step, octave, _ = place_of(pitch)
            unpitched = _add(note, "unpitched")
            _add(unpitched, "display-step", step)
            _add(unpitched, "display-octave", str(octave))
            return
        spelled = spell(pitch, self._key)
        element = _add(note, "pitch")
        _add(element, "step", spelled.step)
        if spelled.alter:
            _add(element, "alter", str(spelled.alter))
        _add(element, "octave", str(spelled.octave))

    def _rest_of(
        self,
        note: etree._Element,
        value: Value,
        staff: int,
        voice: int,
        signs: Mapping[str, int],
        pitch: int = -1,
        beams: Iterable[str] = (),
        ties: Iterable[str] = (),
        leading: bool = True,
        *,
        grace: bool = False,
    ) -> None:
        """The elements of a note after its duration, in their order."""
        if self._sheet.drum and pitch >= 0:
            _add(note, "instrument", id=f"P{self._number}-I{pitch}")
        _add(note, "voice", str((staff - 1) * _VOICES + voice))
        if grace:
            _add(note, "type", "eighth")
        elif value.base:
            _add(note, "type", _TYPES[value.base])
            for _ in range(value.dots):
                _add(note, "dot")
        sign = signs.get(note.get("id", ""))
        if sign is not None:
            _add(note, "accidental", _SIGNS[sign])
        if not grace and value.ratio != PLAIN:
            modification = _add(note, "time-modification")
            _add(modification, "actual-notes", str(value.ratio[0]))
            _add(modification, "normal-notes", str(value.ratio[1]))
        if self._sheet.drum and pitch >= 0 and (head := place_of(pitch)[2]):
            _add(note, "notehead", head)
        _add(note, "staff", str(staff))
        for level, beam in enumerate(beams, start=1):
            _add(note, "beam", beam, number=str(level))
        brackets = [kind for kind, there in (("start", value.first), ("stop", value.last)) if there]
        brackets = brackets if leading and not grace and value.ratio != PLAIN else []
        ties = list(ties)
        if ties or brackets:
            notations = _add(note, "notations")
            for kind in ties:
                _add(notations, "tied", type=kind)
            for kind in brackets:
                _add(notations, "tuplet", type=kind)

    def _add_duration(self, note: etree._Element, length: Fraction) -> None:
        _add(note, "duration", str(int(length * self._divisions)))


def _add(parent: etree._Element, name: str, text: str = "", **attributes: str) -> etree._Element:
    element = etree.SubElement(parent, name, attributes)
    if text:
        element.text = text
    return element
