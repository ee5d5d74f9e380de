"""MusicXML that is written bar by bar (score-timewise), as one that is written part by part (score-partwise)."""

from typing import TYPE_CHECKING

from msmdtools.sources.limits import refused
from msmdtools.sources.markup import local_name

if TYPE_CHECKING:
    from lxml import etree

TIMEWISE = "score-timewise"
# More bars of all parts together have no score, and take no memory here.
_MOST_BARS = 1_000_000


def partwise(root: "etree._Element", where: str) -> "etree._Element":
    """Put the bars of each part together.

    Args:
        root: a score-timewise, which is taken apart.
        where: the name of the file, for messages.

    Returns:
        The same score as a score-partwise. A part that a bar does not have has an empty one there, so that all
        parts have the same bars.

    Raises:
        PieceError: "too-large", more than a million bars.
    """
    kind = root.tag.replace(TIMEWISE, "score-partwise")
    measure, part = (root.tag.replace(TIMEWISE, name) for name in ("measure", "part"))
    measures = [e for e in root if local_name(e) == "measure"]
    names = list(
        dict.fromkeys(e.get("id", "") for m in measures for e in m if local_name(e) == "part")
    )
    listed = [e.get("id", "") for e in root.iterfind("{*}part-list/{*}score-part")]
    names.sort(key=lambda name: listed.index(name) if name in listed else len(listed))
    if len(names) * len(measures) > _MOST_BARS:
        raise refused("too-large", f"{where}: {len(names):,} parts with {len(measures):,} bars.")
    result = root.makeelement(kind, dict(root.attrib), root.nsmap)
    result.extend([e for e in root if local_name(e) not in ("measure", "part")])
    parts = {name: result.makeelement(part, {"id": name}) for name in names}
    for bar in measures:
        there = {e.get("id", ""): e for e in bar if local_name(e) == "part"}
        for name, element in parts.items():
            own = result.makeelement(measure, dict(bar.attrib))
            own.extend(list(there.get(name, ())))
            element.append(own)
    result.extend(list(parts.values()))
    return result
