"""Export pieces of a dataset in one of other people's formats."""

import fnmatch
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msmdtools.base.progress import Progress, silent
from msmdtools.base.quantities import how_many
from msmdtools.dataset import reader
from msmdtools.errors import ManifestError, MsmdError
from msmdtools.export import coco, msmd, mung, omr, yolo
from msmdtools.export.folder import check_new, new_folder
from msmdtools.export.task import Task
from msmdtools.export.transcription import TRANSCRIBED
from msmdtools.splits import splits

FORMATS: Mapping[str, Callable[[Task], Counter[str]]] = {
    "coco": coco.write,
    "yolo": yolo.write,
    "mung": mung.write,
    "msmd": msmd.write,
    "omr": omr.write,
}
"""The writer of each format, by its name."""
WITH_BARS = ("coco", "yolo")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Exported:
    """The result of an export.

    Attributes:
        path: the folder.
        form: name of the format.
        pieces: number of pieces.
        counts: what was written: a number for each noun.
    """

    path: Path
    form: str
    pieces: int
    counts: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """The result as plain values."""
        return {
            "path": str(self.path),
            "format": self.form,
            "pieces": self.pieces,
            "counts": dict(self.counts),
        }

    def to_text(self) -> str:
        """The result for people."""
        rows = {"pieces": self.pieces, **self.counts}
        return "\n".join([f"{self.path}", *(f"  {n:20}{c:>12,}" for n, c in rows.items())])


def export(
    dataset: Path,
    out: Path,
    form: str,
    *,
    pieces: str = "*",
    split: str | None = None,
    missing_ok: bool = False,
    root: Path | None = None,
    progress: Progress = silent,
    warn: Callable[[str], None] = _log.warning,
) -> Exported:
    """Write pieces of a dataset into a new folder, in another format.

    Args:
        dataset: a finished dataset folder; only read.
        out: the folder to make; it gets its name once it is whole.
        form: a key of `FORMATS`.
        pieces: a glob; only pieces whose id matches are exported.
        split: CSV:COLUMN, as `msmdtools.splits.splits.resolve` takes it: only its pieces are exported, each
            with its part; None for all pieces, without parts.
        missing_ok: whether the split may name pieces that the dataset lacks.
        root: the tree of the dataset's sources, for formats that hold their text.
        progress: called after each piece.
        warn: called with a message about what the dataset cannot give.

    Returns:
        What was written.

    Raises:
        DatasetError: there is no finished dataset, it is damaged, or `out` is not a new or empty folder.
        ManifestError: the split cannot be read, or no piece is selected.
        MsmdError: there is no such format.
    """
    if form not in FORMATS:
        raise MsmdError(f"no format {form!r}; there are {', '.join(FORMATS)}")
    check_new(out)
    source = reader.open(dataset)
    part_of = splits.resolve(source, split, missing_ok) if split else {}
    selected = [
        piece
        for piece in (sorted(part_of) if split else source.ids)
        if fnmatch.fnmatchcase(piece, pieces)
    ]
    if not selected:
        where = f" of the split {split}" if split else ""
        raise ManifestError(f"{dataset}: no piece{where} matches {pieces!r}.")
    if form in WITH_BARS and not source.has_measures:
        warn(
            f"{dataset} was built by an earlier version, which did not record bars: they are left out. "
            "Run the same msmd build again to add them."
        )
    if form == "omr" and root is None:
        _warn_of_encodings(source, selected, warn)
    with new_folder(out) as folder:
        parts = {piece: part_of[piece] for piece in selected} if split else {}
        counts = FORMATS[form](Task(source, selected, parts, folder, progress, warn, root))
    return Exported(out, form, len(selected), counts)


def _warn_of_encodings(
    source: reader.Dataset, pieces: Sequence[str], warn: Callable[[str], None]
) -> None:
    """Say that there are encodings that could be exported, if there are."""
    forms = source.pieces.loc[list(pieces), "format"]
    if count := int(forms.isin(list(TRANSCRIBED)).sum()):
        warn(
            f"{how_many(count, 'piece')} could have transcriptions: name the folder of the sources with --root"
        )
