"""Alignments as files, each in the format that its ending names: a table, a picture, or a player.

A table whose name ends in "bars", such as bars.csv, is the list of bars.
"""

from collections.abc import Sequence
from pathlib import Path

from msmdtools.base.files import write_atomically
from msmdtools.dataset.reader import DatasetPiece
from msmdtools.errors import MsmdError
from msmdtools.follow import bars, figure, player, table
from msmdtools.follow.alignment import Alignment
from msmdtools.inputs.recordings import Recording
from msmdtools.paper.axis import Paged

PICTURE, PLAYER = ".png", ".html"


def check(paths: Sequence[Path]) -> None:
    """Make sure that files of these names can be written, before anything is calculated.

    Raises:
        MsmdError: an ending is unknown, or there is no such folder.
    """
    for path in paths:
        if path.suffix.lower() not in (*table.ENDINGS, PICTURE, PLAYER):
            raise MsmdError(
                f"{path}: unknown ending; give a table (.csv, .parquet, .json), a picture (.png) "
                "or a player (.html)"
            )
        if not path.absolute().parent.is_dir():
            raise MsmdError(f"{path}: there is no folder {path.parent}; make it first")


def write(alignment: Alignment, recording: Recording, path: Path) -> None:
    """Write an alignment to a file, in the format that its ending names.

    Args:
        alignment: the alignment.
        recording: the recording that was aligned.
        path: the file.

    Raises:
        MsmdError: the ending is unknown; for a player, the sound cannot be rendered.
        OSError: the file cannot be written.
    """
    ending = path.suffix.lower()
    title = f"{recording.name} on {_named(alignment.axis.sheet)}"
    if ending == PICTURE:
        from msmdtools.dataset.figure import save

        save(figure.draw(alignment, title), path)
    elif ending == PLAYER:
        write_atomically(path, player.page(alignment, recording.sound(), title))
    elif bars.is_named(path):
        table.write_table(bars.BARS, bars.rows(alignment), path)
    else:
        table.write_table(table.ALIGNMENT, table.rows(alignment), path)


def _named(sheet: Paged) -> str:
    """Return the name of a sheet: for a dataset's piece, its title and composer."""
    if not isinstance(sheet, DatasetPiece):
        return sheet.piece
    return ", ".join(filter(None, (sheet.title, sheet.composer))) or sheet.piece
