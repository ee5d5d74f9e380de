"""The tables of a dataset folder, and the names of the files beside them."""

from msmdtools import performance, piece, prints, score
from msmdtools.base.table import Column, Table

FORMAT = 2

DESCRIPTION = "dataset.json"
CARD = "README.md"
BUILD_LOG = "build.jsonl"
PIECE_FILE = "piece.json"
PDF = "score.pdf"
# As sha256sum writes it.
PDF_SUM = "score.pdf.sha256"

PIECES = Table(
    "pieces",
    "One row per piece attempted. Texts of the header are as in the manifest; empty where unknown.",
    ("piece",),
    (
        score.PIECE,
        Column("status", "string", "", "ok or failed"),
        Column(
            "stage", "string", "", "where it failed: source, engrave, match, perform, write, worker"
        ),
        Column(
            "reason",
            "string",
            "",
            "reason code of the failure, such as syntax-error; empty when ok",
        ),
        Column("message", "string", "", "error message of the failure; empty when ok"),
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
        Column("licence_text", "string", "", "licence text of the header if licence is unknown"),
        Column("edition", "string", "", "folder of the edition; its pieces may share music"),
        Column("lilypond", "string", "", "LilyPond version that the source was written for"),
        piece.FORMAT,
        Column("path", "string", "", "main source file, relative to the root of the source tree"),
        piece.TUNE,
        piece.LOOK,
        Column("sha256", "string", "", "sha256 of the main source file"),
        Column("files_sha256", "string", "", "one sha256 over all source files of the piece"),
        Column("extra", "string", "", "further columns of the manifest, a JSON object"),
        Column(
            "upgraded",
            "string",
            "",
            "files that convert-ly brought up to date, by the version they were written for",
        ),
        Column(
            "correction", "string", "", "what was mended in the copy of the source; empty if not"
        ),
        Column(
            "upgrade_difference",
            "string",
            "",
            "notes and length of the music with and without the upgrade, where they differ",
        ),
        Column("engine", "string", "", "engraver, such as LilyPond 2.25.12"),
        Column(
            "engraver_errors", "int32", "", "errors in the source that the engraver passed over"
        ),
        Column(
            "engraver_error",
            "string",
            "",
            "the most telling of these errors; empty if there are none",
        ),
        Column("pages", "int32", "", "pages"),
        Column("systems", "int32", "", "systems"),
        Column("staves", "int32", "", "rows of the systems table"),
        Column("noteheads", "int32", "", "rows of the noteheads table: played + tied + silent"),
        Column("played", "int32", "", "note heads that start an event"),
        Column("tied", "int32", "", "note heads that continue the sound of another"),
        Column("silent", "int32", "", "note heads that do not sound, each with its reason"),
        Column("events", "int32", "", "note events of one performance"),
        Column(
            "events_without_head", "int32", "", "note events of one performance that no head starts"
        ),
        Column("performances", "int32", "", "performances"),
        Column("parts", "int32", "", "rows of the parts table"),
        Column("measures", "int32", "", "bars of the score", added=True),
        Column(
            "repeats",
            "string",
            "",
            "how repeats are played: written, unfolded, or none if there are none",
        ),
        Column(
            "repeats_reason",
            "string",
            "",
            "why repeats are played as written although --repeats unfolded was given",
        ),
        Column(
            "beats",
            "string",
            "",
            "how the beats of a MIDI file were found: written, counted or estimated; empty for other sources",
            added=True,
        ),
    ),
)

FILES = Table(
    "files",
    "One row per picture, spectrogram, MIDI and audio file, and one for the written music. "
    "PDFs are not listed, because equal runs write different bytes.",
    ("piece", "file"),
    (
        score.PIECE,
        Column("file", "string", "", "path in the piece's folder, such as page-01.png"),
        Column("bytes", "int64", "bytes", "size"),
        Column("sha256", "string", "", "sha256"),
    ),
)

ATTEMPTS = Table(
    "attempts",
    "One row per performance by a person that was to be added (msmd perform), whether it could be or not.",
    ("piece", "performance"),
    (
        Column(
            "piece", "string", "", "piece id, or what the list says where there is no such piece"
        ),
        Column("performance", "string", "", "name of the performance"),
        Column("status", "string", "", "ok or failed"),
        Column("stage", "string", "", "where it failed: list, read, align, perform, worker"),
        Column("reason", "string", "", "reason code of the failure; empty when ok"),
        Column("message", "string", "", "error message of the failure; empty when ok"),
        Column("file", "string", "", "name of the performed file"),
        Column("sha256", "string", "", "sha256 of that file"),
        Column("alignment", "string", "", "name of the note alignment; empty if none was given"),
        Column("alignment_sha256", "string", "", "sha256 of the note alignment"),
        Column(
            "played_share", "float64", "", "matched / (matched + insertions); 1 for a recording"
        ),
        Column("written_share", "float64", "", "matched / (matched + deletions)"),
        Column(
            "unwritten",
            "int32",
            "",
            "notes not played that the alignment names and the written music has not",
        ),
    ),
    added=True,
)

# In the order in which the documentation shows them.
TABLES = (
    PIECES,
    score.SYSTEMS,
    score.MEASURES,
    score.PARTS,
    score.NOTEHEADS,
    performance.EVENTS,
    performance.PERFORMANCES,
    performance.TIMINGS,
    ATTEMPTS,
    FILES,
)
# With those that a dataset has only where prints are linked to its pieces.
ALL_TABLES = (*TABLES, *prints.PRINT_TABLES)
