"""Which notes continue the sound of another one by a tie.

A tie joins two notes of the same pitch, whatever bars, layers and staves they stand in, and only these two: of
two chords, each note has a tie of its own. A tie between other pitches is a slur, and joins nothing. One that
leads nowhere (l.v., or an end that the encoding does not name) does not continue.
"""

from collections.abc import Iterable

from lxml import etree

from msmdtools.mei.notes import Sound


def named(reference: str | None) -> str:
    """The id that an attribute such as startid refers to; "" for none."""
    return (reference or "").rpartition("#")[2]


def link(
    ties: Iterable[etree._Element], sounds: dict[str, Sound], chords: dict[str, list[Sound]]
) -> None:
    """Set `Sound.tied` of all notes at the end of a tie.

    Args:
        ties: the tie elements.
        sounds: the notes by their ids.
        chords: the notes of each chord by its id.
    """
    for tie in ties:
        start, end = named(tie.get("startid")), named(tie.get("endid"))
        for first in _notes(start, sounds, chords):
            for second in _notes(end, sounds, chords):
                if _joined(first, second):
                    second.tied = first
                    break


def _notes(name: str, sounds: dict[str, Sound], chords: dict[str, list[Sound]]) -> list[Sound]:
    return [sounds[name]] if name in sounds else chords.get(name, [])


def _joined(first: Sound, second: Sound) -> bool:
    return (
        second.tied is None
        and first is not second
        and (first.pitch, first.cents) == (second.pitch, second.cents)
        and (first.onset, -first.grace) <= (second.onset, -second.grace)
    )
