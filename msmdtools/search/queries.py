"""Queries from files and datasets: a recording, a MIDI file, a sheet, or a piece of a dataset."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from msmdtools.dataset import reader
from msmdtools.errors import MsmdError
from msmdtools.inputs import apart, audio, midi, pages, pictures
from msmdtools.inputs.limits import LIMITS, Limits
from msmdtools.models.model import Model
from msmdtools.paper.axis import Paged
from msmdtools.search import search
from msmdtools.search.index import Description


@dataclass(frozen=True, slots=True, eq=False)
class QueryInput:
    """A query before it is embedded: a recording or a sheet, or a part of one.

    Attributes:
        name: name of the file or piece.
        sound: spectrogram of the part of the recording to search with, (92, frames); None for a sheet.
        start: second of the recording at which that part begins.
        sheet: the sheet; None for a recording.
        page: the only page of the sheet to search with, from 1; None for all.
    """

    name: str
    sound: NDArray[Any] | None = None
    start: float = 0.0
    sheet: Paged | None = None
    page: int | None = None

    def embed(self, model: Model, description: Description) -> search.Query:
        """Embed the query's windows at the strides of an index. Raises MsmdError as `search` does."""
        if self.sheet is not None:
            return search.sheet_query(self.sheet, model, description.sheet_stride, self.page)
        assert self.sound is not None
        query = search.audio_query(self.sound, model, description.audio_stride)
        places = [{"query_second": place["query_second"] + self.start} for place in query.places]
        return replace(query, places=places)


def of_file(
    path: str | Path,
    start: float = 0.0,
    end: float | None = None,
    page: int | None = None,
    limits: Limits = LIMITS,
) -> QueryInput:
    """Read the query in a file: a recording, a MIDI file, a picture or PDF, or a folder of pictures.

    Args:
        path: the file or folder.
        start: second at which the part of a recording or MIDI file begins.
        end: second at which it ends; None for the end of the recording.
        page: the only page of a sheet to search with, from 1; None for all.
        limits: the most that is read.

    Returns:
        The query.

    Raises:
        MsmdError: the file cannot be read or exceeds a limit, there is nothing in it to search with, or it
            does not have the requested part.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if path.is_dir() or pictures.is_picture(path) or ending == ".pdf":
        if start or end is not None:
            raise MsmdError(f"{path}: a sheet has pages, not seconds; leave out --start and --end")
        sheet = apart.read(pages.read_sheet, path, None, limits=limits)
        if page is not None and not 1 <= page <= len(sheet.pages):
            raise MsmdError(f"{path}: no page {page}; it has {len(sheet.pages)}")
        return QueryInput(path.name, sheet=sheet, page=page)
    if page is not None:
        raise MsmdError(f"{path}: a recording has no pages; leave out --page")
    kind = midi if ending in midi.ENDINGS else audio
    spectrogram = apart.read(kind.read_spectrogram, path, limits=limits)
    return QueryInput(path.name, search.excerpt(spectrogram, start, end), start)


def of_piece(
    piece: reader.DatasetPiece,
    by: str = "audio",
    performance: str | None = None,
    start: float = 0.0,
    end: float | None = None,
    page: int | None = None,
) -> QueryInput:
    """Return the query that a dataset's piece makes, by its recording or by its sheet.

    Args:
        piece: the piece.
        by: "audio" or "sheet".
        performance: name of the performance; None for the first.
        start: second at which the part of the recording begins.
        end: second at which it ends; None for the end of the recording.
        page: the only page of the sheet to search with, from 1; None for all.

    Returns:
        The query.

    Raises:
        MsmdError: the piece has no such performance or part.
        DatasetError: a file of it is missing or damaged.
    """
    if by == "sheet":
        return QueryInput(piece.piece, sheet=piece, page=page)
    spectrogram = piece.spectrogram(performance)
    return QueryInput(piece.piece, search.excerpt(spectrogram, start, end), start)
