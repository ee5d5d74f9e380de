"""MIDI files as sources: what a file says of itself in its meta events, and whether it can be read.

The title is the name of the first track of several, or a text event that says it is one; parts are the tracks with
notes, or else the channels of a single one. The name of a single part that is no instrument is a title, too.
"""

from dataclasses import replace
from pathlib import Path

from msmdtools.midi.actions import DRUM_CHANNEL
from msmdtools.midi.reading import MidiFile, MidiNote, read_midi
from msmdtools.sources import archive
from msmdtools.sources.heading import Heading, Part, opus_in, plain, title_of
from msmdtools.sources.instruments import TERMS, general_midi_term, normalize_instruments
from msmdtools.sources.limits import refused

_HEADER = 14
# Names that programs give to every first track.
_NAMELESS = frozenset(
    ("", "untitled", "unnamed", "conductor", "conductor track", "tempo", "control track", "track 0")
)


def heading(path: Path) -> Heading:
    """What a file says of itself: its meta events of names, text and copyright.

    Raises:
        PieceError: as `check`.
    """
    file = check(path)
    first = plain(file.name(0)) if file.tracks > 1 else ""
    title = "" if first.casefold() in _NAMELESS else title_of(first)
    rights = filter(None, (plain(text) for _, kind, text in file.texts if kind == "copyright"))
    named = list(dict.fromkeys(parts(file).values()))
    if len(named) == 1 and TERMS.isdisjoint(normalize_instruments(named[0].name)):
        title = title or title_of(named[0].name)
        named = [replace(named[0], name="")]
    return Heading(
        title=title,
        opus=opus_in([title]),
        rights=tuple(dict.fromkeys(rights)),
        parts=tuple(named),
    )


def check(path: Path) -> MidiFile:
    """Check that a file can be read and played.

    Returns:
        What it plays.

    Raises:
        PieceError: "not-midi", "midi-type-2" (tracks that are pieces of their own), "smpte-time" (frames of film
            instead of quarter notes), "broken-midi" (cut off or damaged), "no-notes".
    """
    data = archive.read(path, _HEADER)
    if len(data) < _HEADER or not data.startswith(b"MThd"):
        raise refused("not-midi", f"{path}: not a MIDI file: it does not begin with MThd.")
    if int.from_bytes(data[8:10]) == 2:
        raise refused(
            "midi-type-2",
            f"{path}: a MIDI file of type 2, whose tracks are pieces of their own. Save each as a file of type 0.",
        )
    if data[12] & 0x80:
        raise refused(
            "smpte-time",
            f"{path}: a MIDI file in SMPTE time, which counts frames of film and knows no quarter notes. Save it "
            "with ticks per quarter note.",
        )
    try:
        file = read_midi(path)
    except ValueError as error:
        raise refused(
            "broken-midi", f"{path}: the file is cut off or damaged: {error}. Get it again."
        ) from error
    if not file.notes:
        raise refused("no-notes", f"{path}: the MIDI file has no notes.")
    return file


def parts(file: MidiFile) -> dict[tuple[int, int], Part]:
    """The part of each channel with notes of each track, by (track, channel), in the order of the tracks."""
    first: dict[tuple[int, int], MidiNote] = {}
    for note in file.notes:
        first.setdefault((note.track, note.channel), note)
    order = sorted(first.items(), key=lambda item: item[0][0])
    return {key: _part(file, note) for key, note in order}


def _part(file: MidiFile, note: MidiNote) -> Part:
    """The part that begins with a note."""
    named = [
        plain(text)
        for track, kind, text in file.texts
        if track == note.track and kind == "instrument_name"
    ]
    sounds = [*named, general_midi_term(note.program)]
    if note.channel == DRUM_CHANNEL:
        sounds = ["percussion"]
    return Part(plain(file.name(note.track)), tuple(filter(None, sounds)), note.program)
