"""What a query is: a recording, a MIDI file, a sheet, or a piece of a dataset."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from msmdtools.dataset import reader
from msmdtools.errors import MsmdError
from msmdtools.inputs import apart, audio, midi, pages, pictures
from msmdtools.inputs.limits import LIMITS, Limits
from msmdtools.models.model import Model
from msmdtools.search import search
from msmdtools.search.index import Description
from msmdtools.search.windows import Paged


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A query before it is embedded.

    Attributes:
        name: of the file or piece.
        sound: the spectrogram of the part asked for, (92, frames); None for a sheet.
        start: s of the recording at which that part begins.
        sheet: the pages asked for; None for a recording.
        page: only this page of it; None for all.
    """

    name: str
    sound: NDArray[Any] | None = None
    start: float = 0.0
    sheet: Paged | None = None
    page: int | None = None

    def embed(self, model: Model, made: Description) -> search.Query:
        """The query's windows, at the strides of an index. Raises MsmdError as search does."""
        if self.sheet is not None:
            return search.sheet_query(self.sheet, model, made.sheet_stride, self.page)
        assert self.sound is not None
        query = search.audio_query(self.sound, model, made.audio_stride)
        places = [{"query_second": place["query_second"] + self.start} for place in query.places]
        return replace(query, places=places)


def of_file(
    path: str | Path,
    start: float = 0.0,
    end: float | None = None,
    page: int | None = None,
    limits: Limits = LIMITS,
) -> Asked:
    """The query in a file: a recording, a MIDI file, a picture or PDF, or a folder of pictures.

    Args:
        start, end: of the part of a recording or MIDI file, in s.
        page: of a sheet, from 1.

    Raises:
        MsmdError: it cannot be read or exceeds a limit, there is nothing in it that could be
            searched for, or a part is asked for that such a file does not have.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if path.is_dir() or pictures.is_picture(path) or ending == ".pdf":
        if start or end is not None:
            raise MsmdError(f"{path}: a sheet has pages, no seconds; leave out --start and --end")
        sheet = apart.read(pages.read_sheet, path, None, limits=limits)
        if page is not None and not 1 <= page <= len(sheet.pages):
            raise MsmdError(f"{path}: no page {page}; it has {len(sheet.pages)}")
        return Asked(path.name, sheet=sheet, page=page)
    if page is not None:
        raise MsmdError(f"{path}: a recording has no pages; leave out --page")
    kind = midi if ending in midi.ENDINGS else audio
    bands = apart.read(kind.read_bands, path, limits=limits)
    return Asked(path.name, search.excerpt(bands, start, end), start)


def of_piece(
    piece: reader.DatasetPiece,
    by: str = "audio",
    performance: str | None = None,
    start: float = 0.0,
    end: float | None = None,
    page: int | None = None,
) -> Asked:
    """The query that a dataset's piece is, by its recording or by its sheet.

    Args:
        by: "audio" or "sheet".
        performance: None for the first.

    Raises:
        MsmdError: the piece has no such performance or part.
        DatasetError: a file of it is missing or damaged.
    """
    if by == "sheet":
        return Asked(piece.piece, sheet=piece, page=page)
    bands = piece.spectrogram(performance)
    return Asked(piece.piece, search.excerpt(bands, start, end), start)
