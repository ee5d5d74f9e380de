"""Gather the pieces of files and folders that a user names, as a manifest would list them."""

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from msmdtools.base.damage import why
from msmdtools.errors import ManifestError
from msmdtools.piece import FORMATS, Piece
from msmdtools.sources import collections
from msmdtools.sources.formats import SUFFIXES, has_suffix
from msmdtools.sources.ingest import ingest


@dataclass(frozen=True, slots=True)
class Gathered:
    """Pieces, and the folder that their paths are relative to.

    Attributes:
        root: the folder.
        pieces: the pieces, sorted by id.
    """

    root: Path
    pieces: tuple[Piece, ...]


def gather(sources: Sequence[Path | str], formats: Collection[str] = FORMATS) -> Gathered:
    """List the scores in files, and in folders, which are searched with all that is below.

    Ids are made of the paths relative to the folder that all sources have in common: of one file, its own folder;
    of one folder, that folder itself. A file that is named is a piece, or several, whatever is in it.

    Args:
        sources: files and folders, and names of collections, such as music21.
        formats: the formats to look for in folders.

    Returns:
        The pieces, each once.

    Raises:
        ManifestError: a file or folder is not there, or a file is of no format that is read.
    """
    named = [_real(source) for source in sources]
    folders = [path if path.is_dir() else path.parent for path in named]
    root = Path(os.path.commonpath(folders))
    below = list(dict.fromkeys(path.relative_to(root).as_posix() for path in named))
    return Gathered(root, tuple(ingest(root, ["all"], formats=formats, below=below)))


def _real(source: Path | str) -> Path:
    path = collections.tree(source)
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise ManifestError(f"Cannot read {path}: {why(error)}.") from error
    if real.is_file() and not has_suffix(real.name):
        raise ManifestError(
            f"{path}: msmd cannot read {f'{real.suffix} files' if real.suffix else 'files without a suffix'}. "
            f"It reads {', '.join(sorted(SUFFIXES))}, and .csv as a manifest."
        )
    return real
