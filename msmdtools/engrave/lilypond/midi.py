"""Read the MIDI files that LilyPond writes."""

from pathlib import Path

from msmdtools.midi import reading
from msmdtools.midi.reading import MidiFile
from msmdtools.score import TICKS_PER_QUARTER

SILENCE = MidiFile(TICKS_PER_QUARTER)


def read_midi(path: Path) -> MidiFile:
    """Read a MIDI file that has `TICKS_PER_QUARTER` ticks a quarter note.

    Every staff, or every voice, has a track of its own; tracks share channels where there are more than 15.
    A note of velocity 0 is one that LilyPond plays silently.

    Raises:
        ValueError: not a MIDI file of that resolution.
    """
    try:
        midi = reading.read_midi(path, muted=True)
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from error
    if midi.ticks_per_quarter != TICKS_PER_QUARTER:
        raise ValueError(f"{path.name} has {midi.ticks_per_quarter} ticks a quarter, not 384")
    return midi
