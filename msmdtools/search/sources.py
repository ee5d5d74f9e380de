"""What can be indexed: the sheets and recordings of a dataset, or those in a plain folder.

In a plain folder

- a subfolder with pictures (PNG, JPEG, TIFF) is a piece: the pictures are its pages, in the order of
  the numbers in their names, and the audio files in it are its recordings;
- every other PDF, picture (the folder's own, a TIFF may have several pages) and audio file is a
  piece, or its sheet or recording: files of one name without the ending are of one piece.

A piece is called after its file or subfolder. Names that begin with a dot are passed over.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from msmdtools.base.damage import no_folder
from msmdtools.dataset import reader
from msmdtools.errors import MsmdError
from msmdtools.inputs import apart, audio, pages, pictures
from msmdtools.inputs.limits import LIMITS, Limits
from msmdtools.snippets.schema import NOMINAL_WIDTH


@dataclass(frozen=True, slots=True)
class Item:
    """A sheet or a recording.

    Attributes:
        side: "sheet" or "audio".
        piece: its piece's id.
        performance: the recording's name; "" for a sheet.
        source: where it is from: the dataset, the file, or the folder of the pictures.
        read: gives the sheet (`msmdtools.search.windows.Paged`), or the recording's
            spectrogram; raises MsmdError.
    """

    side: str
    piece: str
    performance: str
    source: str
    read: Callable[[], Any]


def items(
    path: str | Path,
    pieces: Collection[str] | None = None,
    performances: Collection[str] | None = None,
    limits: Limits = LIMITS,
) -> list[Item]:
    """The sheets and recordings of a dataset or of a plain folder, sorted by piece.

    Args:
        path: a dataset is known by its dataset.json.
        pieces: None for all.
        performances: whose recordings of a dataset; None for all of each piece, empty for none. Of
            a folder only None and empty have a meaning.
        limits: what is read of each file of a folder.

    Raises:
        MsmdError: nothing is there that could be indexed, no such piece or performance, or the
            dataset's pages are not 835 px wide.
    """
    path = Path(path)
    if is_dataset(path):
        return of_dataset(reader.open(path), pieces, performances)
    return of_folder(path, pieces, performances, limits)


def is_dataset(path: str | Path) -> bool:
    """Whether a folder is a dataset rather than one of pictures and recordings."""
    return any((Path(path) / name).exists() for name in ("dataset.json", "pieces.parquet"))


def of_dataset(
    dataset: reader.Dataset,
    pieces: Collection[str] | None = None,
    performances: Collection[str] | None = None,
) -> list[Item]:
    """The sheets and recordings of a dataset; see `items`."""
    width = dataset.description.get("options", {}).get("width", NOMINAL_WIDTH)
    if width != NOMINAL_WIDTH:
        raise MsmdError(
            f"{dataset.path}: its pages are {width} px wide, and an index needs {NOMINAL_WIDTH}; "
            f"build it with --width {NOMINAL_WIDTH}"
        )
    source = str(dataset.path.resolve())
    found = []
    for name in sorted(set(dataset.ids if pieces is None else pieces)):
        piece = dataset[name]
        found.append(Item("sheet", name, "", source, partial(dataset.__getitem__, name)))
        played = piece.performances.index if performances is None else performances
        for performance in map(piece.performance_name, played):
            read = partial(piece.spectrogram, performance)
            found.append(Item("audio", name, performance, source, read))
    return found


def of_folder(
    folder: Path,
    pieces: Collection[str] | None = None,
    performances: Collection[str] | None = None,
    limits: Limits = LIMITS,
) -> list[Item]:
    """The sheets and recordings of a plain folder; see `items`."""
    if not folder.is_dir():
        raise MsmdError(
            f"{folder}: {no_folder(folder)}; name a dataset, or a folder of sheets and audio"
        )
    if performances:
        raise MsmdError(f'{folder} is not a dataset: --performances can only be "" there')
    found = []
    for place in [folder, *sorted(p for p in folder.rglob("*") if p.is_dir())]:
        relative = place.relative_to(folder)
        if any(part.startswith(".") for part in relative.parts):
            continue
        files = pictures.in_order(f for f in place.iterdir() if f.is_file() and f.name[0] != ".")
        whole = place != folder and any(pictures.is_picture(file) for file in files)
        if whole:
            found.append(_pictures(relative.as_posix(), place, limits))
        for file in files:
            piece = relative.as_posix() if whole else (relative / file.stem).as_posix()
            if audio.is_audio(file) and performances is None:
                found.append(_recording(piece, file, limits))
            elif file.suffix.lower() == ".pdf" or (pictures.is_picture(file) and not whole):
                found.append(_pictures((relative / file.stem).as_posix(), file, limits))
    if not found:
        raise MsmdError(
            f"{folder}: nothing to index: it is no dataset, and has no pictures "
            "(PNG, JPEG, TIFF), PDFs or audio files"
        )
    _check_names(folder, found)
    if pieces is not None:
        absent = sorted(set(pieces) - {item.piece for item in found})
        if absent:
            raise MsmdError(f"{folder}: no piece {absent[0]!r}")
        found = [item for item in found if item.piece in pieces]
    return sorted(found, key=lambda item: (item.piece, item.side != "sheet", item.performance))


def _pictures(piece: str, path: Path, limits: Limits) -> Item:
    read = partial(apart.read, pages.read_sheet, path, piece, limits=limits)
    return Item("sheet", piece, "", str(path.resolve()), read)


def _recording(piece: str, file: Path, limits: Limits) -> Item:
    read = partial(apart.read, audio.read_bands, file, limits=limits)
    return Item("audio", piece, file.name, str(file.resolve()), read)


def _check_names(folder: Path, found: Sequence[Item]) -> None:
    seen: dict[str, str] = {}
    for item in found:
        if item.side == "sheet" and item.piece in seen:
            raise MsmdError(
                f"{folder}: {seen[item.piece]} and {item.source} would both be the sheet of "
                f"{item.piece!r}; rename one"
            )
        if item.side == "sheet":
            seen[item.piece] = item.source
