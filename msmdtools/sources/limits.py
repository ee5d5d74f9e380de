"""What a source may be at most, and the error of one that is refused.

The largest of 2,052 published scores has 11 MB of MusicXML, and none unpacks to more than 59 times its size.
"""

from msmdtools.errors import PieceError

MOST_FILE_BYTES = 64 << 20
"""Of a file of a source."""
MOST_TEXT_BYTES = 128 << 20
"""Of the text in an archive, unpacked."""
MOST_RATIO = 200
"""By which a text of an archive may grow when it is unpacked, where it has more than `SMALL_BYTES`."""
SMALL_BYTES = 1 << 20
MOST_ENTRIES = 1_000
"""Of an archive."""
MOST_TAGS = 8_000_000
"""Of XML, opening and closing: they take about 1 GB of memory."""


def refused(reason: str, message: str) -> PieceError:
    """The error of a source that cannot be read, with its reason code."""
    return PieceError("source", reason, message)


def unavailable(format: str, where: str) -> PieceError:
    """The error of a score in a format whose parts cannot be chosen."""
    return refused(
        "parts-unavailable",
        f"{where}: the parts of a score in the format {format} cannot be chosen: build it without --parts.",
    )
