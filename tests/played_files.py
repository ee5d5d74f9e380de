"""Small performances for tests: MIDI files, and note alignments of them in each format."""

from collections.abc import Sequence
from pathlib import Path

import mido

Note = tuple[float, float, int, int]
"""Onset and release in seconds, pitch, velocity."""


def write_midi(
    path: Path,
    notes: Sequence[Note],
    controls: Sequence[tuple[float, int, int]] = (),
    *,
    tempo_at: float | None = None,
) -> Path:
    """A MIDI file of two tracks at 120 quarters a minute, 500 ticks each.

    With `tempo_at` a second tempo of half the speed begins at that second, and stands in the second track.
    """

    def tick(second: float) -> int:
        if tempo_at is None or second <= tempo_at:
            return round(second * 1000)
        return round(tempo_at * 1000 + (second - tempo_at) * 500)

    events: list[tuple[int, int, mido.Message]] = []
    if tempo_at is not None:
        events.append((tick(tempo_at), 0, mido.MetaMessage("set_tempo", tempo=1_000_000)))
    for onset, release, pitch, velocity in notes:
        events.append((tick(onset), 2, mido.Message("note_on", note=pitch, velocity=velocity)))
        events.append((tick(release), 1, mido.Message("note_off", note=pitch)))
    for second, number, value in controls:
        message = mido.Message("control_change", control=number, value=value)
        events.append((tick(second), 1, message))
    file = mido.MidiFile(type=1, ticks_per_beat=500)
    file.add_track().append(mido.MetaMessage("set_tempo", tempo=500_000))
    track, now = file.add_track(), 0
    for at, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=at - now))
        now = at
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save(path)
    return path


def nasap(path: Path, rows: Sequence[tuple[str, Note | None]]) -> Path:
    """A table of (n)ASAP: ids of the score ("insertion" for none), each with its note (None for a deletion)."""
    lines = ["xml_id\tmidi_id\ttrack\tchannel\tpitch\tonset"]
    for number, (identity, note) in enumerate(rows):
        if note is None:
            lines.append(f"{identity}\tdeletion\t\t\t\t")
        else:
            lines.append(f"{identity}\tn{number}\t0\t0\t{note[2]}\t{note[0]}")
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def match_note(number: int, note: Note) -> str:
    """A performed note of a match file whose ticks are thousandths of a second."""
    onset, release, pitch, velocity = note
    return f"note(n{number},{pitch},{round(onset * 1000)},{round(release * 1000)},{velocity},0,0)."


def match(path: Path, lines: Sequence[str], *, score: str = "song.musicxml") -> Path:
    """A match file of version 1.0.0 with a clock of 1000 ticks a second."""
    head = (
        "info(matchFileVersion,1.0.0).",
        f"info(scoreFileName,{score}).",
        "info(midiClockUnits,500).",
        "info(midiClockRate,500000).",
        "scoreprop(timeSignature,4/4,1:1,0,0.0000).",
    )
    path.write_text("\n".join([*head, *lines]) + "\n", "utf-8")
    return path


def parangonada(folder: Path, rows: Sequence[tuple[str, Note | None]]) -> Path:
    """A folder of Parangonada: ids of the score ("" for an insertion), each with its note (None: a deletion)."""
    folder.mkdir(parents=True)
    align, part, ppart = (
        ["idx,matchtype,partid,ppartid"],
        ["onset_beat,pitch,id"],
        ["onset_sec,duration_sec,pitch,velocity,track,channel,id"],
    )
    for number, (identity, note) in enumerate(rows):
        kind = 2 if not identity else 1 if note is None else 0
        performed = f"p{number}" if note is not None else "undefined"
        align.append(f"{number},{kind},{identity or 'undefined'},{performed}")
        if identity:
            part.append(f"{number}.0,60,{identity}")
        if note is not None:
            onset, release, pitch, velocity = note
            ppart.append(f"{onset},{release - onset:.4f},{pitch},{velocity},0,0,{performed}")
    for name, lines in (("align", align), ("part", part), ("ppart", ppart)):
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return folder
