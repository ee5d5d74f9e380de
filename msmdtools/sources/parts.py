"""Take some parts of an encoded score, such as the piano of a song, and leave the others out.

What stands in the highest part for all (tempi, rehearsal marks, jumps) is kept: it moves to the highest part that
is left.
"""

from collections.abc import Sequence
from dataclasses import replace

from msmdtools.midi.reading import MidiFile
from msmdtools.sources import (
    abc_voices,
    kern,
    markup,
    mei_parts,
    midi,
    musicxml,
    musicxml_parts,
)
from msmdtools.sources.heading import Part, plain, terms_of
from msmdtools.sources.instruments import SOLO_KEYBOARD
from msmdtools.sources.limits import refused, unavailable


def select_parts(text: str, format: str, names: Sequence[str], where: str) -> str:
    """Leave out of a score all parts but some.

    A part is meant by its name, by one of the lines of its name, or, where none is called so, by its instrument
    as a term of the vocabulary ("piano" for a Pianoforte); upper and lower case count as equal.

    Args:
        text: the text of the score, as `msmdtools.sources.encoding.read_encoding` gives it.
        format: "musicxml", "mei", "kern" or "abc", whose parts are voices.
        names: the parts to keep; none: all.
        where: the name of the file, for messages.

    Returns:
        The text without the other parts; the places of notes in it are as before.

    Raises:
        PieceError: stage "source", reason "no-such-part": none of its parts is meant; the message lists them.
            "parts-unavailable": the parts of this format cannot be told apart.
    """
    if not names:
        return text
    if format == "kern":
        return kern.without(text, _kept(kern.parts(text), names, where))
    if format == "abc":
        _, voices = abc_voices.split(text)
        parts = [Part(plain(voice.name) or voice.identifier) for voice in voices]
        return abc_voices.without(text, _kept(parts, names, where))
    if format == "musicxml":
        root = markup.parse_xml(text, where)
        musicxml_parts.keep(root, _kept(musicxml.parts(root), names, where))
    elif format == "mei":
        root = markup.parse_xml(text, where)
        mei_parts.keep(root, _kept([part for part, _ in mei_parts.staves(root)], names, where))
    else:
        raise unavailable(format, where)
    return markup.text_of(root)


def select_tracks(file: MidiFile, names: Sequence[str], where: str) -> MidiFile:
    """Leave out of a MIDI file the notes of all parts but some.

    A part is a channel of a track, called as the track, or else by its instrument.

    Args:
        file: what it plays.
        names: the parts to keep; none: all.
        where: the name of the file, for messages.

    Returns:
        The file with the notes that are left, and all else.

    Raises:
        PieceError: as `select_parts`.
    """
    if not names:
        return file
    parts = midi.parts(file)
    kept = _kept(list(parts.values()), names, where)
    played = {key for number, key in enumerate(parts) if number in kept}
    notes = tuple(note for note in file.notes if (note.track, note.channel) in played)
    return replace(file, notes=notes)


def _kept(parts: Sequence[Part], names: Sequence[str], where: str) -> set[int]:
    """The numbers, from 0, of the parts that are meant."""
    wanted = {name.strip().casefold() for name in names}
    kept: set[int] = set()
    for name in wanted:
        called = {n for n, part in enumerate(parts) if name in _names(part)}
        kept |= called or {n for n, part in enumerate(parts) if _plays(part, name)}
    if not kept:
        listed = ", ".join(
            dict.fromkeys(
                part.name or f"without a name ({', '.join(terms_of(part))})" for part in parts
            )
        )
        raise refused(
            "no-such-part",
            f"{where}: no part is called {' or '.join(names)}. Its parts are: {listed or 'none that have names'}.",
        )
    return kept


def _plays(part: Part, instrument: str) -> bool:
    """Whether a part is for an instrument; one for a keyboard is for each that has strings."""
    terms = terms_of(part)
    return instrument in terms or (instrument in SOLO_KEYBOARD and "keyboard" in terms)


def _names(part: Part) -> set[str]:
    return {name.casefold() for name in (part.name, *part.name.split(" / ")) if name}
