"""Humdrum **kern: what a score says of itself in its reference records, and whether it can be engraved.

The title is OTL (title), after the parent work (OPR) and the movement (OMV, OMD) where there is one; the composer
COM, the opus OPS or SCT, the rights YEC and YEM.
"""

import re
from collections.abc import Collection
from dataclasses import replace

from msmdtools.base.quantities import how_many
from msmdtools.sources.heading import Heading, Part, opus_in, plain, title_of
from msmdtools.sources.instruments import SOLO_KEYBOARD, normalize_instruments
from msmdtools.sources.limits import refused

_RECORD = re.compile(r"^!!!\s*([A-Za-z]{3})(?:\d*)(?:@{1,2}[\w-]*)?:[ \t]*(.*)$", re.MULTILINE)
_CLEF = re.compile(r"\*clef(?:[GFC](?:\^{1,2}|v{1,2}|\d+[ba])?[1-5]?|X\d?|P|T|-)\Z")
_NOTE = re.compile(r"[A-Ga-g]")
# Codes of instruments that are no names in the vocabulary themselves, and the names that they stand for.
_CODES = {
    "vox": "voice", "soprn": "soprano", "cant": "canto", "mezzo": "mezzo-soprano", "calto": "alto",
    "barit": "baritone", "violn": "violin", "cbass": "double bass", "arpa": "harp", "guitr": "guitar",
    "liuto": "lute", "ukule": "ukulele", "mando": "mandolin", "shami": "shamisen", "cemba": "harpsichord",
    "clavi": "clavichord", "klav": "keyboard", "reedo": "harmonium", "accor": "accordion", "flt": "flute",
    "picco": "piccolo", "cangl": "english horn", "clars": "clarinet", "clarp": "clarinet", "clarb": "clarinet",
    "fagot": "bassoon", "saxs": "saxophone", "saxa": "saxophone", "saxt": "saxophone", "saxr": "saxophone",
    "cor": "horn", "tromp": "trumpet", "tromt": "trombone", "tromb": "trombone", "shaku": "shakuhachi",
    "timpa": "timpani", "bags": "bagpipes", "bagi": "bagpipes", "perc": "percussion", "xylo": "xylophone",
    "glock": "glockenspiel", "sdrum": "drum", "bdrum": "drum",
}  # fmt: skip
_SEVERAL_STAVES = {*SOLO_KEYBOARD, "organ", "harp", "harmonium"}


def heading(text: str) -> Heading:
    """What a score says of itself in its reference records."""
    records: dict[str, list[str]] = {}
    for key, value in _RECORD.findall(text):
        records.setdefault(key.upper(), []).append(plain(value))

    def first(*keys: str) -> str:
        return next((value for key in keys for value in records.get(key, ()) if value), "")

    movement = first("OMV", "OMD") if "OPR" in records else ""
    title = title_of(first("OPR"), movement, first("OTL")) or first("OMD", "OMV")
    statement = " ".join(records.get("YEC", []) + records.get("YEM", []))
    return Heading(
        title=title,
        composer=", ".join(dict.fromkeys(filter(None, records.get("COM", ())))),
        opus=first("OPS", "SCT", "SCA") or opus_in([title, first("ONM")]),
        date=first("ODT"),
        style=first("AST"),
        rights=tuple(filter(None, (first("YEL"), statement, first("YER"), first("ENC@LICENSE")))),
        parts=tuple(parts(text)),
    )


