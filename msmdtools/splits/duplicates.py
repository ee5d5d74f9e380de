"""Near-duplicates: pairs of pieces that share music, found from their notes.

The skylines of pieces are compared: the highest pitch that starts at each onset, without grace notes and
tied notes. A skyline does not depend on how voices, staves and hands are written, and one changed inner note
leaves it as it is. Every `LENGTH` consecutive onsets make one n-gram: their pitches, and the ratios of
the times between them, so note values written twice as long do not matter either. With `transpose`,
pitches are relative to the first.

The score of a pair is containment: how much of the piece with fewer distinct n-grams is also in the
other, 0 to 1. The Jaccard index, the usual choice, hides the worst leak: a minuet inside a file with
its whole suite shares all of its music and still has an index near 0. Two editions score above 0.95,
two versions of a dance 0.3; below 0.1 lie the scales and broken chords that all music has in common.
Ignoring transposition makes all scales alike, and raises that floor to 0.28 for short studies.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from msmdtools.errors import MsmdError

if TYPE_CHECKING:
    import pandas as pd

    from msmdtools.dataset.reader import Dataset

COLUMNS = ("piece", "role", "grace", "onset_quarters", "pitch")
LENGTH = 8
REPORTED = 0.1
LEAK = 0.2

# Odd 64-bit multipliers, so that the multiplication is a bijection modulo 2**64.
_PITCH = np.uint64(0x9E3779B97F4A7C15)
_RATIO = np.uint64(0xC2B2AE3D27D4EB4F)
_STEP = np.uint64(0xD6E8FEB86659FD93)


class Pair(NamedTuple):
    """Two pieces that share music.

    Attributes:
        piece_a: id of the one piece, in alphabetical order the first unless a function says otherwise.
        piece_b: id of the other piece.
        score: how much of the piece with fewer n-grams is in the other, from 0 to 1.
    """

    piece_a: str
    piece_b: str
    score: float


def near_duplicates(
    dataset: "Dataset",
    pieces: Iterable[str] | None = None,
    transpose: bool = False,
    threshold: float = REPORTED,
    length: int = LENGTH,
) -> list[Pair]:
    """Return the pairs of pieces in a dataset that share music, the most similar first.

    Args:
        dataset: the dataset; its note heads are compared, so performances do not matter.
        pieces: ids of the pieces to compare with each other; None for all.
        transpose: whether music counts as the same when it is transposed.
        threshold: the lowest score of a pair that is listed, above 0 and up to 1.
        length: number of onsets in an n-gram, 3 or more. Pieces with fewer onsets are in no pair.

    Returns:
        The pairs with a score of at least `threshold`, by falling score.

    Raises:
        DatasetError: the dataset lacks one of the pieces.
        MsmdError: the threshold or the length is out of its range.
    """
    heads = dataset.table("noteheads").select(list(COLUMNS)).to_pandas()
    if pieces is not None:
        names = {dataset[piece].piece for piece in pieces}  # a piece not there raises here
        heads = heads[heads["piece"].isin(names)]
    return compare(heads, transpose, threshold, length)


def compare(
    heads: "pd.DataFrame",
    transpose: bool = False,
    threshold: float = REPORTED,
    length: int = LENGTH,
) -> list[Pair]:
    """Return the pairs of pieces that share music, from rows of the note heads table.

    Args:
        heads: rows in any order, with `COLUMNS`; all of their pieces are compared.
        transpose: whether music counts as the same when it is transposed.
        threshold: the lowest score of a pair that is listed, above 0 and up to 1.
        length: number of onsets in an n-gram, 3 or more.

    Returns:
        The pairs with a score of at least `threshold`, by falling score.

    Raises:
        MsmdError: the threshold or the length is out of its range.
    """
    if not 0 < threshold <= 1:
        raise MsmdError(f"the threshold is {threshold}; it must be above 0 and at most 1")
    if length < 3:
        raise MsmdError(
            f"the length is {length} onsets; it must be at least 3, as two have no rhythm"
        )
    names, owner, grams = ngrams(heads, transpose, length)
    size = np.bincount(owner, minlength=len(names))
    first, second, shared = _shared(owner, grams, len(names))
    score = shared / np.minimum(size[first], size[second])
    pairs = [
        Pair(names[a], names[b], float(value))
        for a, b, value in zip(first, second, score, strict=True)
        if value >= threshold
    ]
    return sorted(pairs, key=lambda pair: (-pair.score, pair))


def crossing(
    pairs: Iterable[Pair], split: Mapping[str, str], threshold: float = LEAK
) -> list[Pair]:
    """Return the pairs whose pieces are in different parts of a split.

    Args:
        pairs: pairs of pieces, from `compare`.
        split: "train", "valid" or "test" by piece; pairs with a piece that is not in it are left out.
        threshold: the lowest score of a pair that counts.

    Returns:
        These pairs, in the order in which they were given.
    """
    return [
        pair
        for pair in pairs
        if pair.score >= threshold
        and pair.piece_a in split
        and pair.piece_b in split
        and split[pair.piece_a] != split[pair.piece_b]
    ]


def leaks(pairs: Iterable[Pair], split: Mapping[str, str], threshold: float = LEAK) -> list[str]:
    """Return the training pieces that share music with a validation or test piece, and so should be dropped.

    Pairs between valid and test do not matter here; `crossing` lists them.

    Args:
        pairs: pairs of pieces, from `compare`.
        split: "train", "valid" or "test" by piece.
        threshold: the lowest score of a pair that counts.

    Returns:
        The ids of the pieces, sorted.
    """
    leaking = {p for pair in crossing(pairs, split, threshold) for p in pair[:2]}
    return sorted(p for p in leaking if split[p] == "train")


def skyline(
    piece: NDArray[np.int64], time: ArrayLike, pitch: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return the highest pitch at each onset of each piece.

    Args:
        piece: number of the piece of each note, (notes,).
        time: onset of each note in quarter notes, (notes,).
        pitch: MIDI number of each note, (notes,).

    Returns:
        Piece, pitch and time (quarter notes) of each onset, (onsets,) each, sorted by piece and time.
    """
    times = np.asarray(np.round(np.asarray(time, np.float64), 6), np.float64)
    pitches = np.asarray(pitch, np.int64)
    order = np.lexsort((-pitches, times, piece))
    owner, times, pitches = piece[order], times[order], pitches[order]
    starts = np.ones(len(owner), bool)
    starts[1:] = (np.diff(owner) != 0) | (np.diff(times) != 0)
    return owner[starts], pitches[starts], times[starts]


