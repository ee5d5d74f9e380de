"""MEI: what a score says of itself, and whether it can be engraved.

Title, composer and rights are those of `fileDesc`; what it leaves out is taken from the first `work`. Parts are
the `staffDef` of the first `scoreDef`, named by their own label or else by that of their group.
"""

from typing import TYPE_CHECKING

from msmdtools.sources import markup, mei_parts
from msmdtools.sources.heading import Heading, opus_in, plain, title_of
from msmdtools.sources.limits import refused

if TYPE_CHECKING:
    from lxml import etree

CLEFS = frozenset(("G", "GG", "F", "C", "perc", "TAB"))
DURATIONS = frozenset(
    (
        *("long", "breve", *(str(1 << power) for power in range(12))),
        *("maxima", "longa", "brevis", "semibrevis", "minima", "semiminima", "fusa", "semifusa"),
    )
)
_COMPOSERS = ("composer", "cmp")


def heading(data: bytes, where: str) -> Heading:
    """What a score says of itself, from the beginning of its file.

    Raises:
        PieceError: it is no XML.
    """
    root = markup.parse_head(data, where, "measure", 1)
    file = root.find("{*}meiHead/{*}fileDesc")
    work = next(root.iterfind("{*}meiHead/{*}workList/{*}work"), None)
    statements = [
        e for e in (file.find("{*}titleStmt") if file is not None else None, work) if e is not None
    ]
    titles = [title for title in map(_title, statements) if title]
    composers = [composer for composer in map(_composer, statements) if composer]
    rights = [] if file is None else [_text(e) for e in file.iterfind("{*}pubStmt/{*}availability")]
    rights += (
        [] if file is None else [e.get("target", "") for e in file.iter("{*}license", "{*}ref")]
    )
    dates = (
        []
        if work is None
        else [_text(e) or e.get("isodate", "") for e in work.iterfind("{*}creation/{*}date")]
    )
    numbers = [] if work is None else [_text(e) for e in work.iterfind("{*}identifier")]
    return Heading(
        title=titles[0] if titles else "",
        composer=composers[0] if composers else "",
        opus=opus_in([*numbers, *titles]),
        date=next(filter(None, dates), ""),
        rights=tuple(dict.fromkeys(filter(None, rights))),
        parts=tuple(part for part, _ in mei_parts.staves(root)),
    )


def check(root: "etree._Element", where: str) -> None:
    """Check that a score can be engraved whole.

    Args:
        root: the root element.
        where: the name of the file, for messages.

    Raises:
        PieceError: "not-a-score", "no-parts" (no staffDef), "no-notes", "negative-duration", "unknown-duration",
            "unknown-clef".
    """
    name = markup.local_name(root)
    if name not in ("mei", "music"):
        raise refused(
            "not-a-score", f"{where}: XML of another kind: its root element is <{name}>, not <mei>."
        )
    if root.find(".//{*}score") is None and name != "music":
        raise refused("not-a-score", f"{where}: there is no <score> in it.")
    if root.find(".//{*}staffDef") is None:
        raise refused("no-parts", f"{where}: the score has no staves (staffDef).")
    if root.find(".//{*}note") is None:
        raise refused("no-notes", f"{where}: the score has no notes.")
    for element in root.iter("{*}note", "{*}rest", "{*}chord", "{*}space"):
        duration = element.get("dur")
        if duration is not None and duration not in DURATIONS:
            raise refused(
                "negative-duration" if duration.startswith("-") else "unknown-duration",
                f"{where}: {_place(element)}: dur={duration!r} is no duration of MEI (4 is a quarter note).",
            )
    for element in root.iter("{*}clef", "{*}staffDef"):
        shape = element.get("shape" if markup.local_name(element) == "clef" else "clef.shape", "G")
        if shape not in CLEFS:
            raise refused(
                "unknown-clef",
                f"{where}: {_place(element)}: {shape!r} is no clef ({', '.join(sorted(CLEFS))}).",
            )


def _place(element: "etree._Element") -> str:
    measure = next(element.iterancestors("{*}measure"), None)
    bar = f"bar {measure.get('n', '?')}, " if measure is not None else ""
    name = element.get("{http://www.w3.org/XML/1998/namespace}id", "")
    return f"{bar}<{markup.local_name(element)}>{f' {name}' if name else ''}"


def _title(statement: "etree._Element") -> str:
    titles = [(title.get("type", "main"), _text(title)) for title in statement.iterfind("{*}title")]
    main = [text for kind, text in titles if kind in ("main", "uniform", "proper") and text]
    return title_of(*main[:1], *(text for kind, text in titles if kind == "subordinate" and text))


def _composer(statement: "etree._Element") -> str:
    names = [_text(e) for e in statement.iter("{*}composer")]
    for element in statement.iter("{*}persName", "{*}corpName", "{*}name", "{*}creator"):
        if (element.get("role") or "").casefold() in _COMPOSERS:
            names.append(_text(element))
    return ", ".join(dict.fromkeys(filter(None, names)))


def _text(element: "etree._Element | None") -> str:
    return plain(" ".join(str(text) for text in element.itertext())) if element is not None else ""
