"""The encoding of what stands on a page or in a system, for sources that have one.

It is cut out of the source itself, by the bars that the dataset records: a **kern source gives **kern, a MusicXML
or MEI source gives XML. So the source tree must be at hand, with the files that the dataset was built from. A MIDI
file gives the MusicXML, and a tune of ABC the MEI, as which it was engraved. A LilyPond file is a program: no part
of it is the text of a system.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from msmdtools.base.files import file_sha256
from msmdtools.base.quantities import how_many
from msmdtools.dataset.reader import DatasetPiece
from msmdtools.engrave.verovio.preparing import prepared
from msmdtools.errors import PieceError
from msmdtools.export import kern_excerpt, mei_excerpt, musicxml_excerpt
from msmdtools.notate import notate
from msmdtools.piece import MIDI
from msmdtools.sources import midi
from msmdtools.sources.encoding import read_encoding
from msmdtools.sources.parts import select_parts, select_tracks

CUTTERS = {
    "kern": kern_excerpt.cutter,
    "mei": mei_excerpt.cutter,
    "musicxml": musicxml_excerpt.cutter,
}
"""What reads a source of which bars are cut out, by its format."""
_ABC = "abc"
TRANSCRIBED = (*CUTTERS, _ABC, MIDI)
"""The formats of sources that have transcriptions."""


@dataclass(frozen=True, slots=True)
class Transcription:
    """An excerpt of a source in the formats of encodings; None for those that the source is not in.

    Attributes:
        kern: as **kern.
        xml: as MusicXML or MEI.
    """

    kern: str | None = None
    xml: str | None = None


NONE = Transcription()


@dataclass(frozen=True, slots=True)
class Encoding:
    """The source of a piece.

    Attributes:
        form: the format of its excerpts, a key of `CUTTERS`.
        cut: gives the bars from the first to the last one, counted from 0, as a score.
    """

    form: str
    cut: Callable[[int, int], str]


def encoding_of(
    piece: DatasetPiece, root: Path | None, warn: Callable[[str], None]
) -> Encoding | None:
    """Read the source of a piece.

    Args:
        piece: the piece.
        root: the source tree; None if it is not at hand.
        warn: called with a message if the source is another file now, is not there, or has other bars.

    Returns:
        The source; None if it is no encoding that is exported, or cannot be had.
    """
    header = piece.header
    form = str(header["format"])
    if root is None or form not in TRANSCRIBED or not piece.dataset.has_measures:
        return None
    path = root / str(header["path"])
    try:
        if not path.is_file():
            warn(f"{path} is missing: {piece.piece} has no transcriptions")
        elif file_sha256(path) != header["sha256"]:
            warn(
                f"{path} has changed since the dataset was built: {piece.piece} has no transcriptions"
            )
        else:
            bars = int(piece.measures["measure"].nunique())
            text, form = _text(path, form, piece)
            cut = CUTTERS[form](text, bars)
            if cut is not None:
                return Encoding(form, cut)
            warn(
                f"{path} does not have the {how_many(bars, 'bar')} of the pages: {piece.piece} has no "
                "transcriptions"
            )
    except PieceError as error:
        warn(f"{error}: {piece.piece} has no transcriptions")
    return None


def _text(path: Path, form: str, piece: DatasetPiece) -> tuple[str, str]:
    """The encoding that was engraved, with the parts that were, and its format."""
    header = piece.header
    parts = tuple(piece.dataset.description["options"].get("parts", ()))
    if form == MIDI:
        file = select_tracks(midi.check(path), parts, str(path))
        title, composer = str(header["title"]), str(header["composer"])
        return notate(file, title=title, composer=composer).text, "musicxml"
    text = select_parts(read_encoding(path, form, str(header["tune"])), form, parts, str(path))
    return (prepared(text, form).text, "mei") if form == _ABC else (text, form)


def transcription(
    piece: DatasetPiece, encoding: Encoding | None, page: int, system: int | None = None
) -> Transcription:
    """The encoding of a page, or of one of its systems.

    Args:
        piece: the piece.
        encoding: its source; None for none.
        page: the page, from 1.
        system: the system, from 1; None for all of the page.

    Returns:
        The bars that stand there; without a text if there is no encoding.
    """
    if encoding is None:
        return NONE
    bars = piece.measures
    here = bars[bars["page"] == page]
    if system is not None:
        here = here[here["system"] == system]
    if not len(here):
        return NONE
    text = encoding.cut(int(here["measure"].min()), int(here["measure"].max()))
    return Transcription(kern=text) if encoding.form == "kern" else Transcription(xml=text)
