"""One piece in a tree of score files, and the table of pieces, the manifest."""

from dataclasses import dataclass

from msmdtools import score
from msmdtools.base.table import Column, Table

LILYPOND = "lilypond"
MIDI = "midi"
MUSESCORE = "musescore"
FORMATS = (LILYPOND, "musicxml", "mei", "kern", "abc", MUSESCORE, MIDI)
"""The formats of sources."""

FORMAT = Column(
    "format",
    "string",
    "",
    f"format of the main file: {', '.join(FORMATS[:-1])} or {FORMATS[-1]}",
    added=True,
    before=LILYPOND,
)
TUNE = Column(
    "tune", "string", "", "number of the tune in an ABC file that has several, from 1", added=True
)
LOOK = Column(
    "look",
    "string",
    "",
    "how its pages look, if not as the options of the build say (see --looks)",
    added=True,
)


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece: a file that makes a score of its own, with the texts of its header.

    Every path is relative to the root of the source tree and has forward slashes. The fields are
    the columns of `MANIFEST`, in its order; there `instruments`, `include_path` and `files` are
    joined by ";"; a ";" in one of them is written %3B, and a "%" %25. Texts are empty where the
    source has none.

    Attributes:
        piece: the piece id.
        path: the main file.
        sha256: checksum of the main file.
        title: title.
        composer: composer.
        opus: opus or catalogue number.
        instrument: instrument, as written in the header.
        instruments: the instruments as terms of msmdtools' vocabulary.
        style: style, such as Baroque.
        date: when the music was written.
        licence: SPDX identifier of the edition's licence, or "unknown".
        licence_text: the licence in the words of the header, shortened, when `licence` is unknown.
        edition: folder of the edition; its pieces may share music.
        lilypond: LilyPond version that the source was written for.
        include_path: folders to search for included files.
        files: the entries that the main file needs besides itself: files; "a>b" for a file a that is
            included by the name b (the same letters in upper or lower case); folders, ending in a slash,
            any of whose source files may be needed, as only running the piece tells which are.
        files_sha256: one checksum over the main file and all of `files`.
        format: the format of the main file, one of `FORMATS`.
        tune: the number of the tune in an ABC file that has several, from 1; "" in other files.
        look: how its pages look, as `msmdtools.build.looks.to_text` writes it; "" for the look of the build.
        extra: further columns of the manifest, such as splits, as (column, value).
    """

    piece: str
    path: str
    sha256: str
    title: str
    composer: str
    opus: str
    instrument: str
    instruments: tuple[str, ...]
    style: str
    date: str
    licence: str
    licence_text: str
    edition: str
    lilypond: str
    include_path: tuple[str, ...]
    files: tuple[str, ...]
    files_sha256: str
    format: str = LILYPOND
    tune: str = ""
    look: str = ""
    extra: tuple[tuple[str, str], ...] = ()


MANIFEST = Table(
    "manifest",
    "One row per piece of a source tree. Texts are as in the source's header, without markup.",
    ("piece",),
    (
        score.PIECE,
        Column("path", "string", "", "main file, relative to the root of the source tree"),
        Column("sha256", "string", "", "sha256 of the main file"),
        Column("title", "string", "", "title"),
        Column("composer", "string", "", "composer"),
        Column("opus", "string", "", "opus or catalogue number"),
        Column("instrument", "string", "", "instrument, as written in the header"),
        Column(
            "instruments", "string", "", "the instruments in msmdtools' vocabulary, separated by ;"
        ),
        Column("style", "string", "", "style, such as Baroque"),
        Column("date", "string", "", "when the music was written"),
        Column("licence", "string", "", "SPDX identifier of the edition's licence, or unknown"),
        Column(
            "licence_text", "string", "", "what the header says, shortened, when licence is unknown"
        ),
        Column("edition", "string", "", "folder of the edition; its pieces may share music"),
        Column("lilypond", "string", "", "LilyPond version that the source was written for"),
        Column("include_path", "string", "", "folders to search for included files, joined by ;"),
        Column(
            "files",
            "string",
            "",
            "files that the main file needs, joined by ; (a>b: a as b; a/: all below a; %3B: a ;)",
        ),
        Column("files_sha256", "string", "", "one sha256 over the main file and all of files"),
        FORMAT,
        TUNE,
        LOOK,
    ),
)
