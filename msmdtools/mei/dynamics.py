"""Velocities from dynamic marks and hairpins, on the scale that LilyPond plays them with."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from lxml import etree

from msmdtools.mei.controls import Control
from msmdtools.mei.notes import Bar
from msmdtools.mei.places import end_place, place
from msmdtools.mei.staves import Staves
from msmdtools.mei.tree import plain_text, tag

DEFAULT_VELOCITY = 90
DYNAMIC, HAIRPIN = tag("dynam"), tag("hairpin")

# LilyPond's loudness of each mark, of 127.
_LOUDNESS = {
    "fffff": 0.95,
    "ffff": 0.92,
    "fff": 0.85,
    "ff": 0.80,
    "f": 0.75,
    "mf": 0.68,
    "mp": 0.61,
    "p": 0.55,
    "pp": 0.49,
    "ppp": 0.42,
    "pppp": 0.34,
    "ppppp": 0.25,
}
# A hairpin that leads to no mark changes by about as much as two marks.
_STEP = 17
_LOUDEST, _SOFTEST = 121, 32


@dataclass(slots=True)
class Loudness:
    """How loud a staff is, as pieces of straight lines.

    Attributes:
        times: written times at which a piece begins, sorted.
        pieces: (velocity at its beginning, velocity at its end, its length; 0 for one that stays the same).
    """

    times: list[int] = field(default_factory=list)
    pieces: list[tuple[int, int, int]] = field(default_factory=list)

    def at(self, time: int) -> int:
        """The velocity of a note that begins at a written time."""
        i = bisect_right(self.times, time) - 1
        if i < 0:
            return DEFAULT_VELOCITY
        first, last, length = self.pieces[i]
        if not length:
            return first
        return first + round((last - first) * min(time - self.times[i], length) / length)


def mark(element: etree._Element) -> int | None:
    """The velocity of a dynamic mark: that of the first word that is one, such as "p" in "p dolce"."""
    for word in plain_text(element).replace(",", " ").split():
        if word in _LOUDNESS:
            return round(_LOUDNESS[word] * 127)
    return None


def loudness(
    controls: Sequence[Control], bars: list[Bar], places: dict[str, int], staves: Staves
) -> dict[int, Loudness]:
    """How loud each staff is, by its number.

    A mark holds for all staves of its instrument, except for those that have one of their own at that time.

    Args:
        controls: dynamic marks and hairpins.
        bars: all bars.
        places: written times by id.
        staves: the staves of the score.

    Returns:
        Loudness by staff; none for staves without a mark.
    """
    marks: dict[int, dict[int, int]] = {}
    hairpins: dict[int, list[tuple[int, int, bool]]] = {}
    for control in controls:
        element, bar = control.element, bars[control.bar]
        at = place(element, bar, places)
        for name in (element.get("staff") or "1").split():
            staff = staves.by_name.get(name)
            if staff is None:
                continue
            if element.tag == HAIRPIN:
                end = end_place(element, bars, control.bar, places)
                if end is not None and end > at:
                    louder = element.get("form") == "cres"
                    hairpins.setdefault(staff.number, []).append((at, end, louder))
            elif (velocity := mark(element)) is not None:
                marks.setdefault(staff.number, {}).setdefault(at, velocity)
    instruments: dict[int, list[int]] = {}
    for staff in staves:
        instruments.setdefault(staff.instrument, []).append(staff.number)
    result = {}
    for together in instruments.values():
        for number in together:
            own: dict[int, int] = {}
            swells: dict[int, tuple[int, int, bool]] = {}
            for other in sorted(together, key=lambda n: n == number):
                own |= marks.get(other, {})
                swells |= {h[0]: h for h in hairpins.get(other, [])}
            if own or swells:
                result[number] = _loudness(own, sorted(swells.values()), bars)
    return result


def _loudness(
    marks: dict[int, int], hairpins: Sequence[tuple[int, int, bool]], bars: Sequence[Bar]
) -> Loudness:
    points: list[tuple[int, int, tuple[int, bool] | None]] = [
        (at, 0, (velocity, False)) for at, velocity in marks.items()
    ]
    points += [(at, 1 + end, None if not louder else (0, True)) for at, end, louder in hairpins]
    near = max((bar.length for bar in bars), default=0)
    result = Loudness()
    now = DEFAULT_VELOCITY
    times = sorted(marks)
    for at, end, what in sorted(points, key=lambda p: p[:2]):
        if end == 0 and what is not None:
            now = what[0]
            result.times.append(at)
            result.pieces.append((now, now, 0))
            continue
        stop = end - 1
        following = next((t for t in times if at < t <= stop + near), None)
        goal = now + (_STEP if what else -_STEP)
        if following is not None and (marks[following] > now) == bool(what):
            goal, stop = marks[following], max(min(following, stop), at + 1)
        goal = min(max(goal, _SOFTEST), _LOUDEST)
        result.times.append(at)
        result.pieces.append((now, goal, stop - at))
        now = goal
    return result
