"""Which pieces belong to one work and so must never be on both sides of a split.

Movements of a sonata, numbers of an opus, preludes with their fugues, and the files of an edition
(paper sizes, fingerings) share themes, keys and habits, sometimes bars. Here they are one work.

Every piece has keys; pieces that share one, directly or through others, are one work. The keys, all
within a composer except the edition, are

- its catalogue numbers, found in opus, title and the edition's folder, without the number within an
  opus and without a letter for a version: "Op. 27, No. 2" is Op 27, "BWV 924a" is BWV 924. Several
  numbers join works: "D.899 (Op. 90, No. 1)" is of D 899 and of Op 90;
- the folder of a collection, where the edition lies as the Mutopia Project has it
  (composer/collection/edition);
- the edition's folder;
- where there is neither number nor collection: the title up to a dash, colon or bracket, without numbers.

So too much is kept together rather than too little. What metadata do not reveal, such as one minuet under
two composers' names, `msmdtools.splits.duplicates` finds from the notes.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

# Catalogues by the letters that stand for them; of one letter only where a number is expected,
# since a title may say "Suite in D 2". K is Koechel's for Mozart, Kirkpatrick's for Scarlatti.
_LONG = {
    "op": "Op", "opus": "Op", "woo": "WoO", "bwv": "BWV", "kv": "KV", "hob": "Hob", "hwv": "HWV",
    "rv": "RV", "wwv": "WWV", "twv": "TWV", "buxwv": "BuxWV", "craw": "Craw", "cd": "CD",
    "wq": "Wq", "anh": "Anh", "sz": "Sz",
}  # fmt: skip
_SHORT = {"o": "Op", **{letter.lower(): letter for letter in "BDFGHJKLMPRSTW"}}
_NUMBER = r"[\s._-]*(anh)?[\s._-]*(?:([ivxl]+)[\s:._-]+)?(\d+)"


def _pattern(names: Iterable[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z])({'|'.join(names)}){_NUMBER}", re.IGNORECASE)


_IN_TITLE = _pattern(_LONG)
_IN_OPUS = _pattern([*_LONG, *_SHORT])
_TITLE_END = re.compile(r"\s[-–—]|[:(\[]")
_TITLE_NUMBER = re.compile(
    r"(\b(no|nr|num|n)\b|n[°º]|#|№)\.?\s*(?=\d|[IVXL]+\b)|\d+(st|nd|rd|th)?|\b[IVXL]+\b", re.I
)


def works(pieces: "pd.DataFrame", together: Iterable[Sequence[str]] = ()) -> dict[str, str]:
    """Return the work of each piece, named by composer and catalogue number, folder or title.

    Args:
        pieces: rows with piece, composer, opus, title and edition, such as `Dataset.pieces` or a
            manifest.
        together: pairs of pieces to be kept together whatever their headers say, such as
            near-duplicates; the first two values of each are used.

    Returns:
        The name of the work, "composer/key", by piece, sorted by piece.
    """
    columns = ["piece", "composer", "opus", "title", "edition"]
    keys = {piece: keys_of(*header) for piece, *header in pieces[columns].itertuples(index=False)}
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        while parent.setdefault(key, key) != key:
            parent[key] = key = parent[parent[key]]
        return key

    for own in keys.values():
        for key in own[1:]:
            parent[root(key)] = root(own[0])
    for first, second, *_ in together:
        parent[root(keys[first][0])] = root(keys[second][0])
    # The name is the best key of the work: that which comes first in a piece's list, then in the
    # alphabet. So it does not depend on the order of the pieces.
    names: dict[str, tuple[int, str]] = {}
    for own in keys.values():
        best = min((rank, key) for rank, key in enumerate(own))
        names[root(own[0])] = min(names.get(root(own[0]), best), best)
    return {piece: names[root(own[0])][1] for piece, own in sorted(keys.items())}


def keys_of(composer: str, opus: str, title: str, edition: str) -> list[str]:
    """Return the keys of a piece; pieces that share a key belong to one work.

    Args:
        composer: the composer's name in the header.
        opus: the opus field of the header.
        title: the title in the header.
        edition: folder of the edition in the source tree, separated by slashes; may be empty.

    Returns:
        The keys, the best name for the work first; at least one.
    """
    folders = edition.split("/")
    ours = len(folders) > 1 and folders[0] == composer
    keys = catalogue_numbers(composer, opus, title, folders[1] if ours else "")
    if ours and len(folders) > 2:
        keys.append(folders[1])
    if not keys and (plain := _plain(title)):
        keys = [plain]
    keys = [f"{composer}/{key}" for key in dict.fromkeys(keys)]
    return [*keys, edition] if edition else keys or [f"{composer}/"]


def catalogue_numbers(composer: str, opus: str, title: str, folder: str) -> list[str]:
    """Return the catalogue numbers in a piece's header.

    Args:
        composer: the composer's name; K is Köchel's catalogue for Mozart, Kirkpatrick's for Scarlatti.
        opus: the opus field of the header.
        title: the title in the header.
        folder: name of the edition's folder; may be empty.

    Returns:
        Such as ["D 899", "Op 90"], each number once.
    """
    matches = [*_IN_OPUS.findall(opus), *_IN_TITLE.findall(title)]
    if match := _IN_OPUS.match(folder):
        matches.append(match.groups())
    if bare := re.fullmatch(r"\s*(\d{1,3})\s*", opus):
        matches.append(("op", "", "", bare[1]))
    numbers = []
    for letters, appendix, roman, number in matches:
        name = (_LONG | _SHORT)[letters.lower()]
        if name == "K" and composer.startswith("Mozart"):
            name = "KV"
        series = f"{roman.upper()}:" if roman else ""
        numbers.append(f"{name} {'Anh ' if appendix else ''}{series}{int(number)}")
    return list(dict.fromkeys(numbers))


def _plain(title: str) -> str:
    """Return a title without numbers, accents, capitals and what follows a dash, colon or bracket."""
    head = _TITLE_NUMBER.sub(" ", _TITLE_END.split(title, maxsplit=1)[0])
    letters = "".join(
        c for c in unicodedata.normalize("NFKD", head) if not unicodedata.combining(c)
    )
    return " ".join(re.findall(r"[^\W\d_]+", letters.casefold()))
