"""Splits: which pieces are for training, which for validation and which for testing.

A split is a mapping from piece ids to "train", "valid" or "test". It comes from a column of a CSV
file, such as the official splits of MSMD, or is made by dividing whole works (`msmdtools.splits.works`).
"""

import csv
import hashlib
import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from msmdtools.base import resources
from msmdtools.base.damage import why
from msmdtools.base.files import write_atomically
from msmdtools.base.quantities import first_few, how_many
from msmdtools.errors import ManifestError, MsmdError
from msmdtools.splits.works import works

if TYPE_CHECKING:
    from msmdtools.dataset.reader import Dataset

SPLITS = ("train", "valid", "test")
COLUMNS = ("piece", "work", "split")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class SplitByWork:
    """Instructions for making a split of whole works, stratified by composer.

    Attributes:
        fractions: shares of all onsets for train, valid and test; they sum to 1.
        seed: seed of the random order of works; another seed gives another split.
    """

    fractions: tuple[float, float, float] = (0.8, 0.05, 0.15)
    seed: int = 0

    def __post_init__(self) -> None:
        numbers = len(self.fractions) == len(SPLITS) and all(0 <= f <= 1 for f in self.fractions)
        if not numbers or not math.isclose(sum(self.fractions), 1, abs_tol=1e-6):
            raise MsmdError(
                "the fractions of a split are three numbers from 0 to 1 for train, valid and test "
                f"that sum to 1, such as 0.8,0.05,0.15; not {self.fractions}"
            )


def resolve(
    dataset: "Dataset", spec: str | SplitByWork, missing_ok: bool = False
) -> dict[str, str]:
    """Return the split of a dataset's pieces that `spec` names or describes.

    Pieces of the dataset that the split does not name are left out.

    Args:
        dataset: the dataset.
        spec: "FILE.csv:COLUMN", where the file has a column piece and COLUMN holds train, valid, test or
            nothing (not in this split); "NAME:COLUMN" for a manifest that comes with msmdtools; "COLUMN" for
            a column of any of these, such as "all_split"; or instructions for making a split.
        missing_ok: whether the split may name pieces that the dataset lacks.

    Returns:
        "train", "valid" or "test" by piece, sorted by piece.

    Raises:
        ManifestError: there is no such file or column, a value is not the name of a part, no piece of the
            dataset is in the split, or (unless `missing_ok`) the dataset lacks some of the named pieces.
        MsmdError: there are fewer works than parts of the split.
    """
    if isinstance(spec, SplitByWork):
        return make(works(dataset.pieces), onsets(dataset), composers(dataset), spec)
    named = read(spec)
    absent = [piece for piece in named if piece not in dataset]
    if absent and not missing_ok:
        raise ManifestError(_absent(dataset, spec, absent, len(named)))
    split = {piece: named[piece] for piece in sorted(named) if piece in dataset}
    if not split:
        raise ManifestError(f"{spec}: the split names none of the pieces of {dataset.path}.")
    return split


def read(spec: str) -> dict[str, str]:
    """Read the split in a column of a CSV file, without the pieces that have no value; see `resolve`.

    Raises:
        ManifestError: there is no such file or column, it is not CSV, or a value is not the name of a part.
    """
    path, column = _locate(spec)
    columns, rows = _read_csv(path)
    if column not in columns:
        offers = ", ".join(_split_columns(columns, rows)) or "none that holds a split"
        wrong = f"has no column {column!r}" if column else "needs a column, as FILE.csv:COLUMN"
        raise ManifestError(f"{path} {wrong}; its columns of splits: {offers}.")
    split: dict[str, str] = {}
    pieces: set[str] = set()
    for number, row in enumerate(rows, start=1):
        piece, value = row["piece"], row[column]
        if value and value not in SPLITS:
            raise ManifestError(
                f"{path}, row {number}, {piece}: {column} is {value!r}; "
                "it can be train, valid, test or empty."
            )
        if piece in pieces:
            raise ManifestError(f"{path}, row {number}: piece {piece} occurs twice.")
        pieces.add(piece)
        if value:
            split[piece] = value
    if not split:
        raise ManifestError(f"{path}: column {column!r} is empty, so no piece is in the split.")
    return split


