"""Leave parts out of an MEI score."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from msmdtools.sources.heading import Part, plain
from msmdtools.sources.markup import local_name

if TYPE_CHECKING:
    from lxml import etree

# What holds for all parts, wherever it stands.
_FOR_ALL = frozenset(("tempo", "reh", "repeatMark", "dir"))
_ID = "{http://www.w3.org/XML/1998/namespace}id"


def staves(root: "etree._Element") -> list[tuple[Part, tuple[str, ...]]]:
    """The parts of the first definition of a score, with the numbers of their staves.

    Staves of a group that have no names of their own are one part, called as the group.
    """
    definition = next(root.iter("{*}scoreDef"), None)
    if definition is None:
        return []
    groups: dict[etree._Element, list[etree._Element]] = {}
    for staff in definition.iter("{*}staffDef"):
        group = staff.getparent()
        together = (
            group is not None
            and local_name(group) == "staffGrp"
            and not _label(staff)
            and bool(_label(group) or _symbol(group) == "brace")
        )
        key = group if together and group is not None else staff
        groups.setdefault(key, []).append(staff)
    parts = []
    for key, members in groups.items():
        group = members[0].getparent()
        owners = (*members, *([group] if group is not None else []))
        instruments = [i for owner in owners for i in owner.findall("{*}instrDef")]
        sounds = [i.get("midi.instrname", "").replace("_", " ") for i in instruments]
        programs = [n for i in instruments if (n := i.get("midi.instrnum", "")).isdigit()]
        program = int(programs[0]) if programs else -1
        part = Part(_label(key), tuple(filter(None, sounds)), program, len(members))
        parts.append((part, tuple(staff.get("n", "") for staff in members)))
    return parts


def keep(root: "etree._Element", kept: Collection[int]) -> None:
    """Leave out all parts but some.

    Tempi, rehearsal marks, jumps and directions of a part that is left out move to the highest one that is left.

    Args:
        root: the document, which is changed.
        kept: numbers of the parts to keep, from 0, in the order of `staves`.
    """
    parts = staves(root)
    numbers = {n for number, (_, own) in enumerate(parts) if number in kept for n in own}
    first = next(n for number, (_, own) in enumerate(parts) if number in kept for n in own)
    gone: set[str] = set()
    for element in list(root.iter("{*}staffDef", "{*}staff")):
        if element.get("n", "") not in numbers:
            gone |= {name for e in element.iter() if (name := e.get(_ID))}
            _remove(element)
    for element in list(root.iter("{*}staffGrp")):
        if element.find(".//{*}staffDef") is None:
            _remove(element)
    for measure in root.iter("{*}measure"):
        for element in list(measure):
            if local_name(element) != "staff":
                _adapt(element, numbers, first, gone)


def _adapt(element: "etree._Element", numbers: set[str], first: str, gone: set[str]) -> None:
    """Let an element of a bar refer to staves that are left, or take it away."""
    own = element.get("staff", "").split()
    refers = [element.get(name, "").lstrip("#") for name in ("startid", "endid")]
    if all(n in numbers for n in own) and gone.isdisjoint(refers):
        return
    left = [n for n in own if n in numbers]
    if (own and left) or local_name(element) in _FOR_ALL:
        element.set("staff", " ".join(left or [first]))
        for name, target in zip(("startid", "endid"), refers, strict=True):
            if target in gone:
                del element.attrib[name]
        if element.get("startid") is None and element.get("tstamp") is None:
            element.set("tstamp", "1")
        if not gone.isdisjoint(refers) and local_name(element) not in _FOR_ALL:
            _remove(element)
        return
    _remove(element)


def _symbol(group: "etree._Element") -> str:
    symbol = group.find("{*}grpSym")
    return str((group if symbol is None else symbol).get("symbol", ""))


def _label(element: "etree._Element") -> str:
    label = element.find("{*}label")
    text = " ".join(str(t) for t in label.itertext()) if label is not None else ""
    return plain(element.get("label")) or plain(text)


def _remove(element: "etree._Element") -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)
