"""The formats of sources, told by the names of files and, for .xml, by what is in them."""

from pathlib import Path

from msmdtools.errors import PieceError
from msmdtools.sources import archive, markup

SUFFIXES = {
    ".ly": "lilypond",
    ".musicxml": "musicxml",
    ".mxl": "musicxml",
    ".xml": "musicxml",
    ".mei": "mei",
    ".krn": "kern",
    ".abc": "abc",
    ".mscz": "musescore",
    ".mscx": "musescore",
    ".mid": "midi",
    ".midi": "midi",
}
"""By the suffixes of main files, in lower case."""

# Scores in forms that other programs alone read, and XML, which may be anything.
_OTHERS = frozenset(
    (
        ".rntxt",
        ".mus",
        ".musx",
        ".sib",
        ".cap",
        ".capx",
        ".nwc",
        ".enc",
        ".gp",
        ".gp3",
        ".gp4",
        ".gp5",
        ".gpx",
        ".xml",
    )
)
_ROOTS = {
    "score-partwise": "musicxml",
    "score-timewise": "musicxml",
    "mei": "mei",
    "music": "mei",
}
_HEAD_BYTES = 1 << 16


def has_suffix(name: str) -> bool:
    """Whether the name of a file is one of a source."""
    return Path(name).suffix.lower() in SUFFIXES


def is_music(name: str) -> bool:
    """Whether the name of a file is one of a score that is not read, or of XML that may be none."""
    return Path(name).suffix.lower() in _OTHERS


def format_of(path: Path) -> str:
    """The format of a file as a source; "" for a file that is none.

    A file called .xml is one if its root element is a score's, or if it cannot be read: then building it says
    what is wrong with it.
    """
    suffix = path.suffix.lower()
    if suffix != ".xml":
        return SUFFIXES.get(suffix, "")
    try:
        root = markup.root_element(archive.read(path, _HEAD_BYTES), str(path))
    except PieceError:
        return SUFFIXES[suffix]
    return _ROOTS.get(root.rpartition(" ")[2], "") if root else SUFFIXES[suffix]
