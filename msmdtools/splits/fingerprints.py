"""Fingerprints: a few hundred bytes of each piece that suffice to recognise its music.

A fingerprint is a sample of the n-grams of `msmdtools.splits.duplicates`, in the form that is the same
in any key and at any tempo: their hashes are cut to 32 bits, and the smallest ones are kept, one in
`SHARE` but at least `LEAST`. Which n-grams are kept depends on the n-grams alone, so two pieces that
have music in common keep the same part of it, and the kept hashes show how much they have in common:

- up to the smaller of the largest hashes that two fingerprints keep, both are complete;
- the score, as in `duplicates`, is how many of the n-grams of the piece with fewer of them the other has,
  counted in that range alone: all of it where a piece is short, a sample where both are long.

Method: A. Broder, "On the resemblance and containment of documents" (1997), section 4: sketches that keep
the smallest hashes.
"""

import base64
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from msmdtools.errors import MsmdError
from msmdtools.splits.duplicates import COLUMNS, LENGTH, Pair, ngrams

if TYPE_CHECKING:
    import pandas as pd

    from msmdtools.dataset.reader import Dataset

SHARE, LEAST = 8, 64
# Scores below `ALIKE` come from scales and broken chords, which are alike in any key, and from small samples;
# fewer than `FEWEST` n-grams in common are no evidence at all.
ALIKE, FEWEST = 0.45, 3
_LAST = 2**32 - 1


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprint:
    """A sample of a piece's n-grams by which its music can be recognised.

    Attributes:
        ngrams: number of distinct n-grams of the piece; 0 with fewer than 8 onsets.
        hashes: the smallest of their hashes, uint32, ascending.
    """

    ngrams: int
    hashes: NDArray[np.uint32]

    @property
    def reach(self) -> int:
        """The hash up to which the fingerprint is complete: no hash of the piece up to there is missing."""
        whole = len(self.hashes) == self.ngrams
        return _LAST if whole else int(self.hashes[-1])


def of_hashes(hashes: ArrayLike) -> Fingerprint:
    """Return the fingerprint of a piece with n-grams of these 32-bit hashes; duplicates count once."""
    distinct = np.unique(np.asarray(hashes, np.uint32))
    return Fingerprint(len(distinct), distinct[: max(LEAST, len(distinct) // SHARE)])


def of_dataset(dataset: "Dataset", pieces: Iterable[str]) -> dict[str, Fingerprint]:
    """Return the fingerprint of each of some pieces, by id in alphabetical order.

    Raises:
        DatasetError: the dataset lacks a piece, or the table of note heads is missing or damaged.
    """
    names = sorted({dataset[piece].piece for piece in pieces})
    heads = dataset.table("noteheads").select(list(COLUMNS)).to_pandas()
    fingerprints = of_heads(heads[heads["piece"].isin(names)])
    return {piece: fingerprints.get(piece, of_hashes(())) for piece in names}


def of_heads(heads: "pd.DataFrame") -> dict[str, Fingerprint]:
    """Return the fingerprint of each piece in rows of the note heads table with `duplicates.COLUMNS`."""
    names, owner, grams = ngrams(heads, transpose=True, length=LENGTH)
    # The best mixed bits of a product are its highest.
    cut = ((grams * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)).astype(np.uint32)
    return {name: of_hashes(cut[owner == number]) for number, name in enumerate(names)}


def alike(
    pieces: Mapping[str, Fingerprint], others: Mapping[str, Fingerprint], threshold: float = ALIKE
) -> list[Pair]:
    """Return the pairs of a piece and another piece that share music, in any key, the most similar first.

    Args:
        pieces: fingerprints by id; `Pair.piece_a` is one of them.
        others: fingerprints by id; `Pair.piece_b` is one of them.
        threshold: the lowest score of a pair that is listed, above 0 and up to 1.

    Returns:
        The pairs with a score of at least `threshold`, by falling score.
    """
    names = list(others)
    owner = np.repeat(np.arange(len(names)), [len(others[name].hashes) for name in names])
    hashes = np.concatenate([np.zeros(0, np.uint32), *(others[name].hashes for name in names)])
    order = np.argsort(hashes, kind="stable")
    hashes, owner = hashes[order], owner[order]
    pairs = []
    for piece, fingerprint in pieces.items():
        low = np.searchsorted(hashes, fingerprint.hashes, side="left")
        high = np.searchsorted(hashes, fingerprint.hashes, side="right")
        hits = [owner[a:b] for a, b in zip(low, high, strict=True) if b > a]
        if not hits:
            continue
        numbers, shared = np.unique(np.concatenate(hits), return_counts=True)
        for number, count in zip(numbers.tolist(), shared.tolist(), strict=True):
            candidate = others[names[number]]
            reach = min(fingerprint.reach, candidate.reach)
            fewest = min(
                np.searchsorted(f.hashes, reach, "right") for f in (fingerprint, candidate)
            )
            score = count / int(fewest)
            if score >= threshold and count >= FEWEST:
                pairs.append(Pair(piece, names[number], score))
    return sorted(pairs, key=lambda pair: (-pair.score, pair))


def encode(fingerprints: Mapping[str, Fingerprint]) -> dict[str, Any]:
    """Return fingerprints as values for JSON: `pieces`, the ids sorted, and `music`, all hashes as text."""
    names = sorted(fingerprints)
    selected = [fingerprints[name] for name in names]
    numbers = [
        np.array([value for f in selected for value in (f.ngrams, len(f.hashes))], np.uint32)
    ]
    # Differences of ascending numbers: their high bytes are mostly alike.
    numbers += [np.diff(f.hashes, prepend=np.uint32(0)).astype(np.uint32) for f in selected]
    raw = np.concatenate(numbers).astype("<u4").view(np.uint8).reshape(-1, 4).T
    packed = zlib.compress(raw.tobytes(), 9)
    return {"pieces": names, "music": base64.b85encode(packed).decode()}


def decode(values: Mapping[str, Any]) -> dict[str, Fingerprint]:
    """Return the fingerprints that `encode` turned into values.

    Raises:
        MsmdError: the values are damaged.
    """
    try:
        names = list(values["pieces"])
        raw = np.frombuffer(zlib.decompress(base64.b85decode(values["music"])), np.uint8)
        numbers = np.ascontiguousarray(raw.reshape(4, -1).T).view("<u4").reshape(-1)
        counts = numbers[: 2 * len(names)].reshape(-1, 2).astype(np.int64)
        parts = np.split(numbers[2 * len(names) :], np.cumsum(counts[:, 1]))
        if len(parts) != len(names) + 1 or len(parts[-1]) or (counts[:, 1] > counts[:, 0]).any():
            raise ValueError("another number of hashes")
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise MsmdError(
            "the fingerprints of pieces are damaged; export the snippets, or train the weights, again"
        ) from error
    return {
        name: Fingerprint(int(total), np.cumsum(part, dtype=np.uint32))
        for name, (total, _), part in zip(names, counts.tolist(), parts[:-1], strict=True)
    }