def write(split: Mapping[str, str], work_of: Mapping[str, str], path: Path) -> None:
    """Write a split as a CSV file with the columns piece, work and split; "PATH:split" reads it again.

    Rows are sorted by piece: the same split gives the same bytes.

    Args:
        split: "train", "valid" or "test" by piece.
        work_of: the work of each piece.
        path: the file; its folder is made if need be.

    Raises:
        ManifestError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, to_csv(split, work_of).encode())
    except OSError as error:
        raise ManifestError(f"Cannot write the split {path}: {why(error)}.") from error


def to_csv(split: Mapping[str, str], work_of: Mapping[str, str]) -> str:
    """Return the text of the CSV file that `write` writes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((piece, work_of[piece], split[piece]) for piece in sorted(split))
    return text.getvalue()


def onsets(dataset: "Dataset") -> dict[str, int]:
    """Count the onsets of each piece: the distinct score times at which a printed head starts to sound.

    A grace note, which stands before its main note, is an onset of its own.
    """
    heads = dataset.table("noteheads").select(["piece", "role", "onset_quarters", "grace_quarters"])
    frame = heads.to_pandas()
    frame = frame[frame["role"] == "played"]
    times = frame["onset_quarters"] - frame["grace_quarters"]
    counts = times.groupby(frame["piece"]).nunique()
    return {piece: int(counts.get(piece, 0)) for piece in dataset.ids}


def composers(dataset: "Dataset") -> dict[str, str]:
    """Return the composer of each piece."""
    return {str(piece): str(composer) for piece, composer in dataset.pieces["composer"].items()}


def make(
    work_of: Mapping[str, str],
    size_of: Mapping[str, int],
    composer_of: Mapping[str, str],
    spec: SplitByWork,
) -> dict[str, str]:
    """Make a split of whole works that comes near to the fractions, overall and, where possible, by composer.

    The works are laid on a line, composer by composer, in an order drawn from the seed; each goes to
    the part that lacks most of what it should have had up to there. So the works of a composer,
    being neighbours, are shared out by the fractions. Then works change parts for as long as that
    brings the whole nearer to the fractions, first those moves that bring it nearest and disturb the
    composers' shares least. The result depends on nothing but the arguments' content.

    Args:
        work_of: the work of each piece.
        size_of: the size of each piece, in onsets. A piece counts as at least one.
        composer_of: the composer of each piece.
        spec: fractions and seed. A part of fraction 0 stays empty.

    Returns:
        The part of each piece, sorted by piece. No part is off by more than twice the largest work's size;
        a part with a fraction above 0 is never empty.

    Raises:
        MsmdError: there are fewer works than parts with a fraction above 0.
    """
    size: dict[str, int] = {}
    composer: dict[str, str] = {}
    for piece, work in sorted(work_of.items()):
        size[work] = size.get(work, 0) + max(1, size_of[piece])
        composer.setdefault(work, composer_of[piece])
    wanted = [s for s, fraction in enumerate(spec.fractions) if fraction > 0]
    if len(size) < len(wanted):
        raise MsmdError(
            f"{len(wanted)} splits need at least {len(wanted)} works, and there are {len(size)}; "
            "use other fractions or more pieces"
        )
    line = sorted(size, key=lambda w: (_draw(spec.seed, composer[w]), _draw(spec.seed, w)))
    sizes = np.array([size[work] for work in line], dtype=np.float64)
    names = sorted(set(composer.values()))
    strata = np.array([names.index(composer[work]) for work in line])
    place = _lay_out(sizes, np.array(spec.fractions))
    _fill_empty(place, sizes, wanted)
    _balance(place, sizes, strata, np.array(spec.fractions))
    split_of = {work: SPLITS[s] for work, s in zip(line, place, strict=True)}
    return {piece: split_of[work_of[piece]] for piece in sorted(work_of)}


