"""Give notes ids that lead back to their place in the source, before Verovio gives them random ones."""

import re
from collections.abc import Mapping

from lxml import etree

_KERN_ID = re.compile(r"note-L(\d+)F(\d+)(?:S(\d+))?")


def identified(text: str, form: str) -> tuple[str, Mapping[str, str]]:
    """Give each note of MusicXML that has no id one that tells its place.

    Args:
        text: the encoding.
        form: its format. Other formats than MusicXML stay as they are: MEI has ids, and Verovio calls the
            notes of **kern by line and field.

    Returns:
        The text, and the place of each id that was given, as an XPath from the root, such as
        "part[@id='P1']/measure[12]/note[3]".

    Raises:
        lxml.etree.XMLSyntaxError: the text is not well-formed XML.
    """
    if form != "musicxml":
        return text, {}
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    root = etree.fromstring(text.encode(), parser)
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
    return (etree.tostring(root, encoding="unicode"), places) if places else (text, places)


def place_of(identity: str, places: Mapping[str, str], form: str) -> str:
    """Where the note of an id is in its source.

    Args:
        identity: the id of the note in Verovio's SVG.
        places: what `identified` has returned.
        form: the format of the source.

    Returns:
        For MusicXML the note's own id after a "#", or an XPath; for MEI its id after a "#"; for **kern "line
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
