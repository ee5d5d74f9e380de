"""The bars of a score, from the time signatures of a MIDI file, and how each is divided by its metre."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from msmdtools.errors import PieceError

MOST_BARS = 10_000
_USUAL = (4, 4)
_MOST_QUARTERS = 32
# A change of signature is at a multiple of this; what lies between is an inaccuracy of the file.
_FINEST = 16


@dataclass(frozen=True, slots=True)
class ScoreBar:
    """A bar of the score.

    Attributes:
        onset: quarter notes from the start.
        length: in quarter notes; its denominator is a power of two.
        signature: (numerator, denominator).
        changed: whether the signature begins here, and is printed.
    """

    onset: Fraction
    length: Fraction
    signature: tuple[int, int]
    changed: bool

    @property
    def end(self) -> Fraction:
        """Where the next bar begins."""
        return self.onset + self.length

    @property
    def regular(self) -> bool:
        """Whether it is as long as its signature says."""
        return self.length == _quarters(self.signature)

    def levels(self) -> tuple[int, ...]:
        """Into how many equal parts it is divided, those again, and so on, down to its beats; then by two."""
        count, unit = self.signature
        if not self.regular:
            return () if self.length.numerator == 1 else (self.length.numerator,)
        compound = count % 3 == 0 and (count > 3 or unit > 4)
        beats = count // 3 if compound else count
        levels = []
        while beats % 2 == 0:
            levels.append(2)
            beats //= 2
        levels += [beats] if beats > 1 else []
        return (*levels, 3) if compound else tuple(levels)


def make_bars(signatures: Iterable[tuple[Fraction, int, int]], end: Fraction) -> list[ScoreBar]:
    """Make the bars of a score.

    A signature holds from its time on; where that is inside of a bar, the bar ends there. Before the first
    one, and in place of one that no score has, the metre is 4/4.

    Args:
        signatures: (quarter notes, numerator, denominator), by time.
        end: where the last note ends.

    Returns:
        The bars, at least one.

    Raises:
        PieceError: stage "source", reason "too-many-bars".
    """
    changes: dict[Fraction, tuple[int, int]] = {Fraction(0): _USUAL}
    for at, count, unit in signatures:
        power = 0 < unit <= 64 and not unit & (unit - 1)
        usable = power and count > 0 and _quarters((count, unit)) <= _MOST_QUARTERS
        changes[Fraction(round(at * _FINEST), _FINEST)] = (count, unit) if usable else _USUAL
    times = [at for at in sorted(changes) if at < end or not at]
    bars: list[ScoreBar] = []
    for at, until in zip(times, [*times[1:], None], strict=True):
        signature, onset = changes[at], at
        changed = not bars or bars[-1].signature != signature
        while onset < (end if until is None else until) or onset == at:
            length = _quarters(signature)
            if until is not None:
                length = min(length, until - onset)
            bars.append(ScoreBar(onset, length, signature, changed))
            onset, changed = onset + length, False
            if len(bars) > MOST_BARS:
                message = f"the notes spread over more than {MOST_BARS:,} bars"
                raise PieceError("source", "too-many-bars", message)
    return bars


def _quarters(signature: tuple[int, int]) -> Fraction:
    return Fraction(4 * signature[0], signature[1])
