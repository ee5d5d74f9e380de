"""The staves of a score: where they stand, what plays them, and what is in force on them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from lxml import etree

from msmdtools.mei.durations import MOST_DIVISIONS
from msmdtools.mei.numbers import whole
from msmdtools.mei.pitches import Accidentals, key_of
from msmdtools.mei.tree import plain_text, tag
from msmdtools.midi.actions import DRUM_CHANNEL

_STAFF_GRP, _STAFF_DEF = tag("staffGrp"), tag("staffDef")
_INSTRUMENT, _LABEL, _SHORT = tag("instrDef"), tag("label"), tag("labelAbbr")
_METRE, _METRES, _KEY = tag("meterSig"), tag("meterSigGrp"), tag("keySig")
_SIGNS = {"common": ("4", "4"), "cut": ("2", "2")}


@dataclass(slots=True)
class Staff:
    """A staff of the score, and what is in force on it.

    Attributes:
        number: from 1 at the top of the score.
        instrument: number of the first staff of the instrument that this staff belongs to.
        name: printed name of its instrument; "" for none.
        short: printed abbreviation of that name; "" for none.
        program: General MIDI program.
        drum: whether its pitches name General MIDI percussion sounds.
        transposition: how many semitones higher it sounds than it is printed.
        count: upper number of the time signature, as printed; "" for none.
        unit: its lower number; "" for none.
        ppq: divisions of a quarter note in `dur.ppq`; 0 for none.
        accidentals: what alters notes without an accidental.
        dur: note value of notes that name none.
    """

    number: int
    instrument: int
    name: str = ""
    short: str = ""
    program: int = 0
    drum: bool = False
    transposition: int = 0
    count: str = ""
    unit: str = ""
    ppq: int = 0
    accidentals: Accidentals = field(default_factory=Accidentals)
    dur: str | None = None

    @property
    def beat(self) -> Fraction:
        """What the lower number of the time signature stands for, in quarter notes."""
        return Fraction(4, whole(self.unit, 4))

    @property
    def metre(self) -> Fraction | None:
        """How long a bar is, in quarter notes; None where there is no time signature."""
        numbers = [whole(n, 0) for n in self.count.replace("+", " ").split()]
        return sum(numbers) * self.beat if sum(numbers) else None

    @property
    def signature(self) -> str:
        """The time signature, such as "6/8"; "" for none."""
        return f"{self.count}/{self.unit}" if self.count and self.unit else ""


class Staves:
    """All staves of a score; `define` brings them up to date."""

    def __init__(self, carried: bool, keyed: bool) -> None:
        self._rules = carried, keyed
        self.by_name: dict[str, Staff] = {}

    def __iter__(self) -> Iterator[Staff]:
        return iter(self.by_name.values())

    def __getitem__(self, name: str) -> Staff:
        """The staff that elements call `name` (`n`); a new one below the others if none is defined."""
        if name not in self.by_name:
            number = len(self.by_name) + 1
            self.by_name[name] = Staff(number, number, accidentals=Accidentals(*self._rules))
        return self.by_name[name]

    @property
    def top(self) -> Staff:
        """The first staff."""
        return next(iter(self), None) or self["1"]

    def define(self, definition: etree._Element) -> None:
        """Take over what a scoreDef or staffDef says."""
        if definition.tag == _STAFF_DEF:
            self._define_staff(definition)
            return
        for group in definition.iterchildren(_STAFF_GRP):
            self._define_group(group, None)
        for staff in self:
            _update(staff, definition)
        # What the definition of a staff says counts more than what that of the score does.
        for own in definition.iter(_STAFF_DEF):
            self._define_staff(own)

    def _define_group(self, group: etree._Element, around: etree._Element | None) -> None:
        """Make the staves of a group; one with an instrument or a name of its own is one instrument."""
        one = group.find(_INSTRUMENT) is not None or group.get("symbol") == "brace"
        one = one or any(
            sign.get("symbol") == "brace" for sign in group.iterchildren(tag("grpSym"))
        )
        owner = group if one else around
        first = 0
        for child in group:
            if child.tag == _STAFF_GRP:
                self._define_group(child, owner)
            elif child.tag == _STAFF_DEF:
                new = child.get("n", "") not in self.by_name
                staff = self[child.get("n", "")]
                first = first or staff.number
                if new and owner is not None:
                    staff.instrument = first
                    _name(staff, owner)
                    _instrument(staff, owner)

    def _define_staff(self, definition: etree._Element) -> None:
        staff = self[definition.get("n", "")]
        _update(staff, definition)
        _name(staff, definition)
        _instrument(staff, definition)


def _name(staff: Staff, element: etree._Element) -> None:
    label, short = element.find(_LABEL), element.find(_SHORT)
    staff.name = (plain_text(label) if label is not None else element.get("label")) or staff.name
    staff.short = (plain_text(short) if short is not None else "") or staff.short


def _instrument(staff: Staff, element: etree._Element) -> None:
    instrument = element.find(_INSTRUMENT)
    if instrument is None:
        return
    staff.program = whole(instrument.get("midi.instrnum"), staff.program, 0, 127)
    if channel := instrument.get("midi.channel"):
        staff.drum = channel == str(DRUM_CHANNEL)


def _update(staff: Staff, element: etree._Element) -> None:
    """Take over metre, key, transposition and divisions from a definition."""
    metre(staff, element)
    staff.transposition = whole(element.get("trans.semi"), staff.transposition, -128, 127)
    staff.ppq = whole(element.get("ppq"), staff.ppq, most=MOST_DIVISIONS)
    staff.dur = element.get("dur.default", staff.dur)
    key = element.find(_KEY)
    sig = key.get("sig") if key is not None else element.get("keysig", element.get("key.sig"))
    if sig is not None:
        staff.accidentals.key = key_of(sig)


def metre(staff: Staff, element: etree._Element) -> None:
    """Take over a time signature: an element itself, its attributes, or a child."""
    count, unit, sign = (
        element.get("meter.count"),
        element.get("meter.unit"),
        element.get("meter.sym"),
    )
    signs = [element] if element.tag == _METRE else element.findall(_METRE)
    if not signs and (group := element.find(_METRES)) is not None:
        signs = group.findall(_METRE)
    if signs:
        counts = [s.get("count") for s in signs]
        count = "+".join(c for c in counts if c) or None
        unit, sign = signs[0].get("unit"), signs[0].get("sym")
    if sign and not (count and unit):
        count, unit = _SIGNS.get(sign, (count, unit))
    if count:
        staff.count = count.replace(" ", "")
    if unit:
        staff.unit = unit
