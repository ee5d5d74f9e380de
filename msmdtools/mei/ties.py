"""Which notes continue the sound of another one by a tie.

A tie joins two notes of the same pitch, whatever bars, layers and staves they stand in, and only these two: of two
chords, each note has a tie of its own. The second begins where the first one ends, or before; a tie that names a
later end, or none (l.v.), leads nowhere. There are exceptions, since Verovio 6.4 loses these ends of ties in
MusicXML: into a voice of the same bar that is written down earlier, a tie leads to the note of its pitch and its
instrument that begins where the first one ends; and from a grace note, to the note of its pitch that it leads
to, if the source says that a tie ends there, or if another note of its chord is tied to the main chord. A tie
from an unpitched note leads where the source says, since Verovio crosses those of a chord.
"""

from collections import defaultdict
from collections.abc import Iterable

from lxml import etree

from msmdtools.mei.musicxml_ties import UNSAID, SourceTies
from msmdtools.mei.notes import Sound

# A tuplet that is only nearly full ends a little before its last tie does.
_ROUNDING = 64


def named(reference: str | None) -> str:
    """The id that an attribute such as startid refers to; "" for none."""
    return (reference or "").rpartition("#")[2]


def link(
    ties: Iterable[etree._Element],
    sounds: dict[str, Sound],
    chords: dict[str, list[Sound]],
    known: SourceTies = UNSAID,
) -> None:
    """Set `Sound.tied` of all notes at the end of a tie, and `Sound.onwards` of those at its beginning.

    Args:
        ties: the tie elements.
        sounds: the notes by their ids.
        chords: the notes of each chord by its id.
        known: what the source says about ties.
    """
    loose: list[Sound] = []
    for tie in ties:
        ends = _notes(named(tie.get("endid")), sounds, chords)
        for first in _notes(named(tie.get("startid")), sounds, chords):
            first.onwards = True
            told = known.unpitched.get(first.id, "")
            leads = _notes(told, sounds, chords) or ends
            second = next((second for second in leads if _joined(first, second)), None)
            if second is None:
                loose.append(first)
            else:
                second.tied = first
    if not loose:
        return
    earlier: dict[tuple[int, int, int], list[Sound]] = defaultdict(list)
    waiting = set(loose)
    graces: dict[tuple[int, int, int, int], Sound] = {}
    in_chords: set[Sound] = set()
    tied = [s.tied for s in sounds.values() if s.tied is not None and s.tied.grace]
    chords_tied = {(s.home, s.layer, s.onset, s.grace) for s in tied}
    for sound in sounds.values():
        place = sound.home, sound.layer, sound.onset, sound.pitch
        if sound.grace:
            if sound in waiting:
                graces[place] = sound
                if (*place[:3], sound.grace) in chords_tied:
                    in_chords.add(sound)
        elif (
            (grace := graces.get(place)) is not None
            and (sound.id in known.from_graces or grace in in_chords)
            and _joined(grace, sound)
        ):
            sound.tied = graces.pop(place)
        if sound in waiting:
            for second in earlier[sound.bar, _end(sound), sound.pitch]:
                if second.staff.instrument == sound.staff.instrument and _joined(sound, second):
                    second.tied = sound
                    break
        if not sound.grace:
            earlier[sound.bar, sound.onset, sound.pitch].append(sound)


def _notes(name: str, sounds: dict[str, Sound], chords: dict[str, list[Sound]]) -> list[Sound]:
    if not name:
        return []
    return [sounds[name]] if name in sounds else chords.get(name, [])


def _end(sound: Sound) -> int:
    return sound.onset if sound.grace else sound.onset + sound.span


def _joined(first: Sound, second: Sound) -> bool:
    return (
        second.tied is None
        and first is not second
        and (first.pitch, first.cents) == (second.pitch, second.cents)
        and (first.onset, -first.grace) <= (second.onset, -second.grace)
        and second.onset <= _end(first) + first.span // _ROUNDING
    )
