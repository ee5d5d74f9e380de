"""Where in a bar something stands that is no note: its time by beats (`tstamp`), or by the id of a note."""

from lxml import etree

from msmdtools.mei.notes import Bar
from msmdtools.mei.numbers import real, whole
from msmdtools.mei.ties import named

# Verovio writes beats with four decimals; what is that near to one of these parts of a beat is meant to be on it.
_PARTS = (48, 64, 40, 28)
_NEAR = 0.00051
_MOST_BEATS = 10_000


def beats(text: str | None) -> float | None:
    """A time stamp in beats, from 0 at the beginning of the bar; None where it cannot be read."""
    exact = real(text, most=_MOST_BEATS)
    if exact is None:
        return None
    value = float(exact) - 1
    for parts in _PARTS:
        rounded = round(value * parts) / parts
        if abs(rounded - value) < _NEAR:
            return rounded
    return value


def after_start(element: etree._Element, bar: Bar) -> int:
    """How long after the beginning of its bar an element with a time stamp stands."""
    value = beats(element.get("tstamp"))
    return round((value or 0.0) * bar.beat)


def place(element: etree._Element, bar: Bar, places: dict[str, int]) -> int:
    """The written time at which an element stands.

    Args:
        element: something with startid or tstamp.
        bar: its bar.
        places: written times by id.

    Returns:
        The time; that of the beginning of the bar where nothing is said.
    """
    start = named(element.get("startid"))
    if start in places:
        return places[start]
    return max(bar.start, bar.start + after_start(element, bar))


def end_place(
    element: etree._Element, bars: list[Bar], index: int, places: dict[str, int]
) -> int | None:
    """The written time at which an element ends (endid or tstamp2); None where nothing is said.

    Args:
        element: something with an end.
        bars: all bars.
        index: place of its bar among them.
        places: written times by id.

    Returns:
        The time.
    """
    end = named(element.get("endid"))
    if end in places:
        return places[end]
    count, _, rest = (element.get("tstamp2") or "").partition("m+")
    value = beats(rest or None)
    last = index + whole(count, len(bars), 0)
    if value is None or last >= len(bars):
        return None
    bar = bars[last]
    return bar.start + round(value * bar.beat)
