"""Translate the instrument names of editions, in several languages, to terms of one vocabulary."""

import re
import unicodedata

SOLO_KEYBOARD = frozenset(("piano", "harpsichord", "clavichord", "fortepiano", "keyboard"))
"""Instruments with strings for one player at one keyboard; "keyboard" stands for Clavier."""

# Term, colon, then regular expressions for the names it has, on text in lower case without accents.
# The first term that fits a whole name is taken.
_VOCABULARY = r"""
piano duet: piano(forte)? (duets?|duo|4 hands|4 mains)|klavier zu (vier|4) handen
piano duet: (piano|klavier|clavier) (a )?(four|quatre|vier) ?(hands|mains|handen|hande)
two pianos: (2|two|deux|zwei) (pianos|pianofortes|klaviere)
fortepiano: forte-?piano|hammerklavier|hammerflugel
clavichord: clavichords?|klavichord|clavicordio?|clavicorde
harpsichord: harpsichords?|clavecins?|(clavi)?cembal[oi]|virginals?|spinett?a?
piano: piano(forte)?s?( sol[oi])?|klavier|grand piano|fortepian|pianino
keyboard: keyboards?|claviers?
harmonium: harmonium|(reed|pump) organ
organ: organs?|orgues?|orgel|organo|manuals?|pedals?
accordion: accordions?|akkordeon
choir: choirs?|chorus|choeur|chor|coro|((wo)?men's|(fe)?male|mixed|satb) (choir|chorus)|choir ssaa
choir: male choir ttbb|(?=.{3})(s\.?)*(a\.?)*(t\.?)*(b\.?)*|fur funfstimmigen chor a cappella
voice: voi[cs]es?|voice duet|vocals?|singers?|canto|gesang|stimme|chant|voix|[satb]{1,2}
voice: (mezzo[- ]?)?sopran[oie]s?|contralt[oi]|alt[oi]s?|tenor[eis]*|bar[iy]ton[eo]?s?
voice: haute-contre|(basse-)?tailles?|(soprano|alto) castratos?
string quartet: string quartets?|streichquartett
string ensemble: strings?( ensemble| orchestra| quintet| trio)?|archi|streicher
wind ensemble: winds?( ensemble| band| quintet| octet)?
brass ensemble: brass( ensemble| band| quintet)?
band: ((concert|military) )?band
orchestra: ((symphony|chamber) )?orchestra|orchestre|orchester
continuo: ((other|unfigured|other unfigured) )?(basso |basse )?continu[oe]|b\.? ?c\.?
viola da gamba: viol[ae]s? da gamba|viols?|gambas?|basse de viole
viola d'amore: viola d'amore
violin: viol[io]n[eios]*( duet| piccolo)?|geigen?|fiddle
viola: violas?|viole|bratsche|altviool
cello: '?(violon|violin)?cell[oi]s?|violoncelles?
bass: bass[oi]?|basse
double bass: (double ?-?|contra-?|contre)bass[eoi]?s?|basses|violone( grosso)?
guitar: (classical )?guitars?|guitar duets?|gitarren?|guitare|chitarra|guitarra
lute: lutes?|theorb[oe]s?|laute|luth|archlute
vihuela: vihuelas?
mandolin: mandolins?|mandolin[oe]
ukulele: ukuleles?
banjo: banjos?
harp: harps?|harpe|harfe|arpa
koto: kotos?
shamisen: shamisens?
shakuhachi: shakuhachi
recorder: recorders?( duet| trio| quartet)?|(flauto|flute) (dolce|a bec)|blockfloten?
piccolo: piccolos?( in db)?|ottavino
flute: flutes?( in c)?|flaut[oi]|floten?|traverso
oboe: oboe?s?|oboi|oboa|hautbois|oboe (da caccia|d'amore)
english horn: english horns?|cor anglais
clarinet: ((bass|alto|[eb]b) )?clarinets?( in eb)?|clarinett[oei]|klarinetten?|basset horns?( in f)?
bassoon: bassoons?|fagott[oi]?|basson
saxophone: ([eb]b )?((alto|tenor|baritone|soprano) )?sax(ophone)?s?
horn: ((bass )?french )?horns?( duet)?|corn[oi]|cors?
trumpet: trumpets?( duet| in d)?|tromb[ae]|trompetten?|clarin[oi]
cornett: cornett?(in)?[os]?s?( primo)?|zink
trombone: ((tenor|alto|bass) )*trombon[eis]*( quartet)?|posaunen?
euphonium: euphoniums?
tuba: tubas?
bagpipes: (scottish )?bagpipes?
timpani: timpani|timbales|pauken
percussion: percussions?|drums?|bells?|b-flat bell|xylophone|glockenspiel|triangle|cymbals?|tamburo
ensemble: ensemble
"""
_PATTERNS = tuple(
    (term, re.compile(rf"(?:{names})\Z"))
    for term, _, names in (line.partition(": ") for line in _VOCABULARY.strip().splitlines())
)
TERMS = frozenset(term for term, _ in _PATTERNS)
# The first program of General MIDI, from 0, for which a term holds, up to the next one; - for none.
_PROGRAMS = """
0 piano, 6 harpsichord, 7 clavichord, 8 percussion, 15 -, 16 organ, 20 harmonium, 21 accordion, 22 -,
23 accordion, 24 guitar, 32 double bass, 33 bass, 40 violin, 41 viola, 42 cello, 43 double bass,
44 string ensemble, 46 harp, 47 timpani, 48 string ensemble, 52 choir, 53 voice, 55 -, 56 trumpet, 57 trombone,
58 tuba, 59 trumpet, 60 horn, 61 brass ensemble, 64 saxophone, 68 oboe, 69 english horn, 70 bassoon,
71 clarinet, 72 piccolo, 73 flute, 74 recorder, 75 -, 77 shakuhachi, 78 -, 105 banjo, 106 shamisen, 107 koto,
108 -, 109 bagpipes, 110 violin, 111 -, 112 percussion, 120 -
"""
_FIRST_PROGRAMS = tuple(
    (int(first), term)
    for first, _, term in (entry.strip().partition(" ") for entry in _PROGRAMS.split(","))
)
_SEPARATOR = re.compile(
    r"[,;:/&+()]|\b(?:and|or|with|for|und|oder|et|ou|avec|e|y|con|also|optional)\b"
)
_COUNT = r"\d+(?:st|nd|rd)?|one|two|three|four|five|solo|first|second|i{1,3}|iv"
_NUMBER = re.compile(rf"^(?:{_COUNT})\s+|\s+(?:solo|\d|i{{1,3}}|iv)$")
_SPACE = re.compile(r"\s+")


def normalize_instruments(text: str) -> tuple[str, ...]:
    """The instruments that `text` names, each once, in order; unknown names stay, in lower case."""
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


def general_midi_term(program: int) -> str:
    """The term for a program of General MIDI, from 0; "" for effects, synthetic sounds and numbers below 0."""
    terms = [term for first, term in _FIRST_PROGRAMS if first <= program]
    return "" if not terms or terms[-1] == "-" else terms[-1]


def is_solo_keyboard(instruments: tuple[str, ...]) -> bool:
    """Whether one player at a piano, harpsichord, clavichord or fortepiano plays it all.

    Several of these are alternatives, as in "Harpsichord, Piano". Piano duets and two pianos are
    not solo, and an organ, even as an alternative, is another instrument.
    """
    return bool(instruments) and SOLO_KEYBOARD.issuperset(instruments)
