"""The encoding of what stands on a page or in a system, for sources that have one.

A LilyPond file is a program: no part of it is the text of a system, so its pieces have no transcription.
"""

from dataclasses import dataclass

from msmdtools.dataset.reader import DatasetPiece


@dataclass(frozen=True, slots=True)
class Transcription:
    """An excerpt of a source in the formats of encodings; None for those that the source is not in.

    Attributes:
        kern: as **kern.
        xml: as MusicXML or MEI.
    """

    kern: str | None = None
    xml: str | None = None


def transcription(piece: DatasetPiece, page: int, system: int | None = None) -> Transcription:
    """The encoding of a page, or of one of its systems.

    Args:
        piece: the piece.
        page: the page, from 1.
        system: the system, from 1; None for all of the page.

    Returns:
        The excerpt; without a text if the source has no encoding.
    """
    return Transcription()
