"""MIDI files as sources: what a file says of itself in its meta events, and whether it can be read.

The title is the name of the first track of several, or a text event that says it is one; parts are the tracks with
notes, or else the channels of a single one. The name of a single part that is no instrument is a title, too.
"""

import io
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from msmdtools.midi.reading import MidiFile, read_midi
from msmdtools.sources import archive
from msmdtools.sources.heading import Heading, Part, opus_in, plain, title_of
from msmdtools.sources.instruments import TERMS, general_midi_term, normalize_instruments
from msmdtools.sources.limits import refused

if TYPE_CHECKING:
    import mido

_HEADER = 14
_DRUMS = 9
# Names that programs give to every first track.
_NAMELESS = frozenset(
    ("", "untitled", "unnamed", "conductor", "conductor track", "tempo", "control track", "track 0")
)


def heading(path: Path) -> Heading:
    """What a file says of itself: its meta events of names, text and copyright.

    Raises:
        PieceError: as `check`.
    """
    check(path)
    import mido

    file = mido.MidiFile(file=io.BytesIO(archive.read(path)), clip=True)
    names = [_texts(track, "track_name") for track in file.tracks]
    first = names[0][0] if len(file.tracks) > 1 and names[0] else ""
    title = "" if first.casefold() in _NAMELESS else title_of(first)
    rights = [text for track in file.tracks for text in _texts(track, "copyright")]
    parts = []
    for track, own in zip(file.tracks, names, strict=True):
        notes = [m for m in track if m.type == "note_on" and m.velocity]
        for channel in dict.fromkeys(m.channel for m in notes):
            program = next(
                (m.program for m in track if m.type == "program_change" and m.channel == channel),
                -1,
            )
            sounds = [*_texts(track, "instrument_name"), general_midi_term(program)]
            sounds = ["percussion"] if channel == _DRUMS else list(filter(None, sounds))
            parts.append(Part(own[0] if own else "", tuple(sounds), program))
    parts = list(dict.fromkeys(parts))
    if len(parts) == 1 and TERMS.isdisjoint(normalize_instruments(parts[0].name)):
        title = title or title_of(parts[0].name)
        parts = [replace(parts[0], name="")]
    return Heading(
        title=title,
        opus=opus_in([title]),
        rights=tuple(dict.fromkeys(rights)),
        parts=tuple(parts),
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


def _texts(track: "mido.MidiTrack", kind: str) -> list[str]:
    """The texts of a track's meta events of a kind, as UTF-8 where they are."""
    texts = []
    for message in track:
        if message.type == kind:
            text = message.name if kind in ("track_name", "instrument_name") else message.text
            data = text.encode("latin-1", errors="replace")
            try:
                text = data.decode("utf-8")
            except UnicodeDecodeError:
                text = data.decode("latin-1")
            if text := plain(text):
                texts.append(text)
    return texts
