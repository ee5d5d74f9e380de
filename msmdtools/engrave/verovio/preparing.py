"""Prepare an encoding for Verovio: its notes get ids that lead back to the source, and nothing of it is lost."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from lxml import etree

from msmdtools.engrave.verovio import abc
from msmdtools.engrave.verovio.toolkit import as_mei
from msmdtools.mei.musicxml import mend
from msmdtools.mei.musicxml_ties import UNSAID, SourceTies

_XML_ID = "{http://www.w3.org/XML/1998/namespace}id"
_KERN_ID = re.compile(r"note-L(\d+)F(\d+)(?:S(\d+))?")


@dataclass(frozen=True, slots=True)
class Prepared:
    """An encoding as Verovio gets it.

    Attributes:
        text: the encoding.
        places: the place in the source of each id that a note was given.
        audible: ids of notes that sound although Verovio calls them cues.
        not_unfolded: why repeats cannot be unfolded; "" if they can.
        ties: where ties lead that Verovio loses or takes for others.
        shifts: by the ids of notes, how many semitones higher they sound than Verovio says.
        form: its format now; "" if it is the one that it was.
    """

    text: str
    places: Mapping[str, str] = field(default_factory=dict)
    audible: frozenset[str] = frozenset()
    not_unfolded: str = ""
    ties: SourceTies = UNSAID
    shifts: Mapping[str, int] = field(default_factory=dict)
    form: str = ""


def prepared(text: str, form: str) -> Prepared:
    """Give notes of MusicXML and MEI ids, and rewrite what Verovio would lose (`msmdtools.mei.musicxml`).

    ABC is rewritten, too, and its voices and endings are put together (`msmdtools.engrave.verovio.abc`).
    Notes of MEI without an id get one, and **kern stays as it is: Verovio calls its notes by line and spine.

    Args:
        text: the encoding.
        form: its format.

    Returns:
        The text for Verovio. The place of a note that had no id is an XPath from the root, such as
        "part[@id='P1']/measure[12]/note[3]"; in MEI "((//measure)[12]//note)[3]".

    Raises:
        lxml.etree.XMLSyntaxError: the text is not well-formed XML.
        PieceError: Verovio cannot read a voice of ABC.
    """
    if form == "abc":
        tune = abc.mended(text)
        mei, without_endings = abc.joined(tune, _load)
        return Prepared(mei, not_unfolded=without_endings, form="mei")
    if form == "kern":
        return Prepared(text)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    root = etree.fromstring(text.encode(), parser)
    if form == "mei":
        places = _identify_mei(root)
        return Prepared(etree.tostring(root, encoding="unicode") if places else text, places)
    places = _identify(root)
    mended = mend(root)
    if places or mended.changed or mended.shifts:
        text = etree.tostring(root, encoding="unicode")
    return Prepared(text, places, mended.audible, ties=mended.ties, shifts=mended.shifts)


def _load(tune: str, seed: int) -> str:
    return as_mei(tune, "abc", seed)


def _identify(root: etree._Element) -> dict[str, str]:
    """Give each note that has no id one, and return where each of these is."""
    places: dict[str, str] = {}
    taken = {note.get("id") for note in root.iter("note")}
    for number, part in enumerate(root.iterchildren("part"), 1):
        name = part.get("id", "")
        for i, measure in enumerate(part.iterchildren("measure"), 1):
            for j, note in enumerate(measure.iterchildren("note"), 1):
                if note.get("id"):
                    continue
                identity = f"p{number}m{i}n{j}"
                while identity in taken:
                    identity += "_"
                note.set("id", identity)
                places[identity] = f"part[@id='{name}']/measure[{i}]/note[{j}]"
    return places


def _identify_mei(root: etree._Element) -> dict[str, str]:
    """Give each note of MEI that has no id one, and return where each of these is."""
    places: dict[str, str] = {}
    taken = {element.get(_XML_ID) for element in root.iter()}
    for i, measure in enumerate(root.iter("{*}measure"), 1):
        for j, note in enumerate(measure.iter("{*}note"), 1):
            if note.get(_XML_ID):
                continue
            identity = f"m{i}n{j}"
            while identity in taken:
                identity += "_"
            note.set(_XML_ID, identity)
            places[identity] = f"((//measure)[{i}]//note)[{j}]"
    return places


def place_of(identity: str, places: Mapping[str, str], form: str) -> str:
    """Where the note of an id is in its source.

    Args:
        identity: the id of the note in Verovio's SVG.
        places: `Prepared.places`.
        form: the format of the source.

    Returns:
        For MusicXML and MEI the note's own id after a "#", or an XPath; for **kern "line
        7, spine 2" (with a chord's "note 3"); for ABC nothing, whose notes cannot be told apart.
    """
    if identity in places:
        return places[identity]
    if form == "abc":
        return ""
    if form == "kern" and (found := _KERN_ID.match(identity)):
        chord = f", note {found[3]}" if found[3] else ""
        return f"line {found[1]}, spine {found[2]}{chord}"
    return f"#{identity}"
