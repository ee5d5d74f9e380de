"""MusicXML: what a score says of itself, and whether it can be engraved.

The title is `work-title`, and `movement-title` after a colon where it says something else; a score with neither
has it among its credits: the one of type title, or the largest that is centred on the first page. The composer is
each `creator` of that type, or the credit of that type, or what stands at the right of the first page.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from msmdtools.sources import markup
from msmdtools.sources.heading import Heading, Part, lines, opus_in, plain, title_of
from msmdtools.sources.limits import refused

if TYPE_CHECKING:
    from lxml import etree

STEPS, OCTAVES = tuple("ABCDEFG"), tuple("0123456789")
# A bar a thousand times is no music, and Verovio takes minutes for more.
MOST_TIMES = 1000
CLEFS = frozenset(("G", "F", "C", "percussion", "TAB", "jianpu", "none"))
_RIGHTS = re.compile(
    r"©|\(c\)|copyright|licen[cs]e|public\s+domain|creative\s*commons|\bcc\W?(by|0)|http|www\.|permission|rights",
    re.I,
)
_YEARS = re.compile(r"\(?\s*(?:ca?\.\s*)?\d{4}\s*[-–—]\s*(?:\d{4})?\s*\)?")


def heading(data: bytes, where: str) -> Heading:
    """What a score says of itself, from the beginning of its file.

    Raises:
        PieceError: it is no XML.
    """
    root = markup.parse_head(data, where, "measure", 2)
    credits = [credit for credit in root.iterfind("{*}credit") if credit.get("page", "1") == "1"]
    work, movement = (
        plain(root.findtext(path)) for path in ("{*}work/{*}work-title", "{*}movement-title")
    )
    title = title_of(work, movement) or title_of(_typed(credits, "title") or _largest(credits))
    creators = root.findall("{*}identification/{*}creator")
    composers = [plain(c.text) for c in creators if c.get("type", "composer") == "composer"]
    composer = ", ".join(dict.fromkeys(filter(None, composers)))
    number = plain(root.findtext("{*}work/{*}work-number"))
    texts = [work, movement, *(_words(credit) for credit in credits)]
    rights = [plain(right.text) for right in root.iterfind("{*}identification/{*}rights")]
    rights += [
        words for credit in root.iterfind("{*}credit") if _RIGHTS.search(words := _words(credit))
    ]
    return Heading(
        title=title,
        composer=composer or _typed(credits, "composer") or _at_the_right(credits),
        opus=opus_in([number, *texts]) or number,
        rights=tuple(dict.fromkeys(filter(None, rights))),
        parts=tuple(parts(root)),
    )


def check(root: "etree._Element", where: str) -> None:
    """Check that a score can be engraved whole.

    Args:
        root: the root element.
        where: the name of the file, for messages.

    Raises:
        PieceError: "not-a-score", "no-parts", "empty-part" (without a bar), "undeclared-part",
            "no-notes", "wrong-divisions", "negative-duration", "wrong-duration" (no number),
            "wrong-pitch", "wrong-repeat", "unknown-clef".
    """
    name = markup.local_name(root)
    if name != "score-partwise":
        raise refused(
            "not-a-score",
            f"{where}: XML of another kind: its root element is <{name}>, not <score-partwise>.",
        )
    written = root.findall("{*}part")
    if not written:
        raise refused("no-parts", f"{where}: the score has no parts.")
    names = {part.get("id"): part for part in root.iterfind("{*}part-list/{*}score-part")}
    for part in written:
        if part.get("id") not in names:
            raise refused(
                "undeclared-part",
                f"{where}: part {part.get('id')!r} is not in the part list, so that it would not be engraved.",
            )
        if part.find("{*}measure") is None:
            raise refused("empty-part", f"{where}: part {part.get('id')!r} has no bars.")
    if not any(note.find("{*}rest") is None for note in root.iter("{*}note")):
        raise refused("no-notes", f"{where}: the score has no notes.")
    for element in root.iter("{*}divisions", "{*}duration"):
        _check_number(element, where)
    for element in root.iter("{*}step", "{*}octave", "{*}repeat"):
        _check_text(element, where)
    for sign in root.iter("{*}sign"):
        clef = sign.getparent()
        if (
            clef is not None
            and markup.local_name(clef) == "clef"
            and (sign.text or "").strip() not in CLEFS
        ):
            raise refused(
                "unknown-clef",
                f"{where}: {_place(sign)}: {sign.text!r} is no clef ({', '.join(sorted(CLEFS))}).",
            )


def _check_number(element: "etree._Element", where: str) -> None:
    name = markup.local_name(element)
    try:
        value = float(element.text or "")
    except ValueError:
        value = float("nan")
    if name == "divisions" and not 0 < value < float("inf"):
        raise refused(
            "wrong-divisions",
            f"{where}: {_place(element)}: divisions of {element.text!r}: a number above 0 is needed.",
        )
    if name == "duration" and not 0 <= value < float("inf"):
        raise refused(
            "negative-duration" if value < 0 else "wrong-duration",
            f"{where}: {_place(element)}: a duration of {element.text!r}: a number of at least 0 is needed.",
        )


def _check_text(element: "etree._Element", where: str) -> None:
    name, text = markup.local_name(element), (element.text or "").strip()
    if (name == "step" and text not in STEPS) or (name == "octave" and text not in OCTAVES):
        allowed = ", ".join(STEPS) if name == "step" else "0 to 9"
        raise refused(
            "wrong-pitch",
            f"{where}: {_place(element)}: a pitch with the {name} {text!r}: it is one of {allowed}.",
        )
    times = element.get("times", "2")
    if name == "repeat" and not (times.isdecimal() and int(times) <= MOST_TIMES):
        raise refused(
            "wrong-repeat",
            f"{where}: {_place(element)}: a repeat played {times!r} times: a number up to {MOST_TIMES} "
            "is needed.",
        )


def _place(element: "etree._Element") -> str:
    """The part and the bar that an element is in."""
    measure = next(element.iterancestors("{*}measure"), None)
    part = next(element.iterancestors("{*}part"), None)
    bar = f"bar {measure.get('number', '?')}" if measure is not None else "before the first bar"
    return f"part {part.get('id')!r}, {bar}" if part is not None else bar


def parts(root: "etree._Element") -> list[Part]:
    """The parts in the part list, as far as the beginning of a file tells."""
    return list(_parts(root))


def _parts(root: "etree._Element") -> Iterator[Part]:
    staves = {
        part.get("id"): max(
            (int(s.text or 1) for s in part.iter("{*}staves") if (s.text or "").isdigit()),
            default=1,
        )
        for part in root.iterfind("{*}part")
    }
    for part in root.iterfind("{*}part-list/{*}score-part"):
        sounds = [
            part.findtext(f".//{{*}}{name}") for name in ("instrument-sound", "instrument-name")
        ]
        program = (part.findtext(".//{*}midi-program") or "").strip()
        yield Part(
            name=lines(part.findtext("{*}part-name")),
            sound=tuple(_sound(sound) for sound in sounds if sound),
            program=int(program) - 1 if program.isdigit() else -1,
            staves=staves.get(part.get("id"), 1),
        )


def _sound(name: str) -> str:
    """The instrument in the name of a sound such as strings.violin or keyboard.piano.grand."""
    family, _, rest = plain(name).partition(".")
    words = [family, *rest.split(".")]
    return ", ".join(word.replace("-", " ") for word in reversed(words))


def _words(credit: "etree._Element") -> str:
    return plain(" ".join(w.text or "" for w in credit.iterfind("{*}credit-words")))


def _typed(credits: "list[etree._Element]", kind: str) -> str:
    """The words of the first credit of a type."""
    typed = (_words(c) for c in credits if (c.findtext("{*}credit-type") or "").strip() == kind)
    return next(filter(None, typed), "")


def _largest(credits: "list[etree._Element]") -> str:
    """The words of the largest credit that is centred."""
    sizes = []
    for credit in credits:
        words = credit.find("{*}credit-words")
        if words is None or "center" not in (words.get("justify"), words.get("halign")):
            continue
        text = _words(credit)
        if text and not _RIGHTS.search(text):
            sizes.append((_size(words), text))
    return max(sizes, key=lambda sized: sized[0])[1] if sizes else ""


def _size(words: "etree._Element") -> float:
    try:
        return float(words.get("font-size", "0"))
    except ValueError:
        return 0.0


def _at_the_right(credits: "list[etree._Element]") -> str:
    """The words of the first credit at the right that says nothing of rights, without years of life."""
    for credit in credits:
        words = credit.find("{*}credit-words")
        if words is None or "right" not in (words.get("justify"), words.get("halign")):
            continue
        text = _words(credit)
        if any(c.isalpha() for c in text) and not _RIGHTS.search(text):
            return plain(_YEARS.sub("", text))
    return ""