def ngrams(
    heads: "pd.DataFrame", transpose: bool = False, length: int = LENGTH
) -> tuple[list[str], NDArray[np.int64], NDArray[np.uint64]]:
    """Return the distinct n-grams of the skylines of pieces, as hashes.

    Args:
        heads: rows of the note heads table in any order, with `COLUMNS`.
        transpose: whether music counts as the same when it is transposed.
        length: number of onsets in an n-gram, 3 or more.

    Returns:
        The ids of the pieces, sorted; and for each n-gram the number of its piece among them and a 64-bit
        hash, (n-grams,) each, sorted by hash, then by piece.
    """
    import pandas as pd

    heads = heads[(heads["role"] == "played") & ~heads["grace"]]
    codes, names = pd.factorize(heads["piece"], sort=True)
    piece, pitch, time = skyline(codes, heads["onset_quarters"], heads["pitch"])
    return list(map(str, names)), *_ngrams(piece, pitch, time, transpose, length)


def _ngrams(
    piece: NDArray[np.int64],
    pitch: NDArray[np.int64],
    time: NDArray[np.float64],
    transpose: bool,
    length: int,
) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """The distinct n-grams of each piece as (piece, 64-bit hash), sorted by hash, then piece.

    Among the millions of n-grams of thousands of pieces, that two different ones have one hash is
    expected less than once in a million runs.
    """
    count = max(0, len(piece) - length + 1)
    gap = np.diff(time)
    with np.errstate(divide="ignore", invalid="ignore"):  # between pieces time runs backwards
        ratio = np.round(1000 * np.log2(gap[1:] / gap[:-1]))
    ratios = np.nan_to_num(ratio, nan=0, posinf=0, neginf=0).astype(np.int64)
    grams = np.zeros(count, np.uint64)
    for n in range(length):
        tone = pitch[n : n + count] - (pitch[:count] if transpose else 0)
        grams = _mix(grams, tone, _PITCH)
        if n < length - 2:
            grams = _mix(grams, ratios[n : n + count], _RATIO)
    within_piece = piece[:count] == piece[length - 1 :][:count]
    owner, grams = piece[:count][within_piece], grams[within_piece]
    order = np.lexsort((owner, grams))
    owner, grams = owner[order], grams[order]
    fresh = np.ones(len(owner), bool)
    fresh[1:] = (np.diff(owner) != 0) | (grams[1:] != grams[:-1])
    return owner[fresh], grams[fresh]


def _mix(
    hashed: NDArray[np.uint64], values: NDArray[np.int64], by: np.uint64
) -> NDArray[np.uint64]:
    """The next state of a hash, modulo 2**64, after these values."""
    state = (hashed ^ (values.astype(np.uint64) * by)) * _STEP
    return np.asarray(state ^ (state >> np.uint64(29)), np.uint64)


def _shared(
    owner: NDArray[np.int64], grams: NDArray[np.uint64], pieces: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return each pair of pieces with n-grams in common: both pieces, and the number of these n-grams.

    The sorted n-grams are an inverted index: the pieces of one n-gram lie next to each other. So
    all pairs at distance 1 in it are compared at once, then those at distance 2, until none is left.
    """
    keys, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
    starts = np.arange(len(grams))
    distance = 1
    while True:
        starts = starts[starts + distance < len(grams)]
        starts = starts[grams[starts] == grams[starts + distance]]
        if not len(starts):
            return keys // pieces, keys % pieces, counts
        neighbours = owner[starts] * pieces + owner[starts + distance]
        keys, position = np.unique(np.concatenate([keys, neighbours]), return_inverse=True)
        weights = np.concatenate([counts, np.ones(len(neighbours), np.int64)])
        counts = np.bincount(position, weights).astype(np.int64)
        distance += 1
