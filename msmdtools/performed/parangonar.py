"""Make a note alignment with the package parangonar, where none is given."""

from msmdtools.perform.played import Played
from msmdtools.performed.alignment import NoteAlignment
from msmdtools.performed.written import WrittenNotes

NAME = "parangonar"


def align(played: Played, written: WrittenNotes) -> NoteAlignment:
    """Align."""
    raise NotImplementedError
