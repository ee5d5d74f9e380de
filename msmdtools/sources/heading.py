"""What an encoded score says of itself, in whatever format: titles, people, licence, parts."""

import html
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from msmdtools.sources.instruments import TERMS, general_midi_term, normalize_instruments
from msmdtools.sources.licence import UNKNOWN, spdx

_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_SPACE = re.compile(r"\s+")
_CATALOGUE = re.compile(
    r"\b(?:op(?:us|p)?\.?\s*(?:posth\.?|\d+[a-z]?)(?:[,.]?\s*(?:no|nr|n)[.°]?\s*\d+[a-z]?)?"
    r"|(?:BWV|KV|K|D|RV|HWV|WoO|TWV|BuxWV|CG|CFF|FWV|SV|CT|WV|L|S|Hob|H|Wq|BB|Sz|FS|EG|TrV)\.?\s*"
    r"(?:[IVX]+[:/]\s*)?\d+[a-z]?(?:[.:/]\d+)?)(?![\w])",
    re.IGNORECASE,
)
_LOWER_ABBREVIATION = re.compile(r"[a-z]+\.?\s*\d")
_TENOR = re.compile(r"tenor", re.IGNORECASE)
# Of a transposing instrument: Clarinet in B flat, Horn in F.
_KEY = re.compile(r"\s+in\s+[A-H](?:[b♭#♯]|[ -](?:flat|sharp))?(?=\s|,|$)", re.IGNORECASE)
_FILE = re.compile(
    r"\.(?:mxl|xml|musicxml|mscz|mscx|mei|krn|abc|midi?|sib|mus|musx|cap|capx)$", re.I
)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a score, or a track of a MIDI file.

    Attributes:
        name: as written; lines of a name are separated by " / ".
        sound: names of its instrument besides, in order of how much they tell.
        program: of General MIDI, from 0; -1 where the file names none.
        staves: as far as the head of the file tells.
    """

    name: str
    sound: tuple[str, ...] = ()
    program: int = -1
    staves: int = 1


@dataclass(frozen=True, slots=True)
class Heading:
    """What a score says of itself; texts without markup, empty where it says nothing.

    Attributes:
        title: the title of the work, and of the movement after a colon.
        composer: the composers.
        opus: opus or catalogue number.
        date: when the music was written.
        style: such as Baroque.
        rights: texts that may name a licence, the likeliest first.
        parts: the parts, in the order of the score.
    """

    title: str = ""
    composer: str = ""
    opus: str = ""
    date: str = ""
    style: str = ""
    rights: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()

    @property
    def instrument(self) -> str:
        """The names of the parts, each once."""
        return ", ".join(dict.fromkeys(part.name for part in self.parts if part.name))

    @property
    def instruments(self) -> tuple[str, ...]:
        """The parts as terms of the vocabulary, each once; names that it lacks are in lower case."""
        terms = dict.fromkeys(term for part in self.parts for term in terms_of(part))
        if "bass" in terms and any(_TENOR.match(part.name) for part in self.parts):
            terms = dict.fromkeys("voice" if term == "bass" else term for term in terms)
        return tuple(terms)

    def licence(self) -> tuple[str, str]:
        """The SPDX identifier of the licence, and where it is unknown, what the score says of its rights."""
        for text in self.rights:
            if (identifier := spdx(text)) != UNKNOWN:
                return identifier, ""
        return UNKNOWN, " ".join(dict.fromkeys(self.rights))[:200]


def terms_of(part: Part) -> tuple[str, ...]:
    """The instruments of a part: by its name, its sounds, its program, or else its two staves."""
    names = normalize_instruments(_KEY.sub("", part.name.replace(" / ", ", ")))
    known = tuple(term for term in names if term in TERMS)
    if known:
        return known
    for sound in part.sound:
        if known := tuple(term for term in normalize_instruments(sound) if term in TERMS):
            return known[:1]
    # Program 0, the piano's, is also what programs write that know nothing.
    if part.program > 0 and (term := general_midi_term(part.program)):
        return (term,)
    if part.staves > 1:
        return ("keyboard",)
    return names


def plain(text: str | None) -> str:
    """A text without markup, references to characters, and needless space."""
    unescaped = html.unescape(_TAG.sub("", text or ""))
    printable = "".join(c if c.isprintable() else " " for c in unescaped)
    return unicodedata.normalize("NFC", _SPACE.sub(" ", printable).strip())


def lines(text: str | None) -> str:
    """The lines of a name, separated by " / "."""
    return " / ".join(filter(None, map(plain, (text or "").splitlines())))


def title_of(*texts: str) -> str:
    """The first texts that are titles, general to special, joined by ": "; names of files are none."""
    titles: list[str] = []
    # A # at the end is what is left of the number of a page.
    for text in (text.rstrip("# ") for text in texts):
        if text and not _FILE.search(text) and text.casefold() not in " ".join(titles).casefold():
            titles.append(text)
    return ": ".join(titles)


def opus_in(texts: Iterable[str]) -> str:
    """The first opus or catalogue number in texts."""
    for text in texts:
        for match in _CATALOGUE.finditer(text):
            number = match[0]
            if number[:2].casefold() == "op" or not _LOWER_ABBREVIATION.match(number):
                return plain(number)
    return ""
