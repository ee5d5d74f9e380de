"""The pitch of a note: as it is printed, and as it sounds.

What a document leaves unsaid depends on where it comes from:

- From MusicXML and **kern, Verovio says for every note that is altered how (`accid.ges`): what has nothing is
  natural.
- From ABC, it says what the key signature does, but an accidental holds for the rest of its bar, in its octave.
- An MEI document that says `accid.ges` anywhere is taken at its word; in one that never does, the key signature
  and the accidentals of the bar hold, as on paper.
"""

from dataclasses import dataclass, field

from lxml import etree

from msmdtools.mei.numbers import whole
from msmdtools.mei.tree import tag

_STEPS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_ACCID = tag("accid")
_OCTAVES, _NO_OCTAVE = (-1, 10), -2
_QUARTERS = {"1qf": -0.5, "3qf": -1.5, "1qs": 0.5, "3qs": 1.5}
_SEMITONES = {
    "s": 1.0,
    "f": -1.0,
    "n": 0.0,
    "ss": 2.0,
    "x": 2.0,
    "ff": -2.0,
    "xs": 3.0,
    "sx": 3.0,
    "ts": 3.0,
    "tf": -3.0,
    "nf": -1.0,
    "ns": 1.0,
    "su": 1.5,
    "sd": 0.5,
    "fu": -0.5,
    "fd": -1.5,
    "nu": 0.5,
    "nd": -0.5,
    "xu": 2.5,
    "xd": 1.5,
    "ffu": -1.5,
    "ffd": -2.5,
    **_QUARTERS,
}
_FLATS, _SHARPS = "beadgcf", "fcgdaeb"

Pitch = tuple[int, int, float]
"""Sounding pitch without transposition, printed pitch (MIDI numbers), and cents above them."""


@dataclass(slots=True)
class Accidentals:
    """How notes without an accidental of their own are altered.

    Attributes:
        carried: whether accidentals hold for the rest of the bar.
        keyed: whether the key signature holds for notes that do not say how they sound.
        key: for each step the alteration by the key signature, in semitones.
        bar: for each (step, octave) the alteration by an accidental in this bar.
    """

    carried: bool = False
    keyed: bool = False
    key: dict[str, float] = field(default_factory=dict)
    bar: dict[tuple[str, int], float] = field(default_factory=dict)


def rules(root: etree._Element, origin: str) -> tuple[bool, bool]:
    """Whether accidentals are carried through the bar, and whether the key signature is to be applied."""
    if origin.lower().startswith("abc"):
        return True, False
    if origin:
        return False, False
    silent = not any(element.get("accid.ges") for element in root.iter(tag("note"), tag("accid")))
    return silent, silent


def key_of(sig: str | None) -> dict[str, float]:
    """The alterations of a key signature, such as "3f"."""
    if not sig or sig[-1] not in "fs" or not 0 < whole(sig[:-1], 0) <= 7:
        return {}
    steps = _FLATS if sig[-1] == "f" else _SHARPS
    return dict.fromkeys(steps[: int(sig[:-1])], -1.0 if sig[-1] == "f" else 1.0)


def pitch_of(note: etree._Element, accidentals: Accidentals) -> Pitch | None:
    """The pitch of a note; None for one that has none. An accidental holds on in `accidentals.bar`."""
    step, octave = note.get("pname"), note.get("oct")
    if step not in _STEPS or octave is None:
        return None
    written_octave = whole(octave, _NO_OCTAVE, *_OCTAVES)
    if written_octave == _NO_OCTAVE:
        return None
    alteration = _alteration(note, step, written_octave, accidentals)
    sounding = whole(note.get("oct.ges"), written_octave, *_OCTAVES)
    base = _STEPS[step] + 12
    nearest = round(alteration)
    cents = 0.0
    if alteration != nearest:
        # Halves are rounded to the even number, as LilyPond does.
        nearest = round(base + alteration) - base
        cents = (alteration - nearest) * 100
    written = base + 12 * written_octave + nearest
    shift = 12 * (sounding - written_octave)
    return written + shift, written, cents


def _alteration(note: etree._Element, step: str, octave: int, accidentals: Accidentals) -> float:
    printed, sounding = note.get("accid"), note.get("accid.ges")
    if len(note) and (sign := note.find(_ACCID)) is not None:
        printed = sign.get("accid") or printed
        sounding = sign.get("accid.ges") or sounding
    if printed in _QUARTERS:
        # Verovio 6.4 says su where the sign is a quarter tone sharp, and sd where it is three.
        sounding = printed
    if accidentals.carried:
        if printed:
            value = _SEMITONES.get(sounding or printed, 0.0)
            accidentals.bar[step, octave] = value
            return value
        carried = accidentals.bar.get((step, octave))
        if carried is not None:
            return carried
    if sounding or printed:
        return _SEMITONES.get(sounding or printed or "", 0.0)
    return accidentals.key.get(step, 0.0) if accidentals.keyed else 0.0
