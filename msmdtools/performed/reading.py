"""Read a performance and its note alignment, whichever format they are in."""

from pathlib import Path

from msmdtools.base.quantities import format_bytes
from msmdtools.perform.played import Played, read_played
from msmdtools.performed import match_file, nasap, parangonada
from msmdtools.performed.alignment import NoteAlignment, refuse
from msmdtools.performed.listing import Request

MIDI_ENDINGS = (".mid", ".midi", ".kar", ".smf")
MOST_BYTES = 64 << 20
"""No performance is as large as this: a MIDI file of a day of playing has a tenth of it."""


def read(request: Request) -> tuple[Played, NoteAlignment | None]:
    """Read what was played, and the note alignment if there is one.

    Raises:
        PieceError: a file is missing, cannot be read, or is of another performance; or there are no notes.
    """
    for path in (request.file, request.alignment):
        if path is not None and not path.exists():
            raise refuse("missing-file", f"there is no {path}", "read")
        if path is not None and path.is_file() and path.stat().st_size > MOST_BYTES:
            limit = format_bytes(MOST_BYTES)
            raise refuse("too-large", f"{path} has more than {limit}", "read")
    if request.file.suffix.lower() in MIDI_ENDINGS:
        played = _midi(request.file)
        if request.alignment is None:
            return played, None
        return played, _alignment(request.alignment, played)
    alignment = _alignment(request.file, None)
    _require_notes(alignment.played, request.file)
    return alignment.played, alignment


def _midi(path: Path) -> Played:
    try:
        played = read_played(path)
    except ValueError as error:
        raise refuse("unreadable", f"{path.name}: {error}", "read") from error
    _require_notes(played, path)
    return played


def _require_notes(played: Played, path: Path) -> None:
    if not played.notes:
        raise refuse("no-notes", f"{path.name} has no notes", "read")


def _alignment(path: Path, played: Played | None) -> NoteAlignment:
    if path.is_dir():
        return parangonada.read(path, played)
    ending = path.suffix.lower()
    if ending == ".match":
        return match_file.read(path, played)
    if ending == ".tsv" and played is not None:
        return nasap.read(path, played)
    what = "note alignment" if played is not None else "performance"
    raise refuse(
        "unknown-format",
        f"{path.name} is no {what} that is read: name a match file (.match), a Parangonada folder"
        + (" or an (n)ASAP table (.tsv)" if played is not None else " or a MIDI file (.mid)"),
        "read",
    )
