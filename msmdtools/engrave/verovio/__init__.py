"""Engrave an encoding (MusicXML, MEI, **kern or ABC) with Verovio, in this process."""

from msmdtools.engrave.verovio.engraving import Engraving, engrave
from msmdtools.engrave.verovio.toolkit import INPUTS, MUSIC_FONTS, Look

__all__ = ["INPUTS", "MUSIC_FONTS", "Engraving", "Look", "engrave"]