def _lay_out(sizes: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    """Assign each work, in the order of the line, to the split that lacks most, the work included."""
    have, place = np.zeros(len(fractions)), np.zeros(len(sizes), dtype=np.int64)
    for n, total in enumerate(np.cumsum(sizes)):
        lack = np.where(fractions > 0, fractions * total - have, -np.inf)
        place[n] = np.argmax(lack)
        have[place[n]] += sizes[n]
    return place


def _fill_empty(place: np.ndarray, sizes: np.ndarray, wanted: list[int]) -> None:
    """Give each empty split that should have works one: the smallest of the split with the most works."""
    for s in wanted:
        if not (place == s).any():
            donor = np.bincount(place, minlength=len(SPLITS)).argmax()
            members = np.flatnonzero(place == donor)
            place[members[sizes[members].argmin()]] = s


def _balance(
    place: np.ndarray, sizes: np.ndarray, strata: np.ndarray, fractions: np.ndarray
) -> None:
    """Move works between splits until no move brings the whole nearer to the fractions."""
    index = np.arange(len(sizes))
    while True:
        excess = np.bincount(place, sizes, len(SPLITS)) - fractions * sizes.sum()
        cells = np.zeros((strata.max() + 1, len(SPLITS)))
        np.add.at(cells, (strata, place), sizes)
        by_composer = (cells - cells.sum(1, keepdims=True) * fractions)[strata]
        # What a move of work n to split s adds to the sum of squared excesses, halved.
        width = sizes[:, None]
        whole = width * (width + excess[None, :] - excess[place][:, None])
        part = width * (width + by_composer - by_composer[index, place][:, None])
        last = np.bincount(place, minlength=len(SPLITS))[place] == 1
        barred = (whole >= -1e-6) | last[:, None] | (fractions == 0)[None, :]
        barred[index, place] = True
        if barred.all():
            return
        work, s = np.unravel_index(np.where(barred, np.inf, whole + part).argmin(), whole.shape)
        place[work] = s


def _draw(seed: int, name: str) -> bytes:
    """Return pseudo-random bytes for a name, the same on every machine."""
    return hashlib.sha256(f"{seed}/{name}".encode()).digest()


def _locate(spec: str) -> tuple[Path, str]:
    """Return the file and the column that a text names."""
    file, colon, column = spec.rpartition(":")
    if not colon and spec.endswith(".csv"):
        file, column = spec, ""
    if file:
        return resources.named_manifest(file), column
    offers: list[str] = []
    for path in sorted(resources.manifests().glob("*.csv")):
        columns, rows = _read_csv(path)
        offers += _split_columns(columns, rows)
        if column in offers:
            return path, column
    raise ManifestError(
        f"No split named {spec!r} comes with msmdtools (there are: {', '.join(offers)}). "
        "For a file of your own write FILE.csv:COLUMN."
    )


def _read_csv(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ManifestError(
            f"No such file of splits: {path}. For one that comes with msmdtools write its "
            "column alone, such as all_split."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"Cannot read the splits of {path}: {why(error)}.") from error
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, restkey="")
    try:
        columns, rows = list(reader.fieldnames or []), list(reader)
    except csv.Error as error:
        raise ManifestError(f"{path}, line {reader.line_num}: not CSV: {error}.") from error
    if "piece" not in columns:
        raise ManifestError(f"{path} has no column piece, so it cannot hold a split.")
    for number, row in enumerate(rows, start=1):
        if None in row.values() or "" in row:
            raise ManifestError(f"{path}, row {number}: not as many values as columns.")
    return columns, rows


def _split_columns(columns: Iterable[str], rows: list[dict[str, str]]) -> list[str]:
    """Return the columns that hold nothing but names of splits."""
    return [
        c
        for c in columns
        if {"train", "test"} & (values := {r[c] for r in rows}) and values <= {"", *SPLITS}
    ]


def _absent(dataset: "Dataset", spec: str, absent: list[str], named: int) -> str:
    """Return the error message about pieces that a split names and the dataset lacks."""
    failed = [piece for piece in absent if piece in dataset.attempted.index]
    unknown = [piece for piece in absent if piece not in dataset.attempted.index]
    parts = []
    if unknown:
        parts.append(f"{len(unknown):,} not attempted: {first_few(unknown, _SHOWN)}")
    if failed:
        reasons = dataset.attempted["reason"]
        failures = (f"{piece} ({reasons[piece]})" for piece in failed)
        parts.append(f"{len(failed):,} failed: {first_few(failures, _SHOWN)}")
    return (
        f"{dataset.path} lacks {len(absent):,} of the {how_many(named, 'piece')} that {spec} names "
        f"({'; '.join(parts)}). Build them, or do without them (--missing-ok)."
    )
