"""A MIDI file as a score: metre, hands, voices, note values, spelling, in MusicXML whose notes have ids.

In: what a MIDI file plays. Out: `Notation`: MusicXML, and for each note of the file its head, or the note whose
head it shares.
Keep: no note of the file is lost; a file made from a score gets the exact times of that score.
"""

from msmdtools.notate.notation import Notation, notate
from msmdtools.notate.played import TIMINGS, as_played
from msmdtools.notate.voices import Unison

__all__ = ["TIMINGS", "Notation", "Unison", "as_played", "notate"]
