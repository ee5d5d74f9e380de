"""Sources of an index: the sheets and recordings of a dataset, or those in a plain folder.

In a plain folder

- a subfolder with pictures (PNG, JPEG, TIFF) is a piece: the pictures are its pages, in the order of
  the numbers in their names, and the audio files in it are its recordings;
- every other PDF, picture (the folder's own, a TIFF may have several pages) and audio file is a
  piece, or its sheet or recording: files of one name without the ending are of one piece.

A piece is named after its file or subfolder. Names that begin with a dot are skipped.
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


@dataclass(frozen=True, slots=True)
class Item:
    """A sheet or a recording that can be indexed.

    Attributes:
        side: "sheet" or "audio".
        piece: id of its piece.
        performance: name of the recording; "" for a sheet.
        source: where it is from: the dataset, the file, or the folder of the pictures.
        read: returns the sheet (`msmdtools.paper.axis.Paged`) or the recording's spectrogram; raises
            MsmdError.
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
    """List the sheets and recordings of a dataset or of a plain folder.

    Args:
        path: a folder; a dataset is recognised by its dataset.json.
        pieces: ids of the pieces to list; None for all.
        performances: names of the performances of a dataset to list; None for all of each piece, empty for
            none. For a plain folder it must be None or empty.
        limits: the most that is read of each file of a plain folder.

    Returns:
        The items, sorted by piece.

    Raises:
        MsmdError: there is nothing to index, or no such piece or performance.
    """
    path = Path(path)
    if is_dataset(path):
        return of_dataset(reader.open(path), pieces, performances)
    return of_folder(path, pieces, performances, limits)


def is_dataset(path: str | Path) -> bool:
    """Say whether a folder is a dataset rather than one of pictures and recordings."""
    return any((Path(path) / name).exists() for name in ("dataset.json", "pieces.parquet"))


def of_dataset(
    dataset: reader.Dataset,
    pieces: Collection[str] | None = None,
    performances: Collection[str] | None = None,
) -> list[Item]:
    """List the sheets and recordings of a dataset.

    Args:
        dataset: the dataset.
        pieces: ids of the pieces to list; None for all.
        performances: names of the performances to list; None for all of each piece, empty for none.

    Returns:
        The items, sorted by piece.

    Raises:
        MsmdError: there is no such piece or performance.
    """
    source = str(dataset.path.resolve())
    items = []
    for name in sorted(set(dataset.ids if pieces is None else pieces)):
        piece = dataset[name]
        items.append(Item("sheet", name, "", source, partial(dataset.__getitem__, name)))
        played = piece.performances.index if performances is None else performances
        for performance in map(piece.performance_name, played):
            read = partial(piece.spectrogram, performance)
            items.append(Item("audio", name, performance, source, read))
    return items


def of_folder(
    folder: Path,
    pieces: Collection[str] | None = None,
    performances: Collection[str] | None = None,
    limits: Limits = LIMITS,
) -> list[Item]:
    """List the sheets and recordings of a plain folder.

    Args:
        folder: the folder.
        pieces: names of the pieces to list; None for all.
        performances: None for all recordings, empty for none.
        limits: the most that is read of each file.

    Returns:
        The items, sorted by piece.

    Raises:
        MsmdError: there is nothing to index, no such piece, or two files would be the sheet of one piece.
    """
    if not folder.is_dir():
        raise MsmdError(
            f"{folder}: {no_folder(folder)}; name a dataset, or a folder of sheets and audio"
        )
    if performances:
        raise MsmdError(f'{folder} is not a dataset: --performances can only be "" there')
    items = []
    for place in [folder, *sorted(p for p in folder.rglob("*") if p.is_dir())]:
        relative = place.relative_to(folder)
        if any(part.startswith(".") for part in relative.parts):
            continue
        files = pictures.in_order(f for f in place.iterdir() if f.is_file() and f.name[0] != ".")
        whole = place != folder and any(pictures.is_picture(file) for file in files)
        if whole:
            items.append(_pictures(relative.as_posix(), place, limits))
        for file in files:
            piece = relative.as_posix() if whole else (relative / file.stem).as_posix()
            if audio.is_audio(file) and performances is None:
                items.append(_recording(piece, file, limits))
            elif file.suffix.lower() == ".pdf" or (pictures.is_picture(file) and not whole):
                items.append(_pictures((relative / file.stem).as_posix(), file, limits))
    if not items:
        raise MsmdError(
            f"{folder}: nothing to index: it is not a dataset, and it has no pictures "
            "(PNG, JPEG, TIFF), PDFs or audio files"
        )
    _check_names(folder, items)
    if pieces is not None:
        absent = sorted(set(pieces) - {item.piece for item in items})
        if absent:
            raise MsmdError(f"{folder}: no piece {absent[0]!r}; check the ids given with --pieces")
        items = [item for item in items if item.piece in pieces]
    return sorted(items, key=lambda item: (item.piece, item.side != "sheet", item.performance))


def _pictures(piece: str, path: Path, limits: Limits) -> Item:
    read = partial(apart.read, pages.read_sheet, path, piece, limits=limits)
    return Item("sheet", piece, "", str(path.resolve()), read)


def _recording(piece: str, file: Path, limits: Limits) -> Item:
    read = partial(apart.read, audio.read_spectrogram, file, limits=limits)
    return Item("audio", piece, file.name, str(file.resolve()), read)


def _check_names(folder: Path, items: Sequence[Item]) -> None:
    seen: dict[str, str] = {}
    for item in items:
        if item.side == "sheet" and item.piece in seen:
            raise MsmdError(
                f"{folder}: {seen[item.piece]} and {item.source} would both be the sheet of "
                f"{item.piece!r}; rename one"
            )
        if item.side == "sheet":
            seen[item.piece] = item.source
