"""Engrave an encoding (MusicXML, MEI, **kern or ABC) with Verovio, in this process."""

from msmdtools.engrave.verovio.engraving import Engraving, engrave
from msmdtools.engrave.verovio.toolkit import INPUTS

__all__ = ["INPUTS", "Engraving", "engrave"]
