"""What a score is for that names no instrument in its header: by its staves, their names and clefs."""

import re
from collections import Counter
from collections.abc import Iterable

from msmdtools.sources.instruments import TERMS, normalize_instruments
from msmdtools.sources.syntax import Token

_NAMES = frozenset(("instrumentName", "midiInstrument"))
_GRAND_STAVES = ("PianoStaff", "GrandStaff")
_OTHERS = {
    "Lyrics": "voice",
    "ChoirStaff": "choir",
    "DrumStaff": "percussion",
    "TabStaff": "guitar",
}
# General MIDI's names where they are other words than the vocabulary's.
_GENERAL_MIDI = re.compile(
    r"(?P<piano>(acoustic|electric) grand|bright acoustic|honky-tonk|electric piano.*)\Z"
    r"|(?P<clavichord>clav)\Z|(?P<organ>.*organ)\Z|(?P<guitar>.*guitar.*)\Z"
)
MOST_STAVES = 3
"""Staves of a piano's system, at most."""


def instruments_of(files: Iterable[list[Token]]) -> tuple[str, ...]:
    """The instruments that a score's staves are for, as terms of the vocabulary; () where they do not tell.

    Staves that are named count first. Without names, a piano's pair of staves, or two staves of which one
    has a bass clef, are "keyboard", unless there are lyrics, drums or tablature.
    """
    contexts: Counter[str] = Counter()
    names: dict[str, None] = {}
    clefs: set[str] = set()
    for tokens in files:
        for index, token in enumerate(tokens[:-1]):
            following = tokens[index + 1]
            if token.kind == "command" and token.text in ("new", "context"):
                contexts[_word(following)] += 1
            elif token.kind == "command" and token.text == "addlyrics":
                contexts["Lyrics"] += 1
            elif token.kind == "command" and token.text == "clef":
                clefs.add(_word(following))
            elif index and following.kind == "string" and _names_a_staff(tokens[index - 1], token):
                names |= dict.fromkeys(_terms(following.text))
    others = tuple(term for context, term in _OTHERS.items() if contexts[context])
    if names:
        return tuple(dict.fromkeys([*names, *others]))
    grand = sum(contexts[name] for name in _GRAND_STAVES)
    pair = contexts["Staff"] == 2 and any(clef.startswith("bass") for clef in clefs)
    if (grand and contexts["Staff"] <= MOST_STAVES * grand) or (not grand and pair):
        return (*others, "keyboard")
    return others


def _names_a_staff(name: Token, sign: Token) -> bool:
    """Whether these begin a setting of a staff's name or its program."""
    return sign.kind == "sign" and sign.text == "=" and re.split(r"[.\s]", name.text)[-1] in _NAMES


def _word(token: Token) -> str:
    return token.text.split()[0] if token.kind in ("run", "string") and token.text.split() else ""


def _terms(name: str) -> Iterable[str]:
    """The terms of the vocabulary in a staff's name, or a program's of General MIDI."""
    if match := _GENERAL_MIDI.match(name.casefold()):
        yield str(match.lastgroup)
    else:
        yield from (term for term in normalize_instruments(name) if term in TERMS)
