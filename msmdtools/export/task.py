"""The work of one export, as each format gets it: which pieces, where to, and who is told how far it is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from msmdtools.base.progress import Progress
from msmdtools.dataset.reader import Dataset, DatasetPiece


@dataclass(frozen=True, slots=True)
class Task:
    """One export.

    Attributes:
        dataset: the dataset.
        pieces: ids of the pieces to export, sorted.
        split: the part of each piece, "train", "valid" or "test"; empty if there is no split.
        folder: where to write, an empty folder.
        progress: called after each piece.
        warn: called with a message about what cannot be given.
        root: the tree of the dataset's sources; None if it is not at hand.
    """

    dataset: Dataset
    pieces: Sequence[str]
    split: Mapping[str, str]
    folder: Path
    progress: Progress
    warn: Callable[[str], None]
    root: Path | None = None

    def each(self) -> Iterator[DatasetPiece]:
        """The pieces one after the other; progress is reported as they are done."""
        for done, piece in enumerate(self.pieces, start=1):
            yield self.dataset[piece]
            self.progress("pieces", done, len(self.pieces))

    def place(self, name: str, piece: str) -> Path:
        """The folder of that name for a piece's files, made if need be; with a split, that of its part."""
        folder = self.folder / name
        if self.split:
            folder /= self.split[piece]
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def page_name(piece: str, page: int) -> str:
    """The name of a page's files, without the ending."""
    return f"{piece}-{page:02d}"


def write_page(folder: Path, piece: DatasetPiece, page: int) -> Path:
    """Write the image of a page, as the dataset has it, into a folder.

    Args:
        folder: the folder.
        piece: the piece.
        page: the page, from 1.

    Returns:
        The file.
    """
    path = folder / f"{page_name(piece.piece, page)}.png"
    path.write_bytes(piece.pages.content(page - 1))
    return path
