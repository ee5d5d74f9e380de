"""How pages look, where the engraver lets one choose."""

from dataclasses import dataclass

MUSIC_FONTS = ("Leipzig", "Bravura", "Gootville", "Leland", "Petaluma")
A4_MM = (210.0, 297.0)


@dataclass(frozen=True, slots=True)
class Look:
    """How pages look.

    Attributes:
        staff_size: height of a staff in points of 1/72.27 inch, as LilyPond counts it (its default is 20).
        music_font: font of the music symbols, one of `MUSIC_FONTS`.
        page_width_mm: width of the paper in millimetres; its height follows A4.
        spacing: how wide notes are set, as a factor of the usual width.
    """

    staff_size: float = 20.0
    music_font: str = "Leipzig"
    page_width_mm: float = A4_MM[0]
    spacing: float = 1.0


USUAL = Look()
