"""Instruments as editions name them, in several languages, as terms of one vocabulary."""

import re
import unicodedata

SOLO_KEYBOARD = frozenset(("piano", "harpsichord", "clavichord", "fortepiano", "keyboard"))
"""Instruments for one player at one keyboard with strings; "keyboard" where the source says Clavier."""

_TERMS = (
    # term, words that name it (regular expressions on text without accents, in lower case)
    ("piano duet", r"piano(?:forte)? (?:duets?|4 hands)|(?:piano|klavier|clavier) (?:a )?(?:four|quatre|vier) ?"
                   r"(?:hands|mains|handen|hande)|piano 4 mains|klavier zu (?:vier|4) handen"),
    ("two pianos", r"(?:2|two|deux|zwei) (?:pianos|pianofortes|klaviere)"),
    ("fortepiano", r"forte-?piano|hammerklavier|hammerflugel"),
    ("clavichord", r"clavichords?|klavichord|clavicordio?|clavicorde"),
    ("harpsichord", r"harpsichords?|clavecins?|cembal[oi]|clavicembal[oi]|cembalo|virginals?|spinett?a?"),
    ("piano", r"piano(?:forte)?s?(?: sol[oi])?|klavier|grand piano|fortepian|pianino"),
    ("keyboard", r"keyboards?|claviers?"),
    ("harmonium", r"harmonium|reed organ|pump organ"),
    ("organ", r"organs?|orgues?|orgel|organo|(?:manuals?|pedals?)"),
    ("accordion", r"accordions?|akkordeon"),
    ("choir", r"choirs?|chorus|choeur|chor|coro|(?:(?:wo)?men'?s|(?:fe)?male|mixed) (?:choir|chorus)|satb choir|"
              r"male choir ttbb|s\.?a\.?t\.?b\.?|t\.?t\.?b\.?b\.?|s\.?s\.?a\.?a?\.?|tttb|ssaattbb|ssatb"),
    ("voice", r"voi[cs]es?|vocals?|singers?|mezzo(?:-| )?sopranos?|sopran[oie]s?|contralt[oi]|alt[oi]s?|tenor[eis]*|"
              r"barit?[oy]n[eo]?s?|bass[oi]?|haute-contre|tailles?|basse-tailles?|bariton|"
              r"(?:soprano|alto) castratos?|canto|gesang|stimme|chant|voix|voice duet"),
    ("string quartet", r"string quartets?|streichquartett"),
    ("string ensemble", r"strings?(?: ensemble| orchestra| quintet| trio)?|archi|streicher"),
    ("wind ensemble", r"winds?(?: ensemble| band| quintet| octet)?"),
    ("brass ensemble", r"brass(?: ensemble| band| quintet)?"),
    ("band", r"concert band|band|military band"),
    ("orchestra", r"orchestra|orchestre|orchester|symphony orchestra|chamber orchestra"),
    ("continuo", r"(?:basso |basse )?continu[oe]|b\.? ?c\.?|unfigured basso continuo|(?:other )?basso continuo"),
    ("viola da gamba", r"violas? da gamba|viole da gamba|viols?|gambas?|basse de viole"),
    ("viola d'amore", r"viola d'amore"),
    ("violin", r"viol[io]n[eios]*|geigen?|fiddle|violini?|violino piccolo"),
    ("viola", r"violas?|viole|bratsche|altviool"),
    ("cello", r"'?(?:violon)?cell[oi]s?|viol[io]ncell[oi]s?|violoncelles?"),
    ("double bass", r"double ?-?bass(?:es)?|contra-?bass[oi]?|contrebasses?|violone(?: grosso)?"),
    ("guitar", r"(?:classical )?guitars?|guitar duets?|gitarren?|guitare|chitarra|guitarra"),
    ("lute", r"lutes?|theorb[oe]s?|laute|luth|archlute"),
    ("vihuela", r"vihuelas?"),
    ("mandolin", r"mandolins?|mandolin[oe]"),
    ("ukulele", r"ukuleles?"),
    ("banjo", r"banjos?"),
    ("harp", r"harps?|harpe|harfe|arpa"),
    ("koto", r"kotos?"),
    ("shamisen", r"shamisens?"),
    ("shakuhachi", r"shakuhachi"),
    ("recorder", r"recorders?(?: duet| trio| quartet)?|(?:flauto|flute) (?:dolce|a bec)|blockfloten?"),
    ("piccolo", r"piccolos?|ottavino"),
    ("flute", r"flutes?|flaut[oi]|floten?|traverso"),
    ("oboe", r"oboes?|oboi|hautbois|oboe da caccia|oboe d'amore"),
    ("english horn", r"english horns?|cor anglais"),
    ("clarinet", r"(?:bass )?clarinets?|clarinett[oei]|klarinetten?|basset horns?"),
    ("bassoon", r"bassoons?|fagott[oi]?|basson"),
    ("saxophone", r"(?:eb )?(?:alto |tenor |baritone |soprano )?sax(?:ophone)?s?"),
    ("horn", r"(?:french |bass french )?horns?(?: duet)?|corn[oi]|cors?"),
    ("trumpet", r"trumpets?(?: duet)?|tromb[ae]|trompetten?|transcribed for trumpet(?: duet)?|clarin[oi]"),
    ("cornett", r"cornett?(?:in)?[os]?s?|zink"),
    ("trombone", r"(?:tenor |alto |bass )*trombon[eis]*(?: quartet)?|posaunen?"),
    ("tuba", r"tubas?"),
    ("bagpipes", r"(?:scottish )?bagpipes?"),
    ("timpani", r"timpani|timbales|pauken"),
    ("percussion", r"percussions?|drums?|bells?|b-flat bell|xylophone|glockenspiel|triangle|cymbals?"),
    ("ensemble", r"ensemble"),
)  # fmt: skip
_PATTERNS = tuple((term, re.compile(rf"(?:{words})\Z")) for term, words in _TERMS)
_SEPARATOR = re.compile(
    r"[,;:/&+()]|\b(?:and|or|with|for|und|oder|et|ou|avec|e|y|con|also|optional)\b"
)
_NUMBER = re.compile(
    r"^(?:\d+|one|two|three|four|five|solo|first|second|i{1,3}|iv)\s+|\s+(?:solo|\d|i{1,3}|iv)$"
)
_SPACE = re.compile(r"\s+")


def normalize_instruments(text: str) -> tuple[str, ...]:
    """The instruments that `text` names, each once, in its order; a name not known stays, in lower case."""
    folded = unicodedata.normalize("NFKD", text.casefold().replace("’", "'"))
    folded = "".join(c for c in folded if not unicodedata.combining(c))
    terms: list[str] = []
    for raw in _SEPARATOR.split(folded):
        name = _SPACE.sub(" ", raw).strip(" .-")
        if name and (term := _term(name)) not in terms:
            terms.append(term)
    return tuple(terms)


def _term(name: str) -> str:
    for candidate in (name, _NUMBER.sub("", name).strip()):
        for term, pattern in _PATTERNS:
            if pattern.match(candidate):
                return term
    return name


def is_solo_keyboard(instruments: tuple[str, ...]) -> bool:
    """Whether one player at a piano, harpsichord, clavichord or fortepiano plays it all.

    Several of these are alternatives, as in "Harpsichord, Piano". Piano duets and two pianos are not solo,
    and an organ, even as an alternative, is another instrument.
    """
    return bool(instruments) and SOLO_KEYBOARD.issuperset(instruments)
