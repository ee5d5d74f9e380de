"""Read a folder of Parangonada: align.csv, part.csv (notes of the score) and ppart.csv (performed notes).

In align.csv a matchtype of 0 is a match, 1 a deletion, 2 an insertion and 3 an ornament; partid and ppartid are
the ids of the notes in the other two. Where there is no MIDI file, the notes of ppart.csv are the performance;
they have no pedals.
"""

from pathlib import Path

from msmdtools.perform.played import Played, PlayedNote
from msmdtools.performed.alignment import NoteAlignment, Pair, insertions, locate, refuse
from msmdtools.performed.tables import number, read_rows

NAME = "parangonada"
FILES = ("align.csv", "part.csv", "ppart.csv")
_MATCH, _DELETION, _INSERTION, _ORNAMENT = "0", "1", "2", "3"


def read(folder: Path, played: Played | None = None) -> NoteAlignment:
    """Read a folder.

    Args:
        folder: the folder.
        played: the performance as its MIDI file has it; None to take that of ppart.csv.

    Raises:
        PieceError: a file cannot be read, or they do not fit each other or the performance.
    """
    align, part, ppart = (folder / name for name in FILES)
    performed = read_rows(ppart, ",", ("id", "onset_sec", "duration_sec", "pitch", "velocity"))
    own = []
    for row in performed:
        onset = number(row, "onset_sec", ppart)
        track, channel = (int(float(row.get(name) or 0)) for name in ("track", "channel"))
        own.append(
            PlayedNote(
                onset,
                onset + number(row, "duration_sec", ppart),
                int(number(row, "pitch", ppart)),
                max(int(number(row, "velocity", ppart)), 1),
                track,
                channel,
            )
        )
    if played is None:
        played = Played.of(own, [])
    numbers = locate(played, [(note.onset_s, note.pitch) for note in own], ppart.name)
    performed_number = {row["id"]: n for row, n in zip(performed, numbers, strict=True)}
    written = {row["id"] for row in read_rows(part, ",", ("id",))}
    pairs = []
    for row in read_rows(align, ",", ("matchtype", "partid", "ppartid")):
        kind = str(int(number(row, "matchtype", align)))
        score = "" if kind == _INSERTION else row["partid"]
        note = -1 if kind == _DELETION else performed_number.get(row["ppartid"], -2)
        if note == -2 or (score and score not in written) or kind not in "0123":
            raise refuse(
                "damaged",
                f"{folder.name}/align.csv: {', '.join(row.values())} names a note that is not in "
                "part.csv or ppart.csv",
            )
        pairs.append(Pair(score, note, kind == _ORNAMENT))
    return NoteAlignment(NAME, played, (*pairs, *insertions(pairs, played)))
