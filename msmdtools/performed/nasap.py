"""Read the note alignments of (n)ASAP: one TSV file a performance, beside its MIDI file.

Columns: xml_id (the id of the note in the MusicXML with the pass of the repeat after "-", or "insertion"), midi_id
("deletion" for a note that was not played), pitch, and onset in seconds.
"""

from pathlib import Path

from msmdtools.perform.played import Played
from msmdtools.performed.alignment import NoteAlignment, Pair, insertions, locate
from msmdtools.performed.tables import number, read_rows

NAME = "nasap"
INSERTION, DELETION = "insertion", "deletion"


def read(path: Path, played: Played) -> NoteAlignment:
    """Read a TSV file.

    Args:
        path: the file.
        played: the performance.

    Raises:
        PieceError: it cannot be read, or is of another performance.
    """
    rows = read_rows(path, "\t", ("xml_id", "midi_id", "pitch", "onset"))
    performed = [row for row in rows if row["midi_id"] != DELETION]
    sought = [(number(row, "onset", path), int(number(row, "pitch", path))) for row in performed]
    numbers = iter(locate(played, sought, path.name))
    pairs = [
        Pair(
            "" if row["xml_id"] == INSERTION else row["xml_id"],
            -1 if row["midi_id"] == DELETION else next(numbers),
        )
        for row in rows
    ]
    return NoteAlignment(NAME, played, (*pairs, *insertions(pairs, played)))
