"""ABC: the tunes of a file, what each says of itself, and whether it can be engraved.

A file may hold many tunes, each from a field X: to the next blank line. Fields and directives before the first
of them hold for all; other lines before and between tunes are text. After a blank line only what has bar lines is
music still, for files that are not as the standard wants them.
"""

import functools
import re
from collections.abc import Iterator

from msmdtools.sources.heading import Heading, Part, plain
from msmdtools.sources.limits import refused

_TUNE = re.compile(r"^X:", re.MULTILINE)
_FIELD = re.compile(r"^([A-Za-z+]):[ \t]*(.*)$")
_INLINE = re.compile(r"\[[A-Za-z]:[^\]]*\]|\"[^\"]*\"|![^!]*!|%.*")
_EMPTY_KEY = re.compile(r"K:[ \t]*(?:%.*)?\Z")
_NOTE = re.compile(r"[A-Ga-g]")
_CLEF = re.compile(r"\bclef=\s*\"?([^\s\"\]]+)")
_CLEFS = re.compile(
    r"(?:treble|bass3?|alto[1-4]?|tenor|soprano|mezzo(?:soprano)?|baritone|subbass|perc|none|auto|[GFCP])\d?"
    r"(?:[+-](?:8|15))?\Z",
    re.IGNORECASE,
)
_NAME = re.compile(r"\b(?:name|nm)=\s*(?:\"([^\"]*)\"|(\S+))")
_PROGRAM = re.compile(r"^%%MIDI[ \t]+program[ \t]+(?:\d+[ \t]+)?(\d+)[ \t]*$", re.MULTILINE)
_RIGHTS = re.compile(
    r"copyright|licen[cs]e|public\s+domain|creative\s*commons|\bcc\W?(?:by|0)\b", re.IGNORECASE
)
# Fields that may stand before the first tune, for all of them.
_COMMON = frozenset("ABCDFGHILMmNOrRSuUZ")
_ACCENTS = {
    "`": "\u0300",
    "'": "\u0301",
    "^": "\u0302",
    "~": "\u0303",
    '"': "\u0308",
    "c": "\u0327",
}
_ACCENTED = re.compile(r"""\\([`'^~"c])\{?([A-Za-z])\}?""")


@functools.lru_cache(maxsize=1)  # a file of a thousand tunes is asked for each of them
def tunes(text: str) -> list[str]:
    """The tunes of a file, each with the fields that hold for all."""
    starts = [match.start() for match in _TUNE.finditer(text)]
    if not starts:
        return []
    common = [line for line in text[: starts[0]].splitlines() if _is_common(line)]
    bounds = zip(starts, [*starts[1:], len(text)], strict=True)
    return [_tune(text[start:end], common) for start, end in bounds]


def tune(text: str, number: str, where: str) -> str:
    """One tune of a file.

    Args:
        text: the file's text.
        number: the tune's, from 1, in the order of the file; "" for the only one.
        where: the name of the file, for messages.

    Returns:
        Its text, with the fields that hold for all tunes.

    Raises:
        PieceError: "not-a-score" (no tune), "no-tune" (not this one).
    """
    found = tunes(text)
    if not found:
        raise refused(
            "not-a-score", f"{where}: no tune: a tune of ABC begins with a line such as X:1."
        )
    if not number and len(found) > 1:
        raise refused(
            "no-tune",
            f"{where}: {len(found)} tunes, of which the manifest names none (column tune).",
        )
    index = int(number or 1) if (number or "1").isdigit() else 0
    if not 1 <= index <= len(found):
        raise refused("no-tune", f"{where}: tune {number} of {len(found)}: there is no such tune.")
    return found[index - 1]


def heading(text: str, tune: str) -> Heading:
    """What a tune says of itself.

    Args:
        text: the file's text, whose comments may state a licence.
        tune: the tune's.

    Returns:
        Its titles, the first of which counts, composers, and voices that have names.
    """
    fields: dict[str, list[str]] = {}
    for line in tune.splitlines():
        if match := _FIELD.match(line):
            fields.setdefault(match[1], []).append(_unescaped(match[2]))
    titles = fields.get("T", [""])
    start = _TUNE.search(text)
    before = text[: start.start()] if start else ""
    comments = plain(
        " ".join(line.strip("% \t") for line in before.splitlines() if line.startswith("%"))
    )
    rights = [
        *fields.get("Z", []),
        *fields.get("N", []),
        *fields.get("S", []),
        *fields.get("F", []),
    ]
    stated = [words for words in rights if _RIGHTS.search(words)]
    return Heading(
        title=titles[0],
        composer=", ".join(dict.fromkeys(filter(None, fields.get("C", ())))),
        style=next(iter(fields.get("R", ())), "").strip("[] "),
        rights=tuple(dict.fromkeys([*stated, *([comments] if _RIGHTS.search(comments) else [])])),
        parts=tuple(_parts(tune, fields.get("V", []))),
    )


def check(tune: str, where: str) -> None:
    """Check that a tune can be engraved whole.

    Args:
        tune: its text.
        where: the name of the file, for messages.

    Raises:
        PieceError: "no-key" (no field K:), "no-notes", "unknown-clef".
    """
    name = f"{where}, {tune.partition(chr(10))[0].strip()}"
    lines = tune.splitlines()
    key = next((number for number, line in enumerate(lines) if line.startswith("K:")), None)
    if key is None:
        raise refused("no-key", f"{name}: the tune has no key (a field K:), which ends its header.")
    for line in lines:
        fields = [line] if line.startswith(("K:", "V:")) else re.findall(r"\[[KV]:[^\]]*\]", line)
        for clef in (clef for field in fields for clef in _CLEF.findall(field.partition("%")[0])):
            if not _CLEFS.match(clef):
                raise refused("unknown-clef", f"{name}: {clef!r} is no clef of ABC.")
    music = (line for line in lines[key + 1 :] if not _FIELD.match(line))
    if not any(_NOTE.search(_INLINE.sub("", line)) for line in music):
        raise refused("no-notes", f"{name}: the tune has no notes.")


def _tune(text: str, common: list[str]) -> str:
    """The lines of a tune up to its end; one without a key, where the field is empty, has none of signs."""
    kept: list[str] = []
    for block in re.split(r"\n[ \t]*\n", text):
        lines = [line for line in block.splitlines() if line.strip()]
        ended = any(line.startswith("K:") for line in kept)
        if not ended or any("|" in line and not _FIELD.match(line) for line in lines):
            kept += lines
    lines = [kept[0], *common, *kept[1:]] if kept else []
    return "".join(f"{'K:none' if _EMPTY_KEY.match(line) else line}\n" for line in lines)


def _is_common(line: str) -> bool:
    match = _FIELD.match(line)
    return (match is not None and match[1] in _COMMON) or line.startswith("%%")


def _parts(tune: str, voices: list[str]) -> Iterator[Part]:
    """The voices that have names, or else one part without a name for each."""
    program = _PROGRAM.search(tune)
    number = int(program[1]) if program else -1
    named: dict[str, str] = {}
    for voice in voices:
        match = _NAME.search(voice)
        identifier = voice.split()[0] if voice.split() else ""
        if match or identifier not in named:
            named[identifier] = plain(match[1] or match[2]) if match else ""
    for name in named.values() or [""]:
        yield Part(name, program=number)


def _unescaped(text: str) -> str:
    """The text of a field without its comment and with its accents: \\'e, \\"u, &eacute;."""
    comment = re.search(r"(?<!\\)%", text)
    text = text[: comment.start()] if comment else text
    return plain(_ACCENTED.sub(lambda m: m[2] + _ACCENTS[m[1]], text)).strip('"')
