"""Play the notes in the order of the passages: which keys are struck when, by which notes.

- Grace notes sound before their main note, which keeps its place; each lasts 9/40 of its written length. A note
  of the same layer that ends there gives way to them.
- A note continues the note that its tie comes from if that one was played just before it on the page, or ends
  where it begins. Where the performance leaps forward, as into a second ending or to a Coda, a tie joins the note
  that ends there with the one of its layer and pitch that is played next. Otherwise a note is struck.
- Notes of one staff with one pitch at one moment are one key. A key that is struck while it sounds is released
  first.
- A note that would sound beyond a passage is released at its end, if the performance goes on elsewhere.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from operator import itemgetter

from msmdtools.mei.notes import Bar, Sound
from msmdtools.mei.order import Passage

GRACE = 9, 40
"""How long grace time is, as a fraction of what is written."""


@dataclass(slots=True, eq=False)
class Key:
    """A key that is struck, in units of played time.

    Attributes:
        sounds: the notes that start it.
        reason: why none does.
        index: its place among all keys, once they are in order.
    """

    onset: int
    offset: int
    sound: Sound
    velocity: int
    sounds: list[Sound]
    reason: str
    index: int = -1


@dataclass(slots=True)
class Played:
    """What is struck.

    Attributes:
        keys: in no order.
        starts: for each note the keys that it starts.
        continues: for each note the keys that it continues.
        tied_to: for each of these notes the one that it continues, the first time that it does.
        lead: how much everything is later than written, since grace notes come first.
    """

    keys: list[Key] = field(default_factory=list)
    starts: dict[Sound, list[Key]] = field(default_factory=dict)
    continues: dict[Sound, list[Key]] = field(default_factory=dict)
    tied_to: dict[Sound, Sound] = field(default_factory=dict)
    lead: int = 0


Place = tuple[int, int, int, float]
"""Onset, staff, pitch and cents: what one key has of its own."""

Voice = tuple[int, int, int, float]
"""Staff and layer, pitch and cents: what two notes share that a tie joins over a seam."""


def grace_time(length: int) -> int:
    """How long grace notes of a written length last."""
    return length * GRACE[0] // GRACE[1]


def strike(
    bars: Sequence[Bar],
    passages: Sequence[Passage],
    velocity: Callable[[Sound], int],
    shortest: int,
) -> Played:
    """Play the passages.

    Args:
        bars: the bars of one score.
        passages: in the order in which they are played.
        velocity: of each note.
        shortest: what a key sounds at least.

    Returns:
        The keys; the earliest is not before the start of the first passage.
    """
    played = Played()
    # By note: the key that last sounded for it, where its passage was, and when it ended.
    sounding: dict[Sound, tuple[Key, int, int]] = {}
    at_once: dict[Place, Key] = {}
    # The notes that are tied onwards over a leap forward.
    waiting: dict[Voice, Sound] = {}
    for number, passage in enumerate(passages):
        following = passages[number + 1] if number + 1 < len(passages) else None
        limit = passage.end + passage.shift if following else None
        forward = following is not None and following.start >= passage.end
        over, waiting = waiting, {}
        for start, _, sound in _in_order(bars, passage):
            onset = start + passage.shift
            end = _end(sound, start) + passage.shift
            if limit is not None and onset < limit < end:
                end = limit
            end = max(end, onset + shortest)
            key = None
            for first in (sound.tied, over.get(_voice(sound)) if over else None):
                if first is None or first not in sounding:
                    continue
                before, shift, until = sounding[first]
                if shift == passage.shift or until == onset:
                    key = before
                    played.continues.setdefault(sound, []).append(key)
                    played.tied_to.setdefault(sound, first)
                    key.offset = max(key.offset, end)
                    break
            if sound.reason and key is None:
                continue  # a cue that continues no sounding note
            if key is None:
                key = _struck(sound, onset, end, at_once, played, velocity)
            if sound.stroke:
                key = _strokes(sound, key, onset, end, at_once, played)
            sounding[sound] = key, passage.shift, end
            if forward and sound.onwards and end == limit:
                waiting[_voice(sound)] = sound
    _release(played.keys)
    played.lead = max(0, -min((key.onset for key in played.keys), default=0))
    for key in played.keys:
        key.onset += played.lead
        key.offset += played.lead
    return played


def _voice(sound: Sound) -> Voice:
    return sound.home, sound.layer, sound.pitch, sound.cents


def _in_order(bars: Sequence[Bar], passage: Passage) -> list[tuple[int, int, Sound]]:
    """The notes of a passage that sound, by the written time at which they do."""
    notes: list[tuple[int, int, Sound]] = []
    whole = len(passage.bars)
    for k, i in enumerate(passage.bars):
        bar = bars[i]
        inside = 0 < k < whole - 1 or (passage.start <= bar.start and bar.end <= passage.end)
        for sound in bar.sounds:
            if sound.reason and (sound.tied is None or sound.reason != "cue"):
                continue
            if not inside and not (passage.start <= sound.onset < passage.end):
                continue
            start = sound.onset - grace_time(sound.grace) if sound.grace else sound.onset
            notes.append((start, -sound.grace, sound))
    notes.sort(key=itemgetter(0, 1))
    return notes


def _end(sound: Sound, start: int) -> int:
    if sound.grace:
        return start + grace_time(min(sound.duration, sound.grace))
    end = start + sound.span
    if sound.grace_after:
        end -= grace_time(sound.grace_after)
    return end


def _struck(
    sound: Sound,
    onset: int,
    end: int,
    at_once: dict[Place, Key],
    played: Played,
    velocity: Callable[[Sound], int],
) -> Key:
    place = onset, sound.staff.number, sound.pitch, sound.cents
    key = at_once.get(place)
    if key is None:
        key = Key(onset, end, sound, velocity(sound), [], "")
        at_once[place] = key
        played.keys.append(key)
    else:
        key.offset = max(key.offset, end)
    if sound.repeats is None:
        key.sounds.append(sound)
        key.reason = ""
        played.starts.setdefault(sound, []).append(key)
    elif not key.sounds:
        key.reason = "percent-repetition"
    return key


def _strokes(
    sound: Sound, key: Key, onset: int, end: int, at_once: dict[Place, Key], played: Played
) -> Key:
    """Strike a key again for each further stroke of a tremolo; the last of these keys."""
    reason = "tremolo-repetition" if sound.repeats is None else "percent-repetition"
    key.offset = min(key.offset, onset + sound.stroke)
    for at in range(onset + sound.apart, end, sound.apart):
        place = at, sound.staff.number, sound.pitch, sound.cents
        stroke = at_once.get(place)
        if stroke is None:
            stroke = Key(at, at, sound, key.velocity, [], reason)
            at_once[place] = stroke
            played.keys.append(stroke)
        stroke.offset = max(stroke.offset, min(at + sound.stroke, end))
        key = stroke
    return key


def _release(keys: list[Key]) -> None:
    """Release keys that are struck again while they sound."""
    keys.sort(key=lambda k: (k.sound.staff.number, k.sound.pitch, k.sound.cents, k.onset))
    for before, after in pairwise(keys):
        same = (
            before.sound.pitch == after.sound.pitch
            and before.sound.staff is after.sound.staff
            and before.sound.cents == after.sound.cents
        )
        if same and before.offset > after.onset:
            after.offset = max(after.offset, before.offset)
            before.offset = after.onset
