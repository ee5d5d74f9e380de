"""The LilyPond version that a source file was written for, and the note lengths that an upgrade must keep."""

import re
from collections.abc import Iterable
from pathlib import Path

from msmdtools.sources.places import Places
from msmdtools.sources.syntax import tokenize

Version = tuple[int, ...]

_NUMBERS = re.compile(r"\d+(?:\.\d+){1,2}\Z")
_STATED = re.compile(r'\\version\s*"[^"\\]*"')
_UNTOUCHED = frozenset(("tupletSpan",))
# A length, alone or after a note, rest or skip; not the numbers of fractions, lists and settings.
_LENGTH = re.compile(
    r"(?<![\w.*/=#,-])(?:[a-z]+(?:-[a-z]+)*[',]*[!?]*)?"
    r"(\d+(?![\d/,])\.*(?:\s*\*\s*\d+(?:/\d+)?)*)(?![\w=-])"
)


def stated_version(text: str) -> str:
    """The version that a source names in its first \\version, such as "2.18.2"; "" for none."""
    for match in _STATED.finditer(text):
        # Most sources begin with it: the text before it is enough to tell whether it is in a comment.
        *_, token, following = (None, None, *tokenize(text[: match.end()]))
        if token and following and (token.kind, token.text) == ("command", "version"):
            return following.text if _NUMBERS.match(following.text) else ""
    return ""


def parse_version(text: str) -> Version | None:
    """A version as numbers, such as (2, 18, 2) for "2.18.2"; None for any other text."""
    return tuple(map(int, text.split("."))) if _NUMBERS.match(text) else None


def written_for(folder: Path, files: Iterable[str], default: str = "") -> dict[str, str]:
    """Find the LilyPond version that each of a piece's files was written for.

    LilyPond wants one \\version in a piece, so a file that names none counts as its main file does.

    Args:
        folder: the folder that the files are relative to; they are UTF-8.
        files: the main file first.
        default: the version of a piece whose main file names none.

    Returns:
        The version of each file; "" where nothing tells.
    """
    versions = {}
    for file in files:
        stated = stated_version((folder / file).read_text(encoding="utf-8", errors="replace"))
        versions[file] = stated or default
        default = next(iter(versions.values()))
    return versions


def written_lengths(text: str) -> list[str]:
    """The note lengths written in the music of a source, in order.

    Two texts with the same lengths have the same rhythm; an upgrade must not change them.
    """
    places = Places(text)
    lengths: list[str] = []
    before = ""
    for span in places.spans:
        if span.kind != "music":
            continue
        stretch = text[span.start : span.end]
        if stretch.startswith("\\"):
            before = stretch[1:]
            continue
        stretch_lengths = _LENGTH.findall(stretch)
        # The argument of such a command has no effect on the notes after it.
        lengths += stretch_lengths[1:] if before in _UNTOUCHED else stretch_lengths
        before = before if not stretch.strip() else ""
    return lengths
