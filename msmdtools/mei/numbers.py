"""Numbers in attributes, within bounds: a document may say anything."""

import math
from fractions import Fraction


def whole(text: str | None, otherwise: int, least: int = 1, most: int = 10_000) -> int:
    """A whole number.

    Args:
        text: what an attribute says.
        otherwise: what counts where that is no number from `least` to `most`.
        least: smallest number.
        most: largest number.

    Returns:
        The number.
    """
    try:
        number = int(text or "")
    except ValueError:
        return otherwise
    return number if least <= number <= most else otherwise


def real(text: str | None, most: float = 1e6) -> Fraction | None:
    """A number, exactly as its decimals say; None where there is none, or it is larger than `most`."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    if not math.isfinite(number) or not abs(number) <= most:
        return None
    return Fraction(text or "") if abs(number) > 1e-6 else Fraction(0)
