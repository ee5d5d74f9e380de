"""Read an MEI document as written music."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Literal

from lxml import etree

from msmdtools.mei import controls
from msmdtools.mei.controls import Control
from msmdtools.mei.durations import Units
from msmdtools.mei.dynamics import DEFAULT_VELOCITY, DYNAMIC, HAIRPIN, Loudness, loudness
from msmdtools.mei.layers import Layers
from msmdtools.mei.marks import read_marks, times_of_sections
from msmdtools.mei.musicxml_ties import UNSAID, SourceTies
from msmdtools.mei.notes import Bar, Sound
from msmdtools.mei.order import Contradiction, Passage, as_written, has_repeats, unfolded
from msmdtools.mei.pitches import rules
from msmdtools.mei.repeated import repeat
from msmdtools.mei.staves import Staves
from msmdtools.mei.striking import strike
from msmdtools.mei.ties import link
from msmdtools.mei.timeline import Timeline
from msmdtools.mei.tree import Item, items, origin, parse, scores, tag
from msmdtools.mei.written import Written
from msmdtools.score import TICKS_PER_QUARTER

Repeats = Literal["written", "unfolded"]

_MEASURE, _SCORE_DEF, _TIE = tag("measure"), tag("scoreDef"), tag("tie")


@dataclass(slots=True)
class Movement:
    """A score of the document.

    Attributes:
        measures: its bars as elements.
        tempi: (written time, microseconds per quarter note), by time.
        pedals: for each staff, by its number, (written time, value), by time.
        loudness: of each staff, by its number.
        times: how often sections are played on end (`times_of_sections`).
    """

    staves: Staves
    bars: list[Bar] = field(default_factory=list)
    measures: list[Item] = field(default_factory=list)
    tempi: list[tuple[int, int]] = field(default_factory=list)
    pedals: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    loudness: dict[int, Loudness] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)

    def velocity(self, sound: Sound) -> int:
        """The velocity of a note: its own, or that of the marks of its staff."""
        if sound.velocity:
            return sound.velocity
        of_staff = self.loudness.get(sound.staff.number)
        return of_staff.at(sound.onset) if of_staff else DEFAULT_VELOCITY


def read(
    mei: str | bytes,
    *,
    repeats: Repeats = "written",
    transpose: int = 0,
    audible: Container[str] = frozenset(),
    ties: SourceTies = UNSAID,
    shifts: Mapping[str, int] | None = None,
) -> Written:
    """Compute the written music of an MEI document.

    Verovio gives the document of what it has loaded, with the ids of its pictures, by
    `toolkit.getMEI({"scoreBased": True})`.

    Args:
        mei: the document.
        repeats: whether repeats are played once, as they are printed, or unfolded. Where they contradict each
            other they are played as they are printed, and `Written.repeats_reason` says why.
        transpose: semitones by which all pitches are raised, percussion excepted. A document that Verovio has
            transposed already needs none.
        audible: ids of notes that sound although the document calls them cues
            (`msmdtools.mei.musicxml.Mended`).
        ties: where ties lead of which the document does not say it, or says it wrongly (the same).
        shifts: by the ids of notes, how many semitones higher they sound than the document says.

    Returns:
        The written music.

    Raises:
        ValueError: it is not well-formed, no MEI, or has no bars.
    """
    root = parse(mei)
    source = origin(root)
    units = Units(root)
    timeline = Timeline(units)
    outcomes: dict[str, str] = {}
    bars: list[Bar] = []
    for score in scores(root):
        layers = Layers(units, Staves(*rules(root, source)), transpose, audible, shifts or {})
        movement = _movement(score, layers, not source, bars[-1:], ties)
        if not movement.bars:
            continue
        bars += movement.bars
        passages, outcome, reason = _passages(movement, repeats)
        outcomes[outcome] = outcomes.get(outcome) or reason
        shortest = units.quarter // TICKS_PER_QUARTER
        played = strike(movement.bars, passages, movement.velocity, shortest)
        first = movement.bars[0].index
        timeline.add(movement.staves, passages, played, movement.tempi, movement.pedals, first)
    if not bars:
        raise ValueError("the document has no bars")
    outcome = next(o for o in ("written", "unfolded", "none") if o in outcomes)
    return timeline.written(bars, outcome, outcomes[outcome])


def _passages(movement: Movement, repeats: Repeats) -> tuple[tuple[Passage, ...], str, str]:
    """The passages in the order in which they are played, and `Written.repeats` and `repeats_reason`."""
    bars = movement.bars
    if repeats == "written":
        return as_written(bars), "written", ""
    marks = read_marks(movement.measures, bars, movement.times)
    if not has_repeats(bars, marks):
        return as_written(bars), "none", ""
    try:
        return unfolded(bars, marks), "unfolded", ""
    except Contradiction as error:
        return as_written(bars), "written", str(error)


def _movement(
    score: etree._Element,
    layers: Layers,
    native: bool,
    before: list[Bar],
    known: SourceTies,
) -> Movement:
    """Read a score that follows the last bar of those before it."""
    staves = layers.staves
    movement = Movement(staves, times=times_of_sections(score))
    ties: list[etree._Element] = []
    others: dict[str, list[Control]] = {name: [] for name in _CONTROLS}
    index, start = (before[0].index + 1, before[0].end) if before else (0, 0)
    for item in items(score):
        element = item.element
        if element.tag != _MEASURE:
            staves.define(element)
            if element.tag == _SCORE_DEF and (us := controls.us_per_quarter(element)) is not None:
                movement.tempi.append((start, us))
            continue
        bar = layers.read(element, index, start)
        for child in element:
            if child.tag == _TIE:
                ties.append(child)
            elif child.tag in others:
                others[child.tag].append(Control(child, len(movement.bars)))
        movement.bars.append(bar)
        movement.measures.append(item)
        index, start = index + 1, bar.end
    bars, places = movement.bars, layers.places_of_all()
    link(ties, layers.sounds, layers.chords, known)
    if native:
        numbers = {name: staff.number for name, staff in staves.by_name.items()}
        controls.shift_octaves(others[controls.OCTAVE], bars, places, numbers)
    repeat(bars)
    movement.tempi += controls.tempi(others[controls.TEMPO], bars, places)
    movement.tempi = sorted(dict(movement.tempi).items())
    movement.pedals = controls.pedals(others[controls.PEDAL], bars, places, staves)
    movement.loudness = loudness(others[DYNAMIC] + others[HAIRPIN], bars, places, staves)
    return movement


_CONTROLS = (controls.TEMPO, controls.PEDAL, controls.OCTAVE, DYNAMIC, HAIRPIN)
