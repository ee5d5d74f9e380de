"""Align the tokens of a scan with those of an engraving: by dynamic programming, with jumps.

Along the way either side may skip tokens, at a cost. At bar lines the way may leave the score and come back to it
at any other: where an edition writes a repeat out, leaves an ending away, lacks a page, or has other music before,
between or behind.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from msmdtools.errors import MsmdError
from msmdtools.link.tokens import BAR_LINE, COLUMN, END, START, Printed, Written

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

# Of a head of a column: found, missing, and of a head of the scan that is not in the score.
_FOUND, _MISSING, _EXTRA = 1.6, 1.5, 0.45
# Two columns with nothing in common, as under another clef or an octave line: no worse than this.
_UNLIKE = -1.2
# A column that is skipped: in the score, in the scan; for each head of it, and at most.
_SKIP_WRITTEN, _SKIP_PRINTED = (0.5, 0.6, 2.6), (0.15, 0.4, 1.6)
# A bar line of both, one of the score alone, and one of the scan alone, if it is sure; a system that ends without.
_BAR_FOUND, _BAR_WRITTEN, _BAR_PRINTED, _END_ALONE = 1.6, 1.8, 1.3, 2.0
# To leave the score, or come back to it, and each token of the scan without it.
_JUMP, _AWAY = 7.0, 0.2
_BLOCK = 256
# Tokens of the scan times tokens of the engraving: a byte each.
LARGEST = 2_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """The way of a scan over the engraving: for each token of the scan, tokens of the engraving.

    Attributes:
        partner: (n,) the one that it is; -1 for none.
        arrives, leaves: (n,) where the way comes to it and goes on from it: the last token of the engraving that
            is done; -1 while the way is away from the score. They differ at a jump alone.
        agreement: (n,) of a column with a partner, how much of the partner's heads it has, from 0 to 1.
        score: of the whole way.
    """

    partner: Integers
    arrives: Integers
    leaves: Integers
    agreement: Floats
    score: float


_DIAGONAL, _PRINTED, _WRITTEN, _ENTRY = range(4)


def align(scan: Printed, score: Written, shifts: Integers) -> Alignment:
    """The best way.

    Args:
        scan: its tokens.
        score: those of the engraving.
        shifts: for each token of the scan, how many staves its system lacks at the top.

    Returns:
        The way with the highest score.

    Raises:
        MsmdError: both are so long that the alignment would not fit into memory.
    """
    n, m = len(scan.kind), len(score.kind)
    if n * m > LARGEST:
        raise MsmdError(
            f"it is too long to be aligned: {n:,} columns of notes and bar lines on the scan, {m:,} in the "
            "piece; give only those pages that have the piece"
        )
    lines = score.kind == BAR_LINE
    a, b, most = _SKIP_WRITTEN
    leave = np.where(lines, _BAR_WRITTEN, np.minimum(a + b * score.count, most))
    spent = np.cumsum(leave).astype(np.float32)
    # From where each entry of a row came, and from which bar line the way left the score; -1: it was away before.
    pointer, left = np.zeros((n, m), np.int8), np.full(n, -1, np.int64)
    away, best = np.float32(0), np.full(m, -np.inf, np.float32)
    likeness = np.zeros((0, m), np.float32)
    for i in range(n):
        if i % _BLOCK == 0:
            likeness = _likeness(scan, score, shifts, slice(i, i + _BLOCK))
        kind, sure = int(scan.kind[i]), float(scan.sure[i])
        diagonal = np.full(m, -np.inf, np.float32)
        if kind == COLUMN:
            found = likeness[i % _BLOCK]
            gain = _FOUND * found - _MISSING * np.maximum(score.count - found, 0)
            gain -= _EXTRA * np.maximum(sure - found, 0)
            gain = np.maximum(gain, _UNLIKE)
            diagonal[1:] = np.where(lines[1:], -np.inf, best[:-1] + gain[1:])
            a, b, most = _SKIP_PRINTED
            skip = min(a + b * sure, most)
        else:
            bonus = {START: 0.0, END: _BAR_FOUND}.get(kind, _BAR_FOUND * sure)
            diagonal[1:] = np.where(lines[1:], best[:-1] + np.float32(bonus), -np.inf)
            skip = {START: 0.0, END: _END_ALONE}.get(kind, _BAR_PRINTED * sure)
        row = best - np.float32(skip)
        step = np.where(diagonal > row, np.int8(_DIAGONAL), np.int8(_PRINTED))
        row, step = _spread(np.maximum(row, diagonal), step, spent)
        away -= np.float32(_AWAY)
        if kind != COLUMN:
            on_line = np.where(lines, row, -np.inf)
            last = int(on_line.argmax())
            if on_line[last] - _JUMP > away:
                away, left[i] = on_line[last] - np.float32(_JUMP), last
            entry = np.where(lines, away - np.float32(_JUMP if i else 0), -np.inf)
            step = np.where(entry > row, np.int8(_ENTRY), step)
            row, step = _spread(np.maximum(row, entry), step, spent)
        pointer[i], best = step, row
    return _way(scan, score, pointer, left, best, float(away), shifts)


def _spread(row: Floats, step: NDArray[np.int8], spent: Floats) -> tuple[Floats, NDArray[np.int8]]:
    """Skip tokens of the score, where that is better."""
    skipped = np.maximum.accumulate(row + spent) - spent
    further = skipped > row + 1e-3
    return np.where(further, skipped, row).astype(np.float32), np.where(
        further, np.int8(_WRITTEN), step
    )


def _likeness(scan: Printed, score: Written, shifts: Integers, part: slice) -> Floats:
    """How many heads of each column of the score each column of the scan has: (part, m)."""
    shapes = scan.steps[part].copy()
    for shift in np.unique(shifts[part]):
        if shift:
            own = shifts[part] == shift
            shapes[own] = np.roll(shapes[own], shift, axis=1)
    flat = shapes.reshape(len(shapes), -1)
    return np.asarray(flat @ score.steps.reshape(len(score.steps), -1).T, np.float32)


def _way(
    scan: Printed,
    score: Written,
    pointer: NDArray[np.int8],
    left: Integers,
    best: Floats,
    away: float,
    shifts: Integers,
) -> Alignment:
    """Follow the best way back from its end."""
    n = len(scan.kind)
    partner, arrives, leaves = (np.full(n, -1, np.int64) for _ in range(3))
    seen = np.zeros(n, bool)  # whether it is known where the way goes on from a token
    i, j = n - 1, int(best.argmax())
    is_away, total = away > best[j], max(float(best[j]), away)
    while i >= 0:
        if is_away:
            if left[i] < 0:
                i -= 1
                continue
            j, is_away = int(left[i]), False
        elif not seen[i]:
            leaves[i] = j
        seen[i] = True
        step = pointer[i, j]
        if step == _WRITTEN:
            j -= 1
            continue
        if step == _ENTRY:
            partner[i] = j
            is_away = True
            if left[i] < 0:
                i -= 1
            continue
        arrives[i] = j
        if step == _DIAGONAL:
            partner[i] = j
            j -= 1
        i -= 1
    agreement = np.zeros(n, np.float32)
    for k in np.flatnonzero((partner >= 0) & (scan.kind == COLUMN)):
        found = float(_likeness(scan, score, shifts, slice(k, k + 1))[0, partner[k]])
        agreement[k] = min(found / max(score.count[partner[k]], 1), 1.0)
    return Alignment(partner, arrives, leaves, agreement, total)
