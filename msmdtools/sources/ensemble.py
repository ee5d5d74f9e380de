"""The instruments of a score whose header names none, inferred from its staves, their names and clefs."""

import re
from collections import Counter
from collections.abc import Iterable

from msmdtools.sources.instruments import TERMS, normalize_instruments
from msmdtools.sources.syntax import Token

_NAMES = frozenset(("instrumentName", "midiInstrument"))
_GRAND_STAVES = ("PianoStaff", "GrandStaff")
_CONTEXT_TERMS = {
    "Lyrics": "voice",
    "ChoirStaff": "choir",
    "DrumStaff": "percussion",
    "TabStaff": "guitar",
}
# General MIDI's names where they differ from the vocabulary's.
_GENERAL_MIDI = re.compile(
    r"(?P<piano>(acoustic|electric) grand|bright acoustic|honky-tonk|electric piano.*)\Z"
    r"|(?P<clavichord>clav)\Z|(?P<organ>.*organ)\Z|(?P<guitar>.*guitar.*)\Z"
)
MOST_STAVES = 3
"""Staves of a piano's system, at most."""


def instruments_of(files: Iterable[list[Token]]) -> tuple[str, ...]:
    """The instruments of a score's staves, as terms of the vocabulary; () where the staves do not tell.

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
    terms = tuple(term for context, term in _CONTEXT_TERMS.items() if contexts[context])
    if names:
        return tuple(dict.fromkeys([*names, *terms]))
    grand_staves = sum(contexts[name] for name in _GRAND_STAVES)
    pair = contexts["Staff"] == 2 and any(clef.startswith("bass") for clef in clefs)
    if (grand_staves and contexts["Staff"] <= MOST_STAVES * grand_staves) or (
        not grand_staves and pair
    ):
        return (*terms, "keyboard")
    return terms


def _names_a_staff(name: Token, sign: Token) -> bool:
    """Whether the two tokens begin a setting of a staff's name or its program."""
    return sign.kind == "sign" and sign.text == "=" and re.split(r"[.\s]", name.text)[-1] in _NAMES


def _word(token: Token) -> str:
    return token.text.split()[0] if token.kind in ("run", "string") and token.text.split() else ""


def _terms(name: str) -> Iterable[str]:
    """The terms of the vocabulary in a staff's name, or a program's of General MIDI."""
    if match := _GENERAL_MIDI.match(name.casefold()):
        yield str(match.lastgroup)
    else:
        yield from (term for term in normalize_instruments(name) if term in TERMS)
