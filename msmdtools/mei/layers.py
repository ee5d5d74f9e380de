"""Read the layers of a bar: which notes begin when, and how long the bar is.

A layer is what follows each other: notes, chords and rests, in beams, tuplets and tremolos. Grace notes take no
time; they belong to what follows them in their layer, or to its end. The longest layer tells how long a bar is.
A rest for the whole bar is as long as the time signature says, unless the bar is marked as irregular
(`metcon`): then it is as long as the other layers.
"""

from collections.abc import Container, Mapping

from lxml import etree

from msmdtools.mei.durations import (
    AS_WRITTEN,
    MOST_DIVISIONS,
    MOST_DOTS,
    Ratio,
    Units,
    tuplet_ratio,
)
from msmdtools.mei.notes import Bar, Sign, Sound
from msmdtools.mei.numbers import real, whole
from msmdtools.mei.pitches import pitch_of
from msmdtools.mei.staves import Staff, Staves, metre
from msmdtools.mei.tree import ID, chosen, tag

_STAFF, _LAYER, _DOT = tag("staff"), tag("layer"), tag("dot")
_NOTE, _CHORD, _REST, _SPACE = tag("note"), tag("chord"), tag("rest"), tag("space")
_TUPLET, _TREMOLO, _ALTERNATING = tag("tuplet"), tag("bTrem"), tag("fTrem")
_GRACES, _TABLATURE = tag("graceGrp"), tag("tabGrp")
_BAR_LINE, _METRE, _CLEF = tag("barLine"), tag("meterSig"), tag("clef")
_WHOLE = {tag("mRest"), tag("mSpace"), tag("mRpt"), tag("mRpt2"), tag("multiRpt"), tag("multiRest")}
_PART = {tag("beatRpt"), tag("halfmRpt")}
_REPEATED_BARS = {tag("mRpt"): 1, tag("mRpt2"): 2}
# Numbers of frets have no pitch in MEI: time passes, and nothing sounds.
_EVENTS, _PAUSES = {_NOTE, _CHORD}, {_REST, _SPACE, _TABLATURE}
_EIGHTH = 8
# A bar whose tuplets are rounded may seem longer or shorter than it is by less than this part of a quarter.
_NEAR = 32
_MOST_BEAMS, _MOST_BARS, _MOST_BEATS = 8, 1000, 64
_MOST_STROKES = 4096


class Layers:
    """The layers of a document, read bar by bar.

    Attributes:
        sounds: the notes by their ids.
        chords: the notes of each chord by its id.
        staves: the staves, as they are at the bar that was read last.
    """

    def __init__(
        self,
        units: Units,
        staves: Staves,
        transpose: int,
        audible: Container[str],
        shifts: Mapping[str, int],
    ) -> None:
        self.sounds: dict[str, Sound] = {}
        self.chords: dict[str, list[Sound]] = {}
        self._places: dict[str, int] = {}
        self._units = units
        self.staves = staves
        self._transpose = transpose
        self._audible = audible
        self._shifts = shifts
        self._lengths: dict[tuple[object, ...], tuple[int, int]] = {}
        # By layer: the notes with which it has ended so far, and when.
        self._last: dict[tuple[int, int], tuple[list[Sound], int]] = {}

    def read(self, measure: etree._Element, index: int, start: int) -> Bar:
        """Read a bar.

        Args:
            measure: the bar as an element.
            index: its number in the piece, from 0.
            start: the written time at which it begins.

        Returns:
            The bar with its notes.
        """
        top = self.staves.top
        bar = Bar(index, measure.get(ID, ""), measure.get("n", ""), start, 0, top.signature)
        bar.beat = int(top.beat * self._units.quarter)
        longest = resting = 0
        for element in measure.iterchildren(_STAFF):
            staff = self.staves[element.get("n", "")]
            staff.accidentals.bar.clear()
            for layer in element.iterchildren(_LAYER):
                reading = _Layer(self, bar, staff, layer)
                longest = max(longest, reading.read(layer))
                resting = max(resting, reading.whole)
        if resting and not (longest and measure.get("metcon") == "false"):
            longest = max(longest, resting)
        usual = self._metre(top)
        near = abs(longest - usual) * _NEAR <= self._units.quarter
        bar.length = usual if near or not longest else longest
        bar.signs = [
            sign if sign.length else Sign(sign.home, sign.layer, start, bar.length, sign.bars, 0)
            for sign in bar.signs
        ]
        return bar

    def places_of_all(self) -> dict[str, int]:
        """The written times of everything in a layer, by id."""
        places = {name: sound.onset for name, sound in self.sounds.items()}
        places |= {name: sounds[0].onset for name, sounds in self.chords.items() if sounds}
        return places | self._places

    def _metre(self, staff: Staff) -> int:
        return int((staff.metre or 4) * self._units.quarter)

    def _length(self, element: etree._Element, staff: Staff, ratio: Ratio) -> tuple[int, int]:
        """How long a note is as printed, and as it counts.

        They differ where the divisions that Verovio keeps from MusicXML (`dur.ppq`) say something else, by
        more than half a division, which rounding could explain: a tuplet without its number, say.
        """
        dur, dots, divisions = element.get("dur"), element.get("dots"), element.get("dur.ppq")
        key = (dur, dots, divisions, ratio, staff.ppq)
        if dots is None and len(element) and (signs := element.findall(_DOT)):
            dots = str(len(signs))
            key = (dur, dots, divisions, ratio, staff.ppq)
        lengths = self._lengths.get(key)
        if lengths is None:
            printed = self._units.duration(dur or staff.dur, whole(dots, 0, 0, MOST_DOTS), ratio)
            counted = printed
            length = whole(divisions, -1, 0, MOST_DIVISIONS)
            if length >= 0 and staff.ppq:
                given = length * self._units.quarter // staff.ppq
                if dur is None or 2 * abs(given - printed) * staff.ppq > self._units.quarter:
                    counted = given
            lengths = self._lengths[key] = printed, counted
        return lengths


