"""Tempi and the actions of parts as the bytes of a standard MIDI file."""

import io
from collections.abc import Iterable, Mapping, Sequence

from msmdtools.midi.actions import Action
from msmdtools.score import TICKS_PER_QUARTER


def midi_bytes(
    tempi: Iterable[tuple[int, int]],
    programs: Mapping[tuple[int, int], int],
    actions: Sequence[Action],
    names: Mapping[int, str],
    ticks_per_quarter: int = TICKS_PER_QUARTER,
) -> bytes:
    """A file of format 1: the tempi in track 0, then a track for each part.

    Equal input gives equal bytes, on any machine.

    Args:
        tempi: (tick, microseconds per quarter note), ascending.
        programs: the program with which each (part, channel) begins.
        actions: by tick; those of one tick in the order in which they are to happen.
        names: names of the tracks, by part; a track without one is named after the number of its part.
        ticks_per_quarter: in all of these ticks.

    Returns:
        The content of the file.
    """
    import mido

    file = mido.MidiFile(type=1, ticks_per_beat=ticks_per_quarter, charset="utf-8")
    tempo_track = file.add_track()
    now = 0
    for tick, us in tempi:
        tempo_track.append(mido.MetaMessage("set_tempo", tempo=us, time=tick - now))
        now = tick
    tracks = {
        part: file.add_track(names.get(part) or f"part {part}")
        for part in sorted({action.part for action in actions})
    }
    for (part, channel), program in programs.items():
        tracks[part].append(mido.Message("program_change", channel=channel, program=program))
    ticks = dict.fromkeys(tracks, 0)
    for action in actions:
        tracks[action.part].append(action.message(action.tick - ticks[action.part]))
        ticks[action.part] = action.tick
    content = io.BytesIO()
    file.save(file=content)
    return content.getvalue()
