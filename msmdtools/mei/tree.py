"""An MEI document as a tree: parsed without entities, and read in the order of the page."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

NAMESPACE = "{http://www.music-encoding.org/ns/mei}"
ID = "{http://www.w3.org/XML/1998/namespace}id"

# Of several readings of one place, the first of these counts, or else the first there is.
_READINGS = {"app": ("lem", "rdg"), "choice": ("corr", "reg", "expan")}


def tag(name: str) -> str:
    """The full name of an element of MEI."""
    return NAMESPACE + name


_MDIV, _SCORE, _SECTION, _ENDING, _MEASURE = map(
    tag, ("mdiv", "score", "section", "ending", "measure")
)
_DEFINITIONS = frozenset((tag("scoreDef"), tag("staffDef")))
_CHOSEN = {tag(name): tuple(map(tag, names)) for name, names in _READINGS.items()}


@dataclass(frozen=True, slots=True)
class Item:
    """A bar or a definition, where it stands.

    Attributes:
        element: a measure, scoreDef or staffDef.
        ending: the ending around it, or None.
        section: id of the innermost section or ending around it.
    """

    element: etree._Element
    ending: etree._Element | None
    section: str


def parse(mei: str | bytes) -> etree._Element:
    """Parse a document; its entities stay unresolved, and nothing outside of it is read.

    Raises:
        ValueError: it is not well-formed XML, or its root is not mei.
    """
    data = mei.encode("utf-8", "replace") if isinstance(mei, str) else mei
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        remove_comments=True,
        remove_pis=True,
        remove_blank_text=True,
        collect_ids=False,
    )
    if isinstance(mei, str):
        data = re.sub(rb"^\s*<\?xml[^>]*\?>", b"", data)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(f"not well-formed XML ({error})") from error
    if root.tag != tag("mei"):
        raise ValueError(f"an MEI document begins with mei, not {root.tag}")
    return root


def origin(root: etree._Element) -> str:
    """What Verovio made the document from: "MusicXML", "Humdrum", "abc music", …; "" where it does not say."""
    for note in root.iterfind(f"{tag('meiHead')}//{tag('application')}/{tag('p')}"):
        if (note.text or "").startswith("Transcoded from "):
            return str(note.text).removeprefix("Transcoded from ").strip()
    return ""


def scores(root: etree._Element) -> list[etree._Element]:
    """The scores of all movements (mdiv), in their order."""
    return list(root.iterfind(f"{tag('music')}//{_MDIV}/{_SCORE}"))


def items(score: etree._Element) -> Iterator[Item]:
    """The bars and definitions of a score, in the order of the page."""
    yield from _items(score, None, "")


def _items(parent: etree._Element, ending: etree._Element | None, section: str) -> Iterator[Item]:
    for child in parent:
        if child.tag == _MEASURE or child.tag in _DEFINITIONS:
            yield Item(child, ending, section)
        elif child.tag == _ENDING:
            yield from _items(child, child, child.get(ID, section))
        elif child.tag == _SECTION:
            yield from _items(child, ending, child.get(ID, section))
        elif (choice := chosen(child)) is not None:
            yield from _items(choice, ending, section)


def chosen(element: etree._Element) -> etree._Element | None:
    """The reading that counts of an app or choice; None for any other element, or where there is none."""
    names = _CHOSEN.get(element.tag)
    if names is None or not len(element):
        return None
    for name in names:
        if (reading := element.find(name)) is not None:
            return reading
    return element[0]


def plain_text(element: etree._Element) -> str:
    """The text in an element on one line, its line breaks as spaces."""
    return " ".join(" ".join(map(str, element.itertext())).split())