class _Layer:
    """One layer while it is read."""

    def __init__(self, layers: Layers, bar: Bar, staff: Staff, layer: etree._Element) -> None:
        self._all = layers
        self._bar = bar
        self._staff = staff
        self._number = whole(layer.get("n"), 1, 0)
        self._cue = layer.get("cue") == "true"
        self._at = bar.start
        self._graces: list[tuple[list[Sound], int]] = []
        self._tremolo = (0, 0)
        self.whole = 0

    def read(self, layer: etree._Element) -> int:
        """Read all of it, and return its length."""
        key = self._staff.number, self._number
        self._last, self._ended = self._all._last.get(key, ([], -1))
        self._walk(layer, AS_WRITTEN, False)
        if self._graces:
            self._lead_to(self._at)
        self._all._last[key] = self._last, self._ended
        return self._at - self._bar.start

    def _walk(self, parent: etree._Element, ratio: Ratio, grace: bool) -> None:
        for element in parent:
            name = element.tag
            if name in _EVENTS:
                self._event(element, ratio, grace)
            elif name in _PAUSES:
                self._pass(element, self._all._length(element, self._staff, ratio)[1])
            elif name == _TUPLET:
                self._walk(element, tuplet_ratio(element, ratio), grace)
            elif name == _TREMOLO:
                self._repeated(element, ratio)
            elif name == _ALTERNATING:
                self._alternating(element, ratio)
            elif name == _GRACES:
                self._walk(element, ratio, True)
            elif name in _WHOLE:
                self._whole_bar(element)
            elif name in _PART:
                self._part(element)
            elif name == _BAR_LINE:
                self._bar.inner.append((self._at, element.get("form", "")))
            elif name == _METRE:
                metre(self._staff, element)
            elif len(element) and name != _CLEF:
                reading = chosen(element)
                self._walk(element if reading is None else reading, ratio, grace)

    def _pass(self, element: etree._Element, length: int) -> None:
        """Let time pass without a note."""
        if self._graces:
            self._lead_to(self._at)
        if identity := element.get(ID):
            self._all._places[identity] = self._at
        self._at += length
        self._last = []

    def _event(self, element: etree._Element, ratio: Ratio, grace: bool) -> list[Sound]:
        """A note or chord: its notes, added to the bar."""
        printed, counted = self._all._length(element, self._staff, ratio)
        chord = element.tag == _CHORD
        notes = [e for e in element.iter(_NOTE)] if chord else [element]
        if grace or element.get("grace") or (chord and notes and notes[0].get("grace")):
            if element.get("dur") is None and notes and notes[0].get("dur") is None:
                printed = self._all._units.duration(str(_EIGHTH), 0, AS_WRITTEN)
            sounds = [self._sound(e, element, printed, printed) for e in notes]
            self._graces.append((sounds, printed))
        else:
            if self._graces:
                self._lead_to(self._at)
            if chord and element.get("dur") is None and notes:
                printed, counted = self._all._length(notes[0], self._staff, ratio)
            sounds = [self._sound(e, element, printed, counted) for e in notes]
            self._at += counted
            self._last, self._ended = sounds, self._at
        if chord:
            self._all.chords[element.get(ID, "")] = sounds
        self._bar.sounds += sounds
        return sounds

    def _sound(
        self, note: etree._Element, event: etree._Element, printed: int, counted: int
    ) -> Sound:
        standing = note.get("staff") or event.get("staff")
        staff = self._all.staves[standing.split()[0]] if standing else self._staff
        identity = note.get(ID, "")
        pitch = pitch_of(note, staff.accidentals)
        drum = staff.drum
        if drum or pitch is None:
            sounding = whole(note.get("pnum"), -1, 0, 127)
            drum = drum or sounding >= 0
            pitch = (sounding, sounding, 0.0)
            transposition = 0
        else:
            transposition = staff.transposition + self._all._transpose
            transposition += self._all._shifts.get(identity, 0)
        reason = ""
        if self._cue or note.get("cue") == "true" or event.get("cue") == "true":
            reason = "" if identity in self._all._audible else "cue"
        if not 0 <= pitch[0] + transposition <= 127:
            reason = "not-performed"
        sound = Sound(
            identity,
            staff,
            self._staff.number,
            self._number,
            self._bar.index,
            pitch[0] + transposition,
            pitch[1] + (0 if drum else self._all._transpose),
            pitch[2],
            drum,
            self._at,
            printed,
            counted,
            0,
            reason,
            note.get("visible") != "false"
            and note.get("head.visible") != "false"
            and event.get("visible") != "false",
            whole(note.get("vel"), 0, most=127),
            0 if drum else staff.program,
        )
        self._all.sounds[identity] = sound
        return sound

    def _lead_to(self, main: int) -> None:
        """Let the grace notes that have been read lead to a written time."""
        length = 0
        for sounds, duration in reversed(self._graces):
            length += duration
            for sound in sounds:
                sound.grace, sound.onset = length, main
        self._graces = []
        if self._ended == main:
            for sound in self._last:
                sound.grace_after = length

    def _repeated(self, tremolo: etree._Element, ratio: Ratio) -> None:
        """A note or chord struck again and again."""
        before = len(self._bar.sounds)
        self._walk(tremolo, ratio, False)
        sounds = [s for s in self._bar.sounds[before:] if not s.grace]
        unit = _stroke(tremolo)
        if not unit or not sounds:
            return
        stroke = self._all._units.duration(unit, 0, ratio)
        if 0 < stroke < sounds[0].span <= _MOST_STROKES * stroke:
            for sound in sounds:
                sound.stroke = sound.apart = stroke

    def _alternating(self, tremolo: etree._Element, ratio: Ratio) -> None:
        """Two notes or chords struck in turn: both are printed as long as they last together."""
        begin = self._at
        groups = []
        for element in tremolo.iter(_NOTE, _CHORD):
            parent = element.getparent()
            if element.tag == _CHORD or (parent is not None and parent.tag != _CHORD):
                groups.append(self._event(element, ratio, False))
        groups = [sounds for sounds in groups if sounds and not sounds[0].grace]
        if not groups:
            return
        together = groups[0][0].duration
        self._at = self._ended = begin + together
        beams = whole(tremolo.get("beams"), 3, most=_MOST_BEAMS)
        unit = tremolo.get("unitdur") or str(2 ** (beams + 2))
        stroke = min(self._all._units.duration(unit, 0, ratio), together)
        if not 0 < together <= _MOST_STROKES * stroke:
            return
        for i, sounds in enumerate(groups):
            for sound in sounds:
                sound.onset = begin + i * stroke
                sound.span = together - i * stroke
                sound.stroke, sound.apart = stroke, len(groups) * stroke

    def _whole_bar(self, element: etree._Element) -> None:
        name = etree.QName(element).localname
        count = whole(element.get("num"), 1, most=_MOST_BARS)
        if name != "mSpace":
            self.whole = self._all._metre(self._staff) * (count if name == "multiRest" else 1)
        bars = _REPEATED_BARS.get(element.tag, count if name == "multiRpt" else 0)
        if bars:
            home, layer = self._staff.number, self._number
            self._bar.signs.append(Sign(home, layer, self._bar.start, 0, bars, 0))
        if identity := element.get(ID):
            self._all._places[identity] = self._at

    def _part(self, element: etree._Element) -> None:
        """The repetition of a beat or of half a bar."""
        if etree.QName(element).localname == "halfmRpt":
            length = self._all._metre(self._staff) // 2
        elif given := real(element.get("beatdef"), most=_MOST_BEATS):
            length = int(given * self._all._units.duration(self._staff.unit, 0, AS_WRITTEN))
        else:
            length = int(self._staff.beat * self._all._units.quarter)
            count = whole(self._staff.count, 0)
            if count > 3 and count % 3 == 0:
                length *= 3
        at = self._at
        self._pass(element, length)
        self._bar.signs.append(Sign(self._staff.number, self._number, at, length, 0, length))


def _stroke(tremolo: etree._Element) -> str:
    """The note value of a tremolo's strokes; "" where none is printed."""
    if unit := tremolo.get("unitdur"):
        return str(unit)
    for element in tremolo.iter(_NOTE, _CHORD):
        slashes, dur = element.get("stem.mod", ""), element.get("dur", "")
        count = whole(slashes.removesuffix("slash"), 0, most=_MOST_BEAMS)
        if count and dur:
            return str(max(whole(dur, 4), 4) * 2**count)
    return ""
