"""The keys of a tune of ABC: they are marked in its text, and applied to the MEI that Verovio makes of it."""

import re
from collections.abc import Sequence

from lxml import etree

_FIELD = re.compile(r"[A-Za-z+]:|%")
_KEY = re.compile(
    r"(?P<tonic>[A-G])(?P<sign>[#b]?)[ \t]*(?P<mode>(?i:maj|min|m(?![a-z])|mix|dor|phr|lyd|loc|ion|aeo))?"
)
_SETTING = re.compile(r"\b\w+=[ \t]*(?:\"[^\"]*\"|\S+)")
_PIPES = re.compile(r"H[Pp]")
_NONE = re.compile(r"none\b|(?=$)", re.IGNORECASE)
_OWN = re.compile(r"(?<!\S)(__|\^\^|_|\^|=)([A-Ga-g])(?!\S)")
_INLINE = re.compile(r"\"[^\"]*\"|![^!]*!|%.*|\[K:([^\]]*)\]")
_FIFTHS = {"C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5, "F": -1}
_MODES = {"": 0, "maj": 0, "ion": 0, "mix": -1, "dor": -2, "m": -3, "min": -3, "aeo": -3}
_MODES |= {"phr": -4, "loc": -5, "lyd": 1}
_SHARPS, _FLATS = "fcgdaeb", "beadgcf"
_SIGNS = {"_": "f", "^": "s", "=": "n", "__": "ff", "^^": "x"}
_NAMESPACE = "{http://www.music-encoding.org/ns/mei}"
_ID = "{http://www.w3.org/XML/1998/namespace}id"
_MARK = "msmd-key:"
_EVENTS = tuple(f"{_NAMESPACE}{name}" for name in ("note", "chord", "rest", "space", "mRest"))

Key = tuple[int, dict[str, str]]
"""Fifths of the signature, above 0 for sharps; and for each step that is altered, or natural by itself, how."""


def key_of(text: str) -> Key | None:
    """The key that a field K: names, as "Ddor", "Bb", "none" or "HP"; None where it names none, as "clef=bass"."""
    text = text.partition("%")[0].strip()
    said, text = text, _SETTING.sub("", text).strip()
    if said and not text:
        return None
    if _PIPES.match(text):
        return (2, {"f": "s", "c": "s"}) if text.startswith("Hp") else (0, {"f": "s", "c": "s"})
    if _NONE.match(text):
        fifths = 0
    elif match := _KEY.match(text):
        mode = match["mode"] or ""
        mode = "" if mode == "M" else mode.lower()  # an M in capitals is major
        sign = {"#": 7, "b": -7, "": 0}[match["sign"]]
        fifths = _FIFTHS[match["tonic"]] + sign + _MODES[mode]
    else:
        return None
    fifths = max(-7, min(7, fifths))
    steps = _SHARPS[:fifths] if fifths > 0 else _FLATS[:-fifths]
    altered = dict.fromkeys(steps, "s" if fifths > 0 else "f")
    altered |= {step.lower(): _SIGNS[sign] for sign, step in _OWN.findall(text)}
    return fifths, altered


class Keys:
    """The keys of one tune, numbered as they are marked.

    Args:
        header: the field K: that ends the header.
    """

    def __init__(self, header: str) -> None:
        self._keys: list[Key] = [key_of(header.partition(":")[2]) or (0, {})]

    def marked(self, lines: Sequence[str]) -> list[str]:
        """Lines of a voice with marks instead of its fields K: that name a key."""
        result: list[str] = []
        waiting = ""
        for line in lines:
            if line.startswith("K:") and (mark := self._mark(line[2:])):
                waiting = mark
            elif _FIELD.match(line):
                result.append(line)
            else:
                result.append(waiting + _INLINE.sub(self._inline, line))
                waiting = ""
        return result

    def _inline(self, match: re.Match[str]) -> str:
        return match[0] if match[1] is None else self._mark(match[1]) or match[0]

    def _mark(self, text: str) -> str:
        key = key_of(text)
        if key is None:
            return ""
        self._keys.append(key)
        return f'"^{_MARK}{len(self._keys) - 1}"'

    def apply(self, document: etree._Element) -> None:
        """Let the notes of one voice sound in its keys, and draw their signatures; the marks are taken away."""
        key = self._keys[0]
        for definition in document.iter(f"{_NAMESPACE}scoreDef"):
            _sign(definition, "keysig", key, change=False)
            break
        for measure in list(document.iter(f"{_NAMESPACE}measure")):
            marks = _taken(measure)
            if "" in marks:  # before anything that has a place
                key = self._keys[marks[""]]
                _before(measure, key)
            begun = False
            for event in measure.iter(*_EVENTS):
                number = marks.get(event.get(_ID, ""))
                if number is not None:
                    key = self._keys[number]
                    if not begun:
                        _before(measure, key)
                    elif (parent := event.getparent()) is not None and parent.tag.endswith("layer"):
                        signature = etree.Element(f"{_NAMESPACE}keySig")
                        _sign(signature, "sig", key, change=True)
                        event.addprevious(signature)
                begun = True
                if event.tag == _EVENTS[0]:
                    _alter(event, key)


def _taken(measure: etree._Element) -> dict[str, int]:
    """The numbers of the keys marked in a bar, by the ids of the notes where they begin; "" for its beginning."""
    marks: dict[str, int] = {}
    for element in list(measure):
        text = "".join(map(str, element.itertext()))
        if element.tag.endswith("staff") or _MARK not in text:
            continue
        place = element
        while place.get("startid") is None and (following := place.getnext()) is not None:
            place = following
        marks[(place.get("startid") or "").lstrip("#")] = int(text.partition(_MARK)[2])
        measure.remove(element)
    return marks


def _before(measure: etree._Element, key: Key) -> None:
    """Write a change of key before a bar."""
    definition = etree.Element(f"{_NAMESPACE}scoreDef")
    _sign(definition, "keysig", key, change=True)
    measure.addprevious(definition)


def _sign(element: etree._Element, name: str, key: Key, *, change: bool) -> None:
    fifths, _ = key
    if fifths or change:
        element.set(name, f"{abs(fifths)}{'s' if fifths > 0 else 'f'}" if fifths else "0")
    else:
        element.attrib.pop(name, None)


def _alter(note: etree._Element, key: Key) -> None:
    """Say how a note sounds that has no accidental of its own."""
    sign = note.find(f"{_NAMESPACE}accid")
    if note.get("accid") or (sign is not None and sign.get("accid")):
        return
    if sign is not None:
        note.remove(sign)
    note.attrib.pop("accid.ges", None)
    if altered := key[1].get(note.get("pname", "")):
        note.set("accid.ges", altered)