def check(text: str, where: str) -> None:
    """Check that a score can be engraved whole.

    Args:
        text: the file's text.
        where: the name of the file, for messages.

    Raises:
        PieceError: "not-a-score" (no **kern), "uneven-spines", "no-notes", "unknown-clef".
    """
    kinds: list[str] = []
    notes = False
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("!!"):
            continue
        tokens = line.split("\t")
        if line.startswith("**") and not kinds:
            kinds = tokens
            continue
        if not kinds:
            raise refused(
                "not-a-score",
                f"{where}, line {number}: no Humdrum: data before the line of **kern.",
            )
        if len(tokens) != len(kinds):
            raise refused(
                "uneven-spines",
                f"{where}, line {number}: {how_many(len(tokens), 'column')}, and {len(kinds)} spines open. "
                "Columns are separated by a tab.",
            )
        if line.startswith("*"):
            for token in tokens:
                if token.startswith("*clef") and not _CLEF.match(token):
                    raise refused(
                        "unknown-clef", f"{where}, line {number}: {token!r} is no clef of **kern."
                    )
            kinds = _after(tokens, kinds)
        elif not notes and line[0] not in "=!":
            notes = any(
                kind.startswith("**kern") and _NOTE.search(token)
                for kind, token in zip(kinds, tokens, strict=True)
            )
    if not any(
        line.startswith("**") and "**kern" in line.split("\t") for line in text.splitlines()
    ):
        raise refused("not-a-score", f"{where}: there is no **kern in it.")
    if not notes:
        raise refused("no-notes", f"{where}: the score has no notes.")


def _after(tokens: list[str], kinds: list[str]) -> list[str]:
    """The kinds of the spines after a line of interpretations, which may split, join, swap, open and end them."""
    after: list[str] = []
    joining = False
    for position, (token, kind) in enumerate(zip(tokens, kinds, strict=True)):
        if token == "*v":
            if not joining:
                after.append(kind)
            joining = position + 1 < len(tokens) and tokens[position + 1] == "*v"
            continue
        joining = False
        if token == "*-":
            continue
        after.append(token if token.startswith("**") else kind)
        if token == "*^":
            after.append(kind)
        elif token == "*+":
            after.append("")
    return after


def parts(text: str) -> list[Part]:
    """The parts, from the top of the score, which is the last spine; spines of one name in a row are one part."""
    return [part for part, _ in _spines(text)]


def without(text: str, kept: Collection[int]) -> str:
    """Leave out all parts but some: their spines, and those that go with them, are no longer **kern.

    Args:
        text: the file's text.
        kept: numbers of the parts to keep, from 0, as `parts` lists them.

    Returns:
        The text, whose lines and columns are where they were.
    """
    spines = {n for number, (_, own) in enumerate(_spines(text)) if number in kept for n in own}
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if line.startswith("**"):
            kinds = line.split("\t")
            kern = 0
            for spine, kind in enumerate(kinds):
                kern = spine if kind.startswith("**kern") else kern
                kinds[spine] = kind if kern in spines else "**omitted"
            lines[number] = "\t".join(kinds)
            break
    return "\n".join(lines)


def _spines(text: str) -> list[tuple[Part, tuple[int, ...]]]:
    """The parts, with their spines as numbers of columns, from 0, where the first line opens them."""
    kinds: list[str] = []
    names: dict[int, str] = {}
    codes: dict[int, str] = {}
    for line in text.splitlines():
        tokens = line.split("\t")
        if line.startswith("**") and not kinds:
            kinds = tokens
        elif line.startswith("*") and len(tokens) == len(kinds):
            for spine, token in enumerate(tokens):
                if token.startswith('*I"'):
                    names.setdefault(spine, plain(token[3:]))
                elif token.startswith("*I") and token[2:3].isalpha() and token[2:3] != "C":
                    codes.setdefault(spine, plain(token[2:]))
            if any(token in ("*^", "*v", "*+", "*-", "*x") for token in tokens):
                break
        elif kinds and line and line[0] not in "!*":
            break
    found: list[tuple[Part, tuple[int, ...]]] = []
    for spine in reversed([n for n, kind in enumerate(kinds) if kind.startswith("**kern")]):
        code = _CODES.get(codes.get(spine, "").casefold(), codes.get(spine, ""))
        name = names.get(spine, code)
        part, spines = found[-1] if found else (Part(""), ())
        if spines and part.name == name and _several_staves(name):
            found[-1] = (replace(part, staves=part.staves + 1), (*spines, spine))
        else:
            found.append((Part(name, (code,) if code else ()), (spine,)))
    return found


def _several_staves(name: str) -> bool:
    """Whether spines of a name may be the staves of one instrument: keyboards and the harp, or no name at all."""
    return not name or not _SEVERAL_STAVES.isdisjoint(normalize_instruments(name))
